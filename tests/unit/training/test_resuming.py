"""A run of fmlab.training.pretrain that is stopped, in any way, and resumed ends like any other."""

import errno
import json
import math
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from fmlab.models.gpt import GPT
from fmlab.tokenization.special_tokens import END_OF_TEXT
from fmlab.tokenization.tokenizers import BPETokenizer
from fmlab.training import checkpoints
from fmlab.training.checkpoints import CURRENT, PREVIOUS, read_checkpoint, write_checkpoint
from fmlab.training.loop import Settings
from fmlab.training.pretraining import pretrain
from tests.unit import tiny
from tests.unit.tiny import DROPOUT, QUIET, SETTINGS, TINY, flip

ROOT = Path(__file__).parents[3]


@pytest.fixture(autouse=True)
def _usual_interrupt():
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def batches(n_texts=10, **options):
    """Batches whose epoch is shorter than a run."""
    return tiny.batches(n_texts, **options)


def trained(folder=None, config=TINY, settings=SETTINGS, data=None, **options):
    """A model, and how its run went."""
    model = GPT(config)
    return model, pretrain(model, data or batches(), settings, folder, **QUIET | options)


def after(n_steps, *signals):
    """An ``on_step`` that sends this process signals after n_steps."""

    def send(run):
        if len(run.losses) == n_steps:
            for number in signals:
                os.kill(os.getpid(), number)

    return send


def stopped(folder, n_steps=4, **options):
    """The folder, with the checkpoint of a run that was stopped after n_steps."""
    run = trained(folder, on_step=after(n_steps, signal.SIGINT), **options)[1]
    assert len(run.losses) == n_steps
    assert not run.finished
    return folder


def assert_same(found, expected):
    """Model, losses and norms are the same to the last bit."""
    for name, weight in expected[0].state_dict().items():
        assert torch.equal(found[0].state_dict()[name], weight), name
    assert found[1].losses == expected[1].losses
    assert found[1].gradient_norms == expected[1].gradient_norms
    assert found[1].n_tokens == expected[1].n_tokens
    assert found[1].finished


# --- stopping -------------------------------------------------------------------------------------


@pytest.mark.parametrize("config", [TINY, DROPOUT], ids=["plain", "dropout"])
@pytest.mark.parametrize("n_steps", [1, 4, 7])
def test_run_that_is_interrupted_and_resumed_is_the_same_to_the_bit(tmp_path, config, n_steps):
    assert SETTINGS.n_steps > batches().per_epoch  # it resumes in another epoch
    expected = trained(config=config)
    stopped(tmp_path, n_steps, config=config)
    torch.rand(5)  # nothing depends on what happens elsewhere
    assert_same(trained(tmp_path, config=config), expected)


def test_so_is_one_that_is_interrupted_after_every_step(tmp_path):
    for n_steps in range(1, 8):
        stopped(tmp_path, n_steps)
    assert_same(trained(tmp_path), trained())


def test_without_any_time_nothing_is_done_and_nothing_lost(tmp_path):
    run = trained(tmp_path, minutes=0)[1]
    assert (run.losses, run.finished) == ([], False)
    stopped(tmp_path)
    run = trained(tmp_path, minutes=0)[1]
    assert (len(run.losses), run.finished) == (4, False)
    assert_same(trained(tmp_path), trained())


def test_run_stops_after_its_minutes(monkeypatch):
    clock = iter(range(0, 10_000, 10))  # it advances by ten seconds per call
    monkeypatch.setattr(time, "monotonic", lambda: next(clock))
    run = trained(minutes=0.9)[1]
    assert 3 <= len(run.losses) <= 6
    assert not run.finished


def test_interrupt_without_a_folder_ends_the_run_after_a_step():
    model, run = trained(on_step=after(2, signal.SIGINT))
    assert (len(run.losses), run.finished) == (2, False)
    assert not model.training


def test_second_interrupt_acts_at_once(tmp_path):
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        trained(tmp_path, on_step=after(2, signal.SIGINT, signal.SIGINT))
    assert signal.getsignal(signal.SIGINT) == before


def test_signal_handlers_are_restored_after_a_run():
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    during = []
    trained(on_step=lambda _: during.append(signal.getsignal(signal.SIGTERM)))
    assert during[0] not in before
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


def test_training_in_another_thread_is_the_same():
    results = []
    thread = threading.Thread(target=lambda: results.append(trained()))
    thread.start()
    thread.join()
    assert_same(results[0], trained())


TERMINATED = """
import signal, sys
from tests.unit.training.test_resuming import after, trained

run = trained(sys.argv[1], on_step=after(4, signal.SIGTERM))[1]
print(len(run.losses), run.finished)
"""


