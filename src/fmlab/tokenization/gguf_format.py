"""Read the container format of llama.cpp: one file with a model's settings, vocabulary and weights.

A GGUF file is a header (magic, version, counts), then fields (name, type, value), then a list of
tensors (name, shape, type, offset), then the tensors' data, aligned. All numbers are little-endian.
Nothing here interprets the content: ``fmlab.tokenization.gguf`` makes the tokenizer,
``fmlab.models.llama_formats`` the model. The package ``gguf`` reads the same files, and tests
compare the two. The book must run without it, and this takes a tenth of a second where ``gguf``
takes several.

Source: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
"""

from __future__ import annotations

import math
import mmap
import struct
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fmlab.arguments import require

MAGIC, VERSIONS = b"GGUF", (2, 3)
ALIGNMENT = "general.alignment"
STRING, ARRAY = 8, 9
NUMBERS = {  # the type of a field: NumPy's name of it
    0: "<u1",
    1: "<i1",
    2: "<u2",
    3: "<i2",
    4: "<u4",
    5: "<i4",
    6: "<f4",
    7: "?",
    10: "<u8",
    11: "<i8",
    12: "<f8",
}

# The type of a tensor: its name, values per block, bytes per block.
KINDS = {
    0: ("F32", 1, 4),
    1: ("F16", 1, 2),
    2: ("Q4_0", 32, 18),
    3: ("Q4_1", 32, 20),
    8: ("Q8_0", 32, 34),
}
# Types that are not read here, so that an error can name them.
OTHER_KINDS = {
    6: "Q5_0",
    7: "Q5_1",
    9: "Q8_1",
    10: "Q2_K",
    11: "Q3_K",
    12: "Q4_K",
    13: "Q5_K",
    14: "Q6_K",
    15: "Q8_K",
    30: "BF16",
}


@dataclass(frozen=True)
class GGUFTensor:
    """A tensor in the file: its shape as in torch (outputs, inputs), its type, and its bytes."""

    shape: tuple[int, ...]
    kind: str
    data: NDArray[np.uint8] = field(repr=False)


@dataclass(frozen=True)
class GGUFFile:
    """The fields and the tensors of a file, by name. The tensors' data stays on disk until used."""

    path: Path
    fields: dict[str, Any] = field(repr=False)
    tensors: dict[str, GGUFTensor] = field(repr=False)

    def get(self, name: str, kind: type | tuple[type, ...], default: Any = None) -> Any:
        """Return a field. Errors: ``ValueError`` for one of another type, or missing."""
        value = self.fields.get(name, default)
        expected = " or ".join(k.__name__ for k in (kind if isinstance(kind, tuple) else (kind,)))
        require(value is not None, name, f"{expected}, in {self.path}", "no such field")
        valid = isinstance(value, kind) and not (isinstance(value, bool) and kind is not bool)
        require(valid, name, expected, value)
        return value

    def require(self, name: str, allowed: tuple, default: Any = None) -> Any:
        """Return a field. Errors: ``ValueError``, naming it, unless it has an allowed value."""
        value = self.fields.get(name, default)
        require(value in allowed, name, " or ".join(map(repr, allowed)), value)
        return value


def read_gguf(path: str | Path) -> GGUFFile:
    """Return the content of a GGUF file.

    Errors: ``FileNotFoundError`` for no such file; ``ValueError`` for one of another format, one
    that is damaged or truncated, or a tensor of a type that is not supported.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path} does not exist")
    require(path.stat().st_size > 0, str(path), "a GGUF file", "an empty file")
    with path.open("rb") as file:
        reader = _Reader(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ), path)
    magic = reader.take(4)
    require(magic == MAGIC, str(path), f"a GGUF file, which begins with {MAGIC!r}", magic)
    version = reader.number("<I")
    require(version in VERSIONS, "GGUF.version", "2 or 3, little-endian", version)
    n_tensors, n_fields = reader.number("<Q"), reader.number("<Q")
    fields: dict[str, Any] = {}
    for _ in range(n_fields):
        name = reader.text("name of a field")
        fields[name] = reader.value(name, reader.number("<I"))
    entries = [reader.tensor_entry() for _ in range(n_tensors)]
    alignment = fields.get(ALIGNMENT, 32)
    valid = isinstance(alignment, int) and alignment > 0
    require(valid, ALIGNMENT, "an integer above 0", alignment)
    start = math.ceil(reader.position / alignment) * alignment
    tensors = {name: reader.tensor(name, start, *entry) for name, *entry in entries}
    return GGUFFile(path, fields, tensors)


class _Reader:
    """Reads a file from its start; every read checks that the file is long enough."""

    def __init__(self, data: mmap.mmap, path: Path) -> None:
        self.data, self.path, self.position = data, path, 0

    def take(self, n_bytes: int) -> bytes:
        begin, end = self.position, self.position + n_bytes
        if end > len(self.data):
            raise ValueError(
                f"{self.path} is truncated: it ends at byte {len(self.data)}, within its header"
            )
        self.position = end
        return self.data[begin:end]

    def number(self, form: str) -> int:
        return struct.unpack(form, self.take(struct.calcsize(form)))[0]

    def text(self, name: str) -> str:
        try:
            return self.take(int.from_bytes(self.take(8), "little")).decode()
        except UnicodeDecodeError as error:
            raise ValueError(f"{name} in {self.path} is damaged: {error}") from None

    def value(self, name: str, kind: int) -> Any:
        if kind == STRING:
            return self.text(name)
        if kind == ARRAY:
            kind, n = self.number("<I"), self.number("<Q")
            if kind == STRING:
                return [self.text(name) for _ in range(n)]
            return self._numbers(name, kind, n).tolist()
        return self._numbers(name, kind, 1)[0].item()

    def _numbers(self, name: str, kind: int, n: int) -> NDArray:
        allowed = "a number, a text, or an array of numbers or texts"
        require(kind in NUMBERS, name, allowed, f"type {kind}")
        dtype = np.dtype(NUMBERS[kind])
        return np.frombuffer(self.take(n * dtype.itemsize), dtype)

    def tensor_entry(self) -> tuple[str, tuple[int, ...], int, int]:
        """Return name, shape, type and offset of a tensor."""
        name = self.text("name of a tensor")
        n_axes = self.number("<I")
        require(n_axes <= 4, f"number of axes of {name}", "at most 4", n_axes)
        shape = tuple(self.number("<Q") for _ in range(n_axes))[::-1]  # the last axis comes first
        return name, shape, self.number("<I"), self.number("<Q")

    def tensor(
        self, name: str, start: int, shape: tuple[int, ...], kind: int, offset: int
    ) -> GGUFTensor:
        known = " or ".join(kind_name for kind_name, *_ in KINDS.values())
        actual = OTHER_KINDS.get(kind, f"type {kind}")
        require(kind in KINDS, f"type of tensor {name}", known, actual)
        kind_name, block_values, block_bytes = KINDS[kind]
        whole = shape != () and shape[-1] % block_values == 0
        require(whole, f"last axis of {name}", f"a multiple of {block_values}", shape)
        begin = start + offset
        end = begin + math.prod(shape) // block_values * block_bytes
        if end > len(self.data):
            raise ValueError(
                f"{self.path} is truncated: tensor {name} ends at byte {end}, "
                f"and the file at byte {len(self.data)}"
            )
        return GGUFTensor(shape, kind_name, np.frombuffer(self.data, np.uint8)[begin:end])
