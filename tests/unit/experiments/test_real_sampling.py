"""Properties of fmlab.experiments.real_sampling, on a tiny random Llama."""

import numpy as np
import pytest

from fmlab.experiments import real_sampling
from fmlab.experiments.real_sampling import (
    CLOSED,
    OPEN,
    OPENINGS,
    SETTINGS,
    agrees,
    compare,
    continuations,
    first_entropies,
    shuffled_range,
)
from tests.unit.tiny_llama import chat_tokenizer, random_llama


@pytest.mark.parametrize("prompts", [CLOSED, OPEN, OPENINGS])
def test_there_are_forty_different_prompts(prompts):
    assert len(set(prompts)) == len(prompts) == 40


def test_texts_are_compared_at_the_shorter_length():
    loop, varied = [1, 2, 3, 4, 5, 6] * 4, list(range(12))
    assert compare([loop], [varied]) == {"greedy": [round(1 / 7, 4)], "other": [0.0]}
    assert compare([loop], [varied[:6]])["greedy"] == [0.0]


def test_differences_by_chance_are_centered_and_smaller_than_a_real_one():
    rng = np.random.default_rng(0)
    low, high = shuffled_range(rng.normal(0, 1, 40), rng.normal(3, 1, 40))
    assert -1 < low < -0.3
    assert 0.3 < high < 1


def test_record_of_other_entropies_does_not_agree():
    model, tokenizer = random_llama(), chat_tokenizer()
    prompts = {"closed": CLOSED[:4], "open": OPEN[:4]}
    bits = {kind: first_entropies(model, tokenizer, prompts[kind]) for kind in prompts}
    assert agrees(model, tokenizer, bits)
    bits["open"][3] += 0.1
    assert not agrees(model, tokenizer, bits)


def test_entropy_is_at_most_that_of_a_uniform_guess():
    tokenizer = chat_tokenizer()
    (bits,) = first_entropies(random_llama(), tokenizer, ["Who?"])
    assert 0 < bits < np.log2(tokenizer.vocab_size)


def test_continuations_have_no_end_token(monkeypatch):
    monkeypatch.setattr(real_sampling, "NEW_TOKENS", 8)
    model, tokenizer = random_llama(), chat_tokenizer()
    for settings in SETTINGS.values():
        (ids,) = continuations(model, tokenizer, settings, ["low"])
        assert len(ids) <= 8
        assert not {0, 2} & set(ids)