def test_sigterm_stops_a_process_after_a_step_and_another_process_resumes(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", TERMINATED, str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=90,
    )
    assert (done.returncode, done.stdout) == (0, "4 False\n"), done.stderr
    run = trained(tmp_path)[1]
    assert len(read_checkpoint(tmp_path)[0]["run.losses"]) == 8
    assert run.losses == pytest.approx(trained()[1].losses, rel=1e-5)  # threads may differ there


# --- resuming -------------------------------------------------------------------------------------


def test_checkpoints_are_written_as_often_as_requested(tmp_path):
    def files(name):
        return sorted(path.name for path in (tmp_path / name).glob("*"))

    often, seldom = [], []
    trained(tmp_path / "often", save_every=0, on_step=lambda _: often.append(files("often")))
    assert often == [[], [CURRENT], *[[PREVIOUS, CURRENT]] * 6]
    trained(tmp_path / "end", save_every=math.inf, on_step=lambda _: seldom.append(files("end")))
    assert seldom == [[]] * 8
    assert files("end") == [CURRENT]


def test_finished_run_is_not_trained_further_and_equals_the_first(tmp_path):
    expected, calls = trained(tmp_path), []
    again = trained(tmp_path, on_step=calls.append)
    assert calls == []
    assert_same(again, expected)
    assert again[1] == expected[1]  # including seconds, FLOPs and tokens


def test_time_and_work_are_those_of_all_sessions(tmp_path):
    stopped(tmp_path)
    before = read_checkpoint(tmp_path)[1]
    run = trained(tmp_path)[1]
    assert before["n_tokens"] == 4 * 4 * 8
    assert run.n_tokens == 8 * 4 * 8
    assert run.flops == 2 * before["flops"] > 0
    assert run.seconds > before["seconds"] > 0


@pytest.mark.parametrize("damage", ["cut", "bit"])
def test_damaged_checkpoint_is_replaced_by_the_previous_one(tmp_path, damage):
    stopped(tmp_path, save_every=0)
    newest = tmp_path / CURRENT
    if damage == "cut":
        newest.write_bytes(newest.read_bytes()[:-100])
    else:
        flip(newest, 8 * newest.stat().st_size - 100)
    with pytest.warns(UserWarning, match=f"{CURRENT} is damaged .*; resuming from"):
        resumed = trained(tmp_path)
    assert_same(resumed, trained())


def test_without_an_intact_checkpoint_nothing_is_overwritten(tmp_path):
    stopped(tmp_path, save_every=0)
    for name in (CURRENT, PREVIOUS):
        flip(tmp_path / name, 1000)
    before = (tmp_path / CURRENT).read_bytes()
    with pytest.raises(ValueError, match="delete it to start over"):
        trained(tmp_path)
    assert (tmp_path / CURRENT).read_bytes() == before


@pytest.mark.parametrize("save_every", [0, math.inf])
def test_full_disk_ends_the_run_with_advice_and_keeps_the_checkpoint(
    tmp_path, monkeypatch, save_every
):
    stopped(tmp_path)
    before = (tmp_path / CURRENT).read_bytes()

    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as disk:
        disk.setattr(checkpoints, "save_file", full)
        with pytest.raises(OSError, match=r"is the disk full\? .* make room and run the same comm"):
            trained(tmp_path, save_every=save_every)
    assert (tmp_path / CURRENT).read_bytes() == before
    assert_same(trained(tmp_path), trained())


def test_nan_loss_ends_the_run_and_keeps_the_checkpoint(tmp_path):
    stopped(tmp_path, 2)
    before, model = (tmp_path / CURRENT).read_bytes(), GPT(TINY)

    def poison(run):
        model.transformer.ln_f.bias.data[0] = math.nan

    advice = r"the loss is nan and the gradient norm nan\. .* lower learning_rate than 0\.01"
    with pytest.raises(FloatingPointError, match=advice):
        pretrain(model, batches(), SETTINGS, tmp_path, **QUIET | dict(on_step=poison))
    assert (tmp_path / CURRENT).read_bytes() == before
    assert_same(trained(tmp_path), trained())


def test_absurd_learning_rate_is_noticed():
    with pytest.raises(FloatingPointError, match="training diverged"):
        trained(settings=Settings(50, learning_rate=1e30, warmup_steps=0))


