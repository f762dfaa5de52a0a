"""Properties of fmlab.experiments.capitals."""

import json

import pytest

from fmlab.experiments import capitals, results
from fmlab.models.pretrained import SMOLLM2_SHA256


@pytest.mark.parametrize(
    ("answer", "capital"),
    [
        ("It is BRASÍLIA!", "Brasilia"),
        ("The capital of Yemen is Sana'a.", "Sanaa"),
        ("Sanaa", "Sana\u2019a"),
        ("Kiev.", "Kyiv"),
        ("Astana", "Nur-Sultan"),
        ("St. George's", "St George's"),
    ],
)
def test_spelling_does_not_matter(answer, capital):
    assert capitals.names_capital(answer, capital)


@pytest.mark.parametrize(
    ("answer", "capital"),
    [("Romeo", "Rome"), ("Algeria", "Algiers"), ("", "Rome"), ("City", "A City")],
)
def test_part_of_a_name_is_not_enough(answer, capital):
    assert not capitals.names_capital(answer, capital)


def test_answers_that_abstain_are_found():
    assert capitals.abstains("I don\u2019t know the capital of Niue.")
    assert capitals.abstains("I'm sorry, but I can't help with that.")
    for text in (
        "The capital of Vorania is not known.",
        "Vorania is a fictional country.",
        "There is no Vorania: it does not exist.",
        "Vorania is not a country that I know.",
    ):
        assert capitals.abstains(text)
    for text in ("The capital of Niue is Alofi.", "It is Unknownville."):
        assert not capitals.abstains(text)


def test_graded_right_are_the_countries_whose_own_capital_is_named():
    pairs = [("France", "Paris"), ("Japan", "Tokyo")]
    assert capitals.graded_right(pairs, ["Paris", "Kyoto"]) == ["France"]
    assert capitals.graded_right(pairs, ["Tokyo", "Paris"]) == []


def test_questions_are_asked_in_batches_and_in_order(monkeypatch):
    sizes = []

    def respond(model, tokenizer, prompts, max_new_tokens):
        sizes.append(len(prompts))
        return prompts

    monkeypatch.setattr(capitals, "respond", respond)
    monkeypatch.setattr(capitals, "BATCH", 2)
    assert capitals.ask_capitals(None, None, "abc") == [
        f"What is the capital of {name}?" for name in "abc"
    ]
    assert sizes == [2, 1]


def test_countries_are_in_the_order_of_population(monkeypatch, tmp_path):
    people = {"A": ("Small", "S", 1), "B": ("Large", "L", 9), "C": ("Without", "", 5)}
    content = {i: dict(zip(("name", "capital", "population"), row)) for i, row in people.items()}
    (tmp_path / "countries.json").write_text(json.dumps(content), encoding="utf-8")
    monkeypatch.setattr(capitals, "installed_file", lambda *_: tmp_path / "countries.json")
    assert capitals.countries() == [("Large", "L"), ("Small", "S")]


def test_package_that_is_missing_is_named(monkeypatch):
    monkeypatch.setattr(capitals, "PACKAGE", "no-such-package-here==1")
    with pytest.raises(FileNotFoundError, match="pip install --no-deps no-such-package-here==1"):
        capitals.countries()


def test_record_is_of_this_model_and_of_these_countries():
    record = results.read("capitals")
    assert (record["sha256"], record["question"]) == (SMOLLM2_SHA256, capitals.QUESTION)
    names = record["countries"]
    assert len(set(names)) == len(names) == 246
    assert names[: len(capitals.LARGEST)] == list(capitals.LARGEST)
    for part in (record["right"], record["does not know"], *record["baselines right"].values()):
        assert set(part) <= set(names)
