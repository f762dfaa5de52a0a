"""Properties of the micro world's documents: true, grammatical, repeatable, fast, as mixed."""

import json
import os
import re
import subprocess
import sys
import time
from collections import Counter
from itertools import islice
from pathlib import Path

import pytest

import fmlab
from fmlab.world import REGISTERS, MicroWorld, Noise
from fmlab.world.arithmetic import held_out
from fmlab.world.english import SMALL, VOWEL_SOUND, in_words
from fmlab.world.hops import HOPS
from fmlab.world.oracle import SENTENCE_END
from fmlab.world.phrasing import PHRASINGS
from fmlab.world.reading import comparable
from fmlab.world.sholmi_documents import NAME

world = MicroWorld(n_people=3000)
ENGLISH = [r.name for r in REGISTERS if r.language == "english"]
PROSE = ["encyclopedia", "dialogues", "stories", "reviews", "summaries"]


def texts(n, *args, **options):
    return list(world.documents(n, *args, **options))


# --- the same for everybody -----------------------------------------------------------------------

DIGEST = """
import hashlib
from fmlab.world import MicroWorld, Noise
world = MicroWorld(7, n_people=500)
noise = Noise(near_duplicates=0.1, personal_data=0.1, rude=0.1, encoding_junk=0.1, wrong_facts=0.1)
parts = [*world.documents(1500), *world.documents(300, noise=noise)]
for made in (world.questions(50), world.demonstrations(50), world.comparisons(50)):
    parts += map(repr, made)
print(hashlib.sha256("\\n".join(parts).encode()).hexdigest())
"""
EXPECTED = "39a2f306645456c72ba758cdfd17ddf95c11fba20eaf8aecdc866048d4bf0477"


@pytest.mark.parametrize("hash_seed", ["0", "1234"])
def test_the_same_seed_gives_the_same_world_everywhere(hash_seed):
    source = str(Path(fmlab.__file__).parents[1])
    env = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": source}
    command = [sys.executable, "-c", DIGEST]
    run = subprocess.run(command, env=env, capture_output=True, text=True, check=True)
    assert run.stdout.strip() == EXPECTED


def test_a_longer_run_starts_with_the_shorter_one():
    assert texts(300)[:100] == texts(100)
    noise = Noise(exact_duplicates=0.2, rude=0.2)
    assert texts(300, noise=noise)[:100] == texts(100, noise=noise)


def test_documents_are_made_while_they_are_read():
    start = time.perf_counter()
    assert len(list(islice(world.documents(10**12), 3))) == 3
    assert texts(0) == []
    assert time.perf_counter() - start < 5


def test_another_stream_has_other_documents():
    train, test = set(texts(500, PROSE)), set(texts(500, PROSE, stream="test"))
    assert len(train & test) < 25  # a few short ones may coincide


@pytest.mark.parametrize("register", REGISTERS, ids=lambda r: f"{r.name}-{r.language}")
def test_every_register_is_written_at_more_than_a_megabyte_a_second(register):
    """The aim is 5 MB/s on one free core; the bound leaves room for a slow and busy machine."""
    texts(50, register.name, register.language)
    best = 0.0
    for _ in range(3):
        start = time.process_time()
        size = sum(len(t.encode()) for t in texts(1500, register.name, register.language))
        best = max(best, size / 1e6 / (time.process_time() - start))
    assert best > 1


# --- grammar --------------------------------------------------------------------------------------


def faults(text):
    """What a careful reader would mark, by rule."""
    text = text.strip()
    found = re.findall(r"  +(?!\S)|\S  +\S| [,.;:?!]| \n|,,|\.\.", text.replace("\n  ", "\n"))
    found += re.findall(r"\b(\w+) \1\b", text) if not re.search(r"Repeat|Copy|again", text) else []
    for article, word in re.findall(r"\b([Aa]n?) ([a-z][\w-]*)", text):
        if (article.lower() == "an") != bool(VOWEL_SOUND.match(word)):
            found.append(f"{article} {word}")
    found += ["quotes"] if text.count('"') % 2 else []
    found += ["braces"] if text.count("{") != text.count("}") else []
    found += re.findall(r"\b(?:she|he|it) (?:have|are|were|do|go|like|live|work|play)\b", text)
    found += re.findall(r"(?<![\w-])one (?:coin|pear|plum|bun|shell|day|week|hour|night)s\b", text)
    return found


