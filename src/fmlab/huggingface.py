"""GPT-2 weights in the format of the Hugging Face hub: ``config.json`` and ``model.safetensors``.

A folder in this format is what the hub serves, what ``transformers`` loads, and how this book keeps
its own models. Safetensors is numbers and their names only: reading it never runs code, which
reading a pickle does.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from fmlab.configs import GPTConfig

CONFIG, WEIGHTS = "config.json", "model.safetensors"

# What a GPT-2 configuration may vary elsewhere, and the only value that the architecture here has.
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
    """Return the configuration as ``config.json`` has it."""
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
        "bos_token_id": None,  # special tokens are the tokenizer's business
        "eos_token_id": None,
    }


def from_hub_config(settings: Mapping) -> GPTConfig:
    """Read a ``config.json``; ``ValueError`` unless it describes GPT-2 to the letter."""
    missing = {"vocab_size", "n_positions", "n_embd", "n_layer", "n_head"} - settings.keys()
    if missing:
        raise ValueError(f"{CONFIG} must be that of a GPT-2; it lacks {', '.join(sorted(missing))}")
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
    """Give tensors the names that they have here.

    The oldest files leave out the prefix and store the causal mask, which is no weight; the output
    layer is the token embedding, and files leave it out or have it twice.
    """
    masks = (".attn.bias", ".attn.masked_bias")
    named = {
        name if name.startswith(("transformer.", "lm_head.")) else f"transformer.{name}": tensor
        for name, tensor in weights.items()
        if not name.endswith(masks)
    }
    if "transformer.wte.weight" in named:
        named.setdefault("lm_head.weight", named["transformer.wte.weight"])
    return named


def read_folder(folder: str | Path) -> tuple[GPTConfig, dict[str, Tensor]]:
    """Return the configuration and the weights in a folder of the hub's format.

    Errors: ``FileNotFoundError`` for a missing file, ``ValueError`` for a damaged or another one.
    """
    folder = Path(folder)
    for name in (CONFIG, WEIGHTS):
        if not (folder / name).is_file():
            raise FileNotFoundError(
                f"{folder} must hold {CONFIG} and {WEIGHTS}; {name} is missing "
                "(pickled weights, pytorch_model.bin, are not read: they can run code)"
            )
    try:
        settings = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
        weights = load_file(folder / WEIGHTS)
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{folder / CONFIG} is damaged: {error}") from error
    except SafetensorError as error:
        raise ValueError(f"{folder / WEIGHTS} is damaged: {error}") from error
    return from_hub_config(settings), from_hub_weights(weights)


def write_folder(folder: str | Path, config: GPTConfig, weights: Mapping[str, Tensor]) -> None:
    """Write a folder in the hub's format; a file that was there stays whole until replaced."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    kept = {
        name: tensor.contiguous() for name, tensor in weights.items() if name != "lm_head.weight"
    }
    text = json.dumps(to_hub_config(config), indent=2) + "\n"
    writers = {
        WEIGHTS: lambda path: save_file(kept, path, metadata={"format": "pt"}),
        CONFIG: lambda path: path.write_text(text, encoding="utf-8"),
    }
    for name, write in writers.items():
        partial = folder / f"{name}.partial"
        write(partial)
        os.replace(partial, folder / name)


def download(name: str, files: Sequence[str] = (CONFIG, WEIGHTS)) -> Path:
    """Return the local folder of files of a model on the hub, fetched unless an earlier call did.

    Errors: ``ValueError`` if there is no such model, or neither a network nor an earlier copy.
    """
    try:
        from huggingface_hub import hf_hub_download
    except ImportError as error:
        raise ImportError(f"to load {name!r} from the hub: pip install huggingface_hub") from error
    try:
        paths = [Path(hf_hub_download(name, file)) for file in files]
    except (OSError, ValueError) as error:
        raise ValueError(
            f"{name!r} must be a folder with {' and '.join(files)}, or a model on the hub that "
            f"can be reached or was loaded before: {error}"
        ) from error
    return paths[0].parent
