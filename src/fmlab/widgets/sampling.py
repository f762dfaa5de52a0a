"""The sampling explorer: from the logits of a model to its next token, one slider per step."""

from __future__ import annotations

import html
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike
from traitlets import Bytes, Float, Int, List, Unicode, observe, validate

from fmlab.arguments import Floats, as_floats, is_number, require, require_count
from fmlab.sampling import entropy, restrict, softmax
from fmlab.widgets.base import Widget, utf8, visible
from fmlab.widgets.page_models import (
    OWN_TEXT,
    checked_response,
    checked_text,
    next_logits,
    send_model,
    vocabulary,
)
from fmlab.widgets.vocabularies import MODELS, answer, offers

# The ranges of the sliders. The same in sampling.js.
RANGES = {"temperature": (0, 2), "top_p": (0.05, 1), "min_p": (0, 0.5)}
MAX_SEED = 2**32 - 1
MAX_TOKEN_BYTES = 2**16 - 1  # two bytes hold the length
STILL_ROWS = 10  # of the static picture


FILES = ("distributions.js", "download.js", "engine.js", "number_field.js", "sampling.js")
FILES += ("sampling_text.js", "download.css", "sampling.css")
OWN = "micro"  # the model that reads the reader's own text
SOURCES = (*MODELS, OWN)


