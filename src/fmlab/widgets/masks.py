"""The mask explorer: a model writes in a format, and a mask forbids what does not fit."""

from __future__ import annotations

import html
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from traitlets import Bool, Bytes, Dict, Int, List, observe, validate

from fmlab.arguments import Floats, require, require_count
from fmlab.constrained import Constraint, Vocabulary, choice, json_schema, literal, regex
from fmlab.sampling import softmax
from fmlab.widgets.base import Widget, utf8, visible
from fmlab.widgets.page_models import (
    checked_response,
    loaded,
    model_files,
    next_logits,
    send_model,
    vocabulary,
)

FILES = ("distributions.js", "engine.js", "mask_words.js", "masks.js", "masks.css")
# Rows of the table, how many of them are allowed tokens if there are that many, and the tokens that
# are recorded of each text. The first two are the same in mask_words.js.
N_ROWS, N_ALLOWED, N_RECORDED = 10, 5, 30
MOST_STATES = 5000  # of an automaton that the page holds
Rule = str | Mapping | Sequence[str]


@dataclass(frozen=True)
class Format:
    """A format with the prompt that it follows: what the explorer knows of it in Python."""

    name: str
    prompt: str
    shown: str  # the rule as text
    constraint: Constraint


class MaskExplorer(Widget, files=FILES):
    """Let a model write in a format token by token, and show what the mask forbids at each step.

    ``formats`` are triples of a name, a prompt, and a rule: a list of texts to choose from, a
    regular expression, or a JSON Schema as a dictionary. ``model`` is a model that comes
    with the book. The page holds the automaton of each format and computes the masks itself. It
    also holds the steps of greedy decoding, with and without the mask. For any other token that the
    reader chooses, it loads the model and runs it; in a notebook, the kernel computes the same.

    Set and observe ``format`` (an index), ``mask`` (whether tokens are forbidden), and
    ``response``, the ids written so far. A new format starts with no response. ``allowed`` (V,) is
    the mask, ``before`` and ``after`` (V,) are the distributions without and with it, and ``mass``
    is the probability that the model gives to all allowed tokens.

    Errors: ``ValueError`` for no formats, a rule that cannot be compiled or whose automaton has
    more than 5,000 states, an unknown model, and settings out of range.

    >>> explorer = MaskExplorer([("animals", "She has a ", ["cat", "cow"])])
    >>> explorer.text, int(explorer.allowed.sum())
    ('She has a ', 1)
    """

    format = Int(help="Index of the format.").tag(sync=True)
    mask = Bool(True, help="Whether tokens that do not fit are forbidden.").tag(sync=True)
    response = List(help="The ids written so far.").tag(sync=True)
    formats = List(read_only=True, help="Name, prompt, rule, and states of each.").tag(sync=True)
    recorded = List(read_only=True, help="The steps of each format, by their ids.").tag(sync=True)
    tokens = Bytes(read_only=True, help="Each after its length in 2 bytes.").tag(sync=True)
    special = List(read_only=True, help="Ids of the tokens that stand for no text.").tag(sync=True)
    end = Int(read_only=True, help="Id of the token that ends a text.").tag(sync=True)
    model = Dict(read_only=True, help="Name and bytes of the model.").tag(sync=True)

    def __init__(
        self,
        formats: Sequence[tuple[str, str, Rule]],
        model: str = "micro",
        *,
        format: int = 0,
        mask: bool = True,
        title: str = "Mask explorer",
        **layout: object,
    ):
        from fmlab.widgets.playground import MODELS

        require(model in MODELS, "model", f"one of {', '.join(MODELS)}", model)
        tokenizer = loaded(model)[1]
        words = Vocabulary.of(tokenizer)
        self._formats = [_checked_format(entry, words) for entry in _checked_list(formats)]
        size = sum(path.stat().st_size for path in model_files(model))
        self.set_trait("model", {"name": model, "bytes": size})
        entries = [_entry(each) for each in self._formats]
        self.set_trait("formats", entries)
        packed = (len(t).to_bytes(2, "little") + t for t in vocabulary(model))
        self.set_trait("tokens", b"".join(packed))
        self.set_trait("special", sorted(tokenizer.special_tokens.values()))
        self.set_trait("end", words.end)
        self.set_trait("recorded", [self._record(each) for each in self._formats])
        super().__init__(format=self._checked_index(format), mask=mask, title=title, **layout)
        self.on_msg(self._answer)

    @property
    def text(self) -> str:
        """The prompt and what has been written after it."""
        written = b"".join(self._bytes(i) for i in self.response if i != self.end)
        return self._formats[self.format].prompt + written.decode(errors="replace")

    @property
    def allowed(self) -> NDArray[np.bool_]:
        """Which tokens (V,) may come next; none if the text no longer fits or has ended."""
        constraint = self._formats[self.format].constraint
        return _allowed(constraint, self.response)

    @property
    def before(self) -> Floats:
        """The model's distribution (V,) of the next token."""
        return self._before(self._formats[self.format], self.response)

    @property
    def after(self) -> Floats:
        """The distribution (V,) of the next token with the mask; all 0 if none is allowed."""
        masked = np.where(self.allowed, self.before, 0)
        return masked / masked.sum() if masked.any() else masked

    @property
    def mass(self) -> float:
        """The probability of all allowed tokens before the mask."""
        return float(self.before[self.allowed].sum())

    @validate("format")
    def _check_format(self, proposal: dict) -> int:
        return self._checked_index(proposal["value"])

    @validate("response")
    def _check_response(self, proposal: dict) -> list[int]:
        prompt = self._formats[self.format].prompt
        ids = checked_response("response", self.model["name"], prompt, proposal["value"])
        ends = self.end not in ids[:-1]
        require(ends, "response", f"without tokens after the end token {self.end}", ids)
        return ids

    @observe("format")
    def _start_over(self, change: dict) -> None:
        self.response = []

    def _checked_index(self, value: object) -> int:
        most = len(self._formats) - 1
        require_count("format", value, least=0)
        require(value <= most, "format", f"an integer from 0 to {most}", value)
        return int(value)

    def _answer(self, widget: Widget, request: object, buffers: list) -> None:
        send_model(self, request, buffers, [self.model["name"]])

    def _bytes(self, token: int) -> bytes:
        return self._formats[0].constraint.vocabulary.tokens.get(token, b"")

    def _before(self, each: Format, ids: Sequence[int]) -> Floats:
        return softmax(next_logits(self.model["name"], each.prompt, list(ids)))

    def _record(self, each: Format) -> dict[str, str]:
        """Return the steps of greedy decoding with and without the mask, by the ids so far."""
        steps: dict[str, str] = {}
        for masked in (True, False):
            ids: list[int] = []
            while len(ids) < N_RECORDED and self.end not in ids:
                before = self._before(each, ids)
                allowed = _allowed(each.constraint, ids)
                steps[".".join(map(str, ids))] = _step(before, allowed)
                ids.append(int(np.argmax(np.where(allowed, before, -1) if masked else before)))
        return steps

    def _still(self) -> str:
        each, ids, rows = self._formats[self.format], [], []
        while len(ids) < N_RECORDED and self.end not in ids:
            before, allowed = self._before(each, ids), _allowed(each.constraint, ids)
            chosen = int(np.argmax(np.where(allowed, before, -1)))
            free, after = int(np.argmax(before)), before[chosen] / before[allowed].sum()
            cells = [self._shown(free), self._shown(chosen)]
            cells += [f"{before[chosen]:.1%}", f"{after:.1%}", f"{allowed.sum():,}"]
            rows.append("".join(f"<td>{html.escape(text)}</td>" for text in cells))
            ids.append(chosen)
        heads = ["Without the mask", "With the mask", "Its probability before", "After", "Allowed"]
        head = "".join(f"<th>{name}</th>" for name in heads)
        body = "".join(f"<tr>{row}</tr>" for row in rows)
        return (
            f"<figure><p><code>{html.escape(each.prompt)}</code></p><p>{html.escape(each.shown)}</p>"
            f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table><figcaption>The "
            "most likely token at each step, without the mask and with it, and how many tokens are "
            "allowed. With JavaScript, you can step through it and choose other tokens."
            "</figcaption></figure>"
        )

    def _shown(self, token: int) -> str:
        return "(end)" if token == self.end else visible(self._bytes(token))


