"""Properties of fmlab.training.distributed: processes that train like one, and stop on signals."""

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import torch

from fmlab.models.gpt import GPT
from fmlab.training.distributed import Processes, stop_requested
from fmlab.training.loop import Settings
from fmlab.training.pretraining import pretrain
from tests.unit.tiny import QUIET, TINY, batches

ROOT = Path(__file__).parents[3]
SETTINGS = Settings(10, learning_rate=0.01, warmup_steps=3)


# --- one process ----------------------------------------------------------------------------------


def test_process_on_its_own_is_the_first_of_one():
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
def test_every_row_belongs_to_one_process_and_shares_are_about_equal(n, n_rows):
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
def test_signal_is_remembered_and_does_nothing_else(number):
    with stop_requested() as stopped:
        assert not stopped()
        os.kill(os.getpid(), number)
        assert stopped()
        assert stopped()
    with stop_requested() as stopped:
        assert not stopped()


@pytest.mark.usefixtures("_usual_handlers")
def test_second_signal_acts_as_usual():
    with stop_requested() as stopped:
        os.kill(os.getpid(), signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
        assert stopped()


@pytest.mark.parametrize("n_signals", [0, 1])
@pytest.mark.parametrize("fails", [False, True])
@pytest.mark.usefixtures("_usual_handlers")
def test_handlers_are_restored_whatever_happens(n_signals, fails):
    received = []
    signal.signal(signal.SIGTERM, lambda *_: received.append(1))
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
    assert received == []


def test_nothing_is_caught_in_another_thread():
    before, results = signal.getsignal(signal.SIGINT), []

    def enter():
        with stop_requested() as stopped:
            results.append((stopped(), signal.getsignal(signal.SIGINT)))

    thread = threading.Thread(target=enter)
    thread.start()
    thread.join()
    assert results == [(False, before)]


# --- two processes --------------------------------------------------------------------------------

SCRIPT = """
import json, math, os, signal, sys
from pathlib import Path
from fmlab.models.gpt import GPT
from fmlab.training.pretraining import pretrain
sys.path.append(sys.argv[2])  # the tests
from tests.unit.tiny import QUIET, TINY, batches
from tests.unit.training.test_distributed import SETTINGS

folder, rank, results = Path(sys.argv[1]), int(os.environ["RANK"]), {}


def train(name, save_every, on_step=None):
    model, options = GPT(TINY), QUIET | dict(save_every=save_every, on_step=on_step)
    run = pretrain(model, batches(), SETTINGS, folder / name, **options)
    model.save(folder / f"{name}-{rank}")
    results[name] = dict(losses=run.losses, norms=run.gradient_norms, finished=run.finished)
    results[name]["n_tokens"] = run.n_tokens


def interrupt_one(run):
    if len(run.losses) == 4 and rank == 1:
        os.kill(os.getpid(), signal.SIGTERM)


train("new", save_every=0 if rank == 0 else math.inf)  # clocks never quite agree
train("resumed", save_every=math.inf)
train("stopped", save_every=math.inf, on_step=interrupt_one)
try:
    pretrain(GPT(TINY), batches(batch_size=3), SETTINGS, **QUIET)
except ValueError as error:
    results["uneven"] = str(error)
(folder / f"results-{rank}.json").write_text(json.dumps(results))
"""


def together(folder):
    """Run the script in two processes; return the results of each."""
    (folder / "script.py").write_text(SCRIPT)
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    command += ["--nproc_per_node", "2", str(folder / "script.py"), str(folder), str(ROOT)]
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as process:
        try:
            errors = process.communicate(timeout=90)[1]
        except subprocess.TimeoutExpired:
            process.terminate()  # it ends the two processes as well; killed, it could not
            raise
    assert process.returncode == 0, errors
    return [json.loads((folder / f"results-{rank}.json").read_text()) for rank in range(2)]


def test_two_processes_train_stop_and_resume_like_one(tmp_path):
    """Losses within 1e-4, as sums are added in another order; both have the same weights."""
    model = GPT(TINY)
    expected = pretrain(model, batches(), SETTINGS, **QUIET)
    interrupt = dict(on_step=lambda run: len(run.losses) == 4 and os.kill(os.getpid(), 15))
    pretrain(GPT(TINY), batches(), SETTINGS, tmp_path / "resumed", **QUIET, **interrupt)

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
