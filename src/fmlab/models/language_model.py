"""What every language model here can do, whatever its architecture.

``GPT`` and ``Llama`` differ in how they turn tokens into hidden states. The rest is here: logits,
loss, attention weights, the KV cache. Generation, scoring, finetuning, evaluation and
interpretability use nothing else of a model, so they take either.

Shapes: B batch, T positions, V vocabulary, D model width, H heads.
"""

from __future__ import annotations

import functools
from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Self

import torch
from torch import Tensor, nn

from fmlab.arguments import require
from fmlab.models.configs import GPTConfig, LlamaConfig
from fmlab.models.inference import inference
from fmlab.models.kv_cache import KVCache
from fmlab.models.layers import attention_mask
from fmlab.models.losses import linear_cross_entropy
from fmlab.models.token_ids import as_batch, as_targets, known_ids


class LanguageModel(nn.Module, ABC):
    """A transformer that predicts the next token at every position: a ``GPT`` or a ``Llama``.

    ``config`` is its shape, and ``lm_head`` its output layer.
    """

    config: GPTConfig | LlamaConfig
    lm_head: nn.Linear

    @abstractmethod
    def _embedded(self, ids: Tensor, positions: slice | Tensor) -> tuple:
        """Return what the first block reads, (B, T, D), and what else every block is given.

        ``positions`` are the tokens' own: a slice, or (B, T) where the rows are padded.
        """

    @abstractmethod
    def _stack(self) -> tuple[nn.ModuleList, nn.Module]:
        """Return the blocks, and the norm after the last one."""

    @abstractmethod
    def output_projection(self, layer: int) -> nn.Module:
        """Return the part of a layer that reads the outputs of all heads, side by side (B, T, D).

        It writes to the residual stream; head h has columns h d to (h + 1) d of its input.
        """

    @abstractmethod
    def queries_and_keys(self, ids: Tensor) -> list[tuple[Tensor, Tensor]]:
        """Return the queries and keys of every layer, (B, H, T, d) each, for ids (B, T).

        Their products, divided by sqrt(d), are what ``attention_weights`` takes the softmax of.
        """

    def hidden_states(
        self,
        ids: Tensor,
        cache: KVCache | None = None,
        n_padding: Tensor | None = None,
        record: list[Tensor] | None = None,
    ) -> Tensor:
        """Compute everything up to the output layer: ids (B, T) -> (B, T, D).

        ``lm_head`` turns it into logits. ``record`` collects the attention weights of every layer.
        Errors: ``ValueError`` as in ``forward``.
        """
        ids = as_batch("ids", ids, self.config.vocab_size)
        n_past, n_padding = self._prepare(ids, cache, n_padding)
        n_new = ids.shape[1]
        if n_padding is None:
            positions = slice(n_past, n_past + n_new)
        else:
            positions = padded_positions(n_past, n_new, n_padding)
        x, *given = self._embedded(ids, positions)
        mask = attention_mask(n_past, n_new, n_padding, ids.device)
        blocks, norm = self._stack()
        for layer, block in enumerate(blocks):
            extend = None if cache is None else functools.partial(cache.extend, layer)
            x = block(x, *given, mask, extend, record)
        if cache is not None:
            cache.n_tokens += n_new
        return norm(x)

    @property
    def device(self) -> torch.device:
        """The device that the weights are on."""
        return self.lm_head.weight.device

    def forward(
        self,
        ids: Tensor,
        targets: Tensor | None = None,
        cache: KVCache | None = None,
        *,
        n_padding: Tensor | None = None,
        last_only: bool = False,
    ) -> tuple[Tensor, Tensor | None]:
        """Predict the next token at every position: ids (B, T) -> logits (B, T, V), and the loss.

        ``targets`` (B, T) are the tokens that should come next, ids shifted by one, or -100 where
        the loss should not count; the loss is their mean cross-entropy in nats (NaN if there are
        none), and None without targets. With a ``cache``, ids continue where it ends, and are added
        to it. ``n_padding`` (B,) is the number of padding tokens at the start of each row, so that
        rows of unequal length end together; a cache remembers it. ``last_only`` computes the last
        logits (B, 1, V) only.
        Errors: ``ValueError`` for ids that are not integers (B, T) below V, or exceed the context;
        for targets that are neither such integers nor -100.
        """
        hidden = self.hidden_states(ids, cache, n_padding)
        logits = self.lm_head(hidden[:, -1:] if last_only else hidden)  # (B, T, D) -> (B, T, V)
        if targets is None:
            return logits, None
        return logits, self._loss(hidden, targets)

    def loss(self, ids: Tensor, targets: Tensor) -> Tensor:
        """Return the loss that ``forward`` gives, without keeping the logits."""
        return self._loss(self.hidden_states(ids), targets)

    def _loss(self, hidden: Tensor, targets: Tensor) -> Tensor:
        targets = as_targets(targets, tuple(hidden.shape[:2]), self.config.vocab_size)
        rows = hidden.view(-1, self.config.d_model)  # (B, T, D) -> (B T, D)
        return linear_cross_entropy(rows, self.lm_head.weight, targets.reshape(-1))

    def attention_weights(self, ids: Tensor, n_padding: Tensor | None = None) -> list[Tensor]:
        """Return how much each position attends to each other: for every layer (B, H, T, T)."""
        record: list[Tensor] = []
        with inference(self):
            self.hidden_states(ids, None, n_padding, record)
        return record

    def _outputs_of(self, modules: Sequence[nn.Module], ids: Tensor) -> list[Tensor]:
        """Return what parts of the model put out as it reads ids (B, T)."""
        outputs: dict[nn.Module, Tensor] = {}

        def note(module: nn.Module, inputs: tuple, output: Tensor) -> None:
            outputs[module] = output

        with ExitStack() as stack, inference(self):
            for module in modules:
                stack.callback(module.register_forward_hook(note).remove)
            self.hidden_states(ids)
        return [outputs[module] for module in modules]

    def make_cache(self, batch_size: int = 1, capacity: int = 0) -> KVCache:
        """Return an empty ``KVCache`` that fits this model's shape, precision and device."""
        return KVCache(self.config, batch_size, capacity, self.lm_head.weight.dtype, self.device)

    @classmethod
    def from_weights(cls, config: GPTConfig | LlamaConfig, weights: dict[str, Tensor]) -> Self:
        """Return a model with the weights of a ``state_dict``, in evaluation mode.

        Errors: ``ValueError`` for one that is missing, unknown, or of another shape.
        """
        model = cls(config)
        model.require_weights(weights)
        model.load_state_dict(weights)
        return model.eval()

    def require_weights(self, weights: dict[str, Tensor]) -> None:
        """Raise ValueError for a weight that is missing, unknown, or of another shape."""
        shapes = {name: tuple(tensor.shape) for name, tensor in self.state_dict().items()}
        actual_shapes = {name: tuple(tensor.shape) for name, tensor in weights.items()}
        for name in sorted(shapes.keys() | actual_shapes.keys()):
            expected, actual = shapes.get(name, "absent"), actual_shapes.get(name, "absent")
            require(expected == actual, f"weight {name}", f"{expected} for {self.config}", actual)

    def _prepare(
        self, ids: Tensor, cache: KVCache | None, n_padding: Tensor | None
    ) -> tuple[int, Tensor | None]:
        """Check ids (B, T); return how many tokens come before them, and the padding of each row.

        Errors: ``ValueError`` for more tokens than the context or the cache has.
        """
        n_past, n_new = 0 if cache is None else cache.n_tokens, ids.shape[1]
        if cache is not None:
            fits = cache.batch_size == ids.shape[0]
            require(fits, "ids", f"{cache.batch_size} rows, as the cache has", ids.shape[0])
            n_padding = cache.n_padding = cache.n_padding if n_padding is None else n_padding
        longest = n_past + n_new - (0 if n_padding is None else int(n_padding.min()))
        context = self.config.context_length
        require(longest <= context, "ids", f"at most {context} tokens, the context", longest)
        return n_past, n_padding

    def _embed(self, embedding: nn.Embedding, ids: Tensor) -> Tensor:
        """Look up the tokens: ids (B, T) -> (B, T, D). Errors: ``ValueError`` for unknown ids."""
        with known_ids("ids", self.config.vocab_size):
            return embedding(ids)


def padded_positions(n_past: int, n_new: int, n_padding: Tensor) -> Tensor:
    """Return each token's position in its own text, (B, T); 0 for padding."""
    columns = torch.arange(n_past, n_past + n_new, device=n_padding.device)
    return (columns - n_padding[:, None]).clamp(min=0)