def _allowed(constraint: Constraint, ids: Sequence[int]) -> NDArray[np.bool_]:
    none = np.zeros(constraint.vocabulary.size, dtype=bool)
    if constraint.end in ids:
        return none
    state = constraint.state_after(ids)
    return none if state < 0 else constraint.allowed(state)


def _step(before: Floats, allowed: NDArray[np.bool_]) -> str:
    """Return the probability of all allowed tokens, and pairs of a token and its probability.

    The pairs are the likeliest allowed tokens and the likeliest of the others, sorted. All numbers
    are one line of text.
    """
    order = np.argsort(-before, kind="stable")
    fitting = order[allowed[order]][:N_ALLOWED].tolist()
    others = [i for i in order.tolist() if i not in fitting][: N_ROWS - len(fitting)]
    rows = sorted([*fitting, *others], key=lambda i: (-before[i], i))
    pairs = (f"{i} {before[i]:.5g}" for i in rows)
    return " ".join([f"{before[allowed].sum():.5g}", *pairs])


def states_of(constraint: Constraint) -> list[str]:
    """Return each state of a constraint's automaton as the page reads it: a line of numbers.

    A line is 1 if the text may end there, else 0, and then triples: the first and the last byte
    of a range, and the state that any of them leads to. Errors: ``ValueError`` for too many states.
    """
    automaton, rows = constraint.automaton, []
    while len(rows) < len(automaton):
        require(len(rows) < MOST_STATES, "rule", f"one with at most {MOST_STATES} states", "more")
        state = len(rows)
        row = np.array(automaton.row(state))
        cuts = np.flatnonzero(np.diff(row)) + 1
        runs = zip([0, *cuts.tolist()], [*cuts.tolist(), 256])
        triples = (f"{a} {b - 1} {row[a]}" for a, b in runs if row[a] >= 0)
        rows.append(" ".join([str(int(automaton.is_accepting(state))), *triples]))
    return rows


