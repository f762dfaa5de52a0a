"""Properties of fmlab.training: what a step does, and what a run does; see also test_resuming."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from fmlab.batches import END_OF_TEXT, Batches
from fmlab.configs import GPTConfig
from fmlab.processes import Processes
from fmlab.scaling import forward_flops
from fmlab.tokenization import BPETokenizer
from fmlab.training import Settings, Trainer, pretrain
from fmlab.transformer import GPT

TINY = GPTConfig(vocab_size=257, context_length=8, n_layers=2, n_heads=2, d_model=8)
DROPOUT = replace(TINY, dropout=0.3)
TOKENIZER = BPETokenizer(special_tokens=[END_OF_TEXT])
SETTINGS = Settings(8, learning_rate=0.01, warmup_steps=3)
QUIET = dict(precision="float32", progress=False)


@pytest.fixture(autouse=True)
def _no_measuring(monkeypatch):
    """Half a second for every run, and not what is tested here."""
    monkeypatch.setattr("fmlab.training.peak_flops", lambda *_: 1e9)


def made(texts=None, batch_size=4, context_length=8, seed=0):
    texts = texts or [f"{i} and {i} is {2 * i}." for i in range(40)]
    return Batches(texts, TOKENIZER, batch_size, context_length, seed)


def weights_of(model):
    return {name: weight.detach().clone() for name, weight in model.named_parameters()}


# --- settings -------------------------------------------------------------------------------------


@pytest.mark.parametrize(("n_steps", "warmup_steps"), [(50, 10), (50, 1), (11, 10), (200, 100)])
def test_the_learning_rate_rises_to_its_peak_then_falls_to_its_final_share(n_steps, warmup_steps):
    settings = Settings(n_steps, 2.0, warmup_steps, final_share=0.25)
    rates = np.array([settings.learning_rate_at(step) for step in range(n_steps)])
    assert rates[0] == pytest.approx(2.0 / warmup_steps)
    np.testing.assert_allclose(np.diff(rates[:warmup_steps]), 2.0 / warmup_steps)
    assert rates.argmax() == warmup_steps - 1
    assert rates.max() == 2.0
    assert (np.diff(rates[warmup_steps - 1 :]) < 0).all()
    assert rates[-1] == pytest.approx(0.5)


def test_halfway_down_the_cosine_the_rate_is_halfway():
    settings = Settings(110, 1.0, warmup_steps=10, final_share=0.2)
    assert settings.learning_rate_at(59) == pytest.approx(0.6)
    assert settings.learning_rate_at(34) == pytest.approx(0.6 + 0.4 * math.sqrt(0.5))


def test_without_a_warm_up_the_rate_only_falls():
    settings = Settings(20, 1.0, warmup_steps=0, final_share=0)
    rates = [settings.learning_rate_at(step) for step in range(20)]
    assert rates == sorted(rates, reverse=True)
    assert 0.99 < rates[0] < 1
    assert rates[-1] == 0


def test_a_warm_up_longer_than_the_run_is_cut_short():
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
def test_settings_that_make_no_sense_are_named(change, message):
    with pytest.raises(ValueError, match=message):
        Settings(**({"n_steps": 10} | change))


# --- a step ---------------------------------------------------------------------------------------


def adamw(weights, gradients, moments, step, settings):
    """One step of AdamW in NumPy, algorithm 2 of Loshchilov and Hutter (2019), gradients cut first.

    Weight decay is for matrices only; ``step`` counts from 1.
    """
    norm = math.sqrt(sum((gradient**2).sum() for gradient in gradients.values()))
    scale = min(1.0, settings.clip / (norm + 1e-6))  # torch's guard against a norm of 0
    rate, (beta1, beta2) = settings.learning_rate_at(step - 1), settings.betas
    for name, w in weights.items():
        g, (m, v) = gradients[name] * scale, moments[name]
        m[:] = beta1 * m + (1 - beta1) * g
        v[:] = beta2 * v + (1 - beta2) * g**2
        towards = (m / (1 - beta1**step)) / (np.sqrt(v / (1 - beta2**step)) + 1e-8)
        w -= rate * towards + rate * (settings.weight_decay if w.ndim > 1 else 0) * w
    return norm


@pytest.mark.parametrize("clip", [0.1, 100.0])
def test_steps_are_adamws_in_numpy_with_gradients_cut_and_norms_reported_uncut(clip):
    settings = Settings(4, 0.1, warmup_steps=2, weight_decay=0.5, betas=(0.7, 0.9), clip=clip)
    model, batches = GPT(TINY).double(), made()
    trainer = Trainer(model, settings, "float32", Processes())
    mirror = GPT(TINY).double()
    weights = {name: weight.detach().numpy() for name, weight in mirror.named_parameters()}
    moments = {name: (np.zeros_like(w), np.zeros_like(w)) for name, w in weights.items()}
    for step in range(3):
        ids, targets = batches[step]
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
            np.testing.assert_allclose(weight, weights[name], rtol=1e-9, atol=1e-12, err_msg=name)


def test_dropout_depends_on_the_step_and_the_seed_only_and_leaves_the_random_state_alone():
    def first_loss(number, seed=0):
        trainer = Trainer(GPT(DROPOUT).train(), Settings(9, seed=seed), "float32", Processes())
        trainer.step(number, *made()[0])
        return trainer.run.losses[0]

    before = torch.random.get_rng_state()
    found = [first_loss(0), first_loss(1), first_loss(0, seed=5)]
    assert torch.equal(torch.random.get_rng_state(), before)
    torch.rand(3)
    assert first_loss(0) == found[0]
    assert len(set(found)) == 3


def test_no_two_steps_or_processes_drop_the_same_units():
    class Apart(Processes):
        """One of two, which does not wait for the other."""

        def share(self, n_rows):
            return slice(n_rows)

        def average(self, loss, weights):
            return float(loss)

    losses = []
    for rank in range(2):
        for number in range(3):
            trainer = Trainer(GPT(DROPOUT).train(), SETTINGS, "float32", Apart(2, rank))
            trainer.step(number, *made()[0])
            losses += trainer.run.losses
    assert len(set(losses)) == 6


def test_without_dropout_the_random_state_is_left_alone_too():
    before = torch.random.get_rng_state()
    pretrain(GPT(TINY), made(), SETTINGS, **QUIET)
    assert torch.equal(torch.random.get_rng_state(), before)


# --- a run ----------------------------------------------------------------------------------------


def test_a_text_that_is_repeated_is_learnt_by_heart():
    """From ln 257, which is not knowing anything, to less than a tenth of that."""
    model, batches = GPT(TINY), made(["abcdefgh" * 30])
    run = pretrain(model, batches, Settings(60, 0.03, warmup_steps=5), **QUIET)
    assert run.losses[0] == pytest.approx(math.log(257), abs=0.1)
    assert run.losses[-1] < 0.5
    assert run.finished


def test_a_run_takes_one_batch_after_another():
    trainer, batches = Trainer(GPT(TINY), SETTINGS, "float32", Processes()), made()
    for number in range(8):
        trainer.step(number, *batches[number])
    run = pretrain(GPT(TINY), batches, SETTINGS, **QUIET)
    assert run.losses == trainer.run.losses


def test_a_gradient_that_is_no_number_is_noticed_though_the_loss_is_one():
    model = GPT(TINY)
    model.lm_head.weight.register_hook(lambda gradient: gradient * math.inf)
    with pytest.raises(FloatingPointError, match=r"the loss is 5\.5\d and its gradient (inf|nan)"):
        pretrain(model, made(), SETTINGS, **QUIET)


def test_a_run_tells_what_was_done():
    model, batches, seen = GPT(TINY), made(), []
    run = pretrain(model, batches, SETTINGS, on_step=lambda run: seen.append(len(run.losses)))
    assert seen == list(range(1, 9))
    assert len(run.losses) == len(run.gradient_norms) == 8
    assert run.n_tokens == 8 * 4 * 8
    assert run.seconds > 0
    flops = 8 * 3 * forward_flops(TINY, 8, batch=4)
    assert run.utilization == pytest.approx(flops / run.seconds / 1e9)
    assert not model.training


def test_utilization_is_a_share_of_the_measured_peak(monkeypatch):
    monkeypatch.undo()
    run = pretrain(GPT(TINY), made(), Settings(1), progress=False)
    assert 0 < run.utilization < math.inf


def test_dropout_is_on_while_training():
    run, same = pretrain(GPT(DROPOUT).eval(), made(), SETTINGS, **QUIET), []
    pretrain(GPT(TINY), made(), SETTINGS, on_step=lambda run: same.append(run), **QUIET)
    assert run.losses[0] != same[0].losses[0]


def test_bfloat16_is_nearly_float32():
    """Within 2%: it has 8 bits, so a rounding error of 0.4% at worst, and those average out."""
    losses, seen = {}, set()
    for precision in ("float32", "bfloat16"):
        model = GPT(TINY)
        model.transformer.h[0].mlp.c_fc.register_forward_hook(
            lambda _, __, outputs, precision=precision: seen.add((precision, outputs.dtype))
        )
        run = pretrain(model, made(), SETTINGS, precision=precision, progress=False)
        losses[precision] = run.losses
        assert all(weight.dtype == torch.float32 for weight in model.parameters())
    assert seen == {("float32", torch.float32), ("bfloat16", torch.bfloat16)}
    assert losses["bfloat16"] == pytest.approx(losses["float32"], rel=0.02)


@pytest.mark.parametrize(("speedup", "chosen"), [(1.4, "float32"), (1.6, "bfloat16")])
def test_bfloat16_is_taken_where_it_is_much_faster(monkeypatch, speedup, chosen):
    peaks = {"float32": 1e9, "bfloat16": speedup * 1e9}
    monkeypatch.setattr("fmlab.training.peak_flops", lambda precision, device: peaks[precision])
    run = pretrain(GPT(TINY), made(), SETTINGS, progress=False)
    same = pretrain(GPT(TINY), made(), SETTINGS, precision=chosen, progress=False)
    assert run.losses == same.losses
    flops = 8 * 3 * forward_flops(TINY, 8, batch=4)
    assert run.utilization == pytest.approx(flops / run.seconds / peaks[chosen])


def test_a_run_goes_on_in_the_precision_that_it_began_in(monkeypatch, tmp_path):
    monkeypatch.setattr("fmlab.training.peak_flops", lambda precision, device: 1e9)
    pretrain(GPT(TINY), made(), SETTINGS, tmp_path, minutes=0, precision="bfloat16", progress=False)
    resumed = pretrain(GPT(TINY), made(), SETTINGS, tmp_path, progress=False)
    same = pretrain(GPT(TINY), made(), SETTINGS, precision="bfloat16", progress=False)
    other = pretrain(GPT(TINY), made(), SETTINGS, precision="float32", progress=False)
    assert resumed.losses == same.losses != other.losses


def test_progress_is_shown_only_if_asked_for(capsys):
    pretrain(GPT(TINY), made(), SETTINGS, precision="float32")
    shown = capsys.readouterr()
    assert "8/8" in shown.err
    assert "loss " in shown.err
    assert shown.out == ""
    pretrain(GPT(TINY), made(), SETTINGS, **QUIET)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"precision": "float8"}, "precision must be one of auto, float32, bfloat16; got 'float8'"),
        ({"minutes": math.nan}, "minutes must be a number of at least 0; got nan"),
        ({"minutes": -1}, "minutes must be a number of at least 0; got -1"),
        ({"batches": made(context_length=9)}, "batches must be rows of at most 8 tokens; got 9"),
        (
            {"model": GPT(replace(TINY, vocab_size=300))},
            "batches must be made with a tokenizer of the model's vocabulary size, 300; got 257",
        ),
    ],
)
def test_what_does_not_fit_is_named(change, message, tmp_path):
    arguments = dict(model=GPT(TINY), batches=made(), settings=SETTINGS, folder=tmp_path / "new")
    with pytest.raises(ValueError, match=message):
        pretrain(**(arguments | change))
    assert not (tmp_path / "new").exists()
