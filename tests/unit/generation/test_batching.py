"""Continuous batching: each row gets the tokens that it would get alone."""

import numpy as np
import pytest
import torch

from fmlab.generation.batching import ContinuousBatch, Row
from fmlab.generation.decoding import generate
from fmlab.generation.limits import Limits
from fmlab.sampling import Penalties
from tests.unit.generation.small_models import PROMPTS, V, lively, seeded
from tests.unit.tiny_llama import random_llama


def row(model, prompt, seed=0, most=8, stop=(), **options):
    processors = options.pop("processors", ())
    n_top = options.pop("n_top", 0)
    rng = seeded(seed).spawn(1)[0]  # as in stream
    return Row(prompt, Limits.of(model, most, stop), rng, options, processors, n_top)


def run(model, arrivals, max_rows):
    """Let (step, row) arrive; return the new tokens of each row, in the order of arrival."""
    batch, waiting, made = ContinuousBatch(model, max_rows), list(arrivals), {}
    for step in range(200):
        while waiting and waiting[0][0] <= step and batch.n_free:
            batch.add([waiting.pop(0)[1]])
        for new in batch.step():
            made.setdefault(new.row, []).append(new)
        if not waiting and not batch.rows:
            return [made[row] for _, row in arrivals]
    raise AssertionError("the batch never ended")


@pytest.mark.parametrize("model", [lively(), random_llama()], ids=["gpt", "llama"])
@pytest.mark.parametrize("max_rows", [1, 2, 5])
@pytest.mark.parametrize("options", [{}, {"temperature": 0}, {"temperature": 1.7, "top_k": 4}])
def test_whenever_rows_arrive_each_gets_what_it_gets_alone(model, max_rows, options):
    random = np.random.default_rng(7)
    prompts = [[int(i) for i in random.integers(0, V, random.integers(1, 9))] for _ in range(9)]
    steps = sorted(int(step) for step in random.integers(0, 15, len(prompts)))
    arrivals = [
        (step, row(model, prompt, seed, most=1 + seed, stop=[3], **options))
        for seed, (step, prompt) in enumerate(zip(steps, prompts))
    ]
    for seed, (prompt, made) in enumerate(zip(prompts, run(model, arrivals, max_rows))):
        alone = generate(model, prompt, 1 + seed, stop=[3], rng=seeded(seed), **options)
        assert [new.token for new in made] == alone.ids[0]
        assert made[-1].finish_reason == alone.finish_reasons[0]
        assert {new.finish_reason for new in made[:-1]} <= {None}
        found = [new.logprob for new in made]
        np.testing.assert_allclose(found, alone.logprobs[0], atol=2e-5)


def test_a_full_context_ends_a_row_beside_shorter_ones():
    model = lively()
    rows = [row(model, prompt, seed, most=50) for seed, prompt in enumerate(PROMPTS)]
    for seed, made in enumerate(run(model, [(i, r) for i, r in enumerate(rows)], 4)):
        alone = generate(model, PROMPTS[seed], 50, rng=seeded(seed))
        assert [new.token for new in made] == alone.ids[0]
        assert made[-1].finish_reason == "context"


def test_rows_of_one_prompt_share_its_prefill():
    model, calls = lively(), []
    model.register_forward_pre_hook(lambda _, given: calls.append(tuple(given[0].shape)))
    batch = ContinuousBatch(model, 4)
    batch.add([row(model, [1, 2, 3], seed) for seed in range(3)])
    batch.step()
    assert calls == [(1, 3), (3, 1)]


def test_a_row_can_be_removed_while_the_others_continue():
    model = lively()
    rows = [row(model, prompt, seed, most=5) for seed, prompt in enumerate(PROMPTS[:3])]
    batch = ContinuousBatch(model, 3)
    for one in rows:
        batch.add([one])
    batch.step()
    batch.remove(rows[0])
    batch.remove(rows[0])  # once more changes nothing
    while batch.rows:
        batch.step()
    assert len(rows[0].new) == 1
    for seed in (1, 2):
        assert rows[seed].new == generate(model, PROMPTS[seed], 5, rng=seeded(seed)).ids[0]


def test_memory_follows_the_rows_that_run():
    model = lively()
    batch = ContinuousBatch(model, 2)
    long, short = row(model, [1] * 12, most=1), row(model, [2], most=9)
    batch.add([long])
    batch.add([short])
    batch.step()
    assert batch._cache.n_tokens == 2  # the long row has left, and its padding with it
    spare = batch._cache._keys[0].untyped_storage().nbytes() / (2 * 2 * 4 * 4)  # tokens
    assert spare < 40


def test_processors_and_top_tokens_are_the_rows_own():
    model = lively()
    never_3 = Penalties(bias={3: -np.inf})
    rows = [row(model, [1], 1, processors=[never_3]), row(model, [1], 1, n_top=V)]
    plain, banned = run(model, [(0, rows[1]), (0, rows[0])], 2)
    assert 3 not in [new.token for new in banned]
    assert [new.top for new in banned] == [[]] * len(banned)
    for new in plain:
        assert len(new.top) == V
        assert dict(new.top)[new.token] == pytest.approx(new.logprob)
        assert sum(np.exp([p for _, p in new.top])) == pytest.approx(1, abs=1e-5)


def test_bad_rows_are_refused_and_disturb_nobody():
    model = lively()
    batch = ContinuousBatch(model, 2)
    good = row(model, [1, 2], 0, most=4)
    batch.add([good])
    with pytest.raises(ValueError, match="prompt must be at least one token"):
        batch.add([row(model, [])])
    with pytest.raises(ValueError, match="prompt must be token ids"):
        batch.add([row(model, [V])])
    with pytest.raises(ValueError, match="temperature must be"):
        batch.add([row(model, [1], temperature=-1)])
    with pytest.raises(ValueError, match="rows must be from 1 to 1"):
        batch.add([row(model, [1]), row(model, [1])])
    with pytest.raises(ValueError, match="of one prompt"):
        ContinuousBatch(model, 2).add([row(model, [1]), row(model, [2])])
    while batch.rows:
        batch.step()
    assert good.new == generate(model, [1, 2], 4, rng=seeded(0)).ids[0]


def test_joined_caches_give_the_same_logits():
    model = lively()
    with torch.inference_mode():
        caches = []
        for prompt in ([1, 2, 3, 4, 5], [6], [7, 8, 9]):
            cache = model.make_cache()
            model(torch.tensor([prompt]), cache=cache)
            caches.append(cache)
        joined = caches[1]
        joined.join(caches[0])
        joined.join(caches[2])
        assert joined.n_padding.tolist() == [4, 0, 2]
        logits, _ = model(torch.tensor([[1], [2], [3]]), cache=joined)
        joined.select([2, 0])
        joined.trim()
        assert joined.n_padding.tolist() == [0, 2]
        more, _ = model(torch.tensor([[3], [1]]), cache=joined)
        alone = [model(torch.tensor([ids]))[0][0, -1] for ids in ([6, 1], [1, 2, 3, 4, 5, 2])]
        torch.testing.assert_close(logits[:2, -1], torch.stack(alone))
        again = [model(torch.tensor([ids]))[0][0, -1] for ids in ([7, 8, 9, 3, 3], [6, 1, 1])]
        torch.testing.assert_close(more[:, -1], torch.stack(again))
