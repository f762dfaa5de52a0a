"""Data-parallel training in several processes, and signals that ask a run to stop.

In data parallelism, every process holds the whole model and computes the gradient of its share of
each batch; then all gradients are averaged. ``torchrun`` starts the processes and gives each one
its rank.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor
from torch import distributed as dist


@dataclass(frozen=True)
class Processes:
    """The group that this process belongs to: ``n`` processes; this one is number ``rank``."""

    n: int = 1
    rank: int = 0

    @classmethod
    def joined(cls, device: torch.device) -> Processes:
        """Join the group that torchrun started; a process on its own is a group of one."""
        if int(os.environ.get("WORLD_SIZE", 1)) == 1:
            return cls()
        if device.type == "cuda":
            torch.cuda.set_device(device)  # nccl uses the current device
        if not dist.is_initialized():
            dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
        return cls(dist.get_world_size(), dist.get_rank())

    @property
    def first(self) -> bool:
        """Whether this process is the one that writes files and shows progress."""
        return self.rank == 0

    def share(self, n_rows: int) -> slice:
        """Return this process's rows of a batch: every n-th, so the shares are equal."""
        return slice(self.rank, n_rows, self.n)

    def average(self, loss: Tensor, weights: Iterable[Tensor]) -> float:
        """Average the gradients of the weights in place, and return the average loss."""
        if self.n == 1:
            return float(loss)
        gradients = [weight.grad for weight in weights]
        flat = torch.cat([loss.view(1), *(gradient.view(-1) for gradient in gradients)])
        dist.all_reduce(flat)  # one large message is faster than one per weight
        flat /= self.n
        parts = flat[1:].split([gradient.numel() for gradient in gradients])
        for gradient, part in zip(gradients, parts):
            gradient.copy_(part.view_as(gradient))
        return float(flat[0])

    def any(self, flag: bool) -> bool:
        """Return whether the flag is set in any process; all of them get the same answer."""
        if self.n == 1:
            return flag
        is_set = torch.tensor(float(flag))
        if dist.get_backend() == "nccl":
            is_set = is_set.cuda()
        dist.all_reduce(is_set, dist.ReduceOp.MAX)
        return bool(is_set)

    def wait(self) -> None:
        """Wait until every process has reached this call."""
        if self.n > 1:
            dist.barrier()


@contextmanager
def stop_requested() -> Iterator[Callable[[], bool]]:
    """Yield a function that returns whether Ctrl-C or SIGTERM arrived; a second one acts as usual.

    Signals can be caught in the main thread only; in other threads, nothing changes.
    """
    if threading.current_thread() is not threading.main_thread():
        yield lambda: False
        return
    received: list[int] = []
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def on_signal(number: int, frame: object) -> None:
        received.append(number)
        signal.signal(number, handlers[number])

    for number in handlers:
        signal.signal(number, on_signal)
    try:
        yield lambda: bool(received)
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
