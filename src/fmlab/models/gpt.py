"""GPT-2, exactly as published: a transformer that predicts the next token at every position.

Token and position embeddings, a stack of blocks (``fmlab.models.layers``), a final LayerNorm, and
an output layer that shares its weights with the token embedding. Names, shapes and arithmetic are
those of the published model, so weights can be exchanged in both directions.

Shapes: B batch, T positions, V vocabulary, D model width, H heads. Source: Radford et al. (2019),
Language Models are Unsupervised Multitask Learners, section 2.3.
"""

from __future__ import annotations

from pathlib import Path
from typing import Self

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fmlab.files import download_from_hub
from fmlab.models import huggingface
from fmlab.models.configs import GPTConfig
from fmlab.models.language_model import LanguageModel
from fmlab.models.layers import INITIAL_SPREAD, Block, empty_embedding, initialize


class GPT(LanguageModel):
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

    def output_projection(self, layer: int) -> nn.Module:
        """Return ``c_proj`` of a layer's attention; see ``LanguageModel``."""
        return self.transformer.h[layer].attn.c_proj

    def queries_and_keys(self, ids: Tensor) -> list[tuple[Tensor, Tensor]]:
        """Return the queries and keys of every layer; see ``LanguageModel``."""
        n_heads, pairs = self.config.n_heads, []
        for packed in self._outputs_of([block.attn.c_attn for block in self.transformer.h], ids):
            heads = packed.unflatten(-1, (3 * n_heads, -1)).transpose(1, 2)  # -> (B, 3H, T, d)
            pairs.append(heads.chunk(3, dim=1)[:2])  # (B, H, T, d) each
        return pairs

    def _embedded(self, ids: Tensor, positions: slice | Tensor) -> tuple[Tensor]:
        parts = self.transformer
        x = self._embed(parts.wte, ids)  # (B, T) -> (B, T, D)
        x = x + parts.wpe.weight[positions]  # (T, D), or (B, T, D) where rows are padded
        return (F.dropout(x, self.config.dropout, self.training),)

    def _stack(self) -> tuple[nn.ModuleList, nn.Module]:
        return self.transformer.h, self.transformer.ln_f
