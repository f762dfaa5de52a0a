"""Properties of fmlab.generation, on tiny random GPTs and on a bigram model of known logits."""

import itertools
import math

import numpy as np
import pytest
import torch
from torch import nn

from fmlab.configs import GPTConfig
from fmlab.generation import (
    beam_search,
    best_of_n,
    generate,
    sequence_logprob,
    token_logprobs,
)
from fmlab.sampling import log_softmax, sample
from fmlab.transformer import GPT, KVCache

V, CONTEXT = 11, 16
PROMPTS = [[1, 2, 3], [4], [5, 6, 7, 8, 9, 10, 0], [2] * CONTEXT]


class Bigram(nn.Module):
    """The next token depends on the last one alone, in a way that the test decides."""

    device = torch.device("cpu")

    def __init__(self, probs):
        super().__init__()
        with np.errstate(divide="ignore"):
            self.table = torch.from_numpy(np.log(probs)).float()
        self.config = GPTConfig(len(probs), context_length=40, n_layers=1, n_heads=1, d_model=1)

    def make_cache(self, batch_size=1, capacity=0):
        return KVCache(self.config, batch_size)

    def forward(self, ids, targets=None, cache=None, *, n_padding=None, last_only=False):
        return self.table[ids[:, -1:] if last_only else ids], None


def cycle(n):
    """0 1 2 ... n - 1 0 1 ..., always."""
    return Bigram(np.roll(np.eye(n), 1, axis=1))


def lively(seed=0, dropout=0.0):
    model = GPT(GPTConfig(V, CONTEXT, n_layers=2, n_heads=2, d_model=8, dropout=dropout), seed)
    with torch.no_grad():
        for weight in model.parameters():
            noise = torch.randn(weight.shape, generator=torch.Generator().manual_seed(seed + 1))
            weight.add_(noise, alpha=0.4)
    return model


def seeded(seed=0):
    return np.random.default_rng(seed)


# --- generate -------------------------------------------------------------------------------------


@pytest.mark.parametrize("cache", [True, False])
def test_a_certain_model_says_what_it_must(cache):
    rows = generate(cycle(5), [[0], [0, 3]], 6, rng=seeded(), cache=cache)
    assert rows.ids == [[1, 2, 3, 4, 0, 1], [4, 0, 1, 2, 3, 4]]
    assert rows.logprobs == [[0.0] * 6] * 2
    assert rows.finish_reasons == ["length"] * 2
    assert rows.sequences == [[0, 1, 2, 3, 4, 0, 1], [0, 3, 4, 0, 1, 2, 3, 4]]


@pytest.mark.parametrize(
    "options",
    [{}, {"temperature": 0}, {"temperature": 2.0, "top_k": 5, "top_p": 0.9, "min_p": 0.01}],
)
@pytest.mark.parametrize("n", [1, 3])
def test_batched_alone_cached_and_uncached_are_the_same(options, n):
    model = lively()
    batch = generate(model, PROMPTS, 8, rng=seeded(), n=n, stop=[3], **options)
    plain = generate(model, PROMPTS, 8, rng=seeded(), n=n, stop=[3], cache=False, **options)
    assert batch.ids == plain.ids
    assert batch.finish_reasons == plain.finish_reasons
    one_rng, alone = seeded(), []
    for prompt in PROMPTS:
        alone.append(generate(model, prompt, 8, rng=one_rng, n=n, stop=[3], **options))
    assert batch.ids == [ids for rows in alone for ids in rows.ids]
    found = np.concatenate([np.concatenate(rows.logprobs) for rows in alone])
    np.testing.assert_allclose(found, np.concatenate(batch.logprobs), atol=2e-5)
    np.testing.assert_allclose(found, np.concatenate(plain.logprobs), atol=2e-5)


def test_a_row_does_not_depend_on_when_the_others_stop():
    model = lively()
    free = generate(model, PROMPTS[:3], 8, rng=seeded())
    stops = {free.ids[0][2], free.ids[1][4]}
    rows = generate(model, PROMPTS[:3], 8, rng=seeded(), stop=list(stops))
    assert len({len(ids) for ids in rows.ids}) > 1
    for ids, whole in zip(rows.ids, free.ids):
        ends = [i for i, token in enumerate(whole) if token in stops]
        assert ids == whole[: ends[0] + 1 if ends else 8]


