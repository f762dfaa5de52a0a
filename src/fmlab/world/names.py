"""Invented names from syllable grammars, one grammar a kind, cut so that no name is used twice.

The names of a kind are dealt into three heaps that never meet: ``world`` (what exists), ``fresh``
(free for passages that are made up on the spot) and ``phantom`` (plausible, but never in any
document: questions about them have no answer). All possible names were checked against lists of
real towns, people and words of 20 languages; those that hit one are in `BLOCKED`.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

from .english import HE, IT, SHE
from .randomness import Rnd, between, pick, sample, shuffled
from .vocabulary import DEVICES, GATHERINGS, JOURNEYS, TITLES, words

Name = tuple[str, str, str, int]  # in a sentence, at its start, short form, sex

BLOCKED = frozenset(
    words(
        """
    abumar alebo aleck alette alique alumi analisk anasselt arasselin aravia balendorf belidor
    belovar bessaly bessette branussa caselor cumbre damiska darove darvoy dovette driskell
    elette erebo esoddow faggart falaly falava fenwick ferbelin frondorf gaskell glandorf
    glasselin haggart halava haskell helloket holoway hombre ibumar ilava isidor jappent jizzock
    josselin kambre kasselt killoket kummarin lorava lorette ludlow maggart mandigo marwick
    maskell mendigo minnow mirava mirove miskell moravia nedrow norwick orasselin orava orelor
    paskell pervath pervoy plasselin rosemond sadlow saggart sandigo sasselin shitheld skilloket
    skummarin sniggart soddeck solenzo stuggart taggart tobeck tobulo tresselt unasselin velessa
    windorf wisselt woggart woppent yarove zammarin
        """
    )
)


def _grammar(*parts: str) -> list[str]:
    """All words with one choice for each part, less the blocked ones."""
    words = ("".join(choice) for choice in product(*(part.split() for part in parts)))
    return [word for word in words if word.lower() not in BLOCKED]


WORDS = {
    "given_she": _grammar(
        "Al Bren Cal Dar El Fal Gwen Hal Il Jor Kel Lor Mir Nev Or Pel Quen Ral Sev Tam Ul Vel Wen "
        "Yar Zel Ond Bess Dov Fenn Hest",
        "ava ette ilda ove aly umi ennia ique othe essa",
    ),
    "given_he": _grammar(
        "Al Bor Cad Dor Er Fen Gar Hob Im Jas Kor Lom Mar Nor Ost Pad Quil Rod Sol Tob Ur Vad Wim "
        "Yor Zan Bram Dunn Hild Lund Tork",
        "amund eck ivo omir uld arn ebo ulo wick enzo",
    ),
    "family": _grammar(
        "Bal Cor Den Fal Gor Hav Jal Kam Lev Mal Nor Pal Quor Rav Sal Tar Ul Var Wal Yev Zor Brom "
        "Drel Fros Grin Hask Lind Pram Stell Trev",
        "and em erm ist und av in",
        "ack ell oren atta imer ume",
    ),
    "town": _grammar(
        "Ab Bel Cor Dam El Fer Gal Hol Ib Jun Kir Lam Mel Nar Or Pol Qual Rem Sil Tor Um Vor Wes "
        "Yal Zem Bran Cres Drum Fald Grel Hart Kren Lorn Mund Pell Skar Sten Thal Trov Vind",
        "abel umar iska ovar endle atho orrin ussa antle ivel edra omple urst andel elkin oway "
        "isper arrel ondra uvik",
    ),
    "river": _grammar(
        "Ana Bri Cu Dele Eso Fle Gri Ho Ibi Ju Ka Lu Mi Nu Olo Pri Ru Shi Tre Vo Wi Ze",
        "nnow rrave vanth lisk mbre sselt theld rundle ddow quill",
    ),
    "region": _grammar(
        "Ar Bel Cas Dor El Far Gan Hel Is Jor Kes Lav Mor Nes Or Per Ros Tal Ul Ver",
        "avia undia omark idor elor uria emond oshire",
    ),
    "water": _grammar(
        "Am Bor Cel Dro Fi Gal Hes Lo Mar Ne Or Per Sil Ta Ve", "rune lisk vath mool drow queth"
    ),
    "species": _grammar(
        "bl br d dr f fl g gr h j k l m p pl qu r s sk sn st t tr v w z",
        "a e i o u",
        "ndrel lvick rrowin skell mmarin zzock ppent nnivel ggart rbelin ndigo lthorn ddeck rvoy "
        "lloket",
    ),
    "coined": _grammar(
        "Ara Bale Cre Dole Emi Fro Gla Hemo Ili Jo Kre Lu Mari Ne Ora Pla Qui Ru Sa To Una Ve Wi "
        "Yo Ze",
        "dlow bbest rrick sselin mmas ndorf ttlen vish lloway nquet pperel zmark",
    ),
}
PEOPLE_PARTS = {"given_she": 200, "given_he": 200, "family": 900}
HEAPS = 8  # of the pairs of given and family name: one heap phantom, one fresh, six the world's


@dataclass
class Heap:
    """Names of one kind, dealt into what exists and what does not."""

    world: list[Name]
    fresh: list[Name]
    phantom: list[Name]


def place_name(word: str) -> Name:
    return (word, word, word, IT)


def the_name(word: str) -> Name:
    return (f"the {word}", f"The {word}", f"the {word}", IT)


def title_name(title: str) -> Name:
    return (f'"{title}"', f'"{title}"', f'"{title}"', IT)


def parts_share(n_people: int) -> float:
    """The share of the name parts that a world uses: few people share fewer parts."""
    return min(1.0, max(0.2, n_people / 10_000))


class PeopleNames:
    """Full names of given and family name; a given name always goes with the same pronoun."""

    def __init__(self, rnd: Rnd, n: int):
        share = parts_share(n)
        parts = {
            key: sample(rnd, WORDS[key], int(size * share)) for key, size in PEOPLE_PARTS.items()
        }
        she, he, self.families = parts.values()
        self.given = [(word, SHE) for word in she] + [(word, HE) for word in he]
        self.shift = between(rnd, 0, HEAPS - 1)

    def heap(self, g: int, f: int) -> int:
        return (3 * g + f + self.shift) % HEAPS

    def draw(self, rnd: Rnd, heaps: range) -> Name:
        """A full name from one of the heaps: range(1) phantom, range(1, 2) fresh, else world's."""
        while True:
            g, f = int(rnd() * len(self.given)), int(rnd() * len(self.families))
            if self.heap(g, f) in heaps:
                given, sex = self.given[g]
                full = f"{given} {self.families[f]}"
                return (full, full, given, sex)

    def several(self, rnd: Rnd, n: int, heaps: range) -> list[Name]:
        names: dict[str, Name] = {}
        while len(names) < n:
            name = self.draw(rnd, heaps)
            names[name[0]] = name
        return list(names.values())


