"""The loss explorer: the negative log-likelihood of every token of a text, under several models."""

from __future__ import annotations

import html
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import numpy as np
from traitlets import Dict, Int, List, Unicode, observe, validate

from fmlab.arguments import Floats, require, require_count
from fmlab.widgets.base import Widget, utf8, visible
from fmlab.widgets.page_models import checked_text, document_ids, loaded, model_files, send_model
from fmlab.widgets.vocabularies import BIGRAMS, answer, page_data

COUNTED = "bigram"  # counts of pairs of tokens in the corpus of the other models
MODELS = (COUNTED, "nano", "micro", "small")  # they have the same tokenizer
N_LIKELY = 5  # tokens that are listed for each place
FILES = ("download.js", "engine.js", "losses.js", "losses.css")


@dataclass(frozen=True)
class TokenLosses:
    """What a model gives to each of the N tokens of a text.

    ``losses`` (N,) are negative log-likelihoods in nats, ``ranks`` (N,) are 1 for the most likely
    token of the vocabulary, and ``likely`` lists the most likely tokens in each place, as pairs of
    an id and a probability.
    """

    ids: list[int]
    losses: Floats
    ranks: np.ndarray
    likely: list[list[tuple[int, float]]]


class LossExplorer(Widget, files=FILES):
    """Show the loss of each token of a text under a model, and the mean beside a uniform guess.

    ``examples`` are texts by their names, which the page holds with what each model gives to them.
    The models are a bigram model, counted on the book's corpus, and ``nano``, ``micro`` and
    ``small``; each reads a text as the beginning of a document. For an ``own`` text of the reader,
    the page loads a model and runs it; in a notebook, the kernel computes the same.

    Set and observe ``example``, an index, ``own``, which is shown instead if it is not empty,
    ``model``, a name, and ``position``, the index of the token that is described. ``result`` is
    what the model gives to the text that is shown, ``mean_loss`` is in nats per token, and
    ``perplexity`` is its exponential.

    Errors: ``ValueError`` for no examples, a text without tokens or longer than the context, an
    unknown model, and an index out of range.

    >>> explorer = LossExplorer({"a sum": "2 plus 3 is 5."}, model="nano")
    >>> len(explorer.result.losses) == len(explorer.result.ids)
    True
    """

    example = Int(help="Index of the example.").tag(sync=True)
    own = Unicode(help="The reader's own text, or nothing.").tag(sync=True)
    model = Unicode("micro", help="The name of the model.").tag(sync=True)
    position = Int(help="Index of the token that is described.").tag(sync=True)
    examples = List(read_only=True, help="[name, text] of each.").tag(sync=True)
    models = List(read_only=True, help="Name and bytes of each model.").tag(sync=True)
    recorded = List(read_only=True, help="By example: ids, and by model the rest.").tag(sync=True)
    vocabulary = Dict(read_only=True, help="The bytes of recorded tokens.").tag(sync=True)
    vocab_size = Int(read_only=True, help="Tokens in all.").tag(sync=True)

    def __init__(
        self,
        examples: Mapping[str, str],
        *,
        example: int = 0,
        own: str = "",
        model: str = "micro",
        position: int = 0,
        title: str = "Loss explorer",
        **layout: object,
    ):
        self.set_trait("examples", _checked_examples(examples))
        self.set_trait("models", [{"name": name, "bytes": _n_bytes(name)} for name in MODELS])
        results = [{name: token_losses(name, text) for name in MODELS} for _, text in self.examples]
        self.set_trait("recorded", [_packed(by_model) for by_model in results])
        used = {i for by_model in results for r in by_model.values() for i in _ids_of(r)}
        vocab = loaded("nano")[1].vocab
        self.set_trait("vocabulary", {str(i): list(vocab[i]) for i in sorted(used)})
        self.set_trait("vocab_size", len(vocab))
        require(isinstance(example, int), "example", "an integer", example)
        super().__init__(example=example, model=model, title=title, **layout)
        self.own = own
        self.position = position
        self.on_msg(answer)
        self.on_msg(_send_model)

    @property
    def text(self) -> str:
        """The text that is shown."""
        return self.own or self.examples[self.example][1]

    @property
    def result(self) -> TokenLosses:
        """What the chosen model gives to the tokens of the text."""
        return token_losses(self.model, self.text)

    @property
    def mean_loss(self) -> float:
        """The mean loss, in nats per token."""
        return float(self.result.losses.mean())

    @property
    def perplexity(self) -> float:
        """The exponential of the mean loss."""
        return float(np.exp(self.mean_loss))

    def mean_losses(self) -> dict[str, Floats]:
        """Return the mean loss of each model on each example: (n_examples,), in nats per token."""
        texts = [text for _, text in self.examples]
        return {m: np.array([token_losses(m, t).losses.mean() for t in texts]) for m in MODELS}

    @validate("example")
    def _check_example(self, proposal: dict) -> int:
        most = len(self.examples) - 1
        require_count("example", proposal["value"], least=0)
        allowed = f"an integer from 0 to {most}"
        require(proposal["value"] <= most, "example", allowed, proposal["value"])
        return int(proposal["value"])

    @validate("model")
    def _check_model(self, proposal: dict) -> str:
        require(proposal["value"] in MODELS, "model", f"one of {MODELS}", proposal["value"])
        return proposal["value"]

    @validate("own")
    def _check_own(self, proposal: dict) -> str:
        text = checked_text("own", proposal["value"])
        if text:
            _require_short("own", text)
        return text

    @validate("position")
    def _check_position(self, proposal: dict) -> int:
        most = len(document_ids("nano", self.text)) - 2
        require_count("position", proposal["value"], least=0)
        allowed = f"an integer from 0 to {most}"
        require(proposal["value"] <= most, "position", allowed, proposal["value"])
        return int(proposal["value"])

    @observe("example")
    def _show_listed(self, change: dict) -> None:
        self.own = ""
        self.position = 0

    @observe("own")
    def _start_over(self, change: dict) -> None:
        self.position = 0

    def _still(self) -> str:
        vocab, result = loaded("nano")[1].vocab, self.result
        tokens = " ".join(
            f"<span>{html.escape(visible(vocab[i]))}<sub>{loss:.1f}</sub></span>"
            for i, loss in zip(result.ids, result.losses, strict=True)
        )
        means = {name: token_losses(name, self.text).losses.mean() for name in MODELS}
        means = {"uniform guess": np.log(self.vocab_size)} | means
        rows = "".join(
            f"<tr><th>{name}</th><td>{mean:.2f}</td><td>{np.exp(mean):,.1f}</td></tr>"
            for name, mean in means.items()
        )
        return (
            f"<figure><p>{tokens}</p><table><thead><tr><th>Model</th><th>Nats per token</th>"
            f"<th>Perplexity</th></tr></thead><tbody>{rows}</tbody></table><figcaption>Above, the "
            f"loss of each token under {self.model}, in nats; below, the mean loss of each model. "
            "With JavaScript, you can choose or type another text."
            "</figcaption></figure>"
        )


