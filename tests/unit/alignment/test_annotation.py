"""Properties of fmlab.alignment.annotation: choices follow preferences and noise."""

import math

import numpy as np
import pytest

from fmlab.alignment import annotation
from fmlab.alignment.annotation import (
    choices,
    choices_by_score,
    compare,
    compare_samples,
    noise_ceiling,
)
from fmlab.generation.chat import respond
from microworld import ANNOTATORS, TRUE, Annotator, Features, MicroWorld, Taste
from tests.unit.tiny_chat import TOKENIZER, tiny_model

CAREFUL, EXACT = ANNOTATORS["careful"], ANNOTATORS["exact"]
GOOD, BAD = Features(1, 3, True, True, False), Features(-1, 30, False, False, False)


@pytest.fixture(scope="module")
def world():
    return MicroWorld(n_people=100)


@pytest.fixture(scope="module")
def question(world):
    return world.questions(1)[0]


def seeded(seed=0):
    return np.random.default_rng(seed)


def test_annotator_without_noise_chooses_what_they_prefer(world, question):
    texts = question.answer, "I don't know."
    for order in (texts, texts[::-1]):
        comparison = compare(world, EXACT, question.text, order, seeded())
        assert comparison.prompt == question.text
        assert (comparison.chosen, comparison.rejected) == texts
        assert comparison.annotator == "exact"
        assert comparison.utility_chosen == world.utility(question.text, texts[0])
        assert comparison.utility_rejected == world.utility(question.text, texts[1])


def test_utilities_are_the_true_ones_whatever_the_preferences(world, question):
    contrary = Annotator("contrary", Taste(correct=-9.0), temperature=0.0)
    responses = question.answer, "I don't know."
    comparison = compare(world, contrary, question.text, responses, seeded())
    assert comparison.chosen == "I don't know."
    assert comparison.utility_chosen < comparison.utility_rejected


def test_compared_samples_are_responses_of_the_model(world):
    model, prompts = tiny_model(), ["What is 1 plus 2?", "What is 3 plus 4?"]
    found = compare_samples(model, TOKENIZER, world, EXACT, prompts, seeded(), max_new_tokens=8)
    texts = respond(model, TOKENIZER, prompts, 8, temperature=1.0, n=2, rng=seeded())
    assert len(found) == 2
    assert [{c.chosen, c.rejected} for c in found] == [{*texts[:2]}, {*texts[2:]}]
    assert [c.prompt for c in found] == prompts


def test_identical_samples_are_not_compared(world):
    prompts = ["What is 1 plus 2?"]
    options = dict(temperature=0.0, max_new_tokens=8)
    arguments = (tiny_model(), TOKENIZER, world, EXACT, prompts, seeded())
    assert compare_samples(*arguments, **options) == []


def test_several_batches_give_the_same_as_one(world, monkeypatch):
    prompts = [f"What is {n} plus 2?" for n in range(5)]

    def compared():
        arguments = (tiny_model(), TOKENIZER, world, CAREFUL, prompts, seeded())
        return compare_samples(*arguments, max_new_tokens=6)

    whole = compared()
    monkeypatch.setattr(annotation, "ROWS_AT_ONCE", 2)
    assert compared() == whole


def test_noise_ceiling_is_the_accuracy_of_the_true_preferences(world):
    """4000 independent choices: a false alarm at five standard errors once in a million runs."""
    comparisons = world.comparisons(4000, "careful")
    ceiling = noise_ceiling(world, CAREFUL, comparisons)
    reached = np.mean([c.utility_chosen > c.utility_rejected for c in comparisons])
    ties = np.mean([c.utility_chosen == c.utility_rejected for c in comparisons])
    assert abs(reached + ties / 2 - ceiling) < 5 * 0.5 / math.sqrt(4000)
    assert 0.5 < ceiling < 1
    assert noise_ceiling(world, EXACT, world.comparisons(100, "exact")) > 0.9
    with pytest.raises(ValueError, match="comparisons must be at least one"):
        noise_ceiling(world, CAREFUL, [])


def test_choices_follow_the_probability_and_the_seed():
    """1000 choices: a false alarm at five standard errors once in a million runs."""
    near = Features(1, 3, False, True, False)
    pairs = [(GOOD, near)] * 1000
    found = choices(CAREFUL, pairs, seeded())
    p = CAREFUL.probability(GOOD, near)
    assert abs(np.mean(np.array(found) == 1) - p) < 5 * 0.5 / math.sqrt(1000)
    assert set(found) == {1, -1}
    assert found == choices(CAREFUL, pairs, seeded()) != choices(CAREFUL, pairs, seeded(1))
    assert choices(EXACT, [(GOOD, BAD), (BAD, GOOD)], seeded()) == [1, -1]


def test_equal_scores_are_ties():
    assert choices_by_score(EXACT, [(GOOD, BAD), (BAD, GOOD), (BAD, BAD)], seeded()) == [1, -1, 0]
    near = Features(1, 4, True, True, False)  # one word more, which only comparisons notice
    assert choices(EXACT, [(GOOD, near)], seeded()) == [1]
    assert choices_by_score(EXACT, [(GOOD, near)], seeded()) == [0]
    assert TRUE.utility(near) < TRUE.utility(GOOD)
