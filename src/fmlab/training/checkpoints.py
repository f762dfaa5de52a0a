"""Checkpoints: the complete state of a training run in a file, to resume it exactly.

A checkpoint is a safetensors file: named tensors, and some JSON in its header. The previous one is
kept as ``checkpoint.previous.safetensors`` until the next is written, so a full disk or a power
failure costs minutes at most, never the run.
"""

from __future__ import annotations

import hashlib
import json
import os
import warnings
from collections.abc import Mapping
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from fmlab.files import write_atomically

CURRENT, PREVIOUS = "checkpoint.safetensors", "checkpoint.previous.safetensors"
NEXT = "checkpoint.next.safetensors"  # complete, but not yet in the place of the current one

Checkpoint = tuple[dict[str, Tensor], dict]


def write_checkpoint(folder: Path, tensors: Mapping[str, Tensor], facts: Mapping) -> None:
    """Write tensors and facts (anything JSON can hold) as the newest checkpoint of a folder.

    Errors: ``OSError``, for example when the disk is full; existing checkpoints are then unchanged.
    """
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    facts = json.dumps(dict(facts), sort_keys=True)
    header = {"facts": facts, "sha256": _digest(tensors, facts)}
    try:
        write_atomically(folder / NEXT, lambda path: save_file(tensors, path, metadata=header))
        if _is_intact(folder / CURRENT):  # a damaged one must not replace the previous one
            os.replace(folder / CURRENT, folder / PREVIOUS)
        os.replace(folder / NEXT, folder / CURRENT)
    except (OSError, SafetensorError) as error:  # safetensors has its own error for a full disk
        raise OSError(
            f"{folder / CURRENT} could not be written ({error}); is the disk full? The checkpoint "
            "before it is kept: make room and run the same command again"
        ) from error


def read_checkpoint(folder: Path) -> Checkpoint | None:
    """Return the newest intact checkpoint, or None if none was ever written.

    Warns if that is the previous one. Errors: ``ValueError`` if all checkpoints are damaged.
    """
    damaged = None
    for name in (CURRENT, PREVIOUS):
        if not (folder / name).exists():
            continue
        try:
            checkpoint = _read(folder / name)
        except ValueError as error:
            damaged = damaged or error
            continue
        if damaged is not None:
            warnings.warn(f"{damaged}; resuming from the previous one, {name}", stacklevel=2)
        return checkpoint
    if damaged is not None:
        raise ValueError(f"{damaged}, and no earlier one is intact; delete it to start over")
    return None


def delete_checkpoints(folder: Path) -> None:
    """Remove what ``write_checkpoint`` wrote, once the run is finished and its model saved."""
    for name in (CURRENT, PREVIOUS, NEXT):
        (folder / name).unlink(missing_ok=True)


def _is_intact(path: Path) -> bool:
    try:
        _read(path)
    except (ValueError, FileNotFoundError):
        return False
    return True


def _read(path: Path) -> Checkpoint:
    try:
        with safe_open(path, framework="pt") as file:
            header = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in sorted(file.keys())}
    except SafetensorError as error:
        raise ValueError(f"{path} is damaged ({error})") from error
    if not {"facts", "sha256"} <= header.keys():
        raise ValueError(f"{path} is damaged (it has no checksum), or of another version of fmlab")
    if header["sha256"] != _digest(tensors, header["facts"]):
        raise ValueError(f"{path} is damaged (its checksum does not match)")
    return tensors, json.loads(header["facts"])


def _digest(tensors: Mapping[str, Tensor], facts: str) -> str:
    digest = hashlib.sha256(facts.encode())
    for name in sorted(tensors):
        digest.update(name.encode())
        digest.update(tensors[name].numpy())
    return digest.hexdigest()
