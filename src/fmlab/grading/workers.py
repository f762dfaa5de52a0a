"""A process for each piece of work, with an end: one that is lost or late costs only its own piece.

A process started anew for every piece, from a server that has the imports done, cannot be changed
by the piece before it; Python's own pool of processes hangs if a worker is killed.
"""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from multiprocessing import connection, get_context

Work = Callable[[dict], dict]


def run_each(
    work: Work, pieces: Sequence[dict], n_at_once: int, seconds: float
) -> Iterator[tuple[dict, dict | str]]:
    """Yield each piece with what ``work`` made of it, or a text that says why there is nothing.

    In the order in which they are finished. ``work`` is a function of a module; what it returns
    must be what JSON can hold. When the iterator is closed, or an exception comes, nothing is left
    running.
    """
    context = get_context("forkserver")
    context.set_forkserver_preload([work.__module__])
    waiting, running = list(reversed(pieces)), {}
    try:
        while waiting or running:
            while waiting and len(running) < n_at_once:
                ours, theirs = context.Pipe(duplex=False)
                piece = waiting.pop()
                process = context.Process(target=_run, args=(work, piece, theirs))
                process.start()
                theirs.close()
                running[ours] = (process, piece, time.monotonic() + seconds)
            for ours in connection.wait(list(running), timeout=0.5):
                process, piece, _ = running[ours]
                result = _received(ours)
                _end(process)
                del running[ours]
                yield piece, result
            for ours, (process, piece, end) in list(running.items()):
                if time.monotonic() > end:
                    _end(process)
                    del running[ours]
                    yield piece, f"there was no result after {seconds:.0f} s"
    finally:
        for process, _, _ in running.values():
            _end(process)


def _run(work: Work, piece: dict, pipe: connection.Connection) -> None:
    os.setsid()  # a group of its own, which Ctrl-C does not reach, and which can be ended as one
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    pipe.send_bytes(json.dumps(work(piece)).encode())
    pipe.close()


def _received(pipe: connection.Connection) -> dict | str:
    try:
        return json.loads(pipe.recv_bytes())
    except (EOFError, OSError, ValueError):
        return "the process that graded it was lost"
    finally:
        pipe.close()


def _end(process) -> None:
    process.join(2)
    if process.is_alive():
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except OSError:
            process.kill()
        process.join()
    process.close()