def test_each_row_stops_for_its_own_reason():
    rows = generate(cycle(9), [[0], [5], [8]], 4, rng=seeded(), stop=[3, [6, 7]])
    assert rows.ids == [[1, 2, 3], [6, 7], [0, 1, 2, 3]]
    assert rows.finish_reasons == ["stop"] * 3
    rows = generate(cycle(9), [[0], [5], [8]], 3, rng=seeded(), stop=([7, 8],))
    assert rows.ids == [[1, 2, 3], [6, 7, 8], [0, 1, 2]]
    assert rows.finish_reasons == ["length", "stop", "length"]


@pytest.mark.parametrize("stop", [[7, 6], [6, 8]])
def test_a_stop_sequence_must_come_in_order_and_in_one_piece(stop):
    assert generate(cycle(9), [5], 4, rng=seeded(), stop=[stop]).ids == [[6, 7, 8, 0]]


def test_a_stop_must_lie_in_the_new_tokens():
    assert generate(cycle(5), [2], 3, rng=seeded(), stop=[[2, 3]]).ids == [[3, 4, 0]]


@pytest.mark.parametrize("cache", [True, False])
def test_the_context_is_used_up_and_no_more(cache):
    """All 16 positions are read; the token that the last one predicts is the 17th."""
    rows = generate(lively(), [[1] * 16, [1] * 14, [1] * 3], 5, rng=seeded(), cache=cache)
    assert [len(ids) for ids in rows.ids] == [1, 3, 5]
    assert rows.finish_reasons == ["context", "context", "length"]


def test_logprobs_are_the_models_whatever_the_sampler_did():
    model = lively()
    rows = generate(model, PROMPTS[:3], 6, rng=seeded(), temperature=0.5, top_k=3)
    for sequence, prompt, logprobs in zip(rows.sequences, rows.prompts, rows.logprobs):
        np.testing.assert_allclose(
            logprobs, token_logprobs(model, sequence, len(prompt)), atol=1e-5
        )


def test_sampled_tokens_are_as_frequent_as_they_are_likely():
    """4000 draws; each of 4 shares within 5 standard errors: fails falsely below 3e-6; seeded."""
    probs = np.array([0.5, 0.3, 0.15, 0.05])
    rows = generate(Bigram(np.tile(probs, (4, 1))), [0], 2, rng=seeded(), n=2000)
    shares = np.bincount(np.ravel(rows.ids), minlength=4) / 4000
    assert (abs(shares - probs) < 5 * np.sqrt(probs * (1 - probs) / 4000)).all()


def test_at_temperature_0_the_token_is_the_one_that_sample_gives():
    table = np.random.default_rng(0).integers(1, 4, (20, 20))  # many ties: to the lowest id
    model = Bigram(table / table.sum(axis=1, keepdims=True))
    prompts = [[i] for i in range(20)]
    found = generate(model, prompts, 1, temperature=0, top_k=5, top_p=0.9).ids
    expected = sample(model.table.numpy(), temperature=0, rng=seeded())
    assert np.ravel(found).tolist() == expected.tolist()


def test_n_rows_of_a_prompt_differ_and_repeat_with_the_seed():
    model = lively()
    rows = generate(model, [1], 8, rng=seeded(), n=4)
    assert len({tuple(ids) for ids in rows.ids}) == 4
    assert rows.ids == generate(model, [1], 8, rng=seeded(), n=4).ids
    assert rows.ids != generate(model, [1], 8, rng=seeded(1), n=4).ids


def test_two_calls_with_one_generator_draw_differently():
    rng = seeded()
    assert generate(lively(), [1], 8, rng=rng).ids != generate(lively(), [1], 8, rng=rng).ids


