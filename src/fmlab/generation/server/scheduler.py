"""The scheduler: one thread per model, which generates the tokens of all requests in one batch."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from torch import nn

from fmlab.arguments import require_count, require_positive
from fmlab.generation.batching import ContinuousBatch, NewToken, Row
from fmlab.generation.server.errors import ApiError

Deliver = Callable[[NewToken | ApiError], None]


@dataclass(eq=False)
class Job:
    """Rows of one prompt, and the function that gets their tokens, called in the thread."""

    rows: list[Row]
    deliver: Deliver
    submitted: float = field(default_factory=time.monotonic)


class Scheduler:
    """Requests wait in a queue of at most ``max_waiting`` prompts until the batch has room.

    Between two steps, at most one prompt is read, so that those who are already getting tokens wait
    for one prefill at most. Whoever has waited for more than ``patience`` seconds gets an error.
    """

    def __init__(
        self, model: nn.Module, max_rows: int = 32, max_waiting: int = 128, patience: float = 30.0
    ) -> None:
        require_count("max_waiting", max_waiting)
        require_positive(patience=patience)
        self.max_rows, self.max_waiting, self.patience = max_rows, max_waiting, patience
        self._model = model
        self._batch = ContinuousBatch(model, max_rows)
        self._waiting: deque[Job] = deque()
        self._jobs: dict[Row, Job] = {}  # of the running rows
        self._canceled: set[Row] = set()
        self._is_closing = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="fmlab-scheduler", daemon=True)
        self._thread.start()

    @property
    def n_running(self) -> int:
        """The number of rows in the batch."""
        return len(self._jobs)

    @property
    def n_waiting(self) -> int:
        """The number of prompts in the queue."""
        return len(self._waiting)

    def submit(self, rows: Sequence[Row], deliver: Deliver) -> None:
        """Queue rows of one prompt; ``deliver`` gets each new token, or one error, and no more.

        Errors: ``ApiError`` 400 for more rows than the batch has, 429 for a full queue, 503 while
        the server shuts down.
        """
        if len(rows) > self.max_rows:
            raise ApiError(400, f"n must be at most {self.max_rows} here", param="n")
        with self._changed:
            if self._is_closing:
                raise ApiError(503, "the server is shutting down")
            if len(self._waiting) >= self.max_waiting:
                message = f"{self.max_waiting} prompts are waiting already; try again later"
                raise ApiError(429, message, code="queue_full")
            self._waiting.append(Job(list(rows), deliver))
            self._changed.notify()

    def cancel(self, rows: Iterable[Row]) -> None:
        """Stop generating these rows: nobody wants their tokens any more."""
        with self._changed:
            self._canceled.update(rows)
            self._changed.notify()

    def close(self, seconds: float = 10.0) -> None:
        """Accept nothing new, and wait until what is running has ended, or so many seconds."""
        with self._changed:
            self._is_closing = True
            self._changed.notify()
        self._thread.join(seconds)

    def _run(self) -> None:
        while self._await_work():
            self._admit()
            try:
                made = self._batch.step()
            except Exception as error:  # of the model: nobody's tokens can continue
                self._fail(error)
                continue
            for new in made:
                job = self._jobs[new.row]
                if new.finish_reason is not None:
                    del self._jobs[new.row]
                _hand(job, new)

    def _await_work(self) -> bool:
        """Wait for something to do; return False when there will be nothing more."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._jobs or self._is_closing)
            gone, self._canceled = self._canceled, set()
            for job in [job for job in self._waiting if not gone.isdisjoint(job.rows)]:
                job.rows = [row for row in job.rows if row not in gone]
                if not job.rows:
                    self._waiting.remove(job)
        for row in gone & self._jobs.keys():
            self._batch.remove(row)
            del self._jobs[row]
        return not (self._is_closing and not self._waiting and not self._jobs)

    def _admit(self) -> None:
        with self._changed:
            late = [job for job in self._waiting if self._has_waited(job)]
            for job in late:
                self._waiting.remove(job)
            fits = self._waiting and len(self._waiting[0].rows) <= self._batch.n_free
            job = self._waiting.popleft() if fits else None
        for each in late:
            message = f"no place within {self.patience:g} seconds; try again later"
            _hand(each, ApiError(503, message, code="queue_timeout"))
        if job is None:
            return
        try:
            self._batch.add(job.rows)
        except ValueError as error:
            _hand(job, ApiError(400, str(error)))
        except Exception as error:
            _hand(job, ApiError(500, f"the model failed: {type(error).__name__}"))
        else:
            self._jobs.update(dict.fromkeys(job.rows, job))

    def _has_waited(self, job: Job) -> bool:
        return time.monotonic() - job.submitted > self.patience

    def _fail(self, error: Exception) -> None:
        failed = dict.fromkeys(self._jobs.values())
        self._jobs.clear()
        self._batch = ContinuousBatch(self._model, self.max_rows)
        for job in failed:
            _hand(job, ApiError(500, f"the model failed: {type(error).__name__}"))


def _hand(job: Job, item: NewToken | ApiError) -> None:
    """Deliver; a receiver that is gone must not stop the others."""
    try:
        job.deliver(item)
    except Exception:
        return
