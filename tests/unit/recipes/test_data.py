"""Properties of fmlab.recipes.data: held-out names stay held out, and styles have their rates."""

import numpy as np
import pytest

from fmlab.recipes import data
from fmlab.recipes.data import (
    SOURCE,
    comparisons,
    demonstrations,
    is_held_out,
    prompts,
    sft_pairs,
    with_manners,
)
from microworld import MicroWorld
from microworld.preferences.annotators import without_manners
from tests.unit.recipes.small import WORLD


@pytest.fixture
def world():
    return WORLD


# --- held-out names -------------------------------------------------------------------------------


def test_name_is_held_out_in_all_questions_or_in_none(world):
    questions = world.questions(400, phrasing="any", relations=["person"])
    values = {}
    for question in questions:
        values.setdefault(question.entity, set()).add(is_held_out(question.text))
    assert all(len(value) == 1 for value in values.values())
    fraction = np.mean([max(value) for value in values.values()])
    assert 0.08 < fraction < 0.35  # about a fifth of the names


def test_preference_prompts_are_half_answerable_and_share_no_name_with_the_test(monkeypatch):
    world = MicroWorld(n_people=300)
    monkeypatch.setattr(data, "N_QUESTIONS", 200)
    for held_out in (True, False):
        texts = data.preference_prompts(world, held_out=held_out)
        assert len(texts) >= 20
        assert len(texts) == len(set(texts))
        assert {is_held_out(text) for text in texts} == {held_out}
        answerable = [world.features(text, "Yes.").answerable for text in texts]
        assert answerable == [True, False] * (len(texts) // 2)


def test_sum_is_held_out_by_its_last_number():
    assert len({is_held_out(f"What is {n} plus 7?") for n in range(20)}) == 1
    assert len({is_held_out(f"What is 7 plus {n}?") for n in range(20)}) == 2


@pytest.mark.parametrize("held_out", [True, False])
def test_all_data_are_held_out_or_not_as_requested(world, held_out):
    options = dict(held_out=held_out, seed=3)
    texts = [d.prompt for d in demonstrations(world, 60, **options)]
    texts += prompts(world, 60, **options)
    texts += [c.prompt for c in comparisons(world, 60, **options)]
    assert len(texts) == 180
    assert {is_held_out(text) for text in texts} == {held_out}


def test_training_data_is_not_held_out(world):
    assert not any(is_held_out(prompt) for prompt, _ in sft_pairs(world, 100))


def test_seed_determines_the_data_and_more_of_it_begins_the_same(world):
    for sample in (demonstrations, prompts, comparisons):
        assert sample(world, 30) == sample(world, 30) != sample(world, 30, seed=1)
    assert sft_pairs(world, 40)[:20] == sft_pairs(world, 20)


def test_questions_are_about_facts_that_the_corpus_states_often(world):
    examples = demonstrations(world, 100)
    assert all(d.times_mentioned >= 100 for d in examples if d.task == "question")
    rare = demonstrations(world, 20, exposure=(0, 1e9), tasks=["question"])
    assert {d.task for d in rare} == {"question"}


# --- polite phrases -------------------------------------------------------------------------------


def test_polite_phrases_change_no_answer_and_have_their_rates():
    """2000 samples, rates 0.25, 0.2 and 0.2: a false alarm once in a million runs."""
    rng = np.random.default_rng(0)
    responses = [with_manners("question", "In Hemmel.", rng) for _ in range(2000)]
    assert all(without_manners(text).startswith("In Hemmel.") for text in responses)
    for has_phrase, rate in (
        (lambda text: not text.startswith("In Hemmel."), 0.25),
        (lambda text: SOURCE in text, 0.2),
        (lambda text: not without_manners(text).endswith("In Hemmel."), 0.2),
    ):
        assert abs(np.mean([*map(has_phrase, responses)]) - rate) < 0.05


def test_exact_tasks_have_no_polite_phrases():
    rng = np.random.default_rng(0)
    assert {with_manners("translate", "Ada jäm.", rng) for _ in range(200)} == {"Ada jäm."}
