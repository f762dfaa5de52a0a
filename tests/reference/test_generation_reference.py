"""stream and generate against the ``generate`` of Hugging Face, on the same random weights."""

import numpy as np
import pytest
import torch
from transformers import GPT2Config, GPT2LMHeadModel

from fmlab.generation.decoding import generate
from fmlab.generation.search import beam_search
from fmlab.models.gpt import GPT
from fmlab.models.logprobs import sequence_logprob

V, CONTEXT = 31, 24


@pytest.fixture(scope="module")
def models():
    config = GPT2Config(
        vocab_size=V,
        n_positions=CONTEXT,
        n_layer=2,
        n_head=4,
        n_embd=16,
        eos_token_id=None,
        bos_token_id=None,
        resid_pdrop=0.0,
        embd_pdrop=0.0,
        attn_pdrop=0.0,
    )
    theirs = GPT2LMHeadModel(config).eval()
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for weight in theirs.parameters():
            weight.copy_(torch.randn(weight.shape, generator=generator) * 0.3)
    return GPT.from_huggingface(theirs), theirs


def their_ids(theirs, prompts, max_new_tokens, **options):
    """New ids, row by row; prompts of unequal length are padded on the left."""
    longest = max(map(len, prompts))
    ids = torch.tensor([[0] * (longest - len(p)) + p for p in prompts])
    real = torch.tensor([[0] * (longest - len(p)) + [1] * len(p) for p in prompts])
    out = theirs.generate(
        ids, attention_mask=real, max_new_tokens=max_new_tokens, pad_token_id=0, **options
    )
    return out[:, longest:].tolist()


@pytest.mark.parametrize("engine", ["auto", "uncached"])
@pytest.mark.parametrize("prompt", [[3], [1, 2, 3, 4, 5]])
def test_greedy_ids_equal_theirs(models, prompt, engine):
    ours, theirs = models
    found = generate(ours, prompt, 18, temperature=0, engine=engine).ids
    assert found == their_ids(theirs, [prompt], 18, do_sample=False)


@pytest.mark.parametrize("engine", ["auto", "uncached"])
def test_greedy_ids_of_unequal_prompts_equal_theirs(models, engine):
    ours, theirs = models
    prompts = [[3], [1, 2, 3, 4, 5], [9, 8, 7]]
    found = generate(ours, prompts, 18, temperature=0, engine=engine).ids
    assert found == their_ids(theirs, prompts, 18, do_sample=False)


def test_rows_that_stop_equal_theirs(models):
    ours, theirs = models
    prompts = [[3], [1, 2, 3, 4, 5], [9, 8, 7]]
    free = generate(ours, prompts, 18, temperature=0).ids
    stop = next(token for token in free[0][2:] if any(token not in ids for ids in free))
    rows = generate(ours, prompts, 18, temperature=0, stop=[stop])
    assert len(set(rows.finish_reasons)) == 2  # or this would show nothing
    expected = their_ids(theirs, prompts, 18, do_sample=False, eos_token_id=stop)
    for ids, theirs_padded in zip(rows.ids, expected):
        assert ids == theirs_padded[: len(ids)]
        assert set(theirs_padded[len(ids) :]) <= {0}


def test_sampled_tokens_are_drawn_from_their_distribution(models):
    """4000 draws of the third token after top-k, top-p and temperature against 4000 of theirs.

    The total variation of two samples of 4000 over at most 6 ids is below 0.05 but for a chance of
    1e-4 (its mean is about 0.02, and a share's standard error 0.008); both are seeded.
    """
    ours, theirs = models
    options = dict(temperature=1.3, top_k=6, top_p=0.95)
    rows = generate(ours, [1, 2, 3], 1, n=4000, rng=np.random.default_rng(0), **options)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        expected = their_ids(theirs, [[1, 2, 3]] * 4000, 1, do_sample=True, **options)
    shares = [np.bincount(np.ravel(ids), minlength=V) / 4000 for ids in (rows.ids, expected)]
    assert 0.5 * abs(shares[0] - shares[1]).sum() < 0.05


@pytest.mark.parametrize("n_beams", [2, 3, 5])
@pytest.mark.parametrize("prompt", [[3], [1, 2, 3, 4]])
def test_beam_search_equals_theirs(models, prompt, n_beams):
    ours, theirs = models
    out = theirs.generate(
        torch.tensor([prompt]),
        attention_mask=torch.ones(1, len(prompt), dtype=torch.long),
        max_new_tokens=8,
        num_beams=n_beams,
        num_return_sequences=n_beams,
        do_sample=False,
        pad_token_id=0,
        return_dict_in_generate=True,
        output_scores=True,
    )
    found = beam_search(ours, prompt, 8, n_beams, length_penalty=1.0)
    assert found.sequences == out.sequences.tolist()
    np.testing.assert_allclose(found.scores, out.sequences_scores, rtol=1e-5)


@pytest.mark.parametrize("length_penalty", [0.0, 1.0, 2.0])
def test_beam_search_with_a_stop_is_at_least_as_good_as_theirs(models, length_penalty):
    """Theirs drops a finished beam that is not among the n best of its step; ours keeps it."""
    ours, theirs = models
    for stop in range(V):
        their_new = their_ids(
            theirs,
            [[1, 2]],
            6,
            num_beams=3,
            do_sample=False,
            eos_token_id=stop,
            length_penalty=length_penalty,
            early_stopping="never",
        )[0]
        if stop in their_new:
            their_new = their_new[: their_new.index(stop) + 1]
        score = sequence_logprob(ours, [1, 2, *their_new], 2) / len(their_new) ** length_penalty
        found = beam_search(ours, [1, 2], 6, 3, [stop], length_penalty)
        assert found.scores[0] >= score - 1e-5


def test_logprobs_equal_those_of_their_logits(models):
    ours, theirs = models
    rows = generate(ours, [4, 5], 6, n=3, rng=np.random.default_rng(0))
    for sequence, logprobs in zip(rows.sequences, rows.logprobs):
        with torch.no_grad():
            expected = theirs(torch.tensor([sequence])).logits[0].log_softmax(-1)
        picked = [expected[t, sequence[t + 1]].item() for t in range(1, 7)]
        np.testing.assert_allclose(logprobs, picked, atol=1e-5)
        assert sequence_logprob(ours, sequence, 2) == pytest.approx(sum(picked), abs=1e-5)