def _send_model(widget: Widget, request: object, buffers: list) -> None:
    send_model(widget, request, buffers, MODELS[1:])


@cache
def token_losses(name: str, text: str, n: int = N_LIKELY) -> TokenLosses:
    """Return what a model gives to the tokens of a text; ``n`` tokens are listed for each place.

    Errors: ``ValueError`` for a text without tokens or longer than the context.
    """
    _require_short("text", text)
    ids = document_ids("nano", text)
    rows = _probabilities(name, ids)  # (N, V)
    given = rows[np.arange(len(rows)), ids[1:]]
    order = np.argsort(-rows, axis=1, kind="stable")[:, :n]
    likely = [
        [(int(i), float(row[i])) for i in best] for row, best in zip(rows, order, strict=True)
    ]
    return TokenLosses(ids[1:], -np.log(given), 1 + (rows > given[:, None]).sum(axis=1), likely)


def _probabilities(name: str, ids: list[int]) -> Floats:
    """Return the probability of every token in each place but the first: (N, V)."""
    import torch

    from fmlab.models import inference

    if name == COUNTED:
        return np.stack([_bigrams().probabilities(ids[1:i]) for i in range(1, len(ids))])
    model, _ = loaded(name)
    with inference(model):
        logits = model(torch.tensor([ids[:-1]]))[0][0]  # (1, N, V) -> (N, V)
        return logits.softmax(-1).numpy()


@cache
def _bigrams():
    from fmlab.models.bigram_file import unpack_bigrams

    return unpack_bigrams(page_data(BIGRAMS))


def _n_bytes(name: str) -> int:
    if name == COUNTED:
        return len(page_data(BIGRAMS))
    return sum(path.stat().st_size for path in model_files(name))


def _ids_of(result: TokenLosses) -> set[int]:
    return {*result.ids, *(i for best in result.likely for i, _ in best)}


def _packed(by_model: dict[str, TokenLosses]) -> dict[str, object]:
    """Return results as the page reads them, rounded beyond what it shows."""
    models = {
        name: {
            "losses": [round(float(loss), 4) for loss in result.losses],
            "ranks": result.ranks.tolist(),
            "likely": [[[i, float(f"{p:.3g}")] for i, p in best] for best in result.likely],
        }
        for name, result in by_model.items()
    }
    return {"ids": next(iter(by_model.values())).ids, "models": models}


def _require_short(name: str, text: str) -> None:
    longest = loaded("nano")[0].config.context_length
    n = len(document_ids("nano", text))
    require(n > 1, name, "a text with at least one token", text)
    require(n <= longest, name, f"short enough: at most {longest - 1} tokens", n - 1)


def _checked_examples(examples: object) -> list[list[str]]:
    valid = isinstance(examples, Mapping) and len(examples) > 0
    valid = valid and all(isinstance(s, str) for pair in examples.items() for s in pair)
    require(valid, "examples", "texts (str) by name, at least one", examples)
    for label, text in examples.items():
        utf8(f"examples[{label!r}]", text)
        _require_short(f"examples[{label!r}]", text)
    return [[label, text] for label, text in examples.items()]
