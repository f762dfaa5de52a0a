"""A run of fmlab.training that is stopped, in any way, and goes on is the run that was not."""

import errno
import json
import math
import os
import signal
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import fmlab
from fmlab.batches import END_OF_TEXT, Batches
from fmlab.checkpoints import CURRENT, PREVIOUS, read_checkpoint
from fmlab.configs import GPTConfig
from fmlab.tokenization import BPETokenizer
from fmlab.training import Settings, pretrain
from fmlab.transformer import GPT

TINY = GPTConfig(vocab_size=257, context_length=8, n_layers=2, n_heads=2, d_model=8)
DROPOUT = replace(TINY, dropout=0.3)
SETTINGS = Settings(8, learning_rate=0.01, warmup_steps=3)


@pytest.fixture(autouse=True)
def _no_measuring(monkeypatch):
    """Half a second for every run, and not what is tested here."""
    monkeypatch.setattr("fmlab.training.peak_flops", lambda *_: 1e9)


@pytest.fixture(autouse=True)
def _usual_interrupt():
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def made(n_texts=40, batch_size=4, context_length=8, seed=0, special_tokens=(END_OF_TEXT,)):
    """Batches whose epoch is shorter than a run."""
    texts = [f"{i} and {i} is {2 * i}." for i in range(n_texts)]
    tokenizer = BPETokenizer(special_tokens=special_tokens)
    return Batches(texts[: n_texts // 4], tokenizer, batch_size, context_length, seed)


def trained(folder=None, config=TINY, settings=SETTINGS, batches=None, **options):
    """A model, and how its run went."""
    options = dict(precision="float32", progress=False) | options
    model = GPT(config)
    return model, pretrain(model, batches or made(), settings, folder, **options)


def after(n_steps, *signals):
    """An ``on_step`` that sends this process signals after so many steps."""

    def send(run):
        if len(run.losses) == n_steps:
            for number in signals:
                os.kill(os.getpid(), number)

    return send


def stopped(folder, n_steps=4, **options):
    """The folder, with the checkpoint of a run that was stopped after so many steps."""
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


def flip(path, bit):
    data = bytearray(path.read_bytes())
    data[bit // 8] ^= 1 << bit % 8
    path.write_bytes(data)


# --- stopping -------------------------------------------------------------------------------------


@pytest.mark.parametrize("config", [TINY, DROPOUT], ids=["plain", "dropout"])
@pytest.mark.parametrize("n_steps", [1, 4, 7])
def test_interrupted_and_gone_on_is_not_interrupted_to_the_bit(tmp_path, config, n_steps):
    assert SETTINGS.n_steps > made().per_epoch  # it goes on in another epoch
    expected = trained(config=config)
    stopped(tmp_path, n_steps, config=config)
    torch.rand(5)  # nothing depends on what happens elsewhere
    assert_same(trained(tmp_path, config=config), expected)


def test_interrupted_after_every_step_too(tmp_path):
    for n_steps in range(1, 8):
        stopped(tmp_path, n_steps)
    assert_same(trained(tmp_path), trained())


def test_with_no_time_at_all_nothing_is_done_and_nothing_lost(tmp_path):
    run = trained(tmp_path, minutes=0)[1]
    assert (run.losses, run.finished) == ([], False)
    stopped(tmp_path)
    run = trained(tmp_path, minutes=0)[1]
    assert (len(run.losses), run.finished) == (4, False)
    assert_same(trained(tmp_path), trained())


def test_time_is_up_after_so_many_minutes(monkeypatch):
    clock = iter(range(0, 10_000, 10))  # every look at it takes ten seconds
    monkeypatch.setattr("time.monotonic", lambda: next(clock))
    run = trained(minutes=0.9)[1]
    assert 3 <= len(run.losses) <= 6
    assert not run.finished


def test_without_a_folder_an_interrupt_ends_the_run_in_order():
    model, run = trained(on_step=after(2, signal.SIGINT))
    assert (len(run.losses), run.finished) == (2, False)
    assert not model.training


def test_a_second_interrupt_ends_it_at_once(tmp_path):
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        trained(tmp_path, on_step=after(2, signal.SIGINT, signal.SIGINT))
    assert signal.getsignal(signal.SIGINT) == before


def test_handlers_are_those_of_before_after_a_run():
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    during = []
    trained(on_step=lambda _: during.append(signal.getsignal(signal.SIGTERM)))
    assert during[0] not in before
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


def test_it_trains_in_another_thread_as_in_the_main_one():
    found = []
    thread = threading.Thread(target=lambda: found.append(trained()))
    thread.start()
    thread.join()
    assert_same(found[0], trained())


TERMINATED = """
import os, signal, sys
import fmlab.training
from tests.unit.test_resuming import after, trained

fmlab.training.peak_flops = lambda *_: 1e9
run = trained(sys.argv[1], on_step=after(4, signal.SIGTERM))[1]
print(len(run.losses), run.finished)
"""


def test_sigterm_stops_a_process_in_order_and_another_process_goes_on(tmp_path):
    source = Path(fmlab.__file__).parents[1]
    path = f"{source}{os.pathsep}{source.parent}"
    done = subprocess.run(
        [sys.executable, "-c", TERMINATED, str(tmp_path)],
        env=os.environ | {"PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=90,
    )
    assert (done.returncode, done.stdout) == (0, "4 False\n"), done.stderr
    run = trained(tmp_path)[1]
    assert len(read_checkpoint(tmp_path)[0]["run.losses"]) == 8
    assert run.losses == pytest.approx(trained()[1].losses, rel=1e-5)  # threads may differ there


# --- going on -------------------------------------------------------------------------------------


def test_checkpoints_are_written_as_often_as_asked(tmp_path):
    def files(name):
        return sorted(path.name for path in (tmp_path / name).glob("*"))

    often, seldom = [], []
    trained(tmp_path / "often", save_every=0, on_step=lambda _: often.append(files("often")))
    assert often == [[], [CURRENT], *[[PREVIOUS, CURRENT]] * 6]
    trained(tmp_path / "end", save_every=math.inf, on_step=lambda _: seldom.append(files("end")))
    assert seldom == [[]] * 8
    assert files("end") == [CURRENT]


def test_a_finished_run_is_not_trained_further_and_tells_the_same(tmp_path):
    expected, calls = trained(tmp_path), []
    again = trained(tmp_path, on_step=calls.append)
    assert calls == []
    assert_same(again, expected)
    assert again[1] == expected[1]  # time and utilization as well


def test_time_and_tokens_are_those_of_all_sittings(tmp_path):
    stopped(tmp_path)
    before = read_checkpoint(tmp_path)[1]
    run = trained(tmp_path)[1]
    assert before["n_tokens"] == 4 * 4 * 8
    assert run.n_tokens == 8 * 4 * 8
    assert run.seconds > before["seconds"] > 0


@pytest.mark.parametrize("damage", ["cut", "bit"])
def test_from_a_damaged_checkpoint_it_goes_back_to_the_one_before(tmp_path, damage):
    stopped(tmp_path, save_every=0)
    newest = tmp_path / CURRENT
    if damage == "cut":
        newest.write_bytes(newest.read_bytes()[:-100])
    else:
        flip(newest, 8 * newest.stat().st_size - 100)
    with pytest.warns(UserWarning, match=f"{CURRENT} is damaged .*; going on from"):
        found = trained(tmp_path)
    assert_same(found, trained())


def test_with_no_whole_checkpoint_nothing_is_overwritten(tmp_path):
    stopped(tmp_path, save_every=0)
    for name in (CURRENT, PREVIOUS):
        flip(tmp_path / name, 1000)
    before = (tmp_path / CURRENT).read_bytes()
    with pytest.raises(ValueError, match="delete it to begin anew"):
        trained(tmp_path)
    assert (tmp_path / CURRENT).read_bytes() == before


@pytest.mark.parametrize("save_every", [0, math.inf])
def test_a_full_disk_ends_it_with_advice_and_keeps_the_checkpoint(
    tmp_path, monkeypatch, save_every
):
    stopped(tmp_path)
    before = (tmp_path / CURRENT).read_bytes()

    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as disk:
        disk.setattr("fmlab.checkpoints.save_file", full)
        with pytest.raises(OSError, match=r"is the disk full\? .* make room and run the same comm"):
            trained(tmp_path, save_every=save_every)
    assert (tmp_path / CURRENT).read_bytes() == before
    assert_same(trained(tmp_path), trained())


def test_a_loss_that_is_no_number_ends_it_and_keeps_the_checkpoint(tmp_path):
    stopped(tmp_path, 2)
    before, model = (tmp_path / CURRENT).read_bytes(), GPT(TINY)

    def poison(run):
        model.transformer.ln_f.bias.data[0] = math.nan

    advice = "the loss is nan and its gradient nan long at step 3: .* lower learning_rate than 0.01"
    with pytest.raises(FloatingPointError, match=advice):
        pretrain(
            model, made(), SETTINGS, tmp_path, precision="float32", progress=False, on_step=poison
        )
    assert (tmp_path / CURRENT).read_bytes() == before
    assert_same(trained(tmp_path), trained())


def test_a_learning_rate_beyond_reason_is_noticed():
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
        ({"batches": made(batch_size=2)}, "batch_size 4, not 2; data_sha256 [0-9a-f]{64}, not"),
        ({"batches": made(n_texts=44)}, "data_sha256 [0-9a-f]{64}, not [0-9a-f]{64}"),
        ({"batches": made(seed=1)}, "data_sha256 [0-9a-f]{64}, not [0-9a-f]{64}"),
    ],
)
def test_another_run_does_not_go_on_and_what_differs_is_named(tmp_path, change, others):
    before = (stopped(tmp_path) / CURRENT).read_bytes()
    message = f"has a checkpoint of another run, with {others}"
    with pytest.raises(ValueError, match=message + r"[^;]*$"):
        trained(tmp_path, **change)
    assert (tmp_path / CURRENT).read_bytes() == before


def test_another_tokenizer_is_refused_before_anything_is_read(tmp_path):
    stopped(tmp_path)
    larger = made(special_tokens=[END_OF_TEXT, "<|more|>"])
    with pytest.raises(ValueError, match="the model's vocabulary size, 257; got 258"):
        trained(tmp_path, batches=larger)


def test_numbers_of_numpy_are_the_same_settings(tmp_path):
    stopped(tmp_path)
    settings = replace(SETTINGS, n_steps=np.int64(8), clip=np.float32(1))
    assert_same(trained(tmp_path, settings=settings), trained())


def test_a_checkpoint_is_all_numbers_and_plain_json(tmp_path):
    tensors, facts = read_checkpoint(stopped(tmp_path))
    assert facts.keys() == {"identity", "precision", "seconds", "n_tokens", "utilization"}
    json.dumps(facts, allow_nan=False)
    weights = dict(GPT(TINY).named_parameters())
    assert sum(name.startswith("model.") for name in tensors) == len(weights)
    for name, weight in weights.items():
        for key in (f"model.{name}", f"optimizer.{name}.exp_avg", f"optimizer.{name}.exp_avg_sq"):
            assert tensors[key].shape == weight.shape
        assert tensors[f"optimizer.{name}.step"] == 4
