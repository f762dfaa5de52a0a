"""Properties of fmlab.alignment.dpo: the loss, a batch, and a run on a tiny model."""

import math
import signal
from importlib import import_module

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from fmlab.alignment.dpo import dpo, dpo_loss, implicit_rewards, measured
from fmlab.data.dialogues import Dialogues, encode_comparisons
from fmlab.models.logprobs import evaluate_response_logprobs, response_logprobs
from tests.unit.tiny_chat import COMPARISONS, TOKENIZER, Pair, changed, tiny_model, weights_of

module = import_module("fmlab.alignment.dpo")


def trained(policy=None, reference=None, pairs=COMPARISONS, **options):
    policy = policy or tiny_model()
    options = dict(n_steps=4, batch_size=2, progress=False) | options
    return policy, dpo(policy, reference or tiny_model(), TOKENIZER, pairs, **options)


# --- the loss -------------------------------------------------------------------------------------


def test_loss_is_ln_2_if_the_policy_is_the_reference():
    logprobs = torch.tensor([-3.0, -7.5])
    assert dpo_loss(*[logprobs] * 4, beta=0.3).item() == pytest.approx(math.log(2))


def test_loss_by_hand():
    loss = dpo_loss(*torch.tensor([[-1.0], [-5.0], [-2.0], [-3.0]]), beta=0.5)
    # The log-probability of chosen rises by one nat, that of rejected falls by two.
    assert loss.item() == pytest.approx(-math.log(1 / (1 + math.exp(-0.5 * (1 + 2)))))


def test_gradient_raises_the_chosen_logprob_and_lowers_the_rejected_one():
    chosen, rejected = (torch.zeros(3, requires_grad=True) for _ in range(2))
    dpo_loss(chosen, rejected, torch.zeros(3), torch.zeros(3), beta=0.1).backward()
    # At the reference, beta / 2 each, divided by the three comparisons of the mean.
    np.testing.assert_allclose(chosen.grad, torch.full((3,), -0.1 / 6), atol=1e-8)
    np.testing.assert_allclose(rejected.grad, -chosen.grad)


def test_terms_of_the_prompt_alone_cancel():
    logprobs = torch.randn(4, 3, generator=torch.Generator().manual_seed(0))
    shift = torch.tensor([5.0, -2.0, 0.5])
    moved = logprobs + torch.stack([shift, shift, torch.zeros(3), torch.zeros(3)])
    torch.testing.assert_close(dpo_loss(*moved, beta=0.7), dpo_loss(*logprobs, beta=0.7))


@pytest.mark.parametrize("beta", [0.0, -1.0, math.nan, math.inf, True])
def test_beta_must_be_above_0(beta):
    with pytest.raises(ValueError, match="beta must be a number above 0"):
        implicit_rewards(torch.zeros(2), torch.zeros(2), beta)


def test_shapes_must_agree():
    with pytest.raises(ValueError, match="reference must be of the policy's shape"):
        dpo_loss(torch.zeros(2), torch.zeros(2), torch.zeros(2), torch.zeros(1), 0.1)


# --- a batch --------------------------------------------------------------------------------------


def test_padding_changes_nothing():
    data = encode_comparisons(tiny_model(), TOKENIZER, COMPARISONS)
    together = evaluate_response_logprobs(tiny_model(), data)
    for i, pair in enumerate(COMPARISONS):
        alone = Dialogues.of(TOKENIZER, [(pair.prompt, pair.chosen), (pair.prompt, pair.rejected)])
        with torch.no_grad():
            found = response_logprobs(tiny_model(), alone)
        np.testing.assert_allclose(together[2 * i : 2 * i + 2], found, atol=1e-5)
    wider = Dialogues(F.pad(data.ids, (0, 5)), F.pad(data.is_response, (0, 5)))
    loss = measured(tiny_model(), data, torch.zeros(10), 0.1)[0]
    padded = measured(tiny_model(), wider, torch.zeros(10), 0.1)[0]
    assert padded.item() == pytest.approx(loss.item(), abs=1e-6)


