"""The attention explorer: choose a head and a token, and see what the token attends to."""

from __future__ import annotations

import copy
import html
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import ArrayLike
from traitlets import Bool, Bytes, Float, Int, List, Unicode, observe, validate

from fmlab.arguments import Floats, as_floats, require, require_count
from fmlab.models.attention import causal_mask
from fmlab.sampling import softmax
from fmlab.widgets.base import Widget, three_bytes, utf8, visible
from fmlab.widgets.page_models import (
    OWN_TEXT,
    checked_text,
    document_ids,
    is_model,
    loaded,
    send_model,
    token_texts,
)
from fmlab.widgets.vocabularies import offers

if TYPE_CHECKING:
    from fmlab.models.language_model import LanguageModel
    from fmlab.tokenization.tokenizers import BPETokenizer

MAX_TOKENS = 64  # with more, the cells of the heat map are too small to tell apart
LARGEST = 2**23 - 1  # scores are sent as signed integers of three bytes


FILES = ("download.js", "engine.js", "attention.js", "download.css", "attention.css")


class AttentionExplorer(Widget, files=FILES):
    """Show what each token of a text attends to, head by head, and the effect of scale and mask.

    ``texts`` are the tokens of each example (T <= 64 of them), ``scores`` for each the raw dot
    products q·k (L, H, T, T), neither scaled nor masked, and ``d_head`` is the width d of a head.
    ``names`` says what a head does: ``{(layer, head): "previous token"}``. Layers, heads and
    positions count from 0. `of` computes all that from a model.

    Set and observe ``text``, ``layer``, ``head``, ``position`` (of the query), ``scaled`` and
    ``masked``; ``weights`` are the resulting weights of the selected head. The initial selection is
    the last token of the first text, and the first head that has a name.

    The reader can also type an ``own`` text, which ``own_model`` reads, "small" unless another
    model of the book is given: in the page, which loads it when that is chosen, or in the kernel.
    ``source`` is then its name, and "" for the given texts.

    Scores are sent as multiples of a step, in three bytes each, which base64 makes four characters:
    4 heads in 4 layers and 32 tokens make 64 kB per text. The step is 2**-23 of the largest score
    or a little more, so weights are exact to about 1e-6; ``scores`` are the rounded ones.

    Errors: ``ValueError`` for texts that are empty or too long, scores of another shape or not
    finite, settings out of range, and an own text that is too long.

    >>> scores = np.array([[[[0.0, 9.0], [2.0, 0.0]]]])  # one layer, one head, two tokens
    >>> explorer = AttentionExplorer([["rain", "falls"]], [scores], d_head=4)
    >>> explorer.weights.round(2)
    array([[1.  , 0.  ],
           [0.73, 0.27]])
    >>> explorer.masked = False
    >>> explorer.weights[0].round(2)
    array([0.01, 0.99])
    """

    source = Unicode(help="The model that reads the reader's own text.").tag(sync=True)
    own = Unicode(help="The reader's own text.").tag(sync=True)
    text = Int(help="Which of the texts is shown.").tag(sync=True)
    layer = Int(help="The layer of the head that is shown.").tag(sync=True)
    head = Int(help="Which head of that layer is shown.").tag(sync=True)
    position = Int(help="The position of the query.").tag(sync=True)
    scaled = Bool(True, help="Whether scores are divided by sqrt(d).").tag(sync=True)
    masked = Bool(True, help="Whether later positions are hidden.").tag(sync=True)
    tokens = List(read_only=True, help="The tokens of each text.").tag(sync=True)
    packed = Bytes(read_only=True, help="Scores in steps, 3 bytes each.").tag(sync=True)
    step = Float(read_only=True, help="The unit of the packed scores.").tag(sync=True)
    n_layers = Int(read_only=True).tag(sync=True)
    n_heads = Int(read_only=True).tag(sync=True)
    d_head = Int(read_only=True).tag(sync=True)
    names = List(read_only=True, help="Layer, head and job of each named head.").tag(sync=True)
    published = List(read_only=True, help="Name, label, tokens, kB, files.").tag(sync=True)
    own_named = Bool(help="Whether the names are those of the own model's heads.").tag(sync=True)

    _own = ("", "", None)  # the latest own text: its model, itself, and what is shown of it

    def __init__(
        self,
        texts: Sequence[Sequence[str]],
        scores: Sequence[ArrayLike],
        d_head: int,
        names: Mapping[tuple[int, int], str] | None = None,
        *,
        text: int = 0,
        layer: int | None = None,
        head: int | None = None,
        position: int | None = None,
        scaled: bool = True,
        masked: bool = True,
        own_model: str = "small",
        own_named: bool = False,
        title: str = "Attention explorer",
        **layout: object,
    ):
        tokens = _checked_texts(texts)
        arrays = _checked_scores(scores, [len(text) for text in tokens])
        require_count("d_head", d_head)
        n_layers, n_heads = arrays[0].shape[:2]
        names = _checked_names(names or {}, n_layers, n_heads)
        step, multiples = _in_steps(arrays)
        self.scores = [step * array for array in multiples]
        traits = dict(tokens=tokens, step=step, packed=b"".join(map(three_bytes, multiples)))
        traits |= dict(n_layers=n_layers, n_heads=n_heads, d_head=int(d_head), names=names)
        traits["published"] = [[*offer, []] for offer in offers([own_model], OWN_TEXT)]
        for name, value in traits.items():
            self.set_trait(name, value)
        self.on_msg(send_model)

        first = names[0] if names and layer is None and head is None else (0, 0)
        settings = dict(text=text, layer=first[0] if layer is None else layer)
        settings["head"] = first[1] if head is None else head
        settings = {name: self._checked(name, value) for name, value in settings.items()}
        last = len(tokens[settings["text"]]) - 1
        settings["position"] = last if position is None else position
        for name, value in (("scaled", scaled), ("masked", masked)):
            require(isinstance(value, bool), name, "True or False", value)
        self._checked("position", settings["position"], settings["text"])
        super().__init__(**settings, scaled=scaled, masked=masked, title=title, **layout)
        self.own_named = own_named

    @classmethod
    def of(
        cls,
        model: LanguageModel,
        tokenizer: BPETokenizer,
        texts: Sequence[str],
        names: Mapping[tuple[int, int], str] | None = None,
        **options: object,
    ) -> Self:
        """Return the explorer of a model's attention in texts, which may contain special tokens.

        ``options`` are those of the class. Bytes that form no character are shown as in ``b"..."``.
        """
        valid = not isinstance(texts, str) and all(isinstance(text, str) for text in texts)
        require(valid, "texts", "a sequence of texts (str)", texts)
        ids = [tokenizer.encode(text, allowed_special="all") for text in texts]
        tokens = [token_texts(tokenizer, row) for row in ids]
        scores = [attention_scores(model, row) for row in map(_checked_length, ids)]
        options.setdefault("own_named", is_model(model, str(options.get("own_model", "small"))))
        return cls(tokens, scores, model.config.d_head, names, **options)

    @property
    def weights(self) -> Floats:
        """The weights (T, T) of the selected head, query before key, with this scale and mask."""
        scores, d_head = self._shown[1:]
        scores = scores[self.layer, self.head]  # (T, T)
        scores = scores / math.sqrt(d_head) if self.scaled else scores
        return softmax(
            np.where(causal_mask(len(scores)), scores, -np.inf) if self.masked else scores
        )

    @property
    def _shown(self) -> tuple[list[str], Floats, int]:
        """The tokens, scores (L, H, T, T) and width of a head of the text that is shown."""
        if not self.source:
            return self.tokens[self.text], self.scores[self.text], self.d_head
        if self._own[:2] != (self.source, self.own):
            model, tokenizer = loaded(self.source)
            ids = document_ids(self.source, self.own)
            shown = token_texts(tokenizer, ids), attention_scores(model, ids), model.config.d_head
            self._own = self.source, self.own, shown
        return self._own[2]

    @validate("source")
    def _check_source(self, proposal: dict) -> str:
        offered = ["", *(name for name, *_ in self.published)]
        require(proposal["value"] in offered, "source", f"one of {offered}", proposal["value"])
        return proposal["value"]

    @validate("own")
    def _check_own(self, proposal: dict) -> str:
        text = checked_text("own", proposal["value"])
        n = len(document_ids(self.published[0][0], text)) if text else 1
        require(n <= MAX_TOKENS, "own", f"at most {MAX_TOKENS} tokens long", n)
        return text

    @validate("text", "layer", "head", "position")
    def _check(self, proposal: dict) -> int:
        return self._checked(proposal["trait"].name, proposal["value"])

    def _checked(self, name: str, value: object, text: int | None = None) -> int:
        if self.source and text is None:
            tokens, scores, _ = self._shown
            (n_layers, n_heads), positions = scores.shape[:2], len(tokens)
        else:
            n_layers, n_heads = self.n_layers, self.n_heads
            positions = len(self.tokens[self.text if text is None else text])
        sizes = dict(text=len(self.tokens), layer=n_layers, head=n_heads)
        most = {**sizes, "position": positions}[name] - 1
        require_count(name, value, least=0)
        require(value <= most, name, f"an integer from 0 to {most}", value)
        return int(value)

    @observe("text", "own", "source")
    def _stay_within(self, change: dict) -> None:
        tokens, scores, _ = self._shown
        self.layer = min(self.layer, len(scores) - 1)
        self.head = min(self.head, len(scores[0]) - 1)
        self.position = min(self.position, len(tokens) - 1)

    def _still(self) -> str:
        tokens, row = self._shown[0], self.weights[self.position]
        chips = "".join(
            _chip(token, weight, i == self.position)
            for i, (token, weight) in enumerate(zip(tokens, row, strict=True))
        )
        return (
            f"<figure><div>{chips}</div><figcaption>Layer {self.layer}, head {self.head}: how much "
            "of its attention the framed token gives to each. With JavaScript, the text, the "
            "head and the token can be chosen.</figcaption></figure>"
        )


