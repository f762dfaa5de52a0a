"""The image-text explorer: describe a picture, and see which pictures are closest."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from itertools import product

import numpy as np
from numpy.typing import ArrayLike
from PIL import Image
from traitlets import Dict, Float, Int, List, Unicode, observe, validate

from fmlab.arguments import Floats, as_floats, require
from fmlab.data.pictures import COLORS, HELD_OUT_PAIRS, NUMBERS, ROWS, SHAPES, Scene
from fmlab.models.clip import ImageTextModel
from fmlab.widgets.base import Widget

ANYWHERE = "anywhere"
CHOICES = {
    "number": NUMBERS,
    "color": tuple(COLORS),
    "shape": SHAPES,
    "row": (ANYWHERE, *ROWS),
}
N_SHOWN, N_STILL, MAX_PICTURES = 6, 3, 200


class ImageTextExplorer(Widget, files=("image_text.js", "image_text.css")):
    """Search pictures with a caption, by the embeddings of an image-text model.

    ``pictures`` (N, 3, S, S) are those to search, ``scenes`` what they show. The page has four
    choices, of ``number``, ``color``, ``shape`` and ``row``, which make up a caption. The model
    embeds all captions in advance, so the page needs no kernel.

    Set and observe the four choices. Observe the results: ``caption``, and ``nearest``, the indices
    of the closest pictures, the closest first.

    Errors: ``ValueError`` for fewer than 6 or more than 200 pictures, another number of scenes, or
    a choice that does not exist.
    """

    number = Unicode("two", help="How many objects.").tag(sync=True)
    color = Unicode("red", help="Their color.").tag(sync=True)
    shape = Unicode("circle", help="Their shape.").tag(sync=True)
    row = Unicode("bottom", help='Where they are, or "anywhere".').tag(sync=True)

    caption = Unicode(read_only=True, help="The caption of these choices.")
    nearest = List(Int(), read_only=True, help="The closest pictures, the closest first.")

    choices = Dict(read_only=True, help="The values of each choice.").tag(sync=True)
    labels = List(Unicode(), read_only=True, help="What each picture shows.").tag(sync=True)
    unseen = List(Unicode(), read_only=True, help="Pairs left out of training.").tag(sync=True)
    size = Int(read_only=True, help="The length of an embedding.").tag(sync=True)
    picture_vectors = List(Float(), read_only=True, help="(N, E), flattened.").tag(sync=True)
    caption_vectors = List(Float(), read_only=True, help="(432, E), flattened.").tag(sync=True)
    sheet = Unicode(read_only=True, help="All pictures, as one PNG.").tag(sync=True)

    def __init__(
        self,
        model: ImageTextModel,
        pictures: ArrayLike,
        scenes: Sequence[Scene],
        *,
        title: str = "Image-text explorer",
        **settings: object,
    ):
        pictures = as_floats("pictures", pictures)
        n = len(pictures)
        allowed = f"{N_SHOWN} to {MAX_PICTURES} pictures"
        require(N_SHOWN <= n <= MAX_PICTURES, "pictures", allowed, n)
        require(len(scenes) == n, "scenes", f"{n}, one per picture", len(scenes))
        self._pictures, self._scenes = pictures, list(scenes)
        self._P = rounded(model.embed_pictures(pictures))
        captions = [caption_of(*choice) for choice in product(*CHOICES.values())]
        self._C = rounded(model.embed_captions(captions))
        self.set_trait("choices", {name: list(values) for name, values in CHOICES.items()})
        self.set_trait("labels", [place(scene) for scene in scenes])
        self.set_trait("unseen", [" ".join(pair) for pair in HELD_OUT_PAIRS])
        self.set_trait("size", self._P.shape[1])
        self.set_trait("picture_vectors", self._P.ravel().tolist())
        self.set_trait("caption_vectors", self._C.ravel().tolist())
        self.set_trait("sheet", sheet_of(pictures))
        super().__init__(title=title, **settings)
        self._search({})

    @property
    def similarities(self) -> Floats:
        """The cosine similarity of the caption with each picture, (N,)."""
        place = 0
        for name, values in CHOICES.items():
            place = place * len(values) + values.index(getattr(self, name))
        return self._P @ self._C[place]

    @validate("number", "color", "shape", "row")
    def _check(self, proposal: dict) -> str:
        name, value = proposal["trait"].name, proposal["value"]
        require(value in CHOICES[name], name, f"one of {', '.join(CHOICES[name])}", value)
        return value

    @observe("number", "color", "shape", "row")
    def _search(self, change: dict) -> None:
        if not hasattr(self, "_C"):
            return
        self.set_trait("caption", caption_of(self.number, self.color, self.shape, self.row))
        order = np.argsort(-self.similarities, kind="stable")[:N_SHOWN]
        self.set_trait("nearest", order.tolist())

    def _still(self) -> str:
        cells = "".join(
            f'<td><img src="{sheet_of(self._pictures[i : i + 1])}" alt="{self.labels[i]}" '
            'width="72" height="72" style="image-rendering:pixelated"></td>'
            for i in self.nearest[:N_STILL]
        )
        return (
            f"<figure><table><tbody><tr>{cells}</tr></tbody></table><figcaption>The pictures "
            f'closest to the caption "{self.caption}". With JavaScript, you can choose '
            "another caption.</figcaption></figure>"
        )


def caption_of(number: str, color: str, shape: str, row: str) -> str:
    """Return the caption of four choices.

    >>> caption_of("two", "red", "cross", "anywhere"), caption_of("one", "red", "ring", "top")
    ('two red crosses', 'one red ring at the top')
    """
    things = Scene(number, color, shape, row).things
    return things if row == ANYWHERE else f"{things} at the {row}"


def place(scene: Scene) -> str:
    """Return what a picture shows, for its alternative text."""
    return caption_of(scene.number, scene.color, scene.shape, scene.row)


def rounded(vectors: Floats) -> Floats:
    """Return vectors with four decimals, so that the page stays small."""
    return np.round(vectors.astype(np.float64), 4)


def sheet_of(pictures: Floats) -> str:
    """Return pictures (N, 3, S, S), one below the other, as the address of a PNG."""
    column = np.concatenate(list(pictures), axis=1).transpose(1, 2, 0)  # -> (N S, S, 3)
    levels = (np.round(column.clip(0, 1) * 15) * 17).astype(np.uint8)  # 16 levels: a small file
    file = io.BytesIO()
    Image.fromarray(levels).save(file, format="PNG", optimize=True)
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"
