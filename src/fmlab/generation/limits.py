"""What ends a row of generated tokens: a stop sequence, a maximum length, or a full context."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Integral

from torch import nn

from fmlab.arguments import Ids, require, require_count
from fmlab.models.inference import as_ids


@dataclass(frozen=True)
class Limits:
    """The stop sequences, the maximum number of new tokens, and the model's context length."""

    stops: list[Ids]
    max_new_tokens: int
    context_length: int

    @classmethod
    def of(cls, model: nn.Module, max_new_tokens: int, stop: object) -> Limits:
        """Errors: ``ValueError`` for a max_new_tokens below 1, or a stop of unknown tokens."""
        require_count("max_new_tokens", max_new_tokens)
        allowed = "a sequence of token ids, or of sequences of token ids"
        require(isinstance(stop, Sequence) and not isinstance(stop, str), "stop", allowed, stop)
        sequences = [[item] if isinstance(item, Integral) else item for item in stop]
        stops = [as_ids("stop", ids, model.config, extra=math.inf) for ids in sequences]
        return cls(stops, max_new_tokens, model.config.context_length)

    def most_new_tokens(self, prompt: Ids) -> int:
        """Return how many tokens can follow a prompt: one more than the context has room for."""
        return min(self.max_new_tokens, self.context_length - len(prompt) + 1)

    def finish_reason(self, prompt: Ids, new: Ids) -> str | None:
        """Return why a row ends after these new tokens, or None if it continues."""
        if any(new[-len(stop) :] == stop for stop in self.stops):
            return "stop"
        if len(new) == self.max_new_tokens:
            return "length"
        return "context" if len(prompt) + len(new) > self.context_length else None
