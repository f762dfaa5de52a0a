"""The whole model in one picture: every number on the way of a token to the logits."""

from __future__ import annotations

import html

from traitlets import List

from fmlab.models import card
from fmlab.widgets.playground import STORY, Playground

FILES = ("distributions.js", "engine.js", "whole_model.js", "whole_model.css")
# Of Radford et al. (2019) and Brown et al. (2020), the largest of each.
PUBLISHED = [
    {"name": "GPT-2", "vocab": 50257, "context": 1024, "layers": 48, "width": 1600},
    {"name": "GPT-3", "vocab": 50257, "context": 2048, "layers": 96, "width": 12288},
]


class WholeModel(Playground, files=FILES):
    """Step from a typed text to the logits of a model, one part of the model after the other.

    Each part opens to the numbers of one token: embedding, queries times keys, softmax, values,
    MLP, residual stream, unembedding. They are those of `fmlab.models.GPT`, up to rounding, and are
    computed in the page. Beside it are GPT-2 and GPT-3, with areas proportional to parameters.

    ``name`` is a model that comes with the book, ``prompt`` the text.
    Errors: ``ValueError`` as for a `Playground`.

    >>> [size["name"] for size in WholeModel().sizes]
    ['micro', 'GPT-2', 'GPT-3']
    """

    sizes = List(read_only=True, help="The shapes of the models to compare.").tag(sync=True)

    def __init__(
        self,
        name: str = "micro",
        prompt: str = STORY,
        title: str = "The whole model in one picture",
    ) -> None:
        self.set_trait("sizes", [_shape(name), *PUBLISHED])
        super().__init__([name], prompt=prompt, examples=[], title=title)

    def _still(self) -> str:
        rows = "".join(
            f"<tr><th>{html.escape(size['name'])}</th><td>{size['layers']}</td>"
            f"<td>{size['width']:,}</td><td>{n_parameters(size):,}</td></tr>"
            for size in self.sizes
        )
        return (
            "<figure><table><thead><tr><th>Model</th><th>Layers</th><th>Width</th>"
            f"<th>Parameters</th></tr></thead><tbody>{rows}</tbody></table><figcaption>With "
            "JavaScript, you type a text here, and follow a token through the model."
            "</figcaption></figure>"
        )


def n_parameters(size: dict) -> int:
    """Return the number of parameters of a model of GPT-2's kind, from its shape."""
    width = size["width"]
    per_block = 12 * width**2 + 13 * width
    return (size["vocab"] + size["context"] + 2) * width + size["layers"] * per_block


def _shape(name: str) -> dict:
    config = card(name)["config"]
    return {
        "name": name,
        "vocab": config["vocab_size"],
        "context": config["context_length"],
        "layers": config["n_layers"],
        "width": config["d_model"],
    }