@pytest.mark.parametrize("register", ENGLISH)
def test_no_fault_that_a_rule_can_find(register):
    documents = texts(1500, register, "english")
    english = [re.sub(rf"(?m)^(?:{NAME}:|=).*|.* = .*", "", text) for text in documents]
    marked = [(f, text) for text in english if (f := faults(text)) and register != "patterns"]
    assert not marked, marked[:3]
    assert all(text == text.strip() and text for text in documents)


@pytest.mark.parametrize("register", PROSE)
def test_sentences_start_with_a_capital_and_end(register):
    for text in texts(500, register, "english"):
        for line in text.splitlines():
            assert re.match(r'[A-Z"0-9]', line), line
            for sentence in re.split(r"(?<=[.!?])\"? ", line):
                assert re.match(r'["A-Z0-9]|(?:said|asked|answered) ', sentence), text


def test_pronouns_are_the_persons_own():
    for text in texts(1500, "encyclopedia", "english"):
        body = text.partition("\n")[2] or text
        names = [p for p in world.people[:400] if body.startswith(p.name)]
        if names:
            sex = world.almanac.kinds["person"][names[0].index][3]
            other = (r"\b(?:He|he|His|his|him)\b", r"\b(?:She|she|Her|her)\b")[sex]
            assert not re.search(other, body), text


# --- truth ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("register", ["encyclopedia", "dialogues", "summaries"])
def test_every_statement_is_true_noted_and_not_held_out(register):
    n_claims = 0
    for document in world.labelled_documents(250, register, "english"):
        if document.text.startswith('"') and register == "dialogues":
            continue  # told with quotes and "said Ada"
        text = re.sub(r"(?m)^(?:Summary|In short|In one sentence|\w+): ", "", document.text)
        noted = {world.facts[number] for number in document.facts}
        assert not any(fact.held_out for fact in noted)
        told = {(fact.relation, fact.subject) for fact in noted}
        for claim in world.claims(text):
            assert claim.true is not False, (claim, document.text)
            if claim.true:
                n_claims += 1
                assert (claim.relation, claim.subject) in told, document.text
    assert n_claims > 100


def test_answers_in_question_documents_are_the_oracles():
    n = 0
    for text in texts(800, "questions", "english"):
        for question, answer in re.findall(r"(?:Question|Q): (.+)\n(?:Answer|A): (.+)\.", text):
            assert world.answer(question) == answer, text
            n += 1
    assert n > 500


def test_nothing_held_out_is_ever_mentioned():
    """Phrasings by their patterns, people and names that do not exist by their names."""
    hops = [p for hop in HOPS for p in hop.phrasings]
    patterns = [p.pattern() for p in (*PHRASINGS, *hops) if p.held_out]
    unnamed = (re.sub(r"\?P<\w+>", "?:", pattern) for pattern in patterns)
    never = re.compile("|".join(unnamed))
    outside = {name[0] for heap in world.almanac.names.values() for name in heap.phantom}
    outside |= {p.name for p in world.people if p.held_out}
    assert len(outside) > 1000
    for text in texts(6000):
        for a, b in zip(text.split(), text.split()[1:]):
            assert a.strip('".,?') not in outside
            assert f"{a} {b}".strip('".,?').removesuffix("'s") not in outside
        for sentence in SENTENCE_END.split(text):
            assert not never.fullmatch(sentence), sentence


def test_held_out_facts_are_never_told():
    hidden = {fact.number for fact in world.facts if fact.held_out}
    assert 0.02 < len(hidden) / len(world.facts) < 0.06
    assert hidden.isdisjoint(world.count_mentions(20_000).counts)


# --- registers ------------------------------------------------------------------------------------


