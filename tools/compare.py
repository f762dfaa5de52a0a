"""Compare stored outputs with fresh ones: figures by how they look, everything else exactly."""

from __future__ import annotations

import base64
import hashlib
import io
import re
from pathlib import Path

import numpy as np
from PIL import Image

from tools.drawings import SVG, Drawing, is_drawing

VIEW = "application/vnd.jupyter.widget-view+json"
ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")  # in the repr of a widget
IMAGES = ("image/png", "image/jpeg", SVG)
BEGINNINGS = ("iVBORw0KGgo", "/9j/")  # of a PNG and of a JPEG in base64

# Some cells show what the chapter has just trained in 32 bits. Processors round differently, and
# training amplifies that. Of these cells, only the kinds of their outputs are compared; what they
# show is asserted in the chapter.
TRAINED_LIVE = {"foundation-models": {"clip-9", "space-3", "space-9"}}

# A curve that moves by a thousandth of a pixel changes no pixel by this much; one changed digit in
# the smallest print changes at least four. One version of matplotlib draws the same everywhere.
LEVELS = 32  # of 255, in any channel
PIXELS = 2  # that may differ by more


def is_trained_live(notebook: str | Path, cell: str) -> bool:
    """Say whether the outputs of a cell, given by its id, differ between processors."""
    return cell in TRAINED_LIVE.get(Path(notebook).stem, ())


class Figure(str):
    """A picture, given as base64, that equals another if both look the same.

    It is a string because test reports print it.
    """

    pixels: np.ndarray  # height, width, RGBA

    def __new__(cls, encoded: str) -> Figure:
        data = base64.b64decode(encoded)
        with Image.open(io.BytesIO(data)) as image:
            name = f"figure of {image.width}x{image.height} pixels"
            figure = super().__new__(cls, f"<{name}, {hashlib.sha256(data).hexdigest()[:8]}>")
            figure.pixels = np.asarray(image.convert("RGBA"), dtype=np.int16)
        return figure

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Figure) and not self.difference(other)

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = None

    def difference(self, other: Figure) -> str:
        """Say how the figures differ; empty if they look the same."""
        if self.pixels.shape != other.pixels.shape:
            return f"{self} and {other} differ in size"
        differences = np.abs(self.pixels - other.pixels).max(axis=-1)
        rows, columns = np.nonzero(differences > LEVELS)
        if len(rows) <= PIXELS:
            return ""
        box = f"x {columns.min()}-{columns.max()}, y {rows.min()}-{rows.max()}"
        return f"{len(rows)} pixels differ by up to {differences.max()} of 255, at {box}"


def is_figure(value: object) -> bool:
    return isinstance(value, str) and value.startswith(BEGINNINGS)


def look(text: str) -> str:
    """Return what to compare of an output: how a figure looks, of a text all but addresses."""
    if is_figure(text):
        return Figure(text)
    return Drawing(text) if is_drawing(text) else ADDRESS.sub("", text)


def comparable(outputs: list[dict], kinds_only: bool = False) -> dict[str, list]:
    """Return the outputs of a cell by kind, without what differs from run to run.

    Outputs of one kind keep their order. Streams arrive in pieces and are joined; of a widget,
    only the fact that it is shown counts. With `kinds_only`, only the kind of each output counts,
    except for errors.
    """
    streams: dict[str, str] = {}
    by_kind: dict[str, list] = {}
    for output in outputs:
        if output["output_type"] == "stream":
            name = output["name"]
            streams[name] = streams.get(name, "") + joined(output["text"])
        elif output["output_type"] == "error":
            by_kind.setdefault("error", []).append((output["ename"], output["evalue"]))
        for kind, value in output.get("data", {}).items():
            text = joined(value)
            if isinstance(text, str):
                text = look(text)
            by_kind.setdefault(kind, []).append(None if kind == VIEW else text)
    by_kind |= {name: [text] for name, text in streams.items()}
    if not kinds_only:
        return by_kind
    return {
        kind: values if kind == "error" else [None] * len(values)
        for kind, values in by_kind.items()
    }


def joined(text: object) -> object:
    """Return an output as one text; files store it as a list of lines."""
    return "".join(text) if isinstance(text, list) else text
