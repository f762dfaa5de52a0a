"""Llama: the architecture of most open language models, and a real model to load into it.

A token embedding, a stack of blocks (``fmlab.models.llama_layers``), a final RMSNorm, and an output
layer. It is used exactly as a ``GPT`` is: what both can do is in ``LanguageModel``. Weights come
from a GGUF file, as llama.cpp uses it, or from a folder in the format of the Hugging Face hub.

Shapes: B batch, T positions, V vocabulary, D model width, H heads. Source: Touvron et al. (2023),
LLaMA: Open and Efficient Foundation Language Models, section 2.2.
"""

from __future__ import annotations

from pathlib import Path
from typing import Self

import torch
from torch import Tensor, nn

from fmlab.files import download_from_hub
from fmlab.models import huggingface, llama_formats
from fmlab.models.configs import LlamaConfig
from fmlab.models.language_model import LanguageModel
from fmlab.models.layers import INITIAL_SPREAD, empty_embedding, initialize
from fmlab.models.llama_layers import (
    Linear,
    LlamaBlock,
    RMSNorm,
    Rotary,
    Rotation,
    rotate,
    split_heads,
)


class Llama(LanguageModel):
    """A Llama of the given shape, with random weights.

    ``seed``, an integer or a ``torch.Generator``, determines the weights, as in ``GPT``; torch's
    own random state is not touched. None leaves them as they are in memory, for those who set them.
    ``state_dict`` has the names and shapes of ``LlamaForCausalLM``.

    >>> config = LlamaConfig(10, 8, n_layers=1, n_heads=2, n_kv_heads=1, d_model=4, d_ff=8)
    >>> logits, loss = Llama(config)(torch.tensor([[1, 2, 3]]), targets=torch.tensor([[2, 3, 4]]))
    >>> tuple(logits.shape), round(loss.item(), 1)  # ln 10: all tokens equally likely
    ((1, 3, 10), 2.3)
    """

    def __init__(
        self,
        config: LlamaConfig,
        seed: int | torch.Generator | None = 0,
        spread: float = INITIAL_SPREAD,
    ) -> None:
        super().__init__()
        self.config = config
        parts = {
            "embed_tokens": empty_embedding(config.vocab_size, config.d_model),
            "layers": nn.ModuleList(LlamaBlock(config) for _ in range(config.n_layers)),
            "norm": RMSNorm(config.d_model, config.norm_epsilon),
        }
        self.model = nn.ModuleDict(parts)
        self.lm_head = Linear(config.d_model, config.vocab_size)
        self._tie()
        self.rotary = Rotary(config)
        if seed is not None:
            initialize(self, config.n_layers, seed, spread)

    def _tie(self) -> None:
        if self.config.tied:
            self.lm_head.weight = self.model.embed_tokens.weight  # one matrix in and out

    def output_projection(self, layer: int) -> nn.Module:
        """Return ``o_proj`` of a layer's attention; see ``LanguageModel``."""
        return self.model.layers[layer].self_attn.o_proj

    def queries_and_keys(self, ids: Tensor) -> list[tuple[Tensor, Tensor]]:
        """Return the queries and keys of every layer, rotated; see ``LanguageModel``.

        Heads that share their keys have copies of them.
        """
        layers = [block.self_attn for block in self.model.layers]
        projections = [layer.q_proj for layer in layers] + [layer.k_proj for layer in layers]
        outputs = self._outputs_of(projections, ids)
        rotation, config = self.rotary(slice(0, ids.shape[1])), self.config
        n_shared = config.n_heads // config.n_kv_heads
        return [
            (
                rotate(split_heads(q, config.n_heads), rotation),
                rotate(split_heads(k, config.n_kv_heads), rotation).repeat_interleave(n_shared, 1),
            )
            for q, k in zip(outputs[: len(layers)], outputs[len(layers) :])
        ]

    def _embedded(self, ids: Tensor, positions: slice | Tensor) -> tuple[Tensor, Rotation]:
        return self._embed(self.model.embed_tokens, ids), self.rotary(positions)

    def _stack(self) -> tuple[nn.ModuleList, nn.Module]:
        return self.model.layers, self.model.norm

    # --- files ------------------------------------------------------------------------------------

    @classmethod
    def from_weights(cls, config: LlamaConfig, weights: dict[str, Tensor]) -> Self:
        """Return a model with the weights of a ``state_dict``, as float32, in evaluation mode.

        Those in float32 are used without a copy.
        Errors: ``ValueError`` for one that is missing, unknown, or of another shape.
        """
        model = cls(config, seed=None)
        model.require_weights(weights)
        copied_once = {"lm_head.weight"} if config.tied else set()  # it is the token embedding
        weights = {
            name: tensor.float() for name, tensor in weights.items() if name not in copied_once
        }
        weights |= dict.fromkeys(copied_once, weights["model.embed_tokens.weight"])
        model.load_state_dict(weights, assign=True)
        model._tie()
        return model.requires_grad_().eval()

    @classmethod
    def from_gguf(cls, path: str | Path) -> Self:
        """Load the weights of a GGUF file, as float32, in evaluation mode.

        Errors: ``FileNotFoundError`` for no such file; ``ValueError``, naming the field or tensor,
        for another architecture, a type of weights other than F32, F16, Q8_0, Q4_0 and Q4_1, or a
        damaged file.
        """
        return cls.from_weights(*llama_formats.read_gguf_model(path))

    def save(self, folder: str | Path, dtype: torch.dtype | None = None) -> None:
        """Write ``config.json`` and ``model.safetensors``, which ``transformers`` can also load.

        ``dtype`` is the precision of the file, such as torch.float16; by default the model's.
        """
        tied = ("lm_head.weight",) if self.config.tied else ()
        weights = {
            name: tensor.detach().to("cpu", dtype)
            for name, tensor in self.state_dict().items()
            if name not in tied
        }
        settings = llama_formats.to_hub_config(self.config)
        huggingface.write_files(folder, settings, weights)

    @classmethod
    def load(cls, folder: str | Path) -> Self:
        """Read what ``save`` wrote, as float32. Errors as in ``from_huggingface``."""
        settings, weights = huggingface.read_files(folder)
        config = llama_formats.from_hub_config(settings)
        return cls.from_weights(config, llama_formats.from_hub_weights(config, weights))

    @classmethod
    def from_huggingface(cls, source: str | Path | nn.Module) -> Self:
        """Load Llama weights: from a ``LlamaForCausalLM``, a folder, or a name on the hub.

        Only a name on the hub needs the network, and only the first time. The model is float32 and
        in evaluation mode. Errors: ``ValueError`` for another architecture or a damaged file.
        """
        if isinstance(source, nn.Module):
            config = llama_formats.from_hub_config(source.config.to_dict())
            weights = {name: tensor.clone() for name, tensor in source.state_dict().items()}
            return cls.from_weights(config, llama_formats.from_hub_weights(config, weights))
        is_folder = isinstance(source, Path) or Path(source).is_dir()
        files = (huggingface.CONFIG, huggingface.WEIGHTS)
        return cls.load(source if is_folder else download_from_hub(source, files))

    def to_huggingface(self) -> nn.Module:
        """Return a ``transformers.LlamaForCausalLM`` with a copy of these weights."""
        from transformers import LlamaConfig as HuggingFaceLlamaConfig
        from transformers import LlamaForCausalLM

        config = HuggingFaceLlamaConfig(**llama_formats.to_hub_config(self.config))
        with torch.random.fork_rng(devices=[]):  # torch samples weights that are then replaced
            converted = LlamaForCausalLM(config)
        converted.load_state_dict(self.state_dict())
        return converted.to(self.device, self.lm_head.weight.dtype).train(self.training)
