"""Everything that goes on in a training run, in a file: to go on after an interrupt as if none was.

A checkpoint is a safetensors file: named numbers, and a few words of JSON in its header. It is
written beside the last one and then takes its place, which stays as ``checkpoint.previous`` until
the next; so a full disk or a lost power line costs minutes at most, never the run.
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

CURRENT, PREVIOUS = "checkpoint.safetensors", "checkpoint.previous.safetensors"

Checkpoint = tuple[dict[str, Tensor], dict]


def write_checkpoint(folder: Path, tensors: Mapping[str, Tensor], facts: Mapping) -> None:
    """Write tensors and facts (what JSON can say) as the newest checkpoint of the folder.

    Errors: ``OSError``, as when the disk is full; then the checkpoints there stay as they were.
    """
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    facts = json.dumps(dict(facts), sort_keys=True)
    header = {"facts": facts, "sha256": _digest(tensors, facts)}
    partial = folder / f"{CURRENT}.partial"
    try:
        save_file(tensors, partial, metadata=header)
        with partial.open("rb+") as file:
            os.fsync(file.fileno())  # on the disk itself before it takes another one's place
        if _is_whole(folder / CURRENT):  # a damaged one must not push out the one before it
            os.replace(folder / CURRENT, folder / PREVIOUS)
        os.replace(partial, folder / CURRENT)
    except (OSError, SafetensorError) as error:  # safetensors has its own word for a full disk
        partial.unlink(missing_ok=True)
        raise OSError(
            f"{folder / CURRENT} could not be written ({error}); is the disk full? The checkpoint "
            "before it is kept: make room and run the same command again"
        ) from error


def read_checkpoint(folder: Path) -> Checkpoint | None:
    """Return the newest checkpoint that is whole, or None if there never was one.

    Warns where that is the one before the newest. Errors: ``ValueError`` if none is whole.
    """
    damaged = None
    for name in (CURRENT, PREVIOUS):
        if not (folder / name).exists():
            continue
        try:
            found = _read(folder / name)
        except ValueError as error:
            damaged = damaged or error
            continue
        if damaged is not None:
            warnings.warn(f"{damaged}; going on from the one before it, {name}", stacklevel=2)
        return found
    if damaged is not None:
        raise ValueError(f"{damaged}, and none before it is whole; delete it to begin anew")
    return None


def delete_checkpoints(folder: Path) -> None:
    """Remove what ``write_checkpoint`` wrote: the run is finished, its model is saved."""
    for name in (CURRENT, PREVIOUS):
        (folder / name).unlink(missing_ok=True)


def _is_whole(path: Path) -> bool:
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
    facts = header.get("facts", "{}")
    if header.get("sha256") != _digest(tensors, facts):
        raise ValueError(f"{path} is damaged (its checksum does not fit)")
    return tensors, json.loads(facts)


def _digest(tensors: Mapping[str, Tensor], facts: str) -> str:
    digest = hashlib.sha256(facts.encode())
    for name in sorted(tensors):
        digest.update(name.encode())
        digest.update(tensors[name].numpy())
    return digest.hexdigest()
