"""Weights in the format of the Hugging Face hub: ``config.json`` and ``model.safetensors``.

The hub serves folders in this format, ``transformers`` loads them, and this book stores its own
models in it. A safetensors file contains only numbers and their names: reading it never runs code,
unlike reading a pickle. What ``config.json`` holds depends on the architecture: here is GPT-2's;
Llama's is in ``fmlab.models.llama_formats``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from fmlab.arguments import require, require_count
from fmlab.files import write_atomically
from fmlab.models.configs import GPTConfig

CONFIG, WEIGHTS = "config.json", "model.safetensors"
INDEX = f"{WEIGHTS}.index.json"  # of weights in several files
COMPILED = "_orig_mod."  # torch.compile puts this before every name

# Settings that vary among GPT-2 configurations, and the only value that is supported here.
FIXED = {
    "model_type": "gpt2",
    "activation_function": "gelu_new",
    "layer_norm_epsilon": 1e-5,
    "scale_attn_weights": True,
    "scale_attn_by_inverse_layer_idx": False,
    "add_cross_attention": False,
    "tie_word_embeddings": True,
}


def to_hub_config(config: GPTConfig) -> dict:
    """Return the configuration in the format of ``config.json``."""
    return FIXED | {
        "architectures": ["GPT2LMHeadModel"],
        "vocab_size": config.vocab_size,
        "n_positions": config.context_length,
        "n_embd": config.d_model,
        "n_layer": config.n_layers,
        "n_head": config.n_heads,
        "n_inner": None,
        "resid_pdrop": config.dropout,
        "embd_pdrop": config.dropout,
        "attn_pdrop": config.dropout,
        "bos_token_id": None,  # special tokens belong to the tokenizer
        "eos_token_id": None,
    }


def from_hub_config(settings: Mapping) -> GPTConfig:
    """Read the content of a ``config.json``. Errors: ``ValueError`` if it is not GPT-2's."""
    missing = {"vocab_size", "n_positions", "n_embd", "n_layer", "n_head"} - settings.keys()
    if missing:
        raise ValueError(f"{CONFIG} must be that of a GPT-2; it lacks {', '.join(sorted(missing))}")
    require_count(f"n_embd in {CONFIG}", settings["n_embd"])
    allowed = FIXED | {"n_inner": (None, 4 * settings["n_embd"])}
    dropout = settings.get("resid_pdrop", 0.1)  # the default of the format
    allowed |= {"embd_pdrop": dropout, "attn_pdrop": dropout}
    for name, values in allowed.items():
        values = values if isinstance(values, tuple) else (values,)
        value = settings.get(name, 0.1 if name.endswith("_pdrop") else values[0])
        if value not in values:
            raise ValueError(f"{name} in {CONFIG} must be {values[-1]!r}; got {value!r}")
    return GPTConfig(
        vocab_size=settings["vocab_size"],
        context_length=settings["n_positions"],
        n_layers=settings["n_layer"],
        n_heads=settings["n_head"],
        d_model=settings["n_embd"],
        dropout=dropout,
    )


def from_hub_weights(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the tensors under the names that ``GPT`` uses.

    The oldest files omit the prefix and contain the causal mask, which is not a weight. The output
    layer is the token embedding; files omit it or contain it twice.
    """
    masks = (".attn.bias", ".attn.masked_bias")
    weights = uncompiled(weights)
    renamed = {
        name if name.startswith(("transformer.", "lm_head.")) else f"transformer.{name}": tensor
        for name, tensor in weights.items()
        if not name.endswith(masks)
    }
    return tied(renamed, "transformer.wte.weight")


def uncompiled(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return weights under the names that they have without ``torch.compile``."""
    return {name.removeprefix(COMPILED): tensor for name, tensor in weights.items()}


def tied(weights: Mapping[str, Tensor], embedding: str) -> dict[str, Tensor]:
    """Return weights in which one matrix is both the token embedding and the output layer.

    A file has it under either name, or under both.
    Errors: ``ValueError`` for two different matrices: the model is not tied, whatever its
    configuration says.
    """
    names = (embedding, "lm_head.weight")
    found = [weights[name] for name in names if name in weights]
    same = len(found) < 2 or torch.equal(*found)
    allowed = f"the same as {embedding}, since {CONFIG} says that they are tied"
    require(same, names[1], allowed, "another matrix")
    return {**weights, **dict.fromkeys(names, found[0])} if found else dict(weights)


def read_folder(folder: str | Path) -> tuple[GPTConfig, dict[str, Tensor]]:
    """Return the configuration and the weights of a GPT-2 in a folder of the hub's format.

    Errors: ``FileNotFoundError`` for a missing file, ``ValueError`` for one that is damaged or
    belongs to another architecture.
    """
    settings, weights = read_files(folder)
    return from_hub_config(settings), from_hub_weights(weights)


def write_folder(folder: str | Path, config: GPTConfig, weights: Mapping[str, Tensor]) -> None:
    """Write the folder of a GPT-2; existing files are replaced atomically."""
    stored = {name: tensor for name, tensor in weights.items() if name != "lm_head.weight"}
    write_files(folder, to_hub_config(config), stored)


def read_files(folder: str | Path) -> tuple[dict, dict[str, Tensor]]:
    """Return the settings and the tensors in a folder, of any architecture.

    Errors: ``FileNotFoundError`` for a missing file, ``ValueError`` for a damaged one.
    """
    settings, weights = read_settings(folder), {}
    for path in _weight_files(Path(folder)):
        try:
            weights |= load_file(path)
        except SafetensorError as error:
            raise ValueError(f"{path} is damaged: {error}") from error
    return settings, weights


def read_settings(folder: str | Path) -> dict:
    """Return the content of ``config.json``. Errors as in ``read_files``."""
    path = _existing(folder, CONFIG)
    try:
        settings = json.loads(path.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is damaged: {error}") from error
    require(isinstance(settings, dict), str(path), "a JSON object", settings)
    return settings


def write_files(folder: str | Path, settings: dict, weights: Mapping[str, Tensor]) -> None:
    """Write settings and tensors to a folder; existing files are replaced atomically."""
    folder = Path(folder)
    stored = {name: tensor.contiguous() for name, tensor in weights.items()}
    metadata = {"format": "pt"}
    write_atomically(folder / WEIGHTS, lambda path: save_file(stored, path, metadata=metadata))
    write_atomically(folder / CONFIG, json.dumps(settings, indent=2) + "\n")


def _weight_files(folder: Path) -> list[Path]:
    """Return the file with the weights, or the files: large models are split, with an index."""
    index = folder / INDEX
    if (folder / WEIGHTS).is_file() or not index.is_file():
        return [_existing(folder, WEIGHTS)]
    try:
        names = sorted(set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()))
        valid = all(re.fullmatch(r"[\w-]+\.safetensors", name) for name in names)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{index} is damaged: {error}") from error
    require(valid, "weight_map", f"names of files beside {index}", names)
    return [_existing(folder, name) for name in names]


def _existing(folder: str | Path, name: str) -> Path:
    path = Path(folder) / name
    if not path.is_file():
        raise FileNotFoundError(
            f"{folder} must contain {CONFIG} and {WEIGHTS}; {name} is missing "
            "(pickled weights, pytorch_model.bin, are not read: they can run code)"
        )
    return path
