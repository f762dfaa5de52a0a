"""Figures as SVG: what is stored of what matplotlib draws, and when two of them look the same.

Kernels that draw the figures of the book are started with `FIGURES_AS_SVG`.
"""

from __future__ import annotations

import re

# Of the kernel's inline backend. A date or a version would change with every run.
FIGURES_AS_SVG = [
    "--InlineBackend.figure_formats=svg",
    "--InlineBackend.print_figure_kwargs="
    "{'bbox_inches': 'tight', 'metadata': {'Date': None, 'Creator': None}}",
]
SVG = "image/svg+xml"
TOLERANCE = 0.05  # points by which a line may move: other processors round differently

PROLOGUE = re.compile(r"<\?xml.*?(?=<svg)|<metadata>.*?</metadata>\s*", re.S)
PART = re.compile(r"(<!--.*?-->)|(-?\d+\.\d+(?:e-?\d+)?)", re.S)
HASHED_ID = re.compile(r'\bid="(\w*?[0-9a-f]{10})"')
NUMBER = re.compile(r"-?\d+(?:\.\d+)?")


def tidy(svg: str) -> str:
    """Return a drawing without what nobody sees: hundredths of a point are enough.

    >>> tidy('<?xml version="1.0"?>\\n<svg>\\n <path d="M 1.23456 0.0123 \\nz\\n"/>\\n</svg>\\n')
    '<svg><path d="M 1.23 0.012 z"/></svg>'
    """
    svg = PART.sub(lambda match: match[1] or rounded(float(match[2])), PROLOGUE.sub("", svg))
    svg = re.sub(r"\s*\n\s*", " ", svg)
    svg = re.sub(r"> (?=<)", ">", svg.replace(' "', '"'))
    for number, name in enumerate(dict.fromkeys(HASHED_ID.findall(svg)), 1):
        svg = svg.replace(name, f"id-{number}")
    return svg.replace("><g id=", ">\n<g id=").strip()  # a line for each part


def rounded(number: float) -> str:
    """
    >>> rounded(1.005), rounded(-0.0004), rounded(0.095), rounded(12.0)
    ('1', '0', '0.095', '12')
    """
    text = f"{number:.{2 if abs(number) >= 1 else 3}f}".rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text


class Drawing(str):
    """An SVG that equals another if both look the same. A string, because reports print it."""

    skeleton: str  # all but the numbers
    numbers: list[float]

    def __new__(cls, svg: str) -> Drawing:
        svg = tidy(svg)
        numbers = [float(number) for number in NUMBER.findall(svg)]
        drawing = super().__new__(cls, f"<drawing of {len(numbers)} numbers>")
        drawing.skeleton, drawing.numbers = NUMBER.sub("#", svg), numbers
        return drawing

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Drawing) and not self.difference(other)

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = None

    def difference(self, other: Drawing) -> str:
        """Say how the drawings differ; empty if they look the same."""
        lines, others = self.skeleton.splitlines(), other.skeleton.splitlines()
        for line, fresh in zip(lines, others):
            if line != fresh:
                return f"{line[:100]!r} is now {fresh[:100]!r}"
        if len(lines) != len(others) or len(self.numbers) != len(other.numbers):
            return f"{len(lines)} elements are now {len(others)}"
        pairs = zip(self.numbers, other.numbers)
        moved = max((abs(old - new) for old, new in pairs), default=0)
        return f"something moved by {moved:.2f} points" if moved > TOLERANCE else ""


def is_drawing(value: object) -> bool:
    return isinstance(value, str) and bool(re.match(r"\s*(<\?xml|<svg)\b", value))