@pytest.mark.parametrize(
    ("change", "others"),
    [
        ({"settings": replace(SETTINGS, learning_rate=0.02)}, "learning_rate 0.01, not 0.02"),
        ({"settings": replace(SETTINGS, seed=1, n_steps=9)}, "n_steps 8, not 9; seed 0, not 1"),
        ({"settings": replace(SETTINGS, betas=(0.8, 0.9))}, r"betas \[0.9, 0.95\], not \[0.8, 0.9"),
        ({"config": DROPOUT}, "dropout 0.0, not 0.3"),
        ({"config": replace(TINY, n_layers=1)}, "n_layers 2, not 1"),
        ({"data": batches(batch_size=2)}, "batch_size 4, not 2; data_sha256 [0-9a-f]{64}, not"),
        ({"data": batches(n_texts=11)}, "data_sha256 [0-9a-f]{64}, not [0-9a-f]{64}"),
        ({"data": batches(seed=1)}, "data_sha256 [0-9a-f]{64}, not [0-9a-f]{64}"),
    ],
)
def test_another_run_does_not_resume_and_the_differences_are_named(tmp_path, change, others):
    before = (stopped(tmp_path) / CURRENT).read_bytes()
    message = f"has a checkpoint of another run, with {others}"
    with pytest.raises(ValueError, match=message + r"[^;]*$"):
        trained(tmp_path, **change)
    assert (tmp_path / CURRENT).read_bytes() == before


WEIGHT = "transformer.h.0.attn.c_attn.weight"
VERSIONS = {  # what another version would have written, and what the error says
    "older: no tokens": (lambda t, f: f.pop("n_tokens"), "it lacks n_tokens"),
    "older: no identity": (lambda t, f: f.pop("identity"), "it lacks identity"),
    "older: no norms": (lambda t, f: t.pop("run.gradient_norms"), "it lacks run.gradient_norms"),
    "older: no weight": (lambda t, f: t.pop(f"model.{WEIGHT}"), f"it lacks model.{WEIGHT} "),
    "newer: transposed": (
        lambda t, f: t.update({f"model.{WEIGHT}": t[f"model.{WEIGHT}"].T.contiguous()[1:]}),
        f"it lacks model.{WEIGHT} ",
    ),
    "newer: another optimizer": (
        lambda t, f: t.pop(f"optimizer.{WEIGHT}.exp_avg_sq"),
        f"it lacks optimizer.{WEIGHT}.exp_avg_sq",
    ),
    "newer: another setting": (
        lambda t, f: f["identity"].update(schedule="linear"),
        "schedule linear, not None",
    ),
    "older: a setting less": (lambda t, f: f["identity"].pop("clip"), "clip None, not 1"),
    "newer: another precision": (
        lambda t, f: f.update(precision="float8"),
        "precision must be .*; got 'float8'",
    ),
}


@pytest.mark.parametrize("name", VERSIONS)
def test_checkpoint_of_another_version_is_refused_with_a_sentence(tmp_path, name):
    change, message = VERSIONS[name]
    tensors, facts = read_checkpoint(stopped(tmp_path))
    change(tensors, facts)
    write_checkpoint(tmp_path, tensors, facts)
    before = (tmp_path / CURRENT).read_bytes()
    model = GPT(TINY)
    with pytest.raises(ValueError, match=message):
        pretrain(model, batches(), SETTINGS, tmp_path, **QUIET | {"precision": "auto"})
    assert (tmp_path / CURRENT).read_bytes() == before
    for weight, expected in zip(model.parameters(), GPT(TINY).parameters(), strict=True):
        assert torch.equal(weight, expected), "nothing is restored in part"


def test_another_tokenizer_is_refused_before_anything_is_read(tmp_path):
    stopped(tmp_path)
    larger = BPETokenizer(special_tokens=[END_OF_TEXT, "<|more|>"])
    with pytest.raises(ValueError, match="the model's vocabulary size, 257; got 258"):
        trained(tmp_path, data=batches(tokenizer=larger))


def test_numpy_numbers_are_the_same_settings(tmp_path):
    stopped(tmp_path)
    settings = replace(SETTINGS, n_steps=np.int64(8), clip=np.float32(1))
    assert_same(trained(tmp_path, settings=settings), trained())


def test_checkpoint_is_tensors_and_plain_json(tmp_path):
    tensors, facts = read_checkpoint(stopped(tmp_path))
    assert facts.keys() == {"identity", "precision", "seconds", "flops", "n_tokens"}
    json.dumps(facts, allow_nan=False)
    weights = dict(GPT(TINY).named_parameters())
    assert sum(name.startswith("model.") for name in tensors) == len(weights)
    for name, weight in weights.items():
        for key in (f"model.{name}", f"optimizer.{name}.exp_avg", f"optimizer.{name}.exp_avg_sq"):
            assert tensors[key].shape == weight.shape
        assert tensors[f"optimizer.{name}.step"] == 4
