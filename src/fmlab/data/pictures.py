"""Small drawn pictures with captions: one to three shapes of one kind and color, in one row.

A scene is what a picture shows; ``draw`` makes a picture of it, ``caption`` describes it in words
of a small grammar. Both vary: size, place, shade and wording are random, so one scene has many
pictures and several captions. Two lists of scenes have no pair of color and shape in common.

Shapes: N pictures, 3 color channels, SIZE rows and columns.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

from fmlab.arguments import Floats, require, require_count

SIZE, CELL = 24, 8  # pixels of a picture, and of one of its 3 x 3 cells
FINE = 3  # points per pixel and direction that are averaged, so that edges are smooth
COLORS = {
    "red": (0.84, 0.15, 0.16),
    "orange": (1.00, 0.55, 0.05),
    "yellow": (0.97, 0.86, 0.15),
    "green": (0.17, 0.63, 0.17),
    "blue": (0.12, 0.35, 0.85),
    "purple": (0.55, 0.22, 0.70),
}
SHAPES = ("circle", "square", "triangle", "cross", "ring", "diamond")
NUMBERS = ("one", "two", "three")
ROWS = ("top", "center", "bottom")
WORDINGS = (
    "{things} at the {row}",
    "at the {row} {are} {things}",
    "a picture of {things} at the {row}",
    "the {row} row has {things}",
    "{things}",
)


@dataclass(frozen=True)
class Scene:
    """What a picture shows: so many shapes of a color in a row."""

    number: str
    color: str
    shape: str
    row: str

    @property
    def pair(self) -> tuple[str, str]:
        """Its color and shape."""
        return self.color, self.shape

    @property
    def things(self) -> str:
        """The objects in words, such as "two red circles"."""
        plural = "" if self.number == "one" else "es" if self.shape.endswith("s") else "s"
        return f"{self.number} {self.color} {self.shape}{plural}"


PAIRS = tuple(product(COLORS, SHAPES))
SCENES = tuple(
    Scene(number, color, shape, row)
    for number, color, shape, row in product(NUMBERS, COLORS, SHAPES, ROWS)
)
# One pair of each color and of each shape: every word of these captions is in other captions, too.
HELD_OUT_PAIRS = tuple(zip(COLORS, SHAPES))


@dataclass(frozen=True)
class Captioned:
    """N pictures (N, 3, SIZE, SIZE), from 0 (dark) to 1, with their captions and scenes."""

    pictures: Floats
    captions: Sequence[str]
    scenes: Sequence[Scene]

    def __len__(self) -> int:
        return len(self.scenes)


def captioned_pictures(n: int, *, held_out: bool = False, seed: int = 0) -> Captioned:
    """Draw n random scenes, each with a caption; all have one of the HELD_OUT_PAIRS, or none has.

    >>> data = captioned_pictures(3)
    >>> data.pictures.shape, data.captions[0]
    ((3, 3, 24, 24), 'at the center are three green squares')
    """
    require_count("n", n)
    rng = np.random.default_rng([seed, held_out])
    allowed = [scene for scene in SCENES if (scene.pair in HELD_OUT_PAIRS) == held_out]
    scenes = [allowed[i] for i in rng.integers(len(allowed), size=n)]
    captions = [caption(scene, rng) for scene in scenes]
    return Captioned(np.stack([draw(scene, rng) for scene in scenes]), captions, scenes)


def caption(scene: Scene, rng: np.random.Generator) -> str:
    """Describe a scene in one of the WORDINGS; the last one leaves out the row."""
    are = "is" if scene.number == "one" else "are"
    wording = WORDINGS[rng.integers(len(WORDINGS))]
    return wording.format(things=scene.things, row=scene.row, are=are)


def draw(scene: Scene, rng: np.random.Generator) -> Floats:
    """Draw a scene: (3, SIZE, SIZE). Sizes, places, shades and the background are random."""
    background = rng.uniform(0.8, 1.0)
    picture = np.full((3, SIZE, SIZE), background) + rng.normal(scale=0.03, size=(3, SIZE, SIZE))
    color = np.array(COLORS[scene.color]) + rng.normal(scale=0.04, size=3)
    columns = rng.choice(3, size=NUMBERS.index(scene.number) + 1, replace=False)
    for column in columns:
        center = np.array([ROWS.index(scene.row), column]) * CELL + CELL / 2
        coverage = outline(scene.shape, center + rng.uniform(-0.8, 0.8, 2), rng.uniform(2.6, 3.6))
        picture += coverage * (color[:, None, None] - picture)
    return picture.clip(0, 1)


def outline(shape: str, center: Floats, radius: float) -> Floats:
    """Return which fraction of each pixel a shape covers, (SIZE, SIZE)."""
    require(shape in SHAPES, "shape", f"one of {', '.join(SHAPES)}", shape)
    points = (np.arange(SIZE * FINE) + 0.5) / FINE
    y, x = points[:, None] - center[0], points[None, :] - center[1]
    inside = {
        "circle": lambda: x**2 + y**2 < radius**2,
        "square": lambda: np.maximum(abs(x), abs(y)) < 0.85 * radius,
        "triangle": lambda: (abs(x) < (y + radius) / 1.8) & (y < 0.8 * radius),
        "cross": lambda: (
            (np.minimum(abs(x), abs(y)) < 0.3 * radius) & (np.maximum(abs(x), abs(y)) < radius)
        ),
        "ring": lambda: abs(np.sqrt(x**2 + y**2) - 0.75 * radius) < 0.25 * radius,
        "diamond": lambda: abs(x) + abs(y) < 1.1 * radius,
    }[shape]()
    fine = np.broadcast_to(inside, (SIZE * FINE, SIZE * FINE)).astype(float)
    return fine.reshape(SIZE, FINE, SIZE, FINE).mean(axis=(1, 3))
