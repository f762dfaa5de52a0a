"""GPT-2, exactly as published: a transformer that predicts the next token at every position.

Token and position embeddings, a stack of blocks (``fmlab.models.layers``), a final LayerNorm, and
an output layer that shares its weights with the token embedding. Names, shapes and arithmetic are
those of the published model, so weights can be exchanged in both directions.

Shapes: B batch, T positions, V vocabulary, D model width, H heads. Source: Radford et al. (2019),
Language Models are Unsupervised Multitask Learners, section 2.3.
"""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Self

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fmlab.arguments import require
from fmlab.data.batching import IGNORED
from fmlab.files import download_from_hub
from fmlab.models import huggingface
from fmlab.models.configs import GPTConfig
from fmlab.models.inference import inference
from fmlab.models.kv_cache import KVCache
from fmlab.models.layers import INITIAL_SPREAD, Block, attention_mask, empty_embedding, initialize
from fmlab.models.losses import linear_cross_entropy


class GPT(nn.Module):
    """A GPT-2 of the given shape, with random weights.

    ``seed``, an integer or a ``torch.Generator``, determines the weights; torch's own random state
    is not touched. Weights are normal with standard deviation ``spread``. Those that write to the
    residual stream are divided by sqrt(2 n_layers), because 2 n_layers outputs add up there. Biases
    are 0. ``state_dict`` has the names and shapes of ``GPT2LMHeadModel``.

    >>> model = GPT(GPTConfig(vocab_size=10, context_length=8, n_layers=1, n_heads=2, d_model=4))
    >>> logits, loss = model(torch.tensor([[1, 2, 3]]), targets=torch.tensor([[2, 3, 4]]))
    >>> tuple(logits.shape), round(loss.item(), 1)  # ln 10: all tokens equally likely
    ((1, 3, 10), 2.3)
    """

    def __init__(
        self,
        config: GPTConfig,
        seed: int | torch.Generator = 0,
        spread: float = INITIAL_SPREAD,
    ) -> None:
        super().__init__()
        self.config = config
        parts = {
            "wte": empty_embedding(config.vocab_size, config.d_model),
            "wpe": empty_embedding(config.context_length, config.d_model),
            "h": nn.ModuleList(Block(config) for _ in range(config.n_layers)),
            "ln_f": nn.LayerNorm(config.d_model, eps=1e-5),
        }
        self.transformer = nn.ModuleDict(parts)
        with torch.random.fork_rng(devices=[]):  # torch samples a weight that is then replaced
            self.lm_head = nn.Linear(config.d_model, config.vocab_size, bias=False)
        self.lm_head.weight = self.transformer.wte.weight  # tied: one matrix in and out
        initialize(self, config.n_layers, seed, spread)

    @property
    def device(self) -> torch.device:
        """The device that the weights are on."""
        return self.transformer.wte.weight.device

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
        _require_targets(targets, hidden, self.config.vocab_size)
        rows = hidden.view(-1, self.config.d_model)  # (B, T, D) -> (B T, D)
        return linear_cross_entropy(rows, self.lm_head.weight, targets.reshape(-1))

    def attention_weights(self, ids: Tensor, n_padding: Tensor | None = None) -> list[Tensor]:
        """Return how much each position attends to each other: for every layer (B, H, T, T)."""
        record: list[Tensor] = []
        with inference(self):
            self.hidden_states(ids, None, n_padding, record)
        return record

    def make_cache(self, batch_size: int = 1, capacity: int = 0) -> KVCache:
        """Return an empty ``KVCache`` that fits this model's shape, precision and device."""
        return KVCache(self.config, batch_size, capacity, self.lm_head.weight.dtype, self.device)

    def save(self, folder: str | Path, dtype: torch.dtype | None = None) -> None:
        """Write ``config.json`` and ``model.safetensors``, which ``transformers`` can also load.

        ``dtype`` is the precision of the file, such as torch.float16; by default the model's.
        """
        weights = {
            name: tensor.detach().to("cpu", dtype) for name, tensor in self.state_dict().items()
        }
        huggingface.write_folder(folder, self.config, weights)

    @classmethod
    def load(cls, folder: str | Path) -> Self:
        """Read what ``save`` wrote, as float32. Errors as in ``from_huggingface``."""
        return cls.from_weights(*huggingface.read_folder(folder))

    @classmethod
    def from_huggingface(cls, source: str | Path | nn.Module) -> Self:
        """Load GPT-2 weights: from a ``GPT2LMHeadModel``, a folder, or a name on the hub ("gpt2").

        Only a name on the hub needs the network, and only the first time. The model is float32 and
        in evaluation mode. Errors: ``ValueError`` for another architecture or a damaged file.
        """
        if isinstance(source, nn.Module):
            config = huggingface.from_hub_config(source.config.to_dict())
            weights = huggingface.from_hub_weights(source.state_dict())
            return cls.from_weights(config, weights)
        is_folder = isinstance(source, Path) or Path(source).is_dir()
        return cls.load(
            source
            if is_folder
            else download_from_hub(source, (huggingface.CONFIG, huggingface.WEIGHTS))
        )

    def to_huggingface(self) -> nn.Module:
        """Return a ``transformers.GPT2LMHeadModel`` with a copy of these weights."""
        from transformers import GPT2Config, GPT2LMHeadModel

        with torch.random.fork_rng(devices=[]):  # torch samples weights that are then replaced
            converted = GPT2LMHeadModel(GPT2Config(**huggingface.to_hub_config(self.config)))
        converted.load_state_dict(self.state_dict())
        return converted.to(self.device, self.lm_head.weight.dtype).train(self.training)

    @classmethod
    def from_weights(cls, config: GPTConfig, weights: dict[str, Tensor]) -> Self:
        """Return a model with the weights of a ``state_dict``, in evaluation mode.

        Errors: ``ValueError`` for one that is missing, unknown, or of another shape.
        """
        model = cls(config)
        shapes = {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}
        actual_shapes = {name: tuple(tensor.shape) for name, tensor in weights.items()}
        for name in sorted(shapes.keys() | actual_shapes.keys()):
            expected, actual = shapes.get(name, "absent"), actual_shapes.get(name, "absent")
            require(expected == actual, f"weight {name}", f"{expected} for {config}", actual)
        model.load_state_dict(weights)
        return model.eval()

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
        require(ids.dim() == 2 and ids.shape[1] > 0, "ids", "of shape (B, T)", tuple(ids.shape))
        n_past, n_new = 0 if cache is None else cache.n_tokens, ids.shape[1]
        if cache is not None:
            fits = cache.batch_size == ids.shape[0]
            require(fits, "ids", f"{cache.batch_size} rows, as the cache has", ids.shape[0])
            n_padding = cache.n_padding = cache.n_padding if n_padding is None else n_padding
        longest = n_past + n_new - (0 if n_padding is None else int(n_padding.min()))
        context = self.config.context_length
        require(longest <= context, "ids", f"at most {context} tokens, the context", longest)

        parts = self.transformer
        try:
            x = parts.wte(ids)  # (B, T) -> (B, T, D)
        except (IndexError, RuntimeError) as error:
            allowed = f"integers from 0 to {self.config.vocab_size - 1}"
            raise ValueError(f"ids must be {allowed}: {error}") from error
        if n_padding is None:
            x = x + parts.wpe.weight[n_past : n_past + n_new]  # (T, D)
        else:
            columns = torch.arange(n_past, n_past + n_new, device=ids.device)
            positions = columns - n_padding[:, None]  # (B, T), negative for padding
            x = x + parts.wpe(positions.clamp(min=0))  # (B, T, D)
        x = F.dropout(x, self.config.dropout, self.training)
        mask = attention_mask(n_past, n_new, n_padding, ids.device)
        for layer, block in enumerate(parts.h):
            extend = None if cache is None else functools.partial(cache.extend, layer)
            x = block(x, mask, extend, record)
        if cache is not None:
            cache.n_tokens += n_new
        return parts.ln_f(x)


def _require_targets(targets: Tensor, outputs: Tensor, vocab_size: int) -> None:
    shape = tuple(outputs.shape[:2])
    require(targets.shape == shape, "targets", f"of shape {shape}", tuple(targets.shape))
    wrong = targets[((targets < 0) | (targets >= vocab_size)) & (targets != IGNORED)]
    allowed = f"integers from 0 to {vocab_size - 1}, or {IGNORED}"
    require(len(wrong) == 0, "targets", allowed, wrong[:1].tolist())