def test_batch_of_five_has_the_mean_gradient_of_five_batches_of_one():
    whole, parts, reference = tiny_model(), tiny_model(), tiny_model(7)
    data = encode_comparisons(whole, TOKENIZER, COMPARISONS)
    known = evaluate_response_logprobs(reference, data)
    loss, _ = measured(whole, data, known, 0.1)
    loss.backward()
    for i in range(5):
        rows = [2 * i, 2 * i + 1]
        (measured(parts, data.rows(rows), known[rows], 0.1)[0] / 5).backward()
    for (name, one), other in zip(whole.named_parameters(), parts.parameters()):
        np.testing.assert_allclose(one.grad, other.grad, atol=2e-6, err_msg=name)


# --- a run ----------------------------------------------------------------------------------------


def test_chosen_responses_become_more_likely():
    policy, run = trained(n_steps=30, learning_rate=3e-3, batch_size=5)
    assert run.finished
    assert run["loss"][0] == pytest.approx(math.log(2), abs=1e-4)
    assert run["loss"][-1] < 0.4
    assert run["accuracy"][-1] == 1.0
    assert run["chosen"][-1] > run["rejected"][-1]
    data = encode_comparisons(policy, TOKENIZER, COMPARISONS)
    after, before = (evaluate_response_logprobs(m, data)[0::2] for m in (policy, tiny_model()))
    assert after.mean() > before.mean()


def test_policy_stays_nearer_with_a_higher_beta():
    distances = {}
    for beta in (0.05, 2.0):
        _, run = trained(n_steps=30, learning_rate=3e-3, batch_size=5, beta=beta)
        distances[beta] = run["distance"][-1]
    assert distances[2.0] < distances[0.05] / 2


def test_reference_is_evaluated_once_and_not_changed(monkeypatch):
    sizes = []

    def counting(model, data):
        sizes.append(len(data))
        return evaluate_response_logprobs(model, data)

    monkeypatch.setattr(module, "evaluate_response_logprobs", counting)
    reference = tiny_model()
    before = weights_of(reference)
    _, run = trained(reference=reference, n_steps=None, n_epochs=3)
    assert sizes == [2 * len(COMPARISONS)]
    assert len(run.steps) == 9  # three batches per epoch: two, two and one
    assert not changed(reference, before)


def test_seed_determines_the_weights():
    (one, _), (two, _), (three, _) = trained(), trained(), trained(seed=1)
    assert not changed(one, weights_of(two))
    assert changed(one, weights_of(three))


def test_nan_loss_is_named_and_changes_nothing(monkeypatch):
    def nan_loss(*arguments):
        return arguments[0].sum() * math.nan

    monkeypatch.setattr(module, "dpo_loss", nan_loss)
    policy = tiny_model()
    before = weights_of(policy)
    with pytest.raises(FloatingPointError, match=r"training diverged.*lower learning_rate"):
        trained(policy)
    assert not changed(policy, before)


def test_policy_beyond_the_limit_is_named_with_the_argument():
    message = r"nats per response from its reference, beyond distance_limit 20\. .* may help"
    with pytest.raises(FloatingPointError, match=message):
        trained(learning_rate=0.5, n_steps=20, distance_limit=20.0)


def test_mode_of_the_policy_is_left_as_it_is():
    for mode in (True, False):
        policy, _ = trained(tiny_model().train(mode))
        assert policy.training == mode


def test_on_step_gets_the_run():
    seen = []
    _, run = trained(on_step=lambda run: seen.append((run, run.steps[-1].number)), n_steps=3)
    assert seen == [(run, 0), (run, 1), (run, 2)]
    assert set(run.steps[0].numbers) == {"loss", "accuracy", "chosen", "rejected", "distance"}


def test_interrupt_ends_the_run_after_the_current_step():
    def interrupt(run):
        if run.steps[-1].number == 1:
            signal.raise_signal(signal.SIGINT)

    policy, run = trained(on_step=interrupt, n_steps=5)
    assert not run.finished
    assert len(run.steps) == 2
    assert changed(policy, weights_of(tiny_model()))


def test_bad_comparisons_are_named():
    with pytest.raises(ValueError, match="comparisons must be at least one"):
        trained(pairs=[])
    with pytest.raises(ValueError, match="tokens long, the context"):
        trained(pairs=[Pair("a" * 60, "b", "c")])
    with pytest.raises(ValueError, match="beta must be a number above 0"):
        trained(beta=0)
