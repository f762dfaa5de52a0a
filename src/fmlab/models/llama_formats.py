"""A Llama's configuration and weights in two file formats: GGUF, and that of the Hugging Face hub.

Both hold the same numbers under different names. One more thing differs: GGUF files have the rows
of the query and key matrices in another order, because llama.cpp rotates neighboring numbers of a
head as a pair, and ``Llama`` the numbers i and i + d/2.

Any setting that would lead to other logits than the original's raises a ValueError that names it.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from fmlab.arguments import require
from fmlab.models.configs import LlamaConfig
from fmlab.models.gguf_blocks import dequantize
from fmlab.models.huggingface import CONFIG, tied, uncompiled
from fmlab.tokenization.gguf_format import GGUFFile, read_gguf

# --- GGUF -----------------------------------------------------------------------------------------

# The names of tensors, in GGUF and here; those of a layer come after "blk.3." and "model.layers.3."
GLOBAL_NAMES = {
    "token_embd.weight": "model.embed_tokens.weight",
    "output_norm.weight": "model.norm.weight",
    "output.weight": "lm_head.weight",  # absent if it is the token embedding
}
LAYER_NAMES = {
    "attn_norm.weight": "input_layernorm.weight",
    "attn_q.weight": "self_attn.q_proj.weight",
    "attn_k.weight": "self_attn.k_proj.weight",
    "attn_v.weight": "self_attn.v_proj.weight",
    "attn_output.weight": "self_attn.o_proj.weight",
    "ffn_norm.weight": "post_attention_layernorm.weight",
    "ffn_gate.weight": "mlp.gate_proj.weight",
    "ffn_up.weight": "mlp.up_proj.weight",
    "ffn_down.weight": "mlp.down_proj.weight",
}


def read_gguf_model(path: str | Path) -> tuple[LlamaConfig, dict[str, Tensor]]:
    """Return the configuration and the weights, as float32, in a GGUF file.

    Errors: as in ``Llama.from_gguf``.
    """
    file = read_gguf(path)
    config = from_gguf_config(file)
    names = dict(GLOBAL_NAMES)
    for i in range(config.n_layers):
        names |= {f"blk.{i}.{a}": f"model.layers.{i}.{b}" for a, b in LAYER_NAMES.items()}
    if config.tied:
        del names["output.weight"]
    for name in sorted(names.keys() - file.tensors.keys()):
        raise ValueError(f"{file.path} lacks the tensor {name}")
    for name in sorted(file.tensors.keys() - names.keys()):
        raise ValueError(f"{file.path} has a tensor that a Llama does not have, {name}")
    weights = {}
    for name, our_name in names.items():
        tensor = file.tensors[name]
        weight = torch.from_numpy(dequantize(tensor.data, tensor.kind, tensor.shape))
        if name.endswith(("attn_q.weight", "attn_k.weight")):
            weight = pairs_apart(weight, config.d_head)
        weights[our_name] = weight
    if config.tied:
        weights["lm_head.weight"] = weights["model.embed_tokens.weight"]
    return config, weights


def from_gguf_config(file: GGUFFile) -> LlamaConfig:
    """Read the fields of a GGUF file. Errors: ``ValueError`` if it is not a plain Llama."""
    file.require("general.architecture", ("llama",))
    file.require("llama.expert_count", (0,), 0)
    file.require("llama.rope.scaling.type", ("none",), "none")
    n_heads = file.get("llama.attention.head_count", int)
    d_model = file.get("llama.embedding_length", int)
    tokens = file.get("tokenizer.ggml.tokens", list, [])
    config = LlamaConfig(
        vocab_size=file.get("llama.vocab_size", int, len(tokens)),
        context_length=file.get("llama.context_length", int),
        n_layers=file.get("llama.block_count", int),
        n_heads=n_heads,
        n_kv_heads=file.get("llama.attention.head_count_kv", int, n_heads),
        d_model=d_model,
        d_ff=file.get("llama.feed_forward_length", int),
        tied="output.weight" not in file.tensors,
        rope_base=file.get("llama.rope.freq_base", float, 10_000.0),
        norm_epsilon=round(file.get("llama.attention.layer_norm_rms_epsilon", float), 12),
    )
    for name in ("rope.dimension_count", "attention.key_length", "attention.value_length"):
        file.require(f"llama.{name}", (config.d_head,), config.d_head)
    return config


def pairs_apart(weight: Tensor, d_head: int) -> Tensor:
    """Reorder the rows of each head from 0, 0', 1, 1', ... to 0, 1, ..., 0', 1', ...: (D', D).

    >>> pairs_apart(torch.tensor([[0], [10], [1], [11]]), d_head=4).flatten().tolist()
    [0, 1, 10, 11]
    """
    pairs = weight.view(-1, d_head // 2, 2, weight.shape[-1])  # (D', D) -> (heads, d / 2, 2, D)
    return pairs.transpose(1, 2).reshape(weight.shape)  # -> (heads, 2, d / 2, D) -> (D', D)


# --- the hub --------------------------------------------------------------------------------------

# Settings that vary among Llama configurations, and the only values that are supported here.
FIXED = {
    "model_type": ("llama",),
    "hidden_act": ("silu",),
    "attention_bias": (False,),
    "mlp_bias": (False,),
    "rope_scaling": (None,),
}


def to_hub_config(config: LlamaConfig) -> dict:
    """Return the configuration in the format of ``config.json``."""
    return {name: values[0] for name, values in FIXED.items() if name != "rope_scaling"} | {
        "architectures": ["LlamaForCausalLM"],
        "vocab_size": config.vocab_size,
        "max_position_embeddings": config.context_length,
        "num_hidden_layers": config.n_layers,
        "num_attention_heads": config.n_heads,
        "num_key_value_heads": config.n_kv_heads,
        "hidden_size": config.d_model,
        "intermediate_size": config.d_ff,
        "tie_word_embeddings": config.tied,
        "rms_norm_eps": config.norm_epsilon,
        "rope_theta": config.rope_base,  # where older versions of transformers read it,
        "rope_parameters": {"rope_theta": config.rope_base, "rope_type": "default"},  # and newer
        "bos_token_id": None,  # special tokens belong to the tokenizer
        "eos_token_id": None,
    }


def from_hub_config(settings: Mapping[str, Any]) -> LlamaConfig:
    """Read the content of a ``config.json``. Errors: ``ValueError`` if not a plain Llama's."""
    for name, values in FIXED.items():
        value = settings.get(name, None if name == "model_type" else values[0])
        _require(value in values, name, " or ".join(map(repr, values)), value)
    sizes = {
        "vocab_size": "vocab_size",
        "context_length": "max_position_embeddings",
        "n_layers": "num_hidden_layers",
        "n_heads": "num_attention_heads",
        "d_model": "hidden_size",
        "d_ff": "intermediate_size",
    }
    missing = sorted({*sizes.values(), "rms_norm_eps"} - settings.keys())
    if missing:
        raise ValueError(f"{CONFIG} must be that of a Llama; it lacks {', '.join(missing)}")
    rope = settings.get("rope_parameters") or {}
    _require(isinstance(rope, Mapping), "rope_parameters", "an object", rope)
    rope_type = rope.get("rope_type", "default")
    _require(rope_type == "default", "rope_parameters.rope_type", "'default'", rope_type)
    config = LlamaConfig(
        **{ours: settings[theirs] for ours, theirs in sizes.items()},
        n_kv_heads=settings.get("num_key_value_heads") or settings["num_attention_heads"],
        tied=settings.get("tie_word_embeddings", False),
        rope_base=rope.get("rope_theta") or settings.get("rope_theta", 10_000.0),
        norm_epsilon=settings["rms_norm_eps"],
    )
    head_dim = settings.get("head_dim") or config.d_head
    _require(head_dim == config.d_head, "head_dim", str(config.d_head), head_dim)
    return config


def from_hub_weights(config: LlamaConfig, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the tensors of a file under the names that ``Llama`` uses: the tied one twice."""
    weights = uncompiled(weights)
    return tied(weights, "model.embed_tokens.weight") if config.tied else weights


def _require(condition: bool, name: str, allowed: str, value: object) -> None:
    require(condition, f"{name} in {CONFIG}", allowed, value)
