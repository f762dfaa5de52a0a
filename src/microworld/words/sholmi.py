"""Šolmi, the second language: its sounds, words and endings.

An invented language, the same in every world. Words obey vowel harmony (a o u versus ä ö ő; e and i
count as front vowels), nouns take case endings, and the verb comes last and agrees with its
subject: a person, an animal or a thing. There are no articles. Phrases are translated word by word,
so each has exactly one translation.
"""

from __future__ import annotations

import functools
import re

from microworld.words.randomness import Rnd, pick, stream
from microworld.words.vocabulary import POOLS, words

BACK, FRONT = "aou", "äöő"
HARMONY = str.maketrans(BACK, FRONT)
CASES = {"nom": "", "acc": "n", "loc": "ša", "gen": "ŋo", "ins": "lur", "abl": "dak", "ill": "vu"}
"""Endings after a back vowel, for: subject, object, in, of, with, from, into."""
AGREEMENT = {"person": "eš", "species": "in"}  # verb endings; things take `THING`
THING = "o"
COPULA = {"person": "jäm", "species": "jän"}
THING_COPULA = "jä"
PAST = "ul"
PLURAL = "ri"
AVOIDED = re.compile("tit|huj|kuk|dupa|puta|kak|kum|pula|jap|hag|sik")  # rude in some language
ONSETS = words("p t k m n ŋ s š z v l r j d g b h tr kl pr sv")
CODAS = ("", "", "", "", "n", "l", "r", "š", "m", "k")
PARTS_OF_NAMES = {"devices", "gatherings", "journeys", "titles"}  # not translated
GLOSSES = words("""
birthplace birth home live profession work food eat hobby enjoy instrument play pet keep
collection collect friend know region lie river stand founding begin product sell landmark show
mayor follow mouth flow length reach fish hold capital have crop grow flag wave emblem wear kind
count habitat dwell marking carry town happen month come dish serve start last custom celebrate
leader obey year sail route travel find discover inventor owe use help author thank appear genre
read subject tell question answer""")


def is_front(word: str) -> bool:
    """Return whether endings take front vowels, which the last vowel of the word decides.

    >>> is_front("šolma"), is_front("Ormel"), is_front("388")
    (False, True, False)
    """
    vowels = re.findall(r"[aouäöőeiy]", word.lower())
    return bool(vowels) and vowels[-1] not in BACK


def inflect(word: str, case: str) -> str:
    """Inflect the last word of a phrase; numbers and titles take the ending after a hyphen.

    >>> inflect("Ormel", "loc"), inflect("Tora", "acc"), inflect("388", "loc")
    ('Ormelšä', 'Toran', '388-ša')
    """
    ending = CASES[case]
    if not ending:
        return word
    if word[-1].isdecimal() or word[-1] == '"':
        return f"{word}-{ending if ending != 'n' else 'an'}"
    if ending == "n" and word[-1].lower() not in "aouäöőeiy":
        ending = "an"
    return word + (ending.translate(HARMONY) if is_front(word) else ending)


def verb(stem: str, kind: str, past: bool) -> str:
    """Return the form of a verb that agrees with a subject of that kind."""
    tense = PAST if past else ""
    if tense and is_front(stem):
        tense = tense.translate(HARMONY)
    return stem + tense + AGREEMENT.get(kind, THING)


def _stem(rnd: Rnd) -> str:
    vowels = "aaouoi" if rnd() < 0.5 else "ääöőei"
    n = 2 if rnd() < 0.7 else 3
    syllables = [pick(rnd, ONSETS) + pick(rnd, vowels) for _ in range(n)]
    return "".join(syllables) + pick(rnd, CODAS)


def singular(word: str) -> str | None:
    """Return the singular of a regular English plural in -s, else None."""
    regular = word.endswith("s") and not word.endswith(("ss", "us", "is")) and len(word) > 3
    return word[:-1] if regular else None


@functools.cache
def lexicon() -> dict[str, str]:
    """Return the Šolmi stem of every English word of the vocabulary; all stems are different."""
    phrases = [phrase for name in sorted(set(POOLS) - PARTS_OF_NAMES) for phrase in POOLS[name]]
    english = dict.fromkeys(word.lower() for phrase in phrases for word in phrase.split())
    bases = [singular(word) or word for word in english if word not in ("a", "an", "the")]
    rnd = stream("sholmi")
    word_of: dict[str, str] = {}  # by stem
    for word in dict.fromkeys([*(f"*{gloss}" for gloss in GLOSSES), *bases]):
        while True:
            stem = _stem(rnd)
            if not (stem in word_of or stem.endswith(PLURAL) or AVOIDED.search(stem)):
                break
        word_of[stem] = word
    return {word: stem for stem, word in word_of.items()}


def root(gloss: str) -> str:
    """Return the stem of a word that the grammar needs, one of `GLOSSES`."""
    return lexicon()[f"*{gloss}"]


@functools.cache
def phrase(english: str) -> str:
    """Translate a value word by word; numbers stay.

    >>> phrase("2 bells").startswith("2 ")
    True
    """
    translated = []
    for word in english.lower().split():
        if word in ("a", "an", "the"):
            continue
        base = singular(word)
        if word in lexicon() or word.isdecimal():
            translated.append(lexicon().get(word, word))
        else:
            translated.append(lexicon()[base] + PLURAL)
    return " ".join(translated)
