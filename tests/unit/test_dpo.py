"""Properties of fmlab.alignment.dpo: the loss, a batch, and a run on a tiny model."""

import math
import signal

import numpy as np
import pytest
import torch

from fmlab.alignment.dpo import dpo, dpo_loss, encode, implicit_rewards, known_logprobs, measured
from fmlab.chat import Dialogues, response_logprobs
from tests.unit.tiny_chat import TOKENIZER, Pair, changed, tiny_model, weights_of

PAIRS = [
    Pair("a?", "yes", "certainly not"),
    Pair("tell me b", "b", "I do not know"),
    Pair("c", "see", "x"),
    Pair("what", "that is it", "oh"),
    Pair("hm", "well", "no"),
]


def trained(policy=None, reference=None, pairs=PAIRS, **options):
    policy = policy or tiny_model()
    options = dict(n_steps=4, batch_size=2, progress=False) | options
    return policy, dpo(policy, reference or tiny_model(), TOKENIZER, pairs, **options)


# --- the loss -------------------------------------------------------------------------------------


def test_it_is_ln_2_where_the_policy_is_the_reference():
    said = torch.tensor([-3.0, -7.5])
    assert dpo_loss(said, said, said, said, beta=0.3).item() == pytest.approx(math.log(2))


def test_by_hand():
    loss = dpo_loss(*torch.tensor([[-1.0], [-5.0], [-2.0], [-3.0]]), beta=0.5)
    # The chosen one is a nat likelier than before, the rejected one two nats less likely.
    assert loss.item() == pytest.approx(-math.log(1 / (1 + math.exp(-0.5 * (1 + 2)))))


def test_it_falls_when_the_chosen_one_gets_likelier_and_the_rejected_one_less():
    chosen, rejected = (torch.zeros(3, requires_grad=True) for _ in range(2))
    dpo_loss(chosen, rejected, torch.zeros(3), torch.zeros(3), beta=0.1).backward()
    # At the reference, beta / 2 each, a third of it for being one of three.
    np.testing.assert_allclose(chosen.grad, torch.full((3,), -0.1 / 6), atol=1e-8)
    np.testing.assert_allclose(rejected.grad, -chosen.grad)


def test_what_belongs_to_the_prompt_alone_cancels():
    said = torch.randn(4, 3, generator=torch.Generator().manual_seed(0))
    shift = torch.tensor([5.0, -2.0, 0.5])
    moved = said + torch.stack([shift, shift, torch.zeros(3), torch.zeros(3)])
    assert dpo_loss(*said, beta=0.7).item() == pytest.approx(dpo_loss(*moved, beta=0.7).item())


@pytest.mark.parametrize("beta", [0.0, -1.0, math.nan, math.inf, True])
def test_beta_must_be_above_0(beta):
    with pytest.raises(ValueError, match="beta must be a number above 0"):
        implicit_rewards(torch.zeros(2), torch.zeros(2), beta)


def test_shapes_must_agree():
    with pytest.raises(ValueError, match="reference must be of the policy's shape"):
        dpo_loss(torch.zeros(2), torch.zeros(2), torch.zeros(2), torch.zeros(1), 0.1)


# --- a batch --------------------------------------------------------------------------------------


def test_padding_changes_nothing():
    data = encode(tiny_model(), TOKENIZER, PAIRS)
    together = known_logprobs(tiny_model(), data)
    for i, pair in enumerate(PAIRS):
        alone = Dialogues.of(TOKENIZER, [(pair.prompt, pair.chosen), (pair.prompt, pair.rejected)])
        with torch.no_grad():
            found = response_logprobs(tiny_model(), alone)
        np.testing.assert_allclose(together[2 * i : 2 * i + 2], found, atol=1e-5)
    wider = Dialogues(
        *(torch.nn.functional.pad(each, (0, 5)) for each in (data.ids, data.is_response))
    )
    loss = measured(tiny_model(), data, torch.zeros(10), 0.1)[0]
    padded = measured(tiny_model(), wider, torch.zeros(10), 0.1)[0]
    assert padded.item() == pytest.approx(loss.item(), abs=1e-6)


