"""Inference engines: they compute the logits of the next token for a batch of sequences.

An engine reads the prompts once (``start``), then takes one token per row and step (``advance``).
Which one runs is chosen by name, and all give the same logits up to rounding:

============  ====================================================================================
``torch``     keeps a KV cache, so that each step computes one position per row
``numpy``     the same for a single row of an unmodified model, with a decoder from
              ``fmlab.generation.numpy_decoders``: without torch's overhead, with faster products
``uncached``  reads the whole sequence again at each step
``auto``      ``numpy`` where it is supported, else ``torch``
============  ====================================================================================

Shapes: R rows, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from fmlab.arguments import Ids, require
from fmlab.generation.numpy_decoders import DECODERS, Floats32, make_decoder
from fmlab.generation.untouched import is_untouched
from fmlab.models.inference import at_least_float32, inference


class UncachedEngine:
    """Reads whole sequences at every step."""

    def __init__(self, model: nn.Module) -> None:
        self.model, self.modules = model, list(model.modules())
        self.sequences: list[Ids] = []

    def start(self, prompts: Sequence[Ids], n: int = 1) -> Floats32:
        """Read prompts of any lengths; return next-token logits (R, V), n rows for each prompt."""
        self.sequences = [prompt for prompt in prompts for _ in range(n)]
        return self._read()

    def advance(self, rows: Sequence[int], tokens: Ids) -> Floats32:
        """Continue these rows of the last step with a new token each: logits (len(rows), V)."""
        self.sequences = [self.sequences[row] + [token] for row, token in zip(rows, tokens)]
        return self._read()

    def _read(self) -> Floats32:
        ids, n_padding = left_pad(self.sequences, self.model)
        with inference(self.model, self.modules):
            return last_logits(self.model(ids, n_padding=n_padding, last_only=True))


class TorchEngine:
    """Reads new tokens only, and keeps the keys and values of earlier ones in a cache."""

    def __init__(self, model: nn.Module, capacity: int = 0) -> None:
        self.model, self.modules, self.capacity = model, list(model.modules()), capacity

    def start(self, prompts: Sequence[Ids], n: int = 1) -> Floats32:
        """As in ``UncachedEngine``."""
        ids, n_padding = left_pad(prompts, self.model)
        self.cache = self.model.make_cache(len(prompts), self.capacity)
        rows = [row for row in range(len(prompts)) for _ in range(n)]
        with inference(self.model, self.modules):
            logits = self.model(ids, cache=self.cache, n_padding=n_padding, last_only=True)
            if n > 1:
                self.cache.select(rows)
            return last_logits(logits)[rows]

    def advance(self, rows: Sequence[int], tokens: Ids) -> Floats32:
        """As in ``UncachedEngine``."""
        ids = torch.tensor(tokens, device=self.model.device)[:, None]  # (R,) -> (R, 1)
        with inference(self.model, self.modules):
            if list(rows) != list(range(self.cache.batch_size)):
                self.cache.select(rows)
            return last_logits(self.model(ids, cache=self.cache, last_only=True))


class NumPyEngine(TorchEngine):
    """Reads the prompt as ``TorchEngine`` does, and decodes with a ``NumPyDecoder``."""

    def start(self, prompts: Sequence[Ids], n: int = 1) -> Floats32:
        """As in ``UncachedEngine``, for one row."""
        logits = super().start(prompts, n)
        self.decoder = make_decoder(self.model, self.cache, is_checked=True)
        return logits

    def advance(self, rows: Sequence[int], tokens: Ids) -> Floats32:
        """As in ``UncachedEngine``, for one row."""
        return self.decoder.step(tokens[0])[None]  # (V,) -> (1, V)


Engine = UncachedEngine | TorchEngine | NumPyEngine
ENGINES = ("auto", "torch", "numpy", "uncached")


def require_engine(name: str, n_rows: int) -> None:
    """Raise ValueError for an unknown name, or for "numpy" and more than one row."""
    require(name in ENGINES, "engine", f"one of {', '.join(ENGINES)}", name)
    allowed = "torch, uncached or auto for more than one row"
    require(name != "numpy" or n_rows == 1, "engine", allowed, name)


def make_engine(name: str, model: nn.Module, n_rows: int, capacity: int = 0) -> Engine:
    """Return the engine of this name, with room for ``capacity`` tokens per row.

    Errors: ``ValueError`` as in ``require_engine``; for "numpy" and a changed model.
    """
    require_engine(name, n_rows)
    if name == "uncached":
        return UncachedEngine(model)
    if name == "torch" or n_rows > 1:
        return TorchEngine(model, capacity)
    if is_untouched(model):
        return NumPyEngine(model, capacity)
    kinds = " or ".join(kind.__name__ for kind in DECODERS)
    allowed = f"torch, uncached or auto for what is not an untouched float32 {kinds} on the CPU"
    require(name == "auto", "engine", allowed, name)
    return TorchEngine(model, capacity)


def left_pad(sequences: Sequence[Ids], model: nn.Module) -> tuple[Tensor, Tensor | None]:
    """Pad rows at the start: return ids (R, T), and the padding of each row (R,), if any."""
    longest = max(map(len, sequences))
    padding = [longest - len(ids) for ids in sequences]
    rows = [[0] * n + ids for n, ids in zip(padding, sequences)]
    ids = torch.tensor(rows, device=model.device)
    return ids, torch.tensor(padding, device=model.device) if any(padding) else None


def last_logits(output: tuple[Tensor, Tensor | None]) -> Floats32:
    """Return the logits of the last position as a NumPy array, (R, 1, V) -> (R, V)."""
    return at_least_float32(output[0][:, -1]).cpu().numpy()
