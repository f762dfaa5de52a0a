"""Properties of fmlab.processes: several train as one would, and stop when they are asked to."""

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import torch

import fmlab
from fmlab.batches import END_OF_TEXT, Batches
from fmlab.configs import GPTConfig
from fmlab.processes import Processes, stop_requested
from fmlab.tokenization import BPETokenizer
from fmlab.training import Settings, pretrain
from fmlab.transformer import GPT

TINY = GPTConfig(vocab_size=257, context_length=8, n_layers=2, n_heads=2, d_model=8)


def made(batch_size=4):
    """A fresh model and what trains it for ten steps."""
    texts = [f"{i} and {i} is {2 * i}." for i in range(40)]
    tokenizer = BPETokenizer(special_tokens=[END_OF_TEXT])
    batches = Batches(texts, tokenizer, batch_size, context_length=8)
    return GPT(TINY), batches, Settings(10, learning_rate=0.01, warmup_steps=3)


# --- one process ----------------------------------------------------------------------------------


def test_a_process_on_its_own_is_the_first_of_one_and_shares_with_nobody():
    alone = Processes.joined(torch.device("cpu"))
    assert (alone.n, alone.rank, alone.first) == (1, 0, True)
    assert list(range(5))[alone.share(5)] == [0, 1, 2, 3, 4]
    weight = torch.ones(2, requires_grad=True)
    weight.grad = torch.tensor([3.0, 4.0])
    assert alone.average(torch.tensor(1.5), [weight]) == 1.5
    assert weight.grad.tolist() == [3.0, 4.0]
    assert alone.any(True) is True
    assert alone.any(False) is False
    alone.wait()


@pytest.mark.parametrize(("n", "n_rows"), [(2, 4), (3, 9), (4, 4), (2, 5)])
def test_every_row_is_the_share_of_one_process_and_none_has_more_than_one_more(n, n_rows):
    shares = [list(range(n_rows))[Processes(n, rank).share(n_rows)] for rank in range(n)]
    assert sorted(row for rows in shares for row in rows) == list(range(n_rows))
    assert max(map(len, shares)) - min(map(len, shares)) <= n_rows % n


def test_only_one_process_is_the_first():
    assert [Processes(3, rank).first for rank in range(3)] == [True, False, False]


# --- signals --------------------------------------------------------------------------------------


@pytest.fixture
def _usual_handlers():
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.usefixtures("_usual_handlers")
def test_a_signal_is_remembered_and_does_nothing_else(number):
    with stop_requested() as stopped:
        assert not stopped()
        os.kill(os.getpid(), number)
        assert stopped()
        assert stopped()
    with stop_requested() as stopped:
        assert not stopped()


@pytest.mark.usefixtures("_usual_handlers")
def test_a_second_one_does_what_it_always_does():
    with stop_requested() as stopped:
        os.kill(os.getpid(), signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
        assert stopped()


@pytest.mark.parametrize("n_signals", [0, 1])
@pytest.mark.parametrize("fails", [False, True])
@pytest.mark.usefixtures("_usual_handlers")
def test_handlers_are_put_back_whatever_happens(n_signals, fails):
    heard = []
    signal.signal(signal.SIGTERM, lambda *_: heard.append(1))
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    try:
        with stop_requested():
            for _ in range(n_signals):
                os.kill(os.getpid(), signal.SIGTERM)
            if fails:
                raise RuntimeError
    except RuntimeError:
        pass
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before
    assert heard == []


def test_in_another_thread_nothing_is_caught():
    before, found = signal.getsignal(signal.SIGINT), []

    def ask():
        with stop_requested() as stopped:
            found.append((stopped(), signal.getsignal(signal.SIGINT)))

    thread = threading.Thread(target=ask)
    thread.start()
    thread.join()
    assert found == [(False, before)]


# --- two processes --------------------------------------------------------------------------------

SCRIPT = """
import json, math, os, signal, sys
from pathlib import Path
import fmlab.training
from fmlab.training import pretrain
from tests.unit.test_processes import made

fmlab.training.peak_flops = lambda *_: 1e9  # not what is tested, and half a second each
folder, rank, found = Path(sys.argv[1]), int(os.environ["RANK"]), {}


def train(name, save_every, on_step=None):
    model, batches, settings = made()
    options = dict(precision="float32", progress=False, save_every=save_every, on_step=on_step)
    run = pretrain(model, batches, settings, folder / name, **options)
    model.save(folder / f"{name}-{rank}")
    found[name] = dict(losses=run.losses, norms=run.gradient_norms, finished=run.finished)
    found[name]["n_tokens"] = run.n_tokens


def interrupt_one(run):
    if len(run.losses) == 4 and rank == 1:
        os.kill(os.getpid(), signal.SIGTERM)


train("new", save_every=0 if rank == 0 else math.inf)  # clocks never quite agree
train("resumed", save_every=math.inf)
train("stopped", save_every=math.inf, on_step=interrupt_one)
try:
    pretrain(*made(batch_size=3)[:2], made()[2], precision="float32", progress=False)
except ValueError as error:
    found["uneven"] = str(error)
(folder / f"found-{rank}.json").write_text(json.dumps(found))
"""


def together(folder):
    """What two processes found that ran the script, each in its own words."""
    (folder / "script.py").write_text(SCRIPT)
    source = Path(fmlab.__file__).parents[1]
    environment = os.environ | {
        "PYTHONPATH": f"{source}{os.pathsep}{source.parent}",
        "OMP_NUM_THREADS": "1",
    }
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    command += ["--nproc_per_node", "2", str(folder / "script.py"), str(folder)]
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as process:
        try:
            complaints = process.communicate(timeout=90)[1]
        except subprocess.TimeoutExpired:
            process.terminate()  # it ends the two as well, which it could not if it were killed
            raise
    assert process.returncode == 0, complaints
    return [json.loads((folder / f"found-{rank}.json").read_text()) for rank in range(2)]


def test_two_processes_train_stop_and_go_on_as_one_would(tmp_path, monkeypatch):
    """Losses within 1e-4, for sums are taken in another order; both have the same weights."""
    monkeypatch.setattr("fmlab.training.peak_flops", lambda *_: 1e9)
    model, batches, settings = made()
    options = dict(precision="float32", progress=False)
    expected = pretrain(model, batches, settings, **options)
    interrupt = dict(on_step=lambda run: len(run.losses) == 4 and os.kill(os.getpid(), 15))
    pretrain(made()[0], batches, settings, tmp_path / "resumed", **options, **interrupt)

    first, second = together(tmp_path)
    assert first == second
    for name, n_steps in (("new", 10), ("resumed", 10), ("stopped", 4)):
        assert first[name]["losses"] == pytest.approx(expected.losses[:n_steps], rel=1e-4)
        assert first[name]["norms"] == pytest.approx(expected.gradient_norms[:n_steps], rel=1e-3)
        assert first[name]["n_tokens"] == n_steps * 4 * 8
        assert first[name]["finished"] == (n_steps == 10)
        weights = [GPT.load(tmp_path / f"{name}-{rank}").state_dict() for rank in range(2)]
        for key, weight in weights[0].items():
            assert torch.equal(weight, weights[1][key])
            if n_steps == 10:
                torch.testing.assert_close(weight, model.state_dict()[key], rtol=1e-3, atol=1e-4)
    assert first["resumed"]["losses"][:4] == expected.losses[:4]  # those of the one process
    assert "batches must be of a size that 2 processes can share evenly; got 3" in first["uneven"]
