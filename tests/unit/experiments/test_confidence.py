"""Statements up to their last word, and how sure a model is of it."""

import pytest

from fmlab import models
from fmlab.experiments import confidence
from fmlab.experiments.results import read
from microworld import MicroWorld


@pytest.fixture(scope="module")
def rows():
    return confidence.statements(MicroWorld(n_people=300), 40)


def test_the_value_ends_a_true_statement(rows):
    world = MicroWorld(n_people=300)
    for row in rows:
        assert world.answer(row.question) == row.value
        [claim] = world.claims(f"{row.beginning} {row.value}.")
        assert claim.true


def test_chat_models_read_the_question_first(rows):
    for name, starts_with_question in (("micro", False), ("micro-sft", True)):
        _, tokenizer = models.load(name)
        text = tokenizer.decode(confidence.context(tokenizer, rows[0]))
        assert (rows[0].question in text) == starts_with_question
        assert text.endswith(rows[0].beginning)
    _, tokenizer = models.load("micro")
    assert rows[0].question in tokenizer.decode(confidence.context(tokenizer, rows[0], True))


def test_the_record_has_all_models():
    record = read("confidence")
    for name in (*confidence.MODELS, confidence.CONTROL):
        assert len(record[name]["confidence"]) == len(record[name]["right"]) == confidence.N
