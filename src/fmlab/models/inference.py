"""Inference: turn off dropout and gradients, and check the token ids that a model gets."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from numbers import Integral
from typing import Protocol

import torch
from torch import Tensor, nn

from fmlab.arguments import Ids, require


class HasTokens(Protocol):
    """The configuration of a model that reads tokens."""

    vocab_size: int
    context_length: int


@contextmanager
def inference(model: nn.Module, modules: Sequence[nn.Module] | None = None) -> Iterator[None]:
    """Turn dropout and gradients off; afterwards every module is in the mode it was in.

    ``modules`` are all modules of the model, for callers that enter often: listing them takes
    longer than the rest.
    """
    modules = list(model.modules()) if modules is None else modules
    were_training = [module for module in modules if module.training]
    for module in were_training:
        module.training = False
    try:
        with torch.inference_mode():
            yield
    finally:
        for module in were_training:
            module.training = True


def at_least_float32(tensor: Tensor) -> Tensor:
    """Return a tensor of 16-bit numbers as float32, any other as it is.

    Sums and softmaxes of 16-bit numbers lose too much. A model in float64 keeps its precision, and
    with it results that do not depend on how a processor rounds.
    """
    return tensor if tensor.dtype == torch.float64 else tensor.float()


def as_ids(name: str, ids: object, config: HasTokens, extra: float = 0) -> Ids:
    """Return one sequence of token ids as a list of Python integers.

    Errors: ``ValueError``, naming the argument, for anything but a non-empty sequence of ids below
    V, or one that is more than ``extra`` tokens longer than the context.
    """
    sequence = ids.tolist() if hasattr(ids, "tolist") else ids
    allowed = f"token ids, integers from 0 to {config.vocab_size - 1}"
    require(isinstance(sequence, Sequence), name, allowed, ids)
    require(len(sequence) > 0, name, "at least one token", ids)
    integers = (isinstance(i, Integral) and not isinstance(i, bool) for i in sequence)
    valid = all(integers) and 0 <= min(sequence) <= max(sequence) < config.vocab_size
    require(valid, name, allowed, ids)
    longest = config.context_length + extra
    require(len(sequence) <= longest, name, f"at most {longest} tokens, the context", len(sequence))
    return [int(i) for i in sequence]