def test_on_token_hears_every_token_in_order():
    heard = {0: [], 1: []}
    rows = generate(
        lively(), PROMPTS[:2], 5, rng=seeded(), on_token=lambda row, token: heard[row].append(token)
    )
    assert [heard[0], heard[1]] == rows.ids


def test_the_model_is_left_as_it_was_and_dropout_is_off():
    model = lively(dropout=0.5).train()
    model.transformer.h[0].eval()
    with torch.no_grad():
        before = {name: weight.clone() for name, weight in model.state_dict().items()}
    rows = generate(model, PROMPTS, 5, rng=seeded(), cache=False)
    assert rows.ids == generate(lively(), PROMPTS, 5, rng=seeded()).ids
    assert model.training
    assert model.transformer.h[1].training
    assert not model.transformer.h[0].training
    assert all(torch.equal(before[name], weight) for name, weight in model.state_dict().items())
    model(torch.tensor([[1]]), targets=torch.tensor([[2]]))[1].backward()  # it can still learn


@pytest.mark.parametrize("kind", [list, tuple, np.array, torch.tensor])
def test_prompts_may_be_lists_arrays_or_tensors(kind):
    expected = generate(lively(), [1, 2, 3], 4, temperature=0).ids
    assert generate(lively(), kind([1, 2, 3]), 4, temperature=0).ids == expected
    assert generate(lively(), kind([[1, 2, 3]]), 4, temperature=0).ids == expected


def test_ids_are_plain_integers_and_logprobs_plain_floats():
    rows = generate(lively(), np.array([1, 2]), 2, rng=seeded())
    assert {type(i) for ids in rows.sequences for i in ids} == {int}
    assert {type(p) for p in rows.logprobs[0]} == {float}


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_other_precisions_generate_too(dtype):
    rows = generate(lively().to(dtype), PROMPTS[:2], 5, temperature=0)
    assert [len(ids) for ids in rows.ids] == [5, 5]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"ids": []}, r"ids must be at least one token; got \[\]"),
        ({"ids": [[1], []]}, r"ids must be at least one token; got \[\]"),
        ({"ids": [1] * 17}, "ids must be at most 16 tokens, the context; got 17"),
        ({"ids": [1, 11]}, "ids must be token ids, integers from 0 to 10"),
        ({"ids": [-1]}, "ids must be token ids, integers from 0 to 10"),
        ({"ids": [1.0]}, "ids must be token ids, integers from 0 to 10"),
        ({"ids": [True]}, "ids must be token ids, integers from 0 to 10"),
        ({"ids": "text"}, "ids must be token ids, integers from 0 to 10"),
        ({"ids": 3}, "ids must be token ids, integers from 0 to 10; got 3"),
        ({"max_new_tokens": 0}, "max_new_tokens must be an integer >= 1; got 0"),
        ({"n": 0}, "n must be an integer >= 1; got 0"),
        ({"rng": 0}, "rng must be a numpy Generator"),
        ({"rng": None}, "rng must be a numpy Generator"),
        ({"temperature": -1}, "temperature must be a finite number >= 0; got -1"),
        ({"top_k": 0}, "top_k must be an integer >= 1; got 0"),
        ({"top_p": 0}, r"top_p must be a number in \(0, 1\]; got 0"),
        ({"min_p": 2}, r"min_p must be a number in \(0, 1\]; got 2"),
        ({"stop": 3}, "stop must be a sequence of token ids, or of sequences of token ids; got 3"),
        ({"stop": [[]]}, r"stop must be at least one token; got \[\]"),
        ({"stop": [99]}, r"stop must be token ids, integers from 0 to 10; got \[99\]"),
    ],
)
def test_bad_arguments_are_named(change, message):
    arguments = {"ids": [1], "max_new_tokens": 2, "rng": seeded()} | change
    with pytest.raises(ValueError, match=message):
        generate(lively(), **arguments)


def test_a_broken_model_is_not_sampled_from():
    model = lively()
    model.transformer.ln_f.weight.data[:] = math.nan
    with pytest.raises(ValueError, match="logits must be free of NaN"):
        generate(model, [1], 2, rng=seeded())


# --- logprobs -------------------------------------------------------------------------------------