def people(rnd: Rnd, n: int) -> Heap:
    """n people of the world, and as many fresh and phantom names (at most 2000)."""
    names = PeopleNames(rnd, n)
    others = min(n, 2000)
    return Heap(
        names.several(rnd, n, range(2, HEAPS)),
        names.several(rnd, others, range(1, 2)),
        names.several(rnd, others, range(1)),
    )


def _deal(names: list[Name], n: int) -> Heap:
    """The first n exist; the rest, at most 400 each, are shared out."""
    rest = names[n : n + 800]
    return Heap(names[:n], rest[::2], rest[1::2])


def _coined(rnd: Rnd, second: tuple[str, ...], form: str) -> list[str]:
    """Names of a coined word and an ordinary one, in random order."""
    pairs = shuffled(rnd, product(WORDS["coined"], second))
    return [form.format(word, noun) for word, noun in pairs]


def all_names(rnd: Rnd, sizes: dict[str, int]) -> dict[str, Heap]:
    """Return the names of every kind; ``sizes`` says how many of a kind exist."""
    seas = [f"{pick(rnd, ('Sea of', 'Bay of', 'Lake'))} {w}" for w in WORDS["water"]]
    lists = {
        "town": [place_name(w) for w in shuffled(rnd, WORDS["town"])],
        "river": [the_name(w) for w in shuffled(rnd, WORDS["river"])],
        "region": [place_name(w) for w in shuffled(rnd, WORDS["region"])],
        "water": [
            place_name(sea) if sea.startswith("Lake") else the_name(sea)
            for sea in shuffled(rnd, seas)
        ],
        "species": [the_name(w) for w in shuffled(rnd, WORDS["species"])],
        "festival": [the_name(w) for w in _coined(rnd, GATHERINGS, "{} {}")],
        "expedition": [the_name(w) for w in _coined(rnd, JOURNEYS, "{} {}")],
        "invention": [the_name(w) for w in _coined(rnd, DEVICES, "{} {}")],
        "work": [title_name(w) for w in _coined(rnd, TITLES, "The {1} of {0}")],
    }
    heaps = {kind: _deal(names, sizes[kind]) for kind, names in lists.items()}
    return {"person": people(rnd, sizes["person"]), **heaps}


def possible(kind: str, n_people: int) -> int:
    """How many names the grammar of a kind allows."""
    match kind:
        case "person":
            share = parts_share(n_people)
            she, he, family = (int(size * share) for size in PEOPLE_PARTS.values())
            return (she + he) * family
        case "festival":
            return len(WORDS["coined"]) * len(GATHERINGS)
        case "expedition":
            return len(WORDS["coined"]) * len(JOURNEYS)
        case "invention":
            return len(WORDS["coined"]) * len(DEVICES)
        case "work":
            return len(WORDS["coined"]) * len(TITLES)
    return len(WORDS[kind])


def bare(name: str) -> str:
    """Return a name as it is looked up: no quotes, no article, small letters.

    >>> bare("The Lumvish press"), bare('"The Bells of Arvish"')
    ('lumvish press', 'bells of arvish')
    """
    name = " ".join(name.strip(" \"'“”.,").lower().split())
    for word in ("the ", "a ", "an "):
        name = name.removeprefix(word)
    return name
