"""Boxes and arrows: diagrams drawn with matplotlib, in the style of the book's other figures."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.patches import FancyBboxPatch

__all__ = ["BLUE", "GREEN", "INK", "ORANGE", "QUIET", "arrow", "box", "canvas"]

INK, QUIET = "#333333", "#777777"
BLUE, ORANGE, GREEN = "#0072b2", "#d55e00", "#009e73"  # as in book.mplstyle


def canvas(ax: Axes, width: float, height: float) -> Axes:
    """Turn an axes into an empty canvas from (0, 0) to (width, height), without ticks or frame."""
    ax.set(xlim=(0, width), ylim=(0, height))
    ax.axis("off")
    return ax


def box(
    ax: Axes,
    x: float,
    y: float,
    text: str,
    *,
    width: float = 1.0,
    height: float = 0.6,
    color: str = INK,
    filled: bool = False,
    size: float = 10,
) -> tuple[float, float]:
    """Draw a box centered at (x, y) with text in it; return its center."""
    face, ink = (color, "white") if filled else ("white", color)
    corner = (x - width / 2, y - height / 2)
    shape = dict(boxstyle="round,pad=0,rounding_size=0.08", mutation_aspect=1)
    ax.add_patch(FancyBboxPatch(corner, width, height, fc=face, ec=color, lw=1.3, **shape))
    ax.text(x, y, text, ha="center", va="center", color=ink, fontsize=size)
    return x, y


def arrow(
    ax: Axes,
    start: tuple[float, float],
    end: tuple[float, float],
    *,
    color: str = INK,
    width: float = 1.3,
    bend: float = 0.0,
) -> None:
    """Draw an arrow. ``bend`` curves it: the sideways offset as a fraction of its length."""
    properties = dict(arrowstyle="-|>", lw=width, color=color, shrinkA=0, shrinkB=0)
    properties["connectionstyle"] = f"arc3,rad={bend}"
    ax.annotate("", xy=end, xytext=start, arrowprops=properties)
