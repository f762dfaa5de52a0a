"""Properties of fmlab.training.loop: the learning rate, the steps of a loop, and an update."""

import math
import signal

import numpy as np
import pytest
import torch
from torch.nn.utils import get_total_norm

from fmlab.models.gpt import GPT
from fmlab.training.distributed import Processes
from fmlab.training.loop import Settings, Trainer, require_kl_within, training_steps, update
from fmlab.training.pretraining import pretrain
from fmlab.training.run import Run
from tests.unit.tiny import DROPOUT, QUIET, SETTINGS, TINY, batches, weights_of

# --- settings -------------------------------------------------------------------------------------


@pytest.mark.parametrize(("n_steps", "warmup_steps"), [(50, 10), (50, 1), (11, 10), (200, 100)])
def test_learning_rate_rises_to_its_peak_then_falls_to_final_share(n_steps, warmup_steps):
    settings = Settings(n_steps, 2.0, warmup_steps, final_share=0.25)
    rates = np.array([settings.learning_rate_at(step) for step in range(n_steps)])
    assert rates[0] == pytest.approx(2.0 / warmup_steps)
    np.testing.assert_allclose(np.diff(rates[:warmup_steps]), 2.0 / warmup_steps)
    assert rates.argmax() == warmup_steps - 1
    assert rates.max() == 2.0
    assert (np.diff(rates[warmup_steps - 1 :]) < 0).all()
    assert rates[-1] == pytest.approx(0.5)


def test_learning_rate_halfway_down_the_cosine():
    settings = Settings(110, 1.0, warmup_steps=10, final_share=0.2)
    assert settings.learning_rate_at(59) == pytest.approx(0.6)
    assert settings.learning_rate_at(34) == pytest.approx(0.6 + 0.4 * math.sqrt(0.5))


def test_learning_rate_without_warm_up_only_falls():
    settings = Settings(20, 1.0, warmup_steps=0, final_share=0)
    rates = [settings.learning_rate_at(step) for step in range(20)]
    assert rates == sorted(rates, reverse=True)
    assert 0.99 < rates[0] < 1
    assert rates[-1] == 0


def test_warm_up_longer_than_the_run_is_cut_short():
    settings = Settings(5, 1.0, warmup_steps=10)
    rates = [settings.learning_rate_at(step) for step in range(5)]
    assert rates == pytest.approx([0.1, 0.2, 0.3, 0.4, 0.5])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"n_steps": 0}, "n_steps must be an integer >= 1; got 0"),
        ({"warmup_steps": -1}, "warmup_steps must be an integer >= 0; got -1"),
        ({"seed": 0.5}, "seed must be an integer >= 0; got 0.5"),
        ({"learning_rate": 0}, "learning_rate must be a number above 0; got 0"),
        ({"learning_rate": math.nan}, "learning_rate must be a number above 0; got nan"),
        ({"clip": math.inf}, "clip must be a number above 0; got inf"),
        ({"final_share": 1.1}, r"final_share must be a number in \[0, 1\]; got 1.1"),
        ({"weight_decay": -0.1}, r"weight_decay must be a number in \[0, 1\]; got -0.1"),
        ({"betas": (0.9, 1.0)}, r"betas must be two numbers in \[0, 1\); got \(0.9, 1.0\)"),
        ({"betas": (0.9,)}, r"betas must be two numbers in \[0, 1\); got \(0.9,\)"),
    ],
)
def test_bad_settings_are_named(change, message):
    with pytest.raises(ValueError, match=message):
        Settings(**({"n_steps": 10} | change))


# --- a step ---------------------------------------------------------------------------------------


def adamw(weights, gradients, moments, step, settings):
    """Take a step of AdamW in NumPy, algorithm 2 of Loshchilov and Hutter (2019), after clipping.

    Weight decay is for matrices only; ``step`` counts from 1.
    """
    norm = math.sqrt(sum((gradient**2).sum() for gradient in gradients.values()))
    scale = min(1.0, settings.clip / (norm + 1e-6))  # torch's guard against a norm of 0
    rate, (beta1, beta2) = settings.learning_rate_at(step - 1), settings.betas
    for name, w in weights.items():
        g, (m, v) = gradients[name] * scale, moments[name]
        m[:] = beta1 * m + (1 - beta1) * g
        v[:] = beta2 * v + (1 - beta2) * g**2
        direction = (m / (1 - beta1**step)) / (np.sqrt(v / (1 - beta2**step)) + 1e-8)
        w -= rate * direction + rate * (settings.weight_decay if w.ndim > 1 else 0) * w
    return norm


