"""Run each task in its own process, with a time limit: a crash or a timeout affects only that task.

Every task gets a new process, forked from a server that has already imported everything, so no task
can affect the next. Python's own process pools are not used: they hang if a worker is killed.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from multiprocessing import connection, get_context

MAX_MEMORY = 3 << 30  # bytes of a process: what it reads, it gets from a student
Work = Callable[[dict], dict]


def run_each(
    work: Work, tasks: Sequence[dict], n_at_once: int, seconds: float
) -> Iterator[tuple[dict, dict | str]]:
    """Yield each task with the result of ``work``, or with a text that says why there is none.

    Tasks are yielded in the order in which they finish; each may take the given seconds. ``work``
    is a function of a module, and its result must be JSON-serializable. When the iterator is
    closed, or raises, no process is left running.
    """
    context = get_context("forkserver")
    context.set_forkserver_preload([work.__module__])
    waiting, running = list(reversed(tasks)), {}
    try:
        while waiting or running:
            while waiting and len(running) < n_at_once:
                receiver, sender = context.Pipe(duplex=False)
                task = waiting.pop()
                process = context.Process(target=_run, args=(work, task, sender))
                process.start()
                sender.close()
                running[receiver] = (process, task, time.monotonic() + seconds)
            for receiver in connection.wait(list(running), timeout=0.5):
                process, task, _ = running[receiver]
                result = _receive(receiver)
                _stop(process)
                del running[receiver]
                yield task, result
            for receiver, (process, task, deadline) in list(running.items()):
                if time.monotonic() > deadline:
                    _stop(process)
                    del running[receiver]
                    yield task, f"there was no result after {seconds:.0f} s"
    finally:
        for process, _, _ in running.values():
            _stop(process)


def _run(work: Work, task: dict, pipe: connection.Connection) -> None:
    hard = resource.getrlimit(resource.RLIMIT_DATA)[1]
    soft = MAX_MEMORY if hard == resource.RLIM_INFINITY else min(MAX_MEMORY, hard)
    resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))
    os.setsid()  # a process group that Ctrl-C does not reach and that can be killed as a whole
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    pipe.send_bytes(json.dumps(work(task)).encode())
    pipe.close()


def _receive(pipe: connection.Connection) -> dict | str:
    try:
        return json.loads(pipe.recv_bytes())
    except (EOFError, OSError, ValueError):
        return "the process that graded it ended unexpectedly"
    finally:
        pipe.close()


def _stop(process) -> None:
    process.join(2)
    if process.is_alive():
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except OSError:
            process.kill()
        process.join()
    process.close()