class SamplingExplorer(Widget, files=FILES):
    """Show what temperature, top-k, top-p and min-p do to a next-token distribution, and sample.

    ``prompts`` are texts, ``logits`` (n_prompts, V) a model's logits of the next token after each,
    and ``tokens`` the V tokens, as text or bytes. The page contains the whole vocabulary, in 32-bit
    floats. The steps and their order are those of `fmlab.sampling.restrict`.

    Set and observe ``prompt`` (an index), ``temperature`` (0 to 2, 0 is argmax), ``top_k`` (0 is
    off), ``top_p`` (0.05 to 1, 1 is off), ``min_p`` (0 to 0.5, 0 is off), and the ``seed`` of the
    page's samples. ``settings`` are the same as arguments of `sample` and `generate`. Observe the
    results, which the kernel computes itself: ``nucleus_size``, the number of tokens that top-p
    keeps; ``n_kept``, the number that remains after min-p; ``mass``, the probability of these after
    temperature; and ``entropy``, in bits, of the final distribution (V,), ``probs``.

    The reader can switch to other ``published`` sources: ``smollm2``, recorded logits of a real
    model with prompts of their own, and ``micro``, a model of the book that runs in the page and
    reads the reader's own ``text``. ``response`` are the ids of the tokens appended to it. The page
    loads a source when it is chosen. ``source`` is its name, and "" for the given logits; choosing
    another sets ``prompt`` to 0.

    Errors: ``ValueError`` for no prompts, a lone surrogate in a text, logits that are not finite or
    do not fit prompts and tokens, settings out of range, a source that is not offered, and a text
    that does not fit the context; ``FileNotFoundError`` for a source whose files are missing.

    >>> explorer = SamplingExplorer(["It"], np.log([[0.2, 0.5, 0.3]]), [" is", " was", b"\\xc3"])
    >>> explorer.top_p = 0.75
    >>> explorer.nucleus_size, round(explorer.entropy, 3), explorer.settings["top_p"]
    (2, 0.954, 0.75)
    """

    prompt = Int(help="Index of the prompt.").tag(sync=True)
    temperature = Float(1.0, help="The divisor of the logits; 0 is argmax.").tag(sync=True)
    top_k = Int(help="How many tokens top-k keeps; 0 is off.").tag(sync=True)
    top_p = Float(1.0, help="The probability that the nucleus reaches; 1 is off.").tag(sync=True)
    min_p = Float(help="The smallest fraction of the largest probability; 0 is off.").tag(sync=True)
    seed = Int(help="The seed of the page's samples.").tag(sync=True)

    nucleus_size = Int(read_only=True, help="The number of tokens that top-p keeps.")
    n_kept = Int(read_only=True, help="The number of tokens that all steps keep.")
    mass = Float(read_only=True, help="Their probability after temperature only.")
    entropy = Float(read_only=True, help="The entropy of the final distribution, in bits.")

    source = Unicode(help="The name of the logits in use.").tag(sync=True)
    text = Unicode(help="The reader's own text.").tag(sync=True)
    response = List(help="The ids appended to it.").tag(sync=True)
    published = List(read_only=True, help="Name, label, tokens, kB, files.").tag(sync=True)
    prompts = List(Unicode(), read_only=True, help="The texts.").tag(sync=True)
    logits = Bytes(read_only=True, help="32-bit floats, little-endian, row by row.").tag(sync=True)
    tokens = Bytes(read_only=True, help="Each after its length in 2 bytes.").tag(sync=True)

    def __init__(
        self,
        prompts: Sequence[str],
        logits: ArrayLike,
        tokens: Sequence[str | bytes],
        *,
        prompt: int = 0,
        temperature: float = 1.0,
        top_k: int = 0,
        top_p: float = 1.0,
        min_p: float = 0.0,
        seed: int = 0,
        source: str = "",
        text: str = "",
        published: Sequence[str] = tuple(SOURCES),
        title: str = "Sampling explorer",
        **layout: object,
    ):
        prompts = _checked_prompts(prompts)
        logits = _checked_logits(logits, len(prompts))
        vocabulary = _checked_tokens(tokens, logits.shape[1])
        rows = logits.astype(np.float64)  # (n_prompts, V), exactly the numbers of the page
        self._loaded = {"": (prompts, rows, vocabulary)}
        lengths = np.array([len(token) for token in vocabulary], "<u2")
        pairs = zip(lengths, vocabulary, strict=True)
        self.set_trait("prompts", prompts)
        self.set_trait("logits", logits.tobytes())
        self.set_trait("tokens", b"".join(length.tobytes() + token for length, token in pairs))
        known = MODELS | {OWN: OWN_TEXT[OWN]}
        offered = offers(published, known)
        self.set_trait("published", [[*offer, list(known[offer[0]].files)] for offer in offered])
        self.on_msg(answer)
        self.on_msg(send_model)
        self.text = text
        self.source = source  # first, since it says which prompts and tokens there are
        settings = dict(temperature=temperature, top_k=top_k, top_p=top_p, min_p=min_p)
        settings |= dict(prompt=prompt, seed=seed)
        checked = {name: self._checked(name, value) for name, value in settings.items()}
        super().__init__(**checked, title=title, **layout)

    @property
    def rows(self) -> Floats:
        """The logits (n_prompts, V) in use."""
        if self.source == OWN:
            return next_logits(OWN, self.text, self.response)[np.newaxis]
        return self._loaded[self.source][1]

    @property
    def vocabulary(self) -> list[bytes]:
        """The V tokens in use."""
        if self.source == OWN:
            return vocabulary(OWN)
        return self._loaded[self.source][2]

    @property
    def settings(self) -> dict[str, float | int | None]:
        """The sliders as arguments of `fmlab.sampling.sample`: None for a step that is off."""
        return {
            "temperature": self.temperature,
            "top_k": self.top_k or None,
            "top_p": self.top_p if self.top_p < 1 else None,
            "min_p": self.min_p or None,
        }

    @property
    def probs(self) -> Floats:
        """The distribution (V,) to sample from, after all steps."""
        return softmax(restrict(self.rows[self.prompt], **self.settings))

    @validate("prompt", "temperature", "top_k", "top_p", "min_p", "seed")
    def _check(self, proposal: dict) -> float | int:
        return self._checked(proposal["trait"].name, proposal["value"])

    def _checked(self, name: str, value: object) -> float | int:
        if name in RANGES:
            least, most = RANGES[name]
            valid = is_number(value) and least <= value <= most
            require(valid, name, f"a number from {least} to {most}", value)
            return float(value)
        n_prompts = 1 if self.source == OWN else len(self.rows)
        n_vocab = len(self.vocabulary)
        most = {"prompt": n_prompts - 1, "top_k": n_vocab, "seed": MAX_SEED}[name]
        require_count(name, value, least=0)
        require(value <= most, name, f"an integer from 0 to {most}", value)
        return int(value)

    @validate("source")
    def _check_source(self, proposal: dict) -> str:
        offered = ["", *(name for name, *_ in self.published)]
        name = proposal["value"]
        require(name in offered, "source", f"one of {offered}", name)
        if name not in (OWN, *self._loaded):  # now, so that nothing changes if a file is missing
            self._loaded[name] = MODELS[name].load()
        return name

    @validate("text")
    def _check_text(self, proposal: dict) -> str:
        text = checked_text("text", proposal["value"])
        if text:  # else no model need be loaded
            checked_response("text", OWN, text, [])
        return text

    @validate("response")
    def _check_response(self, proposal: dict) -> list[int]:
        ids = proposal["value"]
        return checked_response("response", OWN, self.text, ids) if ids else []

    @observe("text")
    def _forget_response(self, change: dict) -> None:
        self.response = []

    @observe("source")
    def _start_over(self, change: dict) -> None:
        n_vocab = len(self.vocabulary)
        changed = {"prompt": 0} | ({"top_k": 0} if self.top_k > n_vocab else {})
        with self.hold_trait_notifications():
            for name, value in changed.items():
                setattr(self, name, value)
        self._restrict(change)

    @observe("prompt", "temperature", "top_k", "top_p", "min_p", "text", "response")
    def _restrict(self, change: dict) -> None:
        row, settings = self.rows[self.prompt], self.settings
        nucleus = np.isfinite(restrict(row, **settings | {"min_p": None}))
        kept = np.isfinite(restrict(row, **settings))
        self.set_trait("nucleus_size", int(nucleus.sum()))
        self.set_trait("n_kept", int(kept.sum()))
        self.set_trait("mass", float(softmax(row, self.temperature)[kept].sum()))
        self.set_trait("entropy", float(entropy(self.probs)))

    def _text_before(self) -> str:
        """Return the text whose next token is shown."""
        if self.source != OWN:
            return self._loaded[self.source][0][self.prompt]
        tokens = vocabulary(OWN)
        return self.text + b"".join(tokens[i] for i in self.response).decode(errors="replace")

    def _still(self) -> str:
        before, after = softmax(self.rows[self.prompt]), self.probs
        likeliest = np.argsort(-before, kind="stable")[:STILL_ROWS]
        rows = "".join(
            _still_row(self.vocabulary[i], before[i], after[i], after.max()) for i in likeliest
        )
        return (
            f"<figure><pre>{html.escape(self._text_before())}</pre>"
            "<table><thead><tr><th>Next token</th><th>Before</th><th>After</th></tr></thead>"
            f"<tbody>{rows}</tbody></table><figcaption>The {len(likeliest)} most likely tokens, of "
            f"{len(before):,}, after this text, before and after sampling is restricted. With "
            "JavaScript, sliders do that, and tokens can be drawn.</figcaption></figure>"
        )


