"""The scheduler: everything that is submitted gets its tokens or one error, whatever happens."""

import queue
import threading
import time

import pytest

from fmlab.generation.batching import NewToken, Row
from fmlab.generation.decoding import generate
from fmlab.generation.limits import Limits
from fmlab.generation.server.errors import ApiError
from fmlab.generation.server.scheduler import Scheduler
from tests.unit.generation.small_models import PROMPTS, lively, seeded

SECONDS = 20  # no test takes so long unless something hangs


@pytest.fixture
def schedulers():
    made = []

    def make(model=None, **options):
        made.append(Scheduler(model or lively(), **options))
        return made[-1]

    yield make
    for each in made:
        each.close(1)


class Slow:
    """A model that waits before each of its steps until it may continue."""

    def __init__(self):
        self.model, self.gate = lively(), threading.Semaphore(0)
        self.model.register_forward_pre_hook(lambda *_: self.gate.acquire(timeout=SECONDS) and None)

    def go(self, steps):
        self.gate.release(steps)


def row(seed=0, prompt=(1, 2), most=5):
    limits = Limits.of(lively(), most, ())
    return Row(list(prompt), limits, seeded(seed).spawn(1)[0])


class Client:
    def __init__(self, rows):
        self.rows, self.items = rows, queue.Queue()

    def submit(self, scheduler):
        scheduler.submit(self.rows, self.items.put)
        return self

    def result(self):
        """All items, until every row has ended or an error came."""
        got, ended = [], set()
        while len(ended) < len(self.rows):
            got.append(self.items.get(timeout=SECONDS))
            if isinstance(got[-1], ApiError):
                return got
            if got[-1].finish_reason is not None:
                ended.add(got[-1].row)
        return got


def eventually(condition):
    end = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)


def test_many_clients_get_the_tokens_that_each_would_get_alone(schedulers):
    scheduler = schedulers(max_rows=4, max_waiting=100)
    clients = [Client([row(seed, PROMPTS[seed % 3])]).submit(scheduler) for seed in range(40)]
    for seed, client in enumerate(clients):
        alone = generate(lively(), PROMPTS[seed % 3], 5, rng=seeded(seed)).ids[0]
        assert [new.token for new in client.result()] == alone
    eventually(lambda: scheduler.n_running == scheduler.n_waiting == 0)


def test_a_full_queue_refuses_and_later_takes_again(schedulers):
    slow = Slow()
    scheduler = schedulers(slow.model, max_rows=1, max_waiting=2)
    first = Client([row()]).submit(scheduler)
    eventually(lambda: scheduler.n_waiting == 0)  # it is being read
    others = [Client([row(seed)]).submit(scheduler) for seed in (1, 2)]
    with pytest.raises(ApiError, match="2 prompts are waiting already") as refused:
        Client([row()]).submit(scheduler)
    assert refused.value.status == 429
    slow.go(10_000)
    for client in (first, *others):
        assert len(client.result()) == 5
    assert len(Client([row(3)]).submit(scheduler).result()) == 5


def test_whoever_waits_too_long_gets_an_error_and_the_others_their_tokens(schedulers):
    slow = Slow()
    scheduler = schedulers(slow.model, max_rows=1)
    first = Client([row()]).submit(scheduler)
    eventually(lambda: scheduler.n_waiting == 0)
    scheduler.patience = 0.05
    late = Client([row(1)]).submit(scheduler)
    time.sleep(0.1)
    slow.go(10_000)
    (error,) = late.result()
    assert error.status == 503
    assert "no place within 0.05 seconds" in error.message
    assert len(first.result()) == 5


def test_canceling_frees_the_place(schedulers):
    slow = Slow()
    scheduler = schedulers(slow.model, max_rows=1)
    first = Client([row(most=10)]).submit(scheduler)
    waiting, second = Client([row(1)]), Client([row(2)])
    waiting.submit(scheduler)
    second.submit(scheduler)
    slow.go(3)
    first.items.get(timeout=SECONDS)
    scheduler.cancel(first.rows)
    scheduler.cancel(waiting.rows)  # still in the queue
    slow.go(10_000)
    assert len(second.result()) == 5
    assert waiting.items.empty()
    assert first.items.qsize() < 9


def test_rows_of_one_job_can_be_canceled_one_by_one(schedulers):
    slow = Slow()
    scheduler = schedulers(slow.model)
    client = Client([row(0, most=9), row(1, most=9)]).submit(scheduler)
    slow.go(2)
    client.items.get(timeout=SECONDS)
    scheduler.cancel(client.rows[:1])
    slow.go(10_000)
    got = list(iter_until_end(client, client.rows[1]))
    assert sum(new.row is client.rows[1] for new in got) >= 8


def iter_until_end(client, row):
    while True:
        new = client.items.get(timeout=SECONDS)
        yield new
        if new.row is row and new.finish_reason is not None:
            return


def test_a_model_that_fails_fails_those_who_run_and_serves_the_next(schedulers):
    model, fail = lively(), threading.Event()

    def hook(*_):
        if fail.is_set():
            fail.clear()
            raise RuntimeError("out of memory")

    model.register_forward_pre_hook(hook)
    scheduler = schedulers(model, max_rows=2)
    client = Client([row(most=12)])
    client.rows[0].processors = [lambda z, prompt, new: fail.set() or z]
    client.submit(scheduler)
    got = client.result()
    assert isinstance(got[-1], ApiError)
    assert (got[-1].status, got[-1].message) == (500, "the model failed: RuntimeError")
    assert len(Client([row(1)]).submit(scheduler).result()) == 5


def test_an_unusable_prompt_and_a_vanished_receiver_disturb_nobody(schedulers):
    scheduler = schedulers()
    bad = Client([row(prompt=[99])]).submit(scheduler)

    def gone(item):
        raise RuntimeError("Event loop is closed")

    scheduler.submit([row(2)], gone)
    good = Client([row(1)]).submit(scheduler)
    assert len(good.result()) == 5
    (error,) = bad.result()
    assert error.status == 400
    assert "prompt must be token ids" in error.message


def test_more_rows_than_the_batch_has_are_refused_at_once(schedulers):
    with pytest.raises(ApiError, match="n must be at most 2"):
        schedulers(max_rows=2).submit([row(i) for i in range(3)], print)


def test_closing_lets_running_requests_end_and_refuses_new_ones(schedulers):
    scheduler = schedulers(max_rows=1)
    clients = [Client([row(seed)]).submit(scheduler) for seed in range(5)]
    scheduler.close(SECONDS)
    assert [len(client.result()) for client in clients] == [5] * 5
    with pytest.raises(ApiError, match="shutting down"):
        Client([row()]).submit(scheduler)
    assert all(isinstance(item, NewToken) for client in clients for item in client.items.queue)