def split_key_biases(name, values):
    """Return values of a weight without those of key biases, and those of key biases.

    A key bias adds the same number to all attention scores of a query, which softmax ignores: its
    gradient is 0. Computed, it is rounding error, which AdamW divides by rounding error.
    """
    if not name.endswith("c_attn.bias"):
        return values, values[:0]
    queries, keys, others = np.split(values, 3)
    return np.concatenate([queries, others]), keys


@pytest.mark.parametrize("clip", [0.1, 100.0])
def test_steps_are_those_of_adamw_in_numpy_with_gradients_clipped_and_norms_not(clip):
    settings = Settings(4, 0.1, warmup_steps=2, weight_decay=0.5, betas=(0.7, 0.9), clip=clip)
    model, data = GPT(TINY).double(), batches()
    trainer = Trainer(model, settings, "float32", Processes())
    mirror = GPT(TINY).double()
    weights = {name: weight.detach().numpy() for name, weight in mirror.named_parameters()}
    moments = {name: (np.zeros_like(w), np.zeros_like(w)) for name, w in weights.items()}
    for step in range(3):
        ids, targets = data[step]
        mirror.zero_grad()
        loss = mirror(ids, targets)[1]
        loss.backward()
        gradients = {name: weight.grad.numpy() for name, weight in mirror.named_parameters()}
        norm = adamw(weights, gradients, moments, step + 1, settings)
        trainer.step(step, ids, targets)
        assert trainer.run.losses[-1] == pytest.approx(loss.item(), rel=1e-9)
        assert trainer.run.gradient_norms[-1] == pytest.approx(norm, rel=1e-9)
        assert (norm > clip) == (clip == 0.1)  # or it would make no difference
        for name, weight in weights_of(model).items():
            found, keys = split_key_biases(name, weight.numpy())
            expected, _ = split_key_biases(name, weights[name])
            np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12, err_msg=name)
            assert (abs(split_key_biases(name, gradients[name])[1]) < 1e-15).all()
            assert (abs(keys) < 1e-7).all()


def test_dropout_depends_on_the_step_and_the_seed_only_and_keeps_the_random_state():
    def first_loss(number, seed=0):
        trainer = Trainer(GPT(DROPOUT).train(), Settings(9, seed=seed), "float32", Processes())
        trainer.step(number, *batches()[0])
        return trainer.run.losses[0]

    before = torch.random.get_rng_state()
    losses = [first_loss(0), first_loss(1), first_loss(0, seed=5)]
    assert torch.equal(torch.random.get_rng_state(), before)
    torch.rand(3)
    assert first_loss(0) == losses[0]
    assert len(set(losses)) == 3


def test_no_two_steps_or_processes_drop_the_same_units():
    class Apart(Processes):
        """One of two processes, which does not wait for the other."""

        def share(self, n_rows):
            return slice(n_rows)

        def average(self, loss, weights):
            return float(loss)

    losses = []
    for rank in range(2):
        for number in range(3):
            trainer = Trainer(GPT(DROPOUT).train(), SETTINGS, "float32", Apart(2, rank))
            trainer.step(number, *batches()[0])
            losses += trainer.run.losses
    assert len(set(losses)) == 6


def test_random_state_is_kept_without_dropout_too():
    before = torch.random.get_rng_state()
    pretrain(GPT(TINY), batches(), SETTINGS, **QUIET)
    assert torch.equal(torch.random.get_rng_state(), before)


# --- the loop -------------------------------------------------------------------------------------


def counting(n_steps, run=None, **options):
    """Take steps whose loss is their number; return the run."""
    run = Run() if run is None else run
    for number in training_steps(run, n_steps, "counting", progress=False, **options):
        run.add({"loss": float(number)})
    return run


def test_steps_are_numbered_and_reported_after_they_are_recorded():
    seen = []
    run = counting(3, on_step=lambda run: seen.append((len(run.steps), run.steps[-1]["loss"])))
    assert seen == [(1, 0), (2, 1), (3, 2)]
    assert [step.number for step in run.steps] == [0, 1, 2]
    assert run.finished
    assert run.seconds > 0