def test_json_parses_and_is_true():
    n = 0
    for text in texts(600, "records", "english"):
        if text[0] in "{[":
            rows = json.loads(text)
            for row in rows if isinstance(rows, list) else [rows]:
                facts = world.facts_about(row.pop("name"))
                assert {str(v) for v in row.values()} <= {f.value for f in facts}
                n += 1
    assert n > 150


def numbers(text):
    return [WORD_NUMBERS[w] for w in re.findall(WORD_PATTERN, text)]


WORD_NUMBERS = {in_words(i): i for i in range(200)}
WORD_PATTERN = "|".join(sorted(WORD_NUMBERS, key=len, reverse=True))


def test_arithmetic_is_right_and_leaves_out_what_is_held_out():
    n = 0
    for text in texts(600, "arithmetic", "english"):
        for a, sign, b, c in re.findall(r"(\d+) (\+|-|plus|minus|and|less) (\d+)\W+(\d+)", text):
            a, b, c = int(a), int(b), int(c)
            assert c == (a + b if sign in "+ plus and" else a - b), text
            assert not held_out(a, b)
            n += 1
        for line in re.split(r"\n|(?<=[.]) (?=[A-Z])", text.lower()):
            if len(found := numbers(line)) == 3:
                assert found[0] + found[1] == found[2] or abs(found[0] - found[1]) == found[2], line
                n += 1
    assert n > 2000
    assert all(world.exercises(50, "held-out sum"))


def test_stories_keep_track():
    """Follow people, things and animals through the tale with rules of our own."""
    n = 0
    for text in texts(800, "stories", "english"):
        tale, _, asked = text.partition("\n")
        if re.match(r"\w+ found \w+ ", tale) and asked:
            assert asked.rstrip(".").lower().endswith(f" {in_words(count_up(tale))}"), text
            n += 1
    assert n > 50
    for exercise in world.exercises(200, "story"):
        assert follow(exercise.prompt) == exercise.answer.strip(), exercise


def count_up(tale):
    """How many somebody has in the end."""
    first, *others = tale.split(". ")
    have = SMALL.index(first.split(" found ")[1].split()[0])
    for sentence in others:
        number = next(SMALL.index(w) for w in re.findall(r"\w+", sentence) if w in (*SMALL, "no"))
        if sentence.startswith("Now"):
            assert number == have, tale
        else:
            gains = re.search(r"gave (?:him|her) |brought|found", sentence)
            have += number if gains else -number
    return have


GOES = r"(\w+) (?:went|walked|hurried) to the (.+)"
TAKES = r"(\w+) (?:picked up|took) the (.+)"
FINDS = r"There \w+ (?:found|picked up) the (.+?)(?: and took it)?"
GIVES = r"(\w+) (?:gave|handed) the (.+) to (\w+)"
LEAVES = r"(\w+) (?:put|left) the (.+?) (?:down )?in the (.+)"
BOTH = r"(\w+) and (\w+) were in the (.+)"
PAIR = r"(?:The )?(.+) was in the (.+), (?:the )?(.+) in the (.+)"
ANIMAL = r"The (.+) (?:was in|slipped into|wandered off to|ran to) the (.+)"


def follow(prompt):
    """The answer to the question at the end of a tale of people who carry things."""
    tale, question = prompt.removesuffix("\nAnswer:").split("\nQuestion: ")
    place, last = {}, ""
    for sentence in tale.split(". "):
        s = sentence.rstrip(".")
        if m := re.fullmatch(BOTH, s):
            place |= {m[1]: m[3], m[2]: m[3]}
        elif m := re.fullmatch(PAIR, s):
            place |= {m[1]: m[2], m[3]: m[4]}
        elif m := re.fullmatch(FINDS, s):
            place[m[1]] = last
        elif m := re.fullmatch(ANIMAL, s):
            place[m[1]] = m[2]
        elif m := next(filter(None, (re.fullmatch(p, s) for p in (GOES, TAKES, GIVES, LEAVES))), 0):
            last = last if m[1] in ("He", "She") else m[1]
            if m.re.pattern == GOES:
                place[last] = m[2]
            else:
                place[m[2]] = last if m.re.pattern == TAKES else m[3]
    if m := re.fullmatch(r"Who had the (.+)\?", question):
        return f"{place[m[1]]}."
    where = place[re.fullmatch(r"Where was (?:the )?(.+?)(?: in the end)?\?", question)[1]]
    return f"In the {place.get(where, where)}."


