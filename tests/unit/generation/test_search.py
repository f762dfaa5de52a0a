"""Properties of beam_search: what it must find, and when it may stop."""

import itertools
import math

import numpy as np
import pytest
import torch

from fmlab.generation.decoding import generate
from fmlab.generation.search import beam_search, likely_continuations
from fmlab.models.configs import GPTConfig
from fmlab.models.gpt import GPT
from fmlab.models.logprobs import sequence_logprob
from tests.unit.generation.small_models import Bigram, lively


def all_continuations(model, prompt, length, stop=None, penalty=0.0):
    """Every continuation, with its score, best first: what an exhaustive search must find."""
    found = []
    for new in itertools.product(range(model.config.vocab_size), repeat=length):
        new = new[: new.index(stop) + 1] if stop in new else new
        found.append(new)
    scores = {
        new: sequence_logprob(model, [*prompt, *new], len(prompt)) / len(new) ** penalty
        for new in set(found)
    }
    return sorted(scores.items(), key=lambda item: -item[1])


@pytest.mark.parametrize("stop", [None, 2])
@pytest.mark.parametrize("penalty", [0.0, 1.0, -1.0])
def test_a_wide_beam_finds_the_best_of_all_continuations(stop, penalty):
    model = GPT(GPTConfig(4, 8, 1, 1, 4))
    for weight in model.parameters():
        weight.data += torch.randn(weight.shape, generator=torch.Generator().manual_seed(4))
    expected = all_continuations(model, [1, 0], 3, stop, penalty)
    stops = () if stop is None else [stop]
    rows = beam_search(model, [1, 0], 3, 64, stops, penalty)
    assert [tuple(ids) for ids in rows.ids] == [new for new, _ in expected[:64]]
    np.testing.assert_allclose(rows.scores, [score for _, score in expected[:64]], rtol=1e-5)
    np.testing.assert_allclose(
        rows.scores, [sum(p) / len(p) ** penalty for p in rows.logprobs], atol=1e-12
    )


def test_one_beam_is_greedy():
    model = lively()
    greedy = generate(model, [1, 2], 8, temperature=0)
    assert beam_search(model, [1, 2], 8, n_beams=1).ids == greedy.ids


def test_two_beams_find_what_greedy_decoding_misses():
    """0 goes to 1 (0.6) and then anywhere, or to 2 (0.4) and then surely to 3: 0.3 < 0.4."""
    model = Bigram([[0, 0.6, 0.4, 0], [0.5, 0, 0, 0.5], [0, 0, 0, 1], [1, 0, 0, 0]])
    assert generate(model, [0], 2, temperature=0).ids == [[1, 0]]
    rows = beam_search(model, [0], 2, n_beams=2)
    assert rows.ids == [[2, 3], [1, 0]]
    np.testing.assert_allclose(np.exp(rows.scores), [0.4, 0.3], rtol=1e-6)


def test_length_penalty_decides_between_short_and_long():
    """Stop at once with 0.4, or later with 0.6 * 0.6 = 0.36: the mean favors the latter."""
    model = Bigram([[0, 0.6, 0.4], [0, 0.4, 0.6], [0, 0, 1]])
    found = [beam_search(model, [0], 2, 3, [2], penalty).ids[0] for penalty in (0.0, 1.0)]
    assert found == [[2], [1, 2]]


def test_beams_end_with_the_context():
    rows = beam_search(lively(), [1] * 15, 8, n_beams=3)
    assert rows.finish_reasons == ["context"] * 3
    assert [len(ids) for ids in rows.ids] == [2, 2, 2]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"ids": [[1], [2]]}, "ids must be token ids"),
        ({"n_beams": 0}, "n_beams must be an integer >= 1; got 0"),
        ({"length_penalty": math.nan}, "length_penalty must be a finite number; got nan"),
        ({"max_new_tokens": 0}, "max_new_tokens must be an integer >= 1; got 0"),
    ],
)
def test_bad_beam_arguments_are_named(change, message):
    with pytest.raises(ValueError, match=message):
        beam_search(lively(), **({"ids": [1], "max_new_tokens": 2} | change))


def test_likely_continuations_are_all_of_them_with_their_probabilities():
    model = GPT(GPTConfig(4, 8, 1, 1, 4))
    for weight in model.parameters():
        weight.data += torch.randn(weight.shape, generator=torch.Generator().manual_seed(4))
    everything = all_continuations(model, [1, 0], 3, 2)
    expected = [(new, score) for new, score in everything if score >= math.log(0.01)]
    rows = likely_continuations(model, [1, 0], 3, [2], 0.01)
    assert [tuple(ids) for ids in rows.ids] == [new for new, _ in expected]
    np.testing.assert_allclose(rows.scores, [score for _, score in expected], rtol=1e-5)


@pytest.mark.parametrize("least", [0, 1, 0.99, None])
def test_a_least_probability_that_nothing_can_have_is_refused(least):
    with pytest.raises(ValueError, match="least must be"):
        likely_continuations(lively(), [1, 2], 8, least=least)
