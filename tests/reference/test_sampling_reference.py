"""fmlab.sampling against PyTorch, the logits warpers of Hugging Face, and OpenAI's formula.

All in float64.

Compared where the references are well defined: no ties at the edge of top-k or of the nucleus (they
keep all of tied top-k tokens, and any of tied nucleus tokens), temperature above 0.
"""

import numpy as np
import pytest
import torch
from transformers.generation.logits_process import (
    MinPLogitsWarper,
    RepetitionPenaltyLogitsProcessor,
    SequenceBiasLogitsProcessor,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)

from fmlab.sampling import (
    Penalties,
    entropy,
    keep_min_p,
    keep_top_k,
    keep_top_p,
    log_softmax,
    logit_bias,
    repetition_penalty,
    restrict,
    sample,
    softmax,
)


def some_logits(seed, n_rows=8, n_vocab=200, masked=False):
    rng = np.random.default_rng(seed)
    spread = rng.uniform(0.3, 6, size=(n_rows, 1))  # from nearly flat to nearly certain
    logits = spread * rng.normal(size=(n_rows, n_vocab))
    if masked:
        logits[rng.random(logits.shape) < 0.3] = -np.inf
    return logits


def warped(warper, logits):
    return warper(None, torch.from_numpy(logits)).numpy()


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("temperature", [0.1, 0.7, 1.0, 1.5, 10.0])
def test_softmax_and_log_softmax_equal_torch(temperature, masked):
    logits = some_logits(0, masked=masked)
    scaled = torch.from_numpy(logits) / temperature
    np.testing.assert_allclose(softmax(logits, temperature), scaled.softmax(-1), rtol=1e-12)
    np.testing.assert_allclose(
        log_softmax(logits, temperature), scaled.log_softmax(-1), rtol=1e-12, atol=1e-14
    )


@pytest.mark.parametrize("masked", [False, True])
def test_entropy_equals_torch(masked):
    probs = softmax(some_logits(0, masked=masked))
    nats = torch.distributions.Categorical(probs=torch.from_numpy(probs)).entropy()
    # torch counts impossible tokens with a probability of 2e-16: hence the 1e-10
    np.testing.assert_allclose(entropy(probs, base=np.e), nats, rtol=1e-10)
    np.testing.assert_allclose(entropy(probs), nats / np.log(2), rtol=1e-10)


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("temperature", [0.1, 0.7, 1.5, 10.0])
def test_temperature_equals_hugging_face(temperature, masked):
    logits = some_logits(1, masked=masked)
    expected = warped(TemperatureLogitsWarper(temperature), logits)
    assert (restrict(logits, temperature=temperature) == expected).all()


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("k", [1, 2, 50, 100, 199, 200, 1000])
def test_top_k_equals_hugging_face(k, masked):
    logits = some_logits(2, masked=masked)
    assert (keep_top_k(logits, k) == warped(TopKLogitsWarper(k), logits)).all()


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("p", [0.01, 0.3, 0.5, 0.9, 0.95, 0.999, 1.0])
def test_top_p_equals_hugging_face(p, masked):
    logits = some_logits(3, masked=masked)
    assert (keep_top_p(logits, p) == warped(TopPLogitsWarper(p), logits)).all()


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("p", [0.001, 0.05, 0.1, 0.5, 0.99, 1.0])
def test_min_p_equals_hugging_face(p, masked):
    logits = some_logits(4, masked=masked)
    assert (keep_min_p(logits, p) == warped(MinPLogitsWarper(p), logits)).all()


@pytest.mark.parametrize("temperature", [0.5, 2.0])
@pytest.mark.parametrize("top_k", [5, 60])
@pytest.mark.parametrize("top_p", [0.6, 0.95])
@pytest.mark.parametrize("min_p", [0.02, 0.3])
def test_all_steps_in_order_equal_hugging_face(temperature, top_k, top_p, min_p):
    logits = some_logits(5, n_rows=50)
    expected = logits
    for warper in (
        TemperatureLogitsWarper(temperature),
        TopKLogitsWarper(top_k),
        TopPLogitsWarper(top_p),
        MinPLogitsWarper(min_p),
    ):
        expected = warped(warper, expected)
    found = restrict(logits, temperature=temperature, top_k=top_k, top_p=top_p, min_p=min_p)
    assert (found == expected).all()


def test_temperature_0_equals_torch_argmax():
    logits = some_logits(6)
    found = sample(logits, temperature=0, rng=np.random.default_rng(0))
    assert (found == torch.from_numpy(logits).argmax(-1).numpy()).all()


# --- penalties ------------------------------------------------------------------------------------


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("penalty", [0.5, 1.0, 1.1, 1.3, 2.0])
def test_repetition_penalty_equals_hugging_face(penalty, masked):
    logits = some_logits(7, masked=masked)
    ids = np.random.default_rng(7).integers(logits.shape[1], size=(len(logits), 40))
    theirs = RepetitionPenaltyLogitsProcessor(penalty)
    expected = theirs(torch.from_numpy(ids), torch.from_numpy(logits.copy())).numpy()
    for row, seen, wanted in zip(logits, ids, expected, strict=True):
        assert (repetition_penalty(row, seen.tolist(), penalty) == wanted).all()
        assert (Penalties(penalty)(row, seen[:30].tolist(), seen[30:].tolist()) == wanted).all()


@pytest.mark.parametrize("frequency", [0.0, 0.5, 2.0, -1.0])
@pytest.mark.parametrize("presence", [0.0, 0.5, 2.0, -1.0])
def test_frequency_and_presence_equal_the_formula_in_openais_documentation(frequency, presence):
    """mu[j] - c[j] * alpha_frequency - float(c[j] > 0) * alpha_presence, c over sampled tokens."""
    mu = some_logits(8)[0]
    prompt, sampled = np.random.default_rng(8).integers(len(mu), size=(2, 150)).tolist()
    c = [sampled.count(j) for j in range(len(mu))]
    expected = [mu[j] - c[j] * frequency - float(c[j] > 0) * presence for j in range(len(mu))]
    found = Penalties(frequency=frequency, presence=presence)(mu, prompt, sampled)
    np.testing.assert_allclose(found, expected, rtol=1e-14)


def test_logit_bias_equals_hugging_face():
    logits = some_logits(9)
    bias = {3: 2.5, 7: -4.0, 11: -100.0}
    theirs = SequenceBiasLogitsProcessor([[[i], number] for i, number in bias.items()])
    no_ids = torch.zeros((len(logits), 1), dtype=torch.long)
    expected = theirs(no_ids, torch.from_numpy(logits.copy())).numpy()
    for row, wanted in zip(logits, expected, strict=True):
        np.testing.assert_allclose(logit_bias(row, bias), wanted, rtol=1e-6)