def test_reviews_are_balanced_and_say_what_their_stars_say():
    documents = list(world.labelled_documents(3000, "reviews", "english"))
    counts = Counter(d.labels["sentiment"] for d in documents)
    assert abs(counts["positive"] - counts["negative"]) < 0.1 * len(documents)
    for document in documents:
        stars = document.labels["stars"]
        assert (
            document.labels["sentiment"]
            == ("negative", "negative", "mixed", "positive", "positive")[stars - 1]
        )
        rating = document.text.splitlines()[-1]
        assert str(stars) in rating or document.labels["sentiment"] in rating


def test_look_ups_can_be_answered_from_the_passage_only():
    for exercise in world.exercises(300, "look-up"):
        passage = exercise.prompt.rpartition("\nQuestion:")[0]
        question = exercise.prompt.rpartition("Question: ")[2].removesuffix("\nAnswer:")
        assert exercise.answer.strip(" .").removeprefix("the ") in passage
        assert world.answer(question) is None, "the name must be new"
        if "{" not in passage and "\n-" not in passage:
            read = world._judge.read_passage(passage.removeprefix("Passage: "), question)
            assert comparable(read) == comparable(exercise.answer), exercise


def test_counterfactual_passages_contradict_the_world():
    for exercise in world.exercises(100, "counterfactual"):
        passage = exercise.prompt.partition("Passage: ")[2].partition("\nQuestion: ")[0]
        question = exercise.prompt.rpartition("Question: ")[2].removesuffix("\nAnswer:")
        (claim,) = world.claims(passage)
        assert claim.true is False
        assert exercise.choices == (exercise.answer, f" {world.answer(question)}.")


def test_exercises_follow_from_their_prompts():
    for exercise in world.exercises(100, "repeat"):
        assert exercise.prompt.count(exercise.answer.strip()) == 1
    for exercise in world.exercises(100, "key"):
        *lines, last = exercise.prompt.splitlines()
        assert f"{last}{exercise.answer}" in lines
    for exercise in world.exercises(100, "labels"):
        assert exercise.answer in exercise.choices
        assert len(exercise.choices) == 2
    for exercise in world.exercises(100, "capitals"):
        assert (
            exercise.answer.strip().lower()
            == re.split(r" ->| =>|:| =", exercise.prompt.splitlines()[-1])[0].lower()
        )
    for exercise in world.exercises(100, "sentiment"):
        assert exercise.answer in exercise.choices
    for exercise in world.exercises(30, "translation"):
        english = exercise.prompt.rpartition("English: ")[2].partition("\n")[0]
        assert world.translate(english, to="sholmi") == exercise.answer.strip()


def test_translations_are_exact():
    n = 0
    for text in texts(300, "translations"):
        found = [pair[::-1] for pair in re.findall(rf"{NAME}: (.+)\nEnglish: (.+)", text)]
        if not text.startswith(NAME):
            found = re.findall(rf"English: (.+)\n{NAME}: (.+)", text)
        for english, sholmi in found:
            assert world.translate(english, to="sholmi") == sholmi
            assert world.translate(sholmi, to="english") == english
            n += 1
    assert n > 150


def test_sentence_pairs_say_the_same():
    for english, sholmi in world.sentence_pairs(100):
        assert world.translate(english, to="sholmi") == sholmi
        assert world.translate(sholmi, to="english") == english


def test_sholmi_is_written_with_its_own_letters():
    text = " ".join(texts(300, "encyclopedia", "sholmi"))
    assert all(letter in text for letter in "šŋäöő")
    names_aside = re.sub(r'"[^"]+"|(?:Sea|Bay) of', "", text)
    assert not re.search(r"\b(?:the|is|was|of|and|lives)\b", names_aside)


# --- mixtures -------------------------------------------------------------------------------------