def _entry(each: Format) -> dict[str, object]:
    states = states_of(each.constraint)
    return {"name": each.name, "prompt": each.prompt, "rule": each.shown, "states": states}


def _checked_list(formats: object) -> list:
    valid = isinstance(formats, Sequence) and not isinstance(formats, str) and len(formats) > 0
    require(valid, "formats", "a sequence of at least one format", formats)
    return list(formats)


def _checked_format(entry: object, words: Vocabulary) -> Format:
    valid = isinstance(entry, Sequence) and not isinstance(entry, str) and len(entry) == 3
    require(valid, "formats", "triples of a name, a prompt, and a rule", entry)
    name, prompt, rule = entry
    for what, text in (("name", name), ("prompt", prompt)):
        require(isinstance(text, str), what, "text (str)", type(text))
        utf8(what, text)
    if isinstance(rule, str):
        expression, shown = regex(rule), rule
    elif isinstance(rule, Mapping):
        expression, shown = json_schema(rule), json.dumps(rule)
    else:
        is_list = isinstance(rule, Sequence) and len(rule) > 0
        texts = is_list and all(isinstance(text, str) for text in rule)
        require(texts, "rule", "a regular expression, a JSON Schema, or a list of texts", rule)
        expression, shown = choice(*map(literal, rule)), "  or  ".join(rule)
    return Format(name, prompt, shown, Constraint(expression, words))