def attention_scores(model: LanguageModel, ids: Sequence[int]) -> Floats:
    """Return the dot products q·k of every head of a model for a text, (L, H, T, T).

    They are not divided by sqrt(d), and include those that the mask would hide. Computed in 64
    bits, so that the results of all machines agree far beyond the digits that are shown.
    """
    import torch

    model = copy.deepcopy(model).double().eval()
    pairs = model.queries_and_keys(torch.tensor([ids], device=model.device))
    return torch.cat([q @ k.transpose(-1, -2) for q, k in pairs]).cpu().numpy()  # (1, H, T, T) each


def _in_steps(arrays: Sequence[Floats]) -> tuple[float, list[np.ndarray]]:
    """Round scores to multiples of a step: a power of two, so that all machines get the same."""
    largest = max(float(abs(array).max()) for array in arrays)
    step = 2.0 ** math.ceil(math.log2(max(largest, 2.0**-100) / LARGEST))
    return step, [np.rint(array / step).astype("<i4") for array in arrays]


def _chip(token: str, weight: float, is_query: bool) -> str:
    edge = "2px solid" if is_query else "1px dotted"
    shade = f"rgba(74,143,204,{0.7 * math.sqrt(weight):.2f})"  # on light and dark pages alike
    style = f"display:inline-block;border:{edge};margin:2px;padding:0 3px;background:{shade}"
    number = f" <small>{weight:.0%}</small>" if weight >= 0.01 else ""
    text = html.escape(visible(token.encode()))
    return f'<span style="{style}"><bdi>{text}</bdi>{number}</span>'


