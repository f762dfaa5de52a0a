"""The votes explorer: samples of a model's answers, and the rules that select one of them."""

from __future__ import annotations

import html
from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike
from traitlets import Dict, Int, List, Unicode, validate

from fmlab.arguments import as_floats, require, require_count
from fmlab.evaluation import Mean
from fmlab.widgets.base import Widget, utf8
from fmlab.widgets.distributions import uniform

RANDOM, MAJORITY, CHECKER = "random pick", "majority", "checker"  # the same in votes.js
RARE = -1  # an answer that is too rare for the record; no two of them are the same
SCOPES = ("question", "all")
MAX_SEED = 2**32 - 1
KEYS = ("text", "answers", "p", "right", "scores")


class VotesExplorer(Widget, files=("distributions.js", "votes.js", "votes.css")):
    """Sample N answers to a question, and show which of them each rule selects.

    ``questions`` are dictionaries with the ``text``, its K ``answers``, their probabilities ``p``
    (K,), ``right``, the indices of the right ones, and ``scores``, by name (K,). What ``p`` lacks
    to 1 belongs to answers that are not listed and differ from each other. The rules are a random
    pick, a majority vote, the highest of each score, and a checker. ``curves`` has the probability
    that a rule selects a right answer, by rule: (n_budgets, n_questions). ``budgets`` are the
    numbers of samples, and ``listed`` the indices of the questions to choose from, or None for all.

    Set and observe ``question``, a place in that list, ``n``, one of the budgets, the ``seed`` of
    the samples, and ``scope``: whether the rates are those of this ``"question"`` or of ``"all"``.
    ``samples`` are n indices of answers, -1 for one that is not listed. ``selected`` has the index
    that each rule selects, ``probabilities`` how likely that rule is to select a right answer to
    this question, and ``rates`` the mean of that over all questions.

    Errors: ``ValueError`` for no questions, probabilities that sum to more than 1, values that do
    not fit the answers, curves of other rules or shapes, and settings out of range.

    >>> question = {"text": "?", "answers": ["a", "b"], "p": [0.7, 0.3], "right": [1]}
    >>> question["scores"] = {"log-probability": [-1, -2]}
    >>> rules = ["random pick", "majority", "log-probability", "checker"]
    >>> curves = {rule: [[0.3, 0.3], [0.4, 0.5]] for rule in rules}
    >>> explorer = VotesExplorer([question, question], curves, [1, 8], n=8)
    >>> explorer.samples, explorer.selected["majority"], explorer.selected["checker"]
    ([0, 1, 0, 1, 0, 1, 0, 0], 0, 1)
    """

    question = Int(help="Index of the question, among those listed.").tag(sync=True)
    n = Int(help="The number of samples.").tag(sync=True)
    seed = Int(help="The seed of the samples.").tag(sync=True)
    scope = Unicode("question", help="Rates of this question, or of all.").tag(sync=True)
    questions = List(read_only=True, help="The listed questions, packed.").tag(sync=True)
    budgets = List(Int(), read_only=True, help="The values of n.").tag(sync=True)
    rules = List(Unicode(), read_only=True, help="The names of the rules.").tag(sync=True)
    curves = Dict(read_only=True, help="Mean, low, high of each rule, by n.").tag(sync=True)
    n_questions = Int(read_only=True, help="How many questions the curves are over.").tag(sync=True)

    def __init__(
        self,
        questions: Sequence[Mapping],
        curves: Mapping[str, ArrayLike],
        budgets: Sequence[int],
        *,
        listed: Sequence[int] | None = None,
        question: int = 0,
        n: int | None = None,
        seed: int = 0,
        scope: str = "question",
        title: str = "Votes explorer",
        **layout: object,
    ):
        valid = isinstance(questions, Sequence) and len(questions) > 1
        require(valid, "questions", "a sequence of at least two", questions)
        listed = range(len(questions)) if listed is None else listed
        valid = len(listed) > 0 and all(0 <= i < len(questions) for i in listed)
        require(valid, "listed", f"indices from 0 to {len(questions) - 1}", listed)
        for budget in budgets:
            require_count("budgets", budget)
        self._questions = [_checked_question(questions[i]) for i in listed]
        rules = [RANDOM, MAJORITY, *self._questions[0]["scores"], CHECKER]
        values = _checked_curves(curves, rules, (len(budgets), len(questions)))
        self._means = {rule: [Mean.of(row) for row in values[rule]] for rule in rules}
        for row, i in zip(self._questions, listed, strict=True):
            require([*row["scores"]] == rules[2:-1], "scores", f"{rules[2:-1]}", [*row["scores"]])
            row["rates"] = {rule: _short(values[rule][:, i], 4) for rule in rules}
        self.set_trait("questions", [_packed(row) for row in self._questions])
        self.set_trait("budgets", [int(budget) for budget in budgets])
        self.set_trait("rules", rules)
        kept = {
            rule: [_short([m.mean, m.low, m.high], 4) for m in self._means[rule]] for rule in rules
        }
        self.set_trait("curves", kept)
        self.set_trait("n_questions", len(questions))
        n = self.budgets[len(self.budgets) // 2] if n is None else n
        settings = {"question": question, "n": n, "seed": seed, "scope": scope}
        checked = {name: self._checked(name, value) for name, value in settings.items()}
        super().__init__(**checked, title=title, **layout)

    @property
    def samples(self) -> list[int]:
        """The indices of the n answers that are sampled, in order; -1 if not listed."""
        p = self._questions[self.question]["p"]
        sums = np.cumsum(p)
        ends = np.append(sums, sums[-1] + max(0.0, 1 - sums[-1]))
        uniforms = [uniform(self.seed, i) for i in range(self.n)]
        drawn = np.searchsorted(ends / ends[-1], uniforms, side="right")
        return [int(i) if i < len(p) else RARE for i in drawn]

    @property
    def selected(self) -> dict[str, int | None]:
        """The index that each rule selects: -1 for an answer not listed, None for no answer."""
        row = self._questions[self.question]
        return select(self.samples, row["scores"], row["right"])

    @property
    def probabilities(self) -> dict[str, float]:
        """The probability that each rule selects a right answer to this question, at this n."""
        at = self.budgets.index(self.n)
        return {rule: row[at] for rule, row in self._questions[self.question]["rates"].items()}

    @property
    def rates(self) -> dict[str, Mean]:
        """The mean of these probabilities over all questions, at this n."""
        at = self.budgets.index(self.n)
        return {rule: means[at] for rule, means in self._means.items()}

    @validate("question", "n", "seed", "scope")
    def _check(self, proposal: dict) -> object:
        return self._checked(proposal["trait"].name, proposal["value"])

    def _checked(self, name: str, value: object) -> object:
        choices = {"n": self.budgets, "scope": list(SCOPES)}.get(name)
        if choices:
            require(value in choices, name, f"one of {choices}", value)
            return value
        most = {"question": len(self._questions) - 1, "seed": MAX_SEED}[name]
        require_count(name, value, least=0)
        require(value <= most, name, f"an integer from 0 to {most}", value)
        return int(value)

    def _still(self) -> str:
        row, selected = self._questions[self.question], self.selected
        names = {RARE: "a rare answer", None: "no right answer"} | dict(enumerate(row["answers"]))
        body = ""
        for rule, index in selected.items():
            mark = "✓" if index in row["right"] else "✗"
            rate = self.rates[rule]
            cells = f"{html.escape(names[index])} {mark}", f"{self.probabilities[rule]:.2f}"
            cells = *cells, f"{rate.mean:.2f} ({rate.low:.2f} to {rate.high:.2f})"
            body += f"<tr><th>{rule}</th>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"
        heads = "Rule", "Selects", "Right, this question", f"Right, all {self.n_questions}"
        return (
            f"<figure><table><thead><tr>{''.join(f'<th>{head}</th>' for head in heads)}</tr>"
            f"</thead><tbody>{body}</tbody></table><figcaption>“{html.escape(row['text'])}”: what "
            f"each rule selects from {self.n} samples, how likely it is to be right on this "
            "question, and its rate over all questions, with a 95% interval. With JavaScript, "
            "you can sample again, and change the question and the number of samples."
            "</figcaption></figure>"
        )


def select(
    samples: Sequence[int], scores: Mapping[str, Sequence[float]], right: Sequence[int]
) -> dict[str, int | None]:
    """Return the index that each rule selects from the samples; the checker may find None.

    If several are equal, the one sampled first wins. An answer that is not listed (-1) differs from
    all others, so it has one vote, and its score is below all that are listed.
    """
    votes = dict(Counter(samples)) | {RARE: 1}
    highest = {
        name: max(samples, key=lambda i: -np.inf if i == RARE else score[i])
        for name, score in scores.items()
    }
    most_voted = max(samples, key=lambda i: votes[i])
    checked = next((i for i in samples if i in right), None)
    return {RANDOM: samples[0], MAJORITY: most_voted} | highest | {CHECKER: checked}


def _short(values: ArrayLike, digits: int) -> list[float]:
    return [round(float(value), digits) for value in values]


def _checked_curves(curves: object, rules: list[str], shape: tuple) -> dict[str, np.ndarray]:
    valid = isinstance(curves, Mapping) and set(curves) == set(rules)
    require(valid, "curves", f"a mapping of {', '.join(rules)}", curves)
    rows = {rule: as_floats("curves", curves[rule]) for rule in rules}
    for values in rows.values():
        require(values.shape == shape, "curves", f"of shape {shape}", values.shape)
    return rows


def _checked_question(row: object) -> dict[str, object]:
    valid = isinstance(row, Mapping) and all(key in row for key in KEYS)
    require(valid, "questions", f"dictionaries with {', '.join(KEYS)}", row)
    answers = [str(text) for text in row["answers"]]
    for text in (row["text"], *answers):
        utf8("questions", text)
        require("\n" not in text, "questions", "texts of one line", text)
    n = len(answers)
    p = _column("p", row["p"], n)
    valid = min(p, default=0) > 0 and sum(p) < 1 + 1e-5
    require(valid, "p", "probabilities above 0 that sum to at most 1", row["p"])
    right = [int(i) for i in row["right"]]
    require(all(0 <= i < n for i in right), "right", f"indices from 0 to {n - 1}", right)
    scores = {name: _column(name, values, n) for name, values in row["scores"].items()}
    return {"text": row["text"], "answers": answers, "p": p, "right": right, "scores": scores}


def _packed(row: dict) -> dict[str, object]:
    """Return a question as the page reads it: answers on lines, numbers on one line."""

    def line(values: Sequence[float]) -> str:
        return " ".join(f"{value:.6g}" for value in values)

    scores = {name: line(values) for name, values in row["scores"].items()}
    columns = {"answers": "\n".join(row["answers"]), "p": line(row["p"]), "scores": scores}
    return {"text": row["text"], "right": row["right"], "rates": row["rates"]} | columns


def _column(name: str, values: ArrayLike, n: int) -> list[float]:
    """Return n values with the digits that the page reads."""
    values = as_floats(name, values)
    require(values.shape == (n,), name, f"of shape ({n},), one per answer", values.shape)
    return [float(f"{value:.6g}") for value in values]
