"""GPT-2, to the letter: a transformer that reads tokens and predicts, everywhere, the next one.

Token and position embeddings, a stack of blocks (``fmlab.blocks``), a last LayerNorm, and an output
layer that is the token embedding once more. Names, shapes and arithmetic are those of the published
model, so that weights go both ways.

Shapes: B batch, T positions, V vocabulary, D model width, H heads. Source: Radford et al. (2019),
Language Models are Unsupervised Multitask Learners, section 2.3.
"""

from __future__ import annotations

from pathlib import Path
from typing import Self

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils import skip_init

from fmlab import huggingface
from fmlab.arguments import require
from fmlab.blocks import INITIAL_SPREAD, Block, attention_mask, initialize
from fmlab.configs import GPTConfig
from fmlab.kv_cache import KVCache
from fmlab.losses import IGNORED, LinearCrossEntropy

__all__ = ["GPT", "GPTConfig", "KVCache"]


class GPT(nn.Module):
    """A GPT-2 of the given shape, with fresh weights.

    ``seed``, an integer or a ``torch.Generator``, decides the weights; torch's own random state is
    left alone. Weights are normal with the given ``spread``, those that end in the residual stream
    smaller by sqrt(2 n_layers), for so many of them add up there; biases 0. ``state_dict`` has the
    names and shapes of ``GPT2LMHeadModel``.

    >>> model = GPT(GPTConfig(vocab_size=10, context_length=8, n_layers=1, n_heads=2, d_model=4))
    >>> logits, loss = model(torch.tensor([[1, 2, 3]]), targets=torch.tensor([[2, 3, 4]]))
    >>> tuple(logits.shape), round(loss.item(), 1)  # ln 10: it knows nothing yet
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
            "wte": skip_init(nn.Embedding, config.vocab_size, config.d_model),
            "wpe": skip_init(nn.Embedding, config.context_length, config.d_model),
            "h": nn.ModuleList(Block(config, layer) for layer in range(config.n_layers)),
            "ln_f": nn.LayerNorm(config.d_model, eps=1e-5),
        }
        self.transformer = nn.ModuleDict(parts)
        self.lm_head = skip_init(nn.Linear, config.d_model, config.vocab_size, bias=False)
        self.lm_head.weight = self.transformer.wte.weight  # tied: one matrix in and out
        initialize(self, config.n_layers, seed, spread)

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
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
        """Predict the next token everywhere: ids (B, T) -> logits (B, T, V) and loss, or None.

        ``targets`` (B, T) are the tokens that should come next, ids moved on by one, -100 where
        nothing is asked; the loss is the mean cross-entropy over the others, in nats (NaN if there
        are none). With a ``cache``, ids go on where it ends, and it takes them in. ``n_padding``
        (B,) says how many tokens at the start of each row are padding, so that rows of unequal
        length end together; a cache remembers it. ``last_only`` computes the last logits (B, 1, V).
        Errors: ``ValueError`` for ids that are not integers (B, T) below V, or exceed the context;
        for targets that are neither such nor -100.
        """
        hidden = self.hidden_states(ids, cache, n_padding)
        logits = self.lm_head(hidden[:, -1:] if last_only else hidden)  # (B, T, D) -> (B, T, V)
        if targets is None:
            return logits, None
        _require_targets(targets, logits, self.config.vocab_size)
        rows = logits.view(-1, self.config.vocab_size)  # (B, T, V) -> (B T, V)
        return logits, F.cross_entropy(rows, targets.reshape(-1), ignore_index=IGNORED)

    def loss(self, ids: Tensor, targets: Tensor) -> Tensor:
        """Return the loss that ``forward`` gives, in float32 and without keeping the logits.

        It takes about a tenth less time in training, where nothing but the loss is asked for.
        """
        hidden = self.hidden_states(ids)
        _require_targets(targets, hidden, self.config.vocab_size)
        rows = hidden.view(-1, self.config.d_model)  # (B, T, D) -> (B T, D)
        return LinearCrossEntropy.apply(rows, self.lm_head.weight, targets.reshape(-1))

    @torch.no_grad()
    def attention_weights(self, ids: Tensor, n_padding: Tensor | None = None) -> list[Tensor]:
        """Return how much each position attends to each: for every layer (B, H, T, T)."""
        record: list[Tensor] = []
        self.hidden_states(ids, None, n_padding, record)
        return record

    def make_cache(self, batch_size: int = 1, capacity: int = 0) -> KVCache:
        """Return an empty ``KVCache`` that fits this model's shape, precision and device."""
        return KVCache(self.config, batch_size, capacity, self.lm_head.weight.dtype, self.device)

    def save(self, folder: str | Path, dtype: torch.dtype | None = None) -> None:
        """Write ``config.json`` and ``model.safetensors``, which ``transformers`` can load too.

        ``dtype`` is the precision of the file, such as torch.float16; the model's unless given.
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

        Only a name of the hub needs the network, and only the first time. The model is float32 and
        in evaluation mode. Errors: ``ValueError`` for another architecture or a damaged file.
        """
        if isinstance(source, nn.Module):
            config = huggingface.from_hub_config(source.config.to_dict())
            weights = huggingface.from_hub_weights(source.state_dict())
            return cls.from_weights(config, weights)
        is_folder = isinstance(source, Path) or Path(source).is_dir()
        return cls.load(source if is_folder else huggingface.download(source))

    def to_huggingface(self) -> nn.Module:
        """Return a ``transformers.GPT2LMHeadModel`` with a copy of these weights."""
        from transformers import GPT2Config, GPT2LMHeadModel

        with torch.random.fork_rng(devices=[]):  # it draws weights that are then replaced
            theirs = GPT2LMHeadModel(GPT2Config(**huggingface.to_hub_config(self.config)))
        theirs.load_state_dict(self.state_dict())
        return theirs.to(self.device, self.lm_head.weight.dtype).train(self.training)

    @classmethod
    def from_weights(cls, config: GPTConfig, weights: dict[str, Tensor]) -> Self:
        """Return a model with the weights of a ``state_dict``, in evaluation mode.

        Errors: ``ValueError`` for one that is missing, unknown, or of another shape.
        """
        model = cls(config)
        shapes = {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}
        found = {name: tuple(tensor.shape) for name, tensor in weights.items()}
        for name in sorted(shapes.keys() | found.keys()):
            expected, got = shapes.get(name, "absent"), found.get(name, "absent")
            require(expected == got, f"weight {name}", f"{expected} for {config}", got)
        model.load_state_dict(weights)
        return model.eval()

    def hidden_states(
        self,
        ids: Tensor,
        cache: KVCache | None = None,
        n_padding: Tensor | None = None,
        record: list[Tensor] | None = None,
    ) -> Tensor:
        """Return everything up to the output layer: ids (B, T) -> (B, T, D).

        ``lm_head`` makes logits of it. ``record`` takes the attention weights of every layer.
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
            known = f"integers from 0 to {self.config.vocab_size - 1}"
            raise ValueError(f"ids must be {known}: {error}") from error
        if n_padding is None:
            x = x + parts.wpe.weight[n_past : n_past + n_new]  # (T, D)
        else:
            columns = torch.arange(n_past, n_past + n_new, device=ids.device)
            positions = columns - n_padding[:, None]  # (B, T), negative for padding
            x = x + parts.wpe(positions.clamp(min=0))  # (B, T, D)
        x = F.dropout(x, self.config.dropout, self.training)
        mask = attention_mask(n_past, n_new, n_padding, ids.device)
        for block in parts.h:
            x = block(x, mask, cache, record)
        if cache is not None:
            cache.n_tokens += n_new
        return parts.ln_f(x)


def _require_targets(targets: Tensor, outputs: Tensor, vocab_size: int) -> None:
    shape = tuple(outputs.shape[:2])
    require(targets.shape == shape, "targets", f"of shape {shape}", tuple(targets.shape))
    wrong = targets[((targets < 0) | (targets >= vocab_size)) & (targets != IGNORED)]
    allowed = f"integers from 0 to {vocab_size - 1}, or {IGNORED}"
    require(len(wrong) == 0, "targets", allowed, wrong[:1].tolist())