def _still_row(token: bytes, before: float, after: float, most: float) -> str:
    bar = f'<div style="width:{100 * after / most:.0f}%;border-top:0.4em solid"></div>'
    return (
        f"<tr><th>{html.escape(visible(token))}</th><td>{before:.1%}</td>"
        f'<td style="width:60%">{after:.1%}{bar}</td></tr>'
    )


def _checked_prompts(prompts: object) -> list[str]:
    is_sequence = isinstance(prompts, Sequence) and not isinstance(prompts, str | bytes)
    valid = is_sequence and len(prompts) > 0 and all(isinstance(text, str) for text in prompts)
    require(valid, "prompts", "a sequence of at least one text (str)", prompts)
    for i, text in enumerate(prompts):
        _encoded(text, f"prompts[{i}]")
    return list(prompts)


def _checked_logits(logits: ArrayLike, n_prompts: int) -> np.ndarray:
    """Return the logits (n_prompts, V) as little-endian 32-bit floats."""
    logits = as_floats("logits", logits)
    valid = logits.ndim == 2 and len(logits) == n_prompts
    require(valid, "logits", f"of shape ({n_prompts}, V), one row per prompt", logits.shape)
    with np.errstate(over="ignore"):
        narrow = logits.astype("<f4")
    require(np.isfinite(narrow).all(), "logits", "finite, as 32-bit floats too", logits)
    return narrow


def _checked_tokens(tokens: object, n_vocab: int) -> list[bytes]:
    valid = isinstance(tokens, Sequence) and not isinstance(tokens, str | bytes)
    require(valid, "tokens", "a sequence of texts or bytes", tokens)
    require(len(tokens) == n_vocab, "tokens", f"{n_vocab}, one per logit", len(tokens))
    encoded = [_encoded(token, f"tokens[{i}]") for i, token in enumerate(tokens)]
    for i, token in enumerate(encoded):
        fits = len(token) <= MAX_TOKEN_BYTES
        require(fits, f"tokens[{i}]", f"at most {MAX_TOKEN_BYTES} bytes long", len(token))
    return encoded


def _encoded(text: object, name: str) -> bytes:
    require(isinstance(text, str | bytes), name, "text (str) or bytes", text)
    return text if isinstance(text, bytes) else utf8(name, text)