def _is_sequence(value: object) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str | bytes)


def _checked_texts(texts: object) -> list[list[str]]:
    valid = _is_sequence(texts) and len(texts) > 0
    require(valid, "texts", "at least one text, each a sequence of tokens (str)", texts)
    for i, tokens in enumerate(texts):
        valid = _is_sequence(tokens) and all(isinstance(token, str) for token in tokens)
        require(valid, f"texts[{i}]", "a sequence of tokens (str)", tokens)
        _checked_length(tokens)
        for token in tokens:
            utf8(f"texts[{i}]", token)
    return [list(tokens) for tokens in texts]


def _checked_length(tokens: Sequence) -> Sequence:
    require(1 <= len(tokens) <= MAX_TOKENS, "texts", f"1 to {MAX_TOKENS} tokens long", len(tokens))
    return tokens


def _checked_scores(scores: object, lengths: Sequence[int]) -> list[Floats]:
    valid = isinstance(scores, Sequence | np.ndarray) and len(scores) == len(lengths)
    require(valid, "scores", f"a sequence of {len(lengths)} arrays, one per text", scores)
    arrays = [as_floats(f"scores[{i}]", array) for i, array in enumerate(scores)]
    for i, (array, T) in enumerate(zip(arrays, lengths, strict=True)):
        shape = (*arrays[0].shape[:2], T, T)
        valid = array.ndim == 4 and array.shape == shape
        require(valid, f"scores[{i}]", f"of shape (L, H, {T}, {T}), the same L and H", array.shape)
        require(np.isfinite(array).all(), f"scores[{i}]", "finite", array)
    return arrays


def _checked_names(names: object, n_layers: int, n_heads: int) -> list[list]:
    require(isinstance(names, Mapping), "names", "a mapping {(layer, head): job}", names)
    heads = [(layer, head) for layer in range(n_layers) for head in range(n_heads)]
    for head, job in names.items():
        require(head in heads, "names", f"of heads from (0, 0) to {heads[-1]}", head)
        require(isinstance(job, str) and job != "", f"names[{head}]", "text (str)", job)
    return [[int(layer), int(head), job] for (layer, head), job in names.items()]