def test_a_batch_of_five_has_the_gradient_of_five_batches_of_one():
    whole, parts, reference = tiny_model(), tiny_model(), tiny_model(7)
    data = encode(whole, TOKENIZER, PAIRS)
    known = known_logprobs(reference, data)
    loss, _ = measured(whole, data, known, 0.1)
    loss.backward()
    for i in range(5):
        rows = [2 * i, 2 * i + 1]
        (measured(parts, data.rows(rows), known[rows], 0.1)[0] / 5).backward()
    for (name, one), other in zip(whole.named_parameters(), parts.parameters()):
        np.testing.assert_allclose(one.grad, other.grad, atol=2e-6, err_msg=name)


# --- a run ----------------------------------------------------------------------------------------


def test_it_learns_what_was_chosen():
    policy, run = trained(n_steps=30, learning_rate=3e-3, batch_size=5)
    assert run.finished
    assert run["loss"][0] == pytest.approx(math.log(2), abs=1e-4)
    assert run["loss"][-1] < 0.4
    assert run["accuracy"][-1] == 1.0
    assert run["chosen"][-1] > run["rejected"][-1]
    chosen = known_logprobs(policy, encode(policy, TOKENIZER, PAIRS))[0::2]
    assert (
        chosen.mean() > known_logprobs(tiny_model(), encode(policy, TOKENIZER, PAIRS))[0::2].mean()
    )


def test_a_higher_beta_stays_nearer():
    distances = {}
    for beta in (0.05, 2.0):
        _, run = trained(n_steps=30, learning_rate=3e-3, batch_size=5, beta=beta)
        distances[beta] = run["distance"][-1]
    assert distances[2.0] < distances[0.05] / 2


def test_the_reference_is_asked_once_and_stays_as_it_is(monkeypatch):
    asked = []

    def counting(model, data):
        asked.append(len(data))
        return known_logprobs(model, data)

    monkeypatch.setattr("fmlab.alignment.dpo.known_logprobs", counting)
    reference = tiny_model()
    before = weights_of(reference)
    _, run = trained(reference=reference, n_steps=None, n_epochs=3)
    assert asked == [2 * len(PAIRS)]
    assert len(run.steps) == 9  # three batches an epoch: two, two and one
    assert not changed(reference, before)


def test_the_same_seed_gives_the_same_weights_and_another_seed_others():
    (one, _), (two, _), (three, _) = trained(), trained(), trained(seed=1)
    assert not changed(one, weights_of(two))
    assert changed(one, weights_of(three))


def test_a_loss_that_is_no_number_is_said_and_not_learnt_from(monkeypatch):
    def nothing(*args):
        return args[0].sum() * math.nan

    monkeypatch.setattr("fmlab.alignment.dpo.dpo_loss", nothing)
    policy = tiny_model()
    before = weights_of(policy)
    with pytest.raises(FloatingPointError, match=r"training diverged.*lower learning_rate"):
        trained(policy)
    assert not changed(policy, before)


def test_a_policy_that_runs_away_is_said():
    with pytest.raises(FloatingPointError, match=r"nats per response .*ran away.*help"):
        trained(learning_rate=0.5, n_steps=20, distance_limit=20.0)


def test_an_interrupt_ends_the_run_after_the_step_under_way():
    def interrupt(step):
        if step.number == 1:
            signal.raise_signal(signal.SIGINT)

    policy, run = trained(on_step=interrupt, n_steps=5)
    assert not run.finished
    assert len(run.steps) == 2
    assert changed(policy, weights_of(tiny_model()))


def test_what_cannot_be_learnt_from_is_refused():
    with pytest.raises(ValueError, match="comparisons must be at least one"):
        trained(pairs=[])
    with pytest.raises(ValueError, match="tokens long, the context"):
        trained(pairs=[Pair("a" * 60, "b", "c")])
    with pytest.raises(ValueError, match="beta must be a number above 0"):
        trained(beta=0)