def test_logprobs_of_a_bigram_by_hand():
    model = Bigram([[0.5, 0.25, 0.25], [0.1, 0.2, 0.7], [0.3, 0.3, 0.4]])
    expected = np.log([0.25, 0.7, 0.3])
    np.testing.assert_allclose(token_logprobs(model, [0, 1, 2, 0]), expected, rtol=1e-6)
    assert sequence_logprob(model, [0, 1, 2, 0], 2) == pytest.approx(math.log(0.7 * 0.3))


def test_all_sequences_of_a_length_share_a_probability_of_1():
    model, lengths = lively(), itertools.product(range(V), repeat=2)
    total = sum(math.exp(sequence_logprob(model, [3, *new], 1)) for new in lengths)
    assert total == pytest.approx(1, abs=1e-5)


def test_logprobs_reach_one_beyond_the_context():
    assert len(token_logprobs(lively(), [1] * 17)) == 16
    with pytest.raises(ValueError, match="ids must be at most 17 tokens"):
        token_logprobs(lively(), [1] * 18)


@pytest.mark.parametrize(
    ("ids", "start", "message"),
    [
        ([1], 1, "ids must be at least two tokens"),
        ([1, 2], 0, "start must be an integer >= 1; got 0"),
        ([1, 2], 2, "start must be below the number of ids, 2; got 2"),
        ([1, 12], 1, "ids must be token ids"),
    ],
)
def test_bad_logprob_arguments_are_named(ids, start, message):
    with pytest.raises(ValueError, match=message):
        sequence_logprob(lively(), ids, start)


# --- beam search ----------------------------------------------------------------------------------


def all_continuations(model, prompt, length, stop=None, penalty=0.0):
    """Every way to go on, with its score, best first: what an exhaustive search must find."""
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


def test_two_beams_find_what_greed_misses():
    """0 goes to 1 (0.6) and then anywhere, or to 2 (0.4) and then surely to 3: 0.3 < 0.4."""
    model = Bigram([[0, 0.6, 0.4, 0], [0.5, 0, 0, 0.5], [0, 0, 0, 1], [1, 0, 0, 0]])
    assert generate(model, [0], 2, temperature=0).ids == [[1, 0]]
    rows = beam_search(model, [0], 2, n_beams=2)
    assert rows.ids == [[2, 3], [1, 0]]
    np.testing.assert_allclose(np.exp(rows.scores), [0.4, 0.3], rtol=1e-6)


def test_length_penalty_decides_between_short_and_long():
    """Stop at once with 0.4, or later with 0.6 * 0.6 = 0.36: the mean favours the latter."""
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


# --- best of n ------------------------------------------------------------------------------------


def test_best_of_n_ranks_what_generate_draws():
    model = lively()
    drawn = generate(model, [1], 4, rng=seeded(), n=6)
    rows = best_of_n(model, [1], 6, sum, 4, rng=seeded())
    assert rows.ids == sorted(drawn.ids, key=sum, reverse=True)  # stable: the earlier draw first
    assert rows.scores == sorted(map(float, map(sum, drawn.ids)), reverse=True)
    for ids, logprobs in zip(rows.ids, rows.logprobs):
        assert logprobs == drawn.logprobs[drawn.ids.index(ids)]


def test_a_score_that_is_no_number_is_refused():
    with pytest.raises(ValueError, match="score must be a function that gives numbers"):
        best_of_n(lively(), [1], 2, lambda ids: math.nan, 3, rng=seeded())


def test_the_first_token_is_drawn_from_the_models_distribution():
    """Ties generate to sampling: 3000 draws, 11 shares within 5 standard errors (false: 6e-6)."""
    model = lively()
    with torch.no_grad():
        probs = np.exp(log_softmax(model(torch.tensor([[1, 2]]))[0][0, -1].numpy()))
    rows = generate(model, [1, 2], 1, rng=seeded(), n=3000)
    shares = np.bincount(np.ravel(rows.ids), minlength=V) / 3000
    assert (abs(shares - probs) < 5 * np.sqrt(probs * (1 - probs) / 3000) + 1e-9).all()
