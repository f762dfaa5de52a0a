"""Checks of the batches of token ids that a model reads and learns to predict.

Shapes: B batch, T positions, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

from fmlab.arguments import require
from fmlab.data.batching import IGNORED

INTEGERS = (torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8)


def as_batch(name: str, ids: object, vocab_size: int) -> Tensor:
    """Return ids (B, T) as int64: an embedding reads no smaller integers.

    Errors: ``ValueError``, naming the argument, for anything but a tensor of integers (B, T) with
    at least one row and one position. ``known_ids`` finds those that are not below V.
    """
    is_tensor = isinstance(ids, Tensor)
    require(is_tensor, name, "a tensor of shape (B, T)", type(ids).__name__)
    valid = ids.dim() == 2 and ids.shape[0] > 0 and ids.shape[1] > 0
    require(valid, name, "of shape (B, T), at least one row and position", tuple(ids.shape))
    require(ids.dtype in INTEGERS, name, f"integers from 0 to {vocab_size - 1}", ids.dtype)
    return ids.long()


def as_targets(targets: object, shape: tuple[int, ...], vocab_size: int) -> Tensor:
    """Return targets (B, T) as int64.

    Errors: ``ValueError`` for anything but a tensor of this shape, of integers below V or IGNORED.
    """
    is_tensor = isinstance(targets, Tensor)
    require(is_tensor, "targets", f"a tensor of shape {shape}", type(targets).__name__)
    require(targets.shape == shape, "targets", f"of shape {shape}", tuple(targets.shape))
    allowed = f"integers from 0 to {vocab_size - 1}, or {IGNORED}"
    require(targets.dtype in INTEGERS, "targets", allowed, targets.dtype)
    targets = targets.long()
    wrong = targets[((targets < 0) | (targets >= vocab_size)) & (targets != IGNORED)]
    require(len(wrong) == 0, "targets", allowed, wrong[:1].tolist())
    return targets


@contextmanager
def known_ids(name: str, vocab_size: int) -> Iterator[None]:
    """Turn an embedding's error about an id that is not below V into a ValueError.

    Comparing all ids first would take longer than looking them up.
    """
    try:
        yield
    except IndexError as error:
        raise ValueError(f"{name} must be integers from 0 to {vocab_size - 1}: {error}") from error