def test_loop_continues_where_the_run_stands():
    run = counting(2)
    seconds = run.seconds
    assert counting(5, run).losses == [0, 1, 2, 3, 4]
    assert run.seconds > seconds
    assert counting(5, run).losses == [0, 1, 2, 3, 4]


def test_stop_decides_and_is_told_of_a_signal():
    def interrupt(run):
        if len(run.steps) == 2:
            signal.raise_signal(signal.SIGINT)

    flags = []
    run = counting(4, on_step=interrupt, stop=lambda flag: flags.append(flag))
    assert flags == [False, False, True, True]
    assert run.finished
    run = counting(4, on_step=interrupt)
    assert (len(run.steps), run.finished) == (2, False)


def test_progress_shows_the_last_numbers(capsys):
    run = Run()
    for _ in training_steps(run, 1, "counting"):
        run.add({"loss": 0.12345, "gradient_norm": 2.0})
    shown = capsys.readouterr().err
    assert "counting" in shown
    assert "loss 0.123, gradient norm 2" in shown


# --- an update ------------------------------------------------------------------------------------


def optimizer_of(*weights):
    return torch.optim.SGD(weights, lr=1.0)


def test_update_returns_the_loss_and_the_norm_before_clipping():
    weight = torch.tensor([3.0, 4.0], requires_grad=True)
    optimizer = optimizer_of(weight)
    for _ in range(2):  # gradients of the first are gone in the second
        weight.data = torch.tensor([3.0, 4.0])
        value, norm = update(optimizer, (weight**2).sum() / 2, clip=1.0, advice="")
        assert (value, norm) == (12.5, 5)
        torch.testing.assert_close(weight, torch.tensor([2.4, 3.2]))
    update(optimizer, weight.sum(), clip=9.0, advice="", learning_rate=0.1)
    torch.testing.assert_close(weight, torch.tensor([2.3, 3.1]))


@pytest.mark.parametrize(
    ("factor", "message"),
    [
        (math.nan, "the loss is nan and the gradient norm nan"),
        (math.inf, "the loss is inf and the gradient norm inf"),
    ],
)
def test_update_that_diverges_changes_nothing_and_gives_advice(factor, message):
    weight = torch.tensor([3.0, 4.0], requires_grad=True)
    with pytest.raises(FloatingPointError) as error:
        update(optimizer_of(weight), factor * weight.sum(), clip=1.0, advice="Be careful")
    assert str(error.value) == (
        f"training diverged: {message}. Be careful; the weights are those of the last good step"
    )
    assert weight.tolist() == [3, 4]


@pytest.mark.parametrize("kl", [3.0, -3.0, math.nan, math.inf])
def test_kl_beyond_a_limit_is_named(kl):
    with pytest.raises(FloatingPointError, match=r"reference, beyond some_limit 2\. Help; the wei"):
        require_kl_within(2.0, kl, "some_limit", "Help")
    for within in (2.0, -2.0, 0.0):
        require_kl_within(2.0, within, "some_limit", "Help")


def test_norms_are_added_in_the_order_of_the_model():
    """It decides the last bits of the clipped gradient; the optimizer has matrices first."""
    norms = []
    for seed in range(8):
        model, (ids, targets) = GPT(TINY, seed), batches()[0]
        model.loss(ids, targets).backward()
        weights = list(model.parameters())
        orders = weights, sorted(weights, key=lambda weight: weight.dim() < 2)
        norms.append([float(get_total_norm([w.grad for w in order])) for order in orders])
        trainer = Trainer(GPT(TINY, seed), SETTINGS, "float32", Processes())
        trainer.step(0, ids, targets)
        assert trainer.run.gradient_norms == [norms[-1][0]]
    assert any(first != second for first, second in norms)


def test_the_progress_bar_of_a_limited_run_says_when_it_stops(capsys):
    run = Run()
    for _ in training_steps(run, 1000, "training", minutes=1.5, stop=lambda _: len(run.steps) > 1):
        run.add({"loss": 1.0})
    bar = capsys.readouterr().err
    assert "stops after 1.5 min" in bar
    assert "<" not in bar.rpartition("[")[2]  # no time left for all 1,000 steps
