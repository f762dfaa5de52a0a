"""Properties of stream and generate, on tiny random GPTs and on a bigram model of known logits."""

import math

import numpy as np
import pytest
import torch

from fmlab.generation.decoding import generate, stream
from fmlab.models.logprobs import token_logprobs
from fmlab.sampling import Penalties, log_softmax, sample
from tests.unit.generation.small_models import PROMPTS, Bigram, V, cycle, lively, seeded

# --- generate -------------------------------------------------------------------------------------


@pytest.mark.parametrize("engine", ["torch", "uncached"])
def test_a_certain_model_says_what_it_must(engine):
    rows = generate(cycle(5), [[0], [0, 3]], 6, rng=seeded(), engine=engine)
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
    plain = generate(model, PROMPTS, 8, rng=seeded(), n=n, stop=[3], engine="uncached", **options)
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


@pytest.mark.parametrize("engine", ["torch", "uncached"])
def test_the_context_is_used_up_and_no_more(engine):
    """All 16 positions are read; the token that the last one predicts is the 17th."""
    rows = generate(lively(), [[1] * 16, [1] * 14, [1] * 3], 5, rng=seeded(), engine=engine)
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


def test_the_model_is_left_as_it_was_and_dropout_is_off():
    model = lively(dropout=0.5).train()
    model.transformer.h[0].eval()
    with torch.no_grad():
        before = {name: weight.clone() for name, weight in model.state_dict().items()}
    rows = generate(model, PROMPTS, 5, rng=seeded(), engine="uncached")
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
        ({"processors": 3}, "processors must be a sequence of functions; got 3"),
        ({"processors": [3]}, r"processors must be a sequence of functions; got \[3\]"),
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


def test_the_first_token_is_sampled_from_the_models_distribution():
    """Ties generate to sampling: 3000 draws, 11 shares within 5 standard errors (false: 6e-6)."""
    model = lively()
    with torch.no_grad():
        probs = np.exp(log_softmax(model(torch.tensor([[1, 2]]))[0][0, -1].numpy()))
    rows = generate(model, [1, 2], 1, rng=seeded(), n=3000)
    shares = np.bincount(np.ravel(rows.ids), minlength=V) / 3000
    assert (abs(shares - probs) < 5 * np.sqrt(probs * (1 - probs) / 3000) + 1e-9).all()


# --- processors -----------------------------------------------------------------------------------


def test_processors_see_each_row_and_change_its_next_token_in_their_order():
    seen = []

    def record(logits, prompt, new):
        seen.append((prompt, list(new)))
        return logits

    def force_3(logits, prompt, new):
        return np.where(np.arange(len(logits)) == 3, 0.0, -np.inf)

    def force_5_once(logits, prompt, new):
        return logits if new else np.where(np.arange(len(logits)) == 5, 0.0, -np.inf)

    rows = generate(
        lively(), [[1, 2], [4]], 2, rng=seeded(), processors=[force_3, force_5_once, record]
    )
    assert rows.ids == [[5, 3], [5, 3]]
    assert seen == [([1, 2], []), ([4], []), ([1, 2], [5]), ([4], [5])]


@pytest.mark.parametrize("temperature", [0, 1])
@pytest.mark.parametrize("engine", ["torch", "uncached", "auto"])
def test_a_processor_that_changes_nothing_changes_nothing(temperature, engine):
    options = dict(temperature=temperature, engine=engine, n=2)
    plain = generate(lively(), [1, 2, 3], 8, rng=seeded(), **options)
    same = generate(lively(), [1, 2, 3], 8, rng=seeded(), processors=[Penalties()], **options)
    assert same == plain


def test_logprobs_are_the_models_whatever_a_processor_did():
    model = lively()
    rows = generate(model, [1, 2], 6, temperature=0, processors=[Penalties(repetition=3)])
    assert rows.ids != generate(model, [1, 2], 6, temperature=0).ids
    np.testing.assert_allclose(
        rows.logprobs[0], token_logprobs(model, rows.sequences[0], start=2), atol=2e-5
    )


def test_a_large_penalty_lets_no_token_come_twice():
    rows = generate(lively(), [1, 2], 9, temperature=0, processors=[Penalties(presence=1e6)])
    assert len(set(rows.ids[0])) == 9
    rows = generate(lively(), [1, 2], 9, temperature=0, processors=[Penalties(repetition=1e6)])
    assert not {1, 2} & set(rows.ids[0])  # the prompt counts, too


def test_a_banned_token_never_comes():
    bias = Penalties(bias={3: -np.inf, 7: -np.inf})
    rows = generate(lively(), [1, 2], 14, rng=seeded(), n=20, processors=[bias])
    assert not {3, 7} & {i for ids in rows.ids for i in ids}


# --- stream ---------------------------------------------------------------------------------------


def test_generate_collects_what_stream_yields():
    options = dict(rng=seeded(), n=2, stop=[3])
    rows = generate(lively(), PROMPTS[:3], 8, **options)
    steps = stream(lively(), PROMPTS[:3], 8, **options | {"rng": seeded()})
    assert steps.prompts == rows.prompts
    ids, logprobs, reasons = [[] for _ in rows.ids], [[] for _ in rows.ids], {}
    for step in steps:
        for row, token, logprob, reason in step:
            assert row not in reasons  # a row that has finished is not heard of again
            ids[row].append(token)
            logprobs[row].append(logprob)
            if reason is not None:
                reasons[row] = reason
    assert ids == rows.ids
    assert logprobs == rows.logprobs
    assert [reasons[row] for row in range(len(ids))] == rows.finish_reasons


def test_a_stream_computes_no_further_than_it_is_asked(monkeypatch):
    model, calls = lively(), []
    model.register_forward_hook(lambda *_: calls.append(1))
    steps = stream(model, [1], 8, rng=seeded())
    assert calls == []
    next(steps)
    assert len(calls) == 1
    next(steps)
    assert len(calls) == 2


def test_a_stream_ends_and_stays_ended():
    steps = stream(lively(), [1], 2, rng=seeded())
    assert len(list(steps)) == 2
    assert list(steps) == []


def test_a_stream_refuses_bad_arguments_before_the_first_step():
    with pytest.raises(ValueError, match="top_k must be an integer >= 1"):
        stream(lively(), [1], 2, rng=seeded(), top_k=0)


def test_two_streams_may_take_turns():
    model = lively()
    alone = [generate(model, prompt, 6, rng=seeded()).ids[0] for prompt in PROMPTS[:2]]
    streams = [stream(model, prompt, 6, rng=seeded()) for prompt in PROMPTS[:2]]
    turns = [[step.tokens[0] for step in pair] for pair in zip(*streams)]
    assert [list(ids) for ids in zip(*turns)] == alone
