"""Properties of fmlab.training.pretraining: a run; see also test_resuming."""

import math
from dataclasses import replace

import pytest
import torch

from fmlab.data.packing import Batches
from fmlab.models.gpt import GPT
from fmlab.scaling.costs import forward_flops
from fmlab.training.distributed import Processes
from fmlab.training.loop import Settings, Trainer
from fmlab.training.pretraining import pretrain
from tests.unit.tiny import DROPOUT, QUIET, SETTINGS, TINY, TOKENIZER, batches


def test_repeated_text_is_memorized():
    """From ln 257, the loss of knowing nothing, to less than a tenth of that."""
    model, data = GPT(TINY), Batches(["abcdefgh" * 30], TOKENIZER, 4, 8)
    run = pretrain(model, data, Settings(60, 0.03, warmup_steps=5), **QUIET)
    assert run.losses[0] == pytest.approx(math.log(257), abs=0.1)
    assert run.losses[-1] < 0.5
    assert run.finished


def test_a_run_takes_one_batch_after_another():
    trainer, data = Trainer(GPT(TINY), SETTINGS, "float32", Processes()), batches()
    for number in range(8):
        trainer.step(number, *data[number])
    run = pretrain(GPT(TINY), data, SETTINGS, **QUIET)
    assert run.losses == trainer.run.losses


def test_infinite_gradient_of_a_finite_loss_is_noticed():
    model = GPT(TINY)
    model.lm_head.weight.register_hook(lambda gradient: gradient * math.inf)
    message = r"the loss is 5\.5\d and the gradient norm (inf|nan)"
    with pytest.raises(FloatingPointError, match=message):
        pretrain(model, batches(), SETTINGS, **QUIET)


def test_run_records_the_work():
    model, seen = GPT(TINY), []
    options = QUIET | dict(on_step=lambda run: seen.append(len(run.losses)))
    run = pretrain(model, batches(), SETTINGS, **options)
    assert seen == list(range(1, 9))
    assert len(run.losses) == len(run.gradient_norms) == 8
    assert run.n_tokens == 8 * 4 * 8
    assert run.seconds > 0
    flops = 8 * 3 * forward_flops(TINY, 8, batch=4)
    assert run.flops == flops
    assert run.utilization == pytest.approx(flops / run.seconds / 1e9)
    assert not model.training


def test_utilization_is_a_fraction_of_the_measured_peak():
    run = pretrain(GPT(TINY), batches(), Settings(1), progress=False)
    assert 0 < run.utilization < math.inf


def test_dropout_is_on_while_training():
    run = pretrain(GPT(DROPOUT).eval(), batches(), SETTINGS, **QUIET)
    other = pretrain(GPT(TINY), batches(), SETTINGS, **QUIET)
    assert run.losses[0] != other.losses[0]


def test_bfloat16_is_nearly_float32():
    """Within 2%: 8 bits have a rounding error of 0.4% at most, and errors average out."""
    losses, seen = {}, set()
    for precision in ("float32", "bfloat16"):
        model = GPT(TINY)
        model.transformer.h[0].mlp.c_fc.register_forward_hook(
            lambda _, __, outputs, precision=precision: seen.add((precision, outputs.dtype))
        )
        losses[precision] = pretrain(
            model, batches(), SETTINGS, **QUIET | dict(precision=precision)
        ).losses
        assert all(weight.dtype == torch.float32 for weight in model.parameters())
    assert seen == {("float32", torch.float32), ("bfloat16", torch.bfloat16)}
    assert losses["bfloat16"] == pytest.approx(losses["float32"], rel=0.02)


@pytest.mark.parametrize(("speedup", "chosen"), [(1.4, "float32"), (1.6, "bfloat16")])
def test_bfloat16_is_used_where_it_is_much_faster(speedup, chosen):
    peaks = {"float32": 1e9, "bfloat16": speedup * 1e9}
    options = dict(progress=False, measure_peak=lambda precision, device: peaks[precision])
    run = pretrain(GPT(TINY), batches(), SETTINGS, **options)
    same = pretrain(GPT(TINY), batches(), SETTINGS, precision=chosen, **options)
    assert run.losses == same.losses
    flops = 8 * 3 * forward_flops(TINY, 8, batch=4)
    assert run.utilization == pytest.approx(flops / run.seconds / peaks[chosen])


def test_run_resumes_in_the_precision_of_its_checkpoint(tmp_path):
    def trained(folder=None, **options):
        return pretrain(GPT(TINY), batches(), SETTINGS, folder, **QUIET | options)

    trained(tmp_path, minutes=0, precision="bfloat16")
    resumed = trained(tmp_path, precision="auto")
    same, other = trained(precision="bfloat16"), trained(precision="float32")
    assert resumed.losses == same.losses != other.losses


def test_progress_is_shown_only_if_asked_for(capsys):
    pretrain(GPT(TINY), batches(), SETTINGS, **QUIET | dict(progress=True))
    shown = capsys.readouterr()
    assert "8/8" in shown.err
    assert "loss " in shown.err
    assert shown.out == ""
    pretrain(GPT(TINY), batches(), SETTINGS, **QUIET)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"precision": "float8"}, "precision must be one of auto, float32, bfloat16; got 'float8'"),
        ({"minutes": math.nan}, "minutes must be a number of at least 0; got nan"),
        ({"minutes": -1}, "minutes must be a number of at least 0; got -1"),
        ({"batches": batches(context_length=9)}, "batches must be rows of at most 8 tokens; got 9"),
        (
            {"model": GPT(replace(TINY, vocab_size=300))},
            "batches must be made with a tokenizer of the model's vocabulary size, 300; got 257",
        ),
    ],
)
def test_arguments_that_do_not_fit_are_named(change, message, tmp_path):
    arguments = dict(model=GPT(TINY), batches=batches(), settings=SETTINGS, folder=tmp_path / "new")
    with pytest.raises(ValueError, match=message):
        pretrain(**(arguments | change))
    assert not (tmp_path / "new").exists()
