"""Several processes that train one model together, and how they and one alone are asked to stop.

Data parallelism is no more than this: every process has the whole model, computes the gradient of
its share of each batch, and all of them take the average. ``torchrun`` starts the processes and
tells each its number.
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
    """The group that this process belongs to: n of them, this one being number ``rank``."""

    n: int = 1
    rank: int = 0

    @classmethod
    def joined(cls, device: torch.device) -> Processes:
        """Return the group that torchrun started, or that of a process on its own."""
        if int(os.environ.get("WORLD_SIZE", 1)) == 1:
            return cls()
        if device.type == "cuda":
            torch.cuda.set_device(device)  # nccl sends from the current one
        if not dist.is_initialized():
            dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
        return cls(dist.get_world_size(), dist.get_rank())

    @property
    def first(self) -> bool:
        """Whether this is the one that writes files and shows progress."""
        return self.rank == 0

    def share(self, n_rows: int) -> slice:
        """Return the rows of a batch that are this process's: every n-th, so none gets more."""
        return slice(self.rank, n_rows, self.n)

    def average(self, loss: Tensor, weights: Iterable[Tensor]) -> float:
        """Average the gradients of the weights in place, and return the average loss."""
        if self.n == 1:
            return float(loss)
        gradients = [weight.grad for weight in weights]
        flat = torch.cat([loss.view(1), *(gradient.view(-1) for gradient in gradients)])
        dist.all_reduce(flat)  # one message for all is faster than one for each
        flat /= self.n
        parts = flat[1:].split([gradient.numel() for gradient in gradients])
        for gradient, part in zip(gradients, parts):
            gradient.copy_(part.view_as(gradient))
        return float(flat[0])

    def any(self, flag: bool) -> bool:
        """Return whether the flag is up in any process, the same answer in all."""
        if self.n == 1:
            return flag
        flags = torch.tensor(float(flag))
        if dist.get_backend() == "nccl":
            flags = flags.cuda()
        dist.all_reduce(flags, dist.ReduceOp.MAX)
        return bool(flags)

    def wait(self) -> None:
        """Wait until every process is here."""
        if self.n > 1:
            dist.barrier()


@contextmanager
def stop_requested() -> Iterator[Callable[[], bool]]:
    """Yield a function that says whether Ctrl-C or SIGTERM came; a second one ends at once.

    Signals can be caught in the main thread only; elsewhere they do what they always do.
    """
    if threading.current_thread() is not threading.main_thread():
        yield lambda: False
        return
    came: list[int] = []
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def remember(number: int, frame: object) -> None:
        came.append(number)
        signal.signal(number, before[number])

    for number in before:
        signal.signal(number, remember)
    try:
        yield lambda: bool(came)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
