"""Documents state true facts, and none that is held out."""

import json
import re

import pytest

from microworld.questions.oracle import SENTENCE_END
from microworld.words.hops import HOPS
from microworld.words.phrasing import PHRASINGS


@pytest.mark.parametrize("register", ["encyclopedia", "dialogues", "summaries"])
def test_every_statement_is_true_recorded_and_not_held_out(world, register):
    n_claims = 0
    for document in world.labelled_documents(250, register, "english"):
        if document.text.startswith('"') and register == "dialogues":
            continue  # prose with quotation marks
        text = re.sub(r"(?m)^(?:Summary|In short|In one sentence|\w+): ", "", document.text)
        facts = {world.facts[number] for number in document.facts}
        assert not any(fact.held_out for fact in facts)
        recorded = {(fact.relation, fact.subject) for fact in facts}
        for claim in world.claims(text):
            assert claim.true is not False, (claim, document.text)
            if claim.true:
                n_claims += 1
                assert (claim.relation, claim.subject) in recorded, document.text
    assert n_claims > 100


def test_answers_in_question_documents_are_true(world, texts):
    n = 0
    for text in texts(800, "questions", "english"):
        for question, answer in re.findall(r"(?:Question|Q): (.+)\n(?:Answer|A): (.+)\.", text):
            assert world.answer(question) == answer, text
            n += 1
    assert n > 500


def test_json_parses_and_is_true(world, texts):
    n = 0
    for text in texts(600, "records", "english"):
        if text[0] in "{[":
            rows = json.loads(text)
            for row in rows if isinstance(rows, list) else [rows]:
                facts = world.facts_about(row.pop("name"))
                assert {str(v) for v in row.values()} <= {f.value for f in facts}
                n += 1
    assert n > 150


def test_nothing_held_out_is_ever_mentioned(world, texts):
    """Search for phrasings by their patterns, and for held-out and phantom names."""
    hops = [p for hop in HOPS for p in hop.phrasings]
    patterns = [p.pattern() for p in (*PHRASINGS, *hops) if p.held_out]
    unnamed = (re.sub(r"\?P<\w+>", "?:", pattern) for pattern in patterns)
    held_out = re.compile("|".join(unnamed))
    names = {name[0] for sets in world.almanac.names.values() for name in sets.phantom}
    names |= {p.name for p in world.people if p.held_out}
    assert len(names) > 1000
    for text in texts(6000):
        for a, b in zip(text.split(), text.split()[1:]):
            assert a.strip('".,?') not in names
            assert f"{a} {b}".strip('".,?').removesuffix("'s") not in names
        for sentence in SENTENCE_END.split(text):
            assert not held_out.fullmatch(sentence), sentence


def test_held_out_facts_are_never_mentioned(world):
    hidden = {fact.number for fact in world.facts if fact.held_out}
    assert 0.02 < len(hidden) / len(world.facts) < 0.06
    assert hidden.isdisjoint(world.count_mentions(20_000).counts)
