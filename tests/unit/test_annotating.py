"""Properties of fmlab.annotating: choices follow a taste and its noise, whoever wrote the texts."""

import math

import numpy as np
import pytest

from fmlab.annotating import (
    choices,
    choices_by_score,
    cohen_kappa,
    compare,
    compare_samples,
    noise_ceiling,
)
from fmlab.chat import respond
from fmlab.world import ANNOTATORS, TRUE, Annotator, Features, MicroWorld, Taste
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


def test_one_without_noise_chooses_what_they_like_better(world, question):
    texts = question.answer, "I don't know."
    for order in (texts, texts[::-1]):
        made = compare(world, EXACT, question.text, order, seeded())
        assert (made.prompt, made.chosen, made.rejected) == (question.text, *texts)
        assert made.annotator == "exact"
        assert made.utility_chosen == world.utility(question.text, texts[0])
        assert made.utility_rejected == world.utility(question.text, texts[1])


def test_utilities_are_the_true_ones_whatever_the_taste(world, question):
    chatty = Annotator("chatty", Taste(correct=-9.0), temperature=0.0)
    made = compare(world, chatty, question.text, (question.answer, "I don't know."), seeded())
    assert made.chosen == "I don't know."
    assert made.utility_chosen < made.utility_rejected


def test_samples_are_what_the_model_says(world):
    model, prompts = tiny_model(), ["What is 1 plus 2?", "What is 3 plus 4?"]
    found = compare_samples(model, TOKENIZER, world, EXACT, prompts, seeded(), max_new_tokens=8)
    texts = respond(model, TOKENIZER, prompts, 8, temperature=1.0, n=2, rng=seeded())
    assert len(found) == 2
    assert [{c.chosen, c.rejected} for c in found] == [{*texts[:2]}, {*texts[2:]}]
    assert [c.prompt for c in found] == prompts


def test_two_samples_that_are_the_same_are_not_compared(world):
    asked = ["What is 1 plus 2?"]
    options = dict(temperature=0.0, max_new_tokens=8)
    assert compare_samples(tiny_model(), TOKENIZER, world, EXACT, asked, seeded(), **options) == []


def test_more_prompts_than_at_once_change_nothing(world, monkeypatch):
    asked = [f"What is {n} plus 2?" for n in range(5)]

    def made():
        options = dict(max_new_tokens=6)
        return compare_samples(tiny_model(), TOKENIZER, world, CAREFUL, asked, seeded(), **options)

    whole = made()
    monkeypatch.setattr("fmlab.annotating.AT_ONCE", 2)
    assert made() == whole


def test_the_ceiling_is_reached_by_who_knows_the_taste(world):
    """4000 independent choices: false alarm once in a million at five standard errors."""
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
    """1000 draws: false alarm once in a million at five standard errors."""
    near = Features(1, 3, False, True, False)
    pairs = [(GOOD, near)] * 1000
    found = choices(CAREFUL, pairs, seeded())
    p = CAREFUL.probability(GOOD, near)
    assert abs(np.mean(np.array(found) == 1) - p) < 5 * 0.5 / math.sqrt(1000)
    assert set(found) == {1, -1}
    assert found == choices(CAREFUL, pairs, seeded()) != choices(CAREFUL, pairs, seeded(1))
    assert choices(EXACT, [(GOOD, BAD), (BAD, GOOD)], seeded()) == [1, -1]


def test_equal_scores_are_no_choice():
    assert choices_by_score(EXACT, [(GOOD, BAD), (BAD, GOOD), (BAD, BAD)], seeded()) == [1, -1, 0]
    near = Features(1, 4, True, True, False)  # one word more: seen in a comparison, not in a score
    assert choices(EXACT, [(GOOD, near)], seeded()) == [1]
    assert choices_by_score(EXACT, [(GOOD, near)], seeded()) == [0]
    assert TRUE.utility(near) < TRUE.utility(GOOD)


def test_kappa_is_agreement_beyond_chance():
    table = {("y", "y"): 20, ("y", "n"): 5, ("n", "y"): 10, ("n", "n"): 15}  # Cohen's formula
    rows = [pair for pair, n in table.items() for _ in range(n)]
    first, second = zip(*rows)
    assert cohen_kappa(first, second) == pytest.approx((0.7 - 0.5) / (1 - 0.5))
    assert cohen_kappa(first, first) == 1
    assert cohen_kappa([1, 1, 0, 0], [1, 0, 1, 0]) == 0
    assert cohen_kappa([1, 0], [0, 1]) == -1


def test_raters_who_cannot_be_compared_are_refused():
    with pytest.raises(ValueError, match="second must be 2 labels, at least one; got 1"):
        cohen_kappa([1, 2], [1])
    with pytest.raises(ValueError, match="second must be 0 labels, at least one; got 0"):
        cohen_kappa([], [])
    with pytest.raises(ValueError, match="first must be not one label only"):
        cohen_kappa([1, 1], [1, 1])