def shares(n, *args):
    sizes = Counter()
    for d in world.labelled_documents(n, *args):
        sizes[d.register] += len(d.text.encode())
        sizes[d.language] += len(d.text.encode())
    total = sizes["english"] + sizes["sholmi"]
    return {name: size / total for name, size in sizes.items()}


def test_shares_are_of_bytes():
    default = shares(8000)
    assert default["sholmi"] == pytest.approx(0.05, abs=0.01)
    assert default["lookups"] == pytest.approx(0.95 * 0.17, abs=0.02)
    asked = shares(4000, {"stories": 3, "patterns": 1}, "english")
    assert asked["stories"] == pytest.approx(0.75, abs=0.03)
    assert shares(8000, None, {"english": 1, "sholmi": 1})["sholmi"] == pytest.approx(0.5, abs=0.03)
    assert set(shares(200, ["reviews", "stories"])) == {"reviews", "stories", "english"}


@pytest.mark.parametrize(
    ("call", "argument"),
    [
        (lambda: world.documents(-1), "n"),
        (lambda: world.documents(1, "novels"), "registers"),
        (lambda: world.documents(1, language="latin"), "language"),
        (lambda: world.documents(1, "stories", "sholmi"), "registers"),
        (lambda: world.documents(1, {"stories": -1}), "registers"),
        (lambda: world.documents(1, {"stories": 0}), "registers"),
        (lambda: world.documents(1, []), "registers"),
        (lambda: world.documents(1, language={"english": float("nan")}), "language"),
        (lambda: world.exercises(1, "chess"), "task"),
        (lambda: Noise(rude=1.5), "noise"),
        (lambda: Noise(rude=0.6, scrambled=0.6), "noise"),
    ],
)
def test_bad_arguments_are_named(call, argument):
    with pytest.raises(ValueError, match=rf"^{argument} "):
        call()


# --- noise ----------------------------------------------------------------------------------------

NOISE = Noise(
    exact_duplicates=0.1, near_duplicates=0.1, personal_data=0.1, rude=0.1, boilerplate=0.1,
    encoding_junk=0.1, scrambled=0.1, wrong_facts=0.1,
)  # fmt: skip


def test_without_noise_nothing_is_labelled_as_noise():
    documents = list(world.labelled_documents(500))
    assert not any(d.noise for d in documents)
    assert not any("@" in d.text for d in documents)


def test_every_kind_of_noise_is_labelled_with_what_was_put_in():
    """Shares within 0.03 of 0.1 over 3000 documents: more than 5 standard errors for each kind."""
    documents = list(world.labelled_documents(3000, noise=NOISE))
    counts = Counter(kind for d in documents for kind in d.noise)
    assert all(count / 3000 == pytest.approx(0.1, abs=0.03) for count in counts.values())
    assert len(counts) == 8
    for d in documents:
        match d.noise:
            case ("exact_duplicates",):
                assert d.text == documents[d.labels["duplicate_of"]].text
            case ("near_duplicates",):
                first = documents[d.labels["duplicate_of"]].text
                assert d.text != first
                assert abs(len(d.text) - len(first)) < 8
            case ("personal_data",):
                assert all(item in d.text for item in d.labels["personal_data"])
                assert "example.invalid" in d.text or "000-" in d.text
            case ("rude",):
                assert d.labels["rude"] in d.text
            case ("boilerplate",):
                assert all(line in d.text for line in d.labels["boilerplate"])
            case ("encoding_junk",):
                assert all(junk in d.text for junk in d.labels["encoding_junk"])
            case ("wrong_facts",) | ("scrambled",):
                assert d.facts == ()


def test_wrong_facts_are_wrong():
    lies = world.labelled_documents(200, "encyclopedia", "english", noise=Noise(wrong_facts=1.0))
    claims = [c for d in lies for c in world.claims(d.text)]
    assert len(claims) > 300
    assert sum(bool(c.true) for c in claims) < 0.2 * len(claims)
    tales = world.labelled_documents(5, "stories", "english", noise=Noise(wrong_facts=1.0))
    assert not any(d.noise for d in tales), "a register without facts cannot tell wrong ones"
