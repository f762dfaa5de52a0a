"""The planning calculator and the planning sheet."""

from __future__ import annotations

import html
from collections.abc import Mapping
from dataclasses import asdict

from traitlets import Dict, List, Unicode, observe, validate

from fmlab.arguments import require
from fmlab.planning import FIELDS, MODELS, defaults, evaluate, read_sheet, sensitivity, write_sheet
from fmlab.planning.catalog import checked
from fmlab.widgets.base import Widget
from fmlab.widgets.numbers import written

FILES = ("fields.js", "planning_models.js", "planning_calculator.js", "fields.css", "planning.css")


class PlanningCalculator(Widget, files=FILES):
    """Compute the planning models for the reader's numbers.

    The arithmetic is that of `fmlab.planning`. Set and observe ``model``, a name in
    ``fmlab.planning.MODELS``, and ``settings``: for each model, its inputs by name. ``results`` and
    ``matters`` follow, computed by the kernel: the outputs of the chosen model, and its inputs, the
    one that moves the key output most first.

    Errors: ``ValueError`` for an unknown model or input, and numbers out of range.

    >>> calculator = PlanningCalculator("automation", error_cost=60)
    >>> round(calculator.results["break_even"], 2), calculator.matters[0]
    (0.9, 'error_cost')
    """

    model = Unicode(help="The name of the chosen model.").tag(sync=True)
    settings = Dict(help="The inputs of every model.").tag(sync=True)
    models = List(Dict(), read_only=True, help="Labels, ranges, and kinds.").tag(sync=True)

    results = Dict(read_only=True, help="The outputs of the chosen model.")
    matters = List(Unicode(), read_only=True, help="Its inputs, the most important first.")

    def __init__(
        self, model: str = "waiting", *, title: str = "Planning calculator", **settings: float
    ):
        require(model in MODELS, "model", f"one of {', '.join(MODELS)}", model)
        self.set_trait("models", [_entry(each) for each in MODELS.values()])
        full = {name: defaults(name) for name in MODELS}
        full[model] |= checked(model, settings)
        super().__init__(model=model, settings=full, title=title)
        self._compute({})

    @validate("model")
    def _check_model(self, proposal: dict) -> str:
        require(proposal["value"] in MODELS, "model", f"one of {', '.join(MODELS)}", proposal)
        return proposal["value"]

    @validate("settings")
    def _check_settings(self, proposal: dict) -> dict:
        given = proposal["value"]
        require(set(given) == set(MODELS), "settings", "the inputs of every model", list(given))
        full = {name: defaults(name) | checked(name, given[name]) for name in MODELS}
        for name, settings in full.items():
            evaluate(name, **settings)  # what must hold between inputs
        return full

    @observe("model", "settings")
    def _compute(self, change: dict) -> None:
        if not (self.model and self.settings):
            return
        own = self.settings[self.model]
        self.set_trait("results", evaluate(self.model, **own))
        self.set_trait("matters", [name for name, *_ in sensitivity(self.model, own)])

    def _still(self) -> str:
        parts = []
        for name, model in MODELS.items():
            found = evaluate(name, **self.settings[name])
            rows = "".join(
                f"<tr><th>{html.escape(output.label)}</th>"
                f"<td>{written(found[output.name], output.kind)}</td></tr>"
                for output in model.outputs
            )
            parts.append(
                f"<table><caption>{html.escape(model.title)}: {html.escape(model.formula)}"
                f"</caption><tbody>{rows}</tbody></table>"
            )
        return (
            f"<figure>{''.join(parts)}<figcaption>The planning models for the example. With "
            "JavaScript, you can enter your own numbers.</figcaption></figure>"
        )


class PlanningSheet(Widget, files=("planning_sheet.js", "fields.css", "planning.css")):
    """A planning sheet to fill in: kept in the browser, saved as a file, loaded again.

    Set and observe ``answers``: texts by the names in ``fmlab.planning.FIELDS``. ``file`` is the
    text of the file. Errors: ``ValueError`` for an unknown field, or an answer that is no text or
    too long.

    >>> sheet = PlanningSheet({"use_case": "Two people answer 1,500 emails a month."})
    >>> read_sheet(sheet.file)["use_case"]
    'Two people answer 1,500 emails a month.'
    """

    answers = Dict(help="The answers by field.").tag(sync=True)
    fields = List(Dict(), read_only=True, help="Names, headings, and questions.").tag(sync=True)

    def __init__(self, answers: Mapping[str, str] | None = None, *, title: str = "Planning sheet"):
        entries = [dict(zip(("name", "title", "question"), field)) for field in FIELDS]
        self.set_trait("fields", entries)
        super().__init__(answers=dict(answers or {}), title=title)

    @validate("answers")
    def _check(self, proposal: dict) -> dict:
        return read_sheet(write_sheet(proposal["value"]))

    @property
    def file(self) -> str:
        """The text of the file that the page saves."""
        return write_sheet(self.answers)

    def _still(self) -> str:
        rows = "".join(
            f"<tr><th>{html.escape(title)}</th><td>{html.escape(self.answers[name] or question)}"
            "</td></tr>"
            for name, title, question in FIELDS
        )
        return (
            f"<figure><table><tbody>{rows}</tbody></table><figcaption>The planning sheet. With "
            "JavaScript, you can fill it in and save it.</figcaption></figure>"
        )


def _entry(model: object) -> dict:
    texts = {name: getattr(model, name) for name in ("name", "title", "formula", "assumes", "key")}
    inputs, outputs = map(list, (map(asdict, model.inputs), map(asdict, model.outputs)))
    return texts | {"inputs": inputs, "outputs": outputs}
