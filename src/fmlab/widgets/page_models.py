"""The book's models as the page runs them: their files, and the same numbers from the kernel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import anywidget
import numpy as np

from fmlab.arguments import Floats, require
from fmlab.widgets import base
from fmlab.widgets.base import joined

if TYPE_CHECKING:
    from fmlab.models.language_model import LanguageModel
    from fmlab.tokenization.tokenizers import BPETokenizer

# What the worker runs: tokenizer, sampling, model, and what answers the page.
ENGINE = ("bpe.js", "distributions.js", "gpt.js", "writer.js")
WORKER = (*ENGINE, "bigrams.js", "worker.js")
FILES = ("config.json", "bpe.json", "model.safetensors")  # of a model: all but its card
WEIGHTS_FOLDER = Path(__file__).parents[1] / "models" / "weights"
MAX_CHARACTERS = 2000  # of a text that a reader types into an explorer


@dataclass(frozen=True)
class OwnText:
    """What an explorer says of a model for the reader's own text, before it is loaded."""

    label: str
    n_tokens: int
    kilobytes: int  # of its files, rounded to 10
    files: tuple[str, ...] = ()  # no recorded data: the model itself runs in the page


OWN_TEXT = {
    "micro": OwnText("micro", 2048, 2200),
    "small": OwnText("small", 2048, 7530),
}


def worker_script() -> str:
    """Return the script of the worker in which a model runs: a module without imports."""
    return joined(*WORKER)


def model_files(name: str) -> list[Path]:
    """Return the paths of the files that the page fetches to run a model."""
    return [WEIGHTS_FOLDER / name / file for file in FILES]


def send_model(
    widget: anywidget.AnyWidget, request: object, buffers: list, names: Sequence[str] = ()
) -> None:
    """Send the page what it has no site to fetch from: the worker's script, or a model."""
    kind = request.get("kind") if isinstance(request, dict) else None
    if kind == "worker":
        widget.send({"kind": "worker", "source": worker_script()})
    elif kind == "model" and request.get("name") in (names or OWN_TEXT):
        config, tokenizer, weights = (path.read_bytes() for path in model_files(request["name"]))
        texts = {"config": config.decode(), "tokenizer": tokenizer.decode()}
        widget.send({"kind": "model", "name": request["name"], **texts}, [weights])


@cache
def loaded(name: str) -> tuple:
    """Return a model of the book, in 64-bit floats, and its tokenizer."""
    from fmlab.models import load

    model, tokenizer = load(name)
    return model.double(), tokenizer


def document_ids(name: str, text: str) -> list[int]:
    """Return the tokens of a text as the beginning of a document."""
    from fmlab.tokenization.special_tokens import end_of_text

    tokenizer = loaded(name)[1]
    return [end_of_text(tokenizer), *tokenizer.encode(text)]


def next_logits(name: str, text: str, response: Sequence[int] = ()) -> Floats:
    """Return the logits (V,) of the token after a text and the tokens that follow it."""
    import torch

    from fmlab.models import inference

    model, _ = loaded(name)
    ids = [*document_ids(name, text), *response]
    with inference(model):
        return model(torch.tensor([ids]), last_only=True)[0][0, 0].numpy()  # (1, 1, V) -> (V,)


def vocabulary(name: str) -> list[bytes]:
    """Return the tokens (V) of a model of the book."""
    return list(loaded(name)[1].vocab.values())


def is_model(model: LanguageModel, name: str) -> bool:
    """Return whether a model has the weights of a model of the book."""
    import torch

    own, weights = loaded(name)[0].state_dict(), model.state_dict()
    pairs = ((weights[key].double(), own[key]) for key in own if key in weights)
    same = (one.shape == other.shape and torch.equal(one, other) for one, other in pairs)
    return weights.keys() == own.keys() and all(same)


def token_texts(tokenizer: BPETokenizer, ids: Sequence[int]) -> list[str]:
    """Return tokens as text, bytes that form no character as in ``b"..."``."""
    return [tokenizer.decode([i], "backslashreplace") for i in ids]


def checked_text(name: str, text: object) -> str:
    """Return a text that a reader may type. Errors: ``ValueError``, as `base.checked_text` says."""
    return base.checked_text(name, text, MAX_CHARACTERS)


def checked_response(name: str, model: str, text: str, response: object) -> list[int]:
    """Return the tokens that follow a text: ids, and no more than the model's context holds."""
    vocab_size = loaded(model)[1].vocab_size
    is_list = isinstance(response, Sequence) and not isinstance(response, str | bytes)
    integers = is_list and all(
        isinstance(i, int | np.integer) and 0 <= i < vocab_size for i in response
    )
    require(integers, name, f"a sequence of ids from 0 to {vocab_size - 1}", response)
    longest = loaded(model)[0].config.context_length
    n = len(document_ids(model, text)) + len(response)
    require(n <= longest, name, f"short enough: {longest} tokens in all", n)
    return [int(i) for i in response]
