"""The list of models: what each takes and returns, with labels, units, ranges, and an example.

The example is the book's: the support assistant of a small online shop. Its numbers are invented.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from fmlab.arguments import is_number, require
from fmlab.planning.catalog_inputs import INPUTS
from fmlab.planning.effort import last_mile
from fmlab.planning.levels import automation
from fmlab.planning.moats import flywheel
from fmlab.planning.prices import drift
from fmlab.planning.risk import waiting
from fmlab.planning.roles import role
from fmlab.planning.sources import sourcing
from fmlab.planning.thresholds import usefulness


@dataclass(frozen=True)
class Input:
    """A number that a model takes; ``kind`` says how it is written and what a change means.

    Kinds: "fraction" (0 to 1), "dollars", "seconds", "number", "whole", and "choice" (0 or 1).
    """

    name: str
    label: str
    default: float
    low: float
    high: float
    kind: str = "number"


@dataclass(frozen=True)
class Output:
    """A number that a model returns."""

    name: str
    label: str
    kind: str = "number"


@dataclass(frozen=True)
class PlanningModel:
    """A model: its function, inputs, and outputs. ``key`` is the output that sensitivity is about.

    ``assumes`` is the assumption that a reader should doubt first, in a sentence.
    """

    name: str
    title: str
    function: Callable[..., dict[str, float]]
    formula: str
    assumes: str
    inputs: tuple[Input, ...]
    outputs: tuple[Output, ...]
    key: str


def _model(
    name: str,
    title: str,
    function: Callable,
    formula: str,
    assumes: str,
    key: str,
    outputs: Mapping[str, tuple[str, str]],
) -> PlanningModel:
    inputs = tuple(Input(*row) for row in INPUTS[name])
    formula = formula.replace("*", "\N{MULTIPLICATION SIGN}").replace(" - ", " \N{MINUS SIGN} ")
    found = tuple(Output(each, *label) for each, label in outputs.items())
    return PlanningModel(name, title, function, formula, assumes, inputs, found, key)


_ALL = (
    _model(
        "waiting",
        "Risk of not building",
        waiting,
        "value = success * sum of probability * loss - cost",
        "The losses add up, and a project that succeeds removes all three risks.",
        "value",
        {
            "expected_loss": ("Expected loss from waiting, per year", "dollars"),
            "value": ("Value of building, first year", "dollars"),
            "break_even_success": ("Break-even probability of success", "fraction"),
        },
    ),
    _model(
        "role",
        "Role of AI",
        role,
        "accuracy at release = 1 - tolerated errors / (1 - fraction repaired) + drift * days",
        "The rest of the product repairs a known fraction of the errors.",
        "at_release",
        {
            "quality_bar": ("Accuracy needed at any time", "fraction"),
            "at_release": ("Accuracy needed at release", "fraction"),
            "latency_budget": ("Latency budget", "seconds"),
        },
    ),
    _model(
        "automation",
        "Automation level",
        automation,
        "break-even = human accuracy - (human cost - model cost) / cost of an error",
        "Every error costs the same, whoever makes it.",
        "walk",
        {
            "break_even": ("Break-even accuracy, model alone", "fraction"),
            "accuracy": ("Accuracy of the model", "fraction"),
            "human": ("Human alone, per request", "dollars"),
            "crawl": ("Crawl: every draft reviewed", "dollars"),
            "walk": ("Walk: hard requests handed over", "dollars"),
            "run": ("Run: model alone", "dollars"),
        },
    ),
    _model(
        "flywheel",
        "Flywheel and subsumption",
        flywheel,
        "growth = retention + invites * (quality - quality of the free alternative)",
        "Users stay and invite others in proportion to the lead in quality.",
        "users_end",
        {
            "users_before": ("Users when the alternative improves", "number"),
            "users_end": ("Users at the end", "number"),
            "growth_end": ("Monthly growth factor at the end", "factor"),
            "break_even_retention": ("Break-even retention", "fraction"),
            "steady_users": ("Users in the long run", "number"),
        },
    ),
    _model(
        "usefulness",
        "Usefulness threshold",
        usefulness,
        "break-even = 1 - (cost today - cost of the model - fixed / requests) / cost of an error",
        "Every request is answered by the model, and every error costs the same.",
        "value",
        {
            "break_even": ("Break-even accuracy", "fraction"),
            "total_seconds": ("Total time of a response", "seconds"),
            "request_cost": ("Model cost per request", "dollars"),
            "value": ("Value per month", "dollars"),
            "met": ("Thresholds met, of 5", "number"),
        },
    ),
    _model(
        "last_mile",
        "Last mile",
        last_mile,
        "weeks = weeks per problem * (problems up to the target - problems up to the start)",
        "Every problem takes equally long. Rare ones are often harder.",
        "weeks",
        {
            "weeks": ("Weeks from the start to the target", "number"),
            "weeks_from_zero": ("Weeks from zero", "number"),
            "after_60": ("Fraction of the work after 60%", "fraction"),
        },
    ),
    _model(
        "drift",
        "Price and latency drift",
        drift,
        "bill factor per month = (1 + growth) * (1 - price decline)",
        "Growth and the decline in prices stay as they are.",
        "total",
        {
            "first_bill": ("Bill, first month", "dollars"),
            "last_bill": ("Bill, last month", "dollars"),
            "total": ("Total of all months", "dollars"),
            "bill_factor": ("Bill, factor per month", "factor"),
            "payback": ("Months until a switch pays back", "number"),
            "months_to_limit": ("Months until latency is too high", "number"),
        },
    ),
    _model(
        "sourcing",
        "Buy, finetune, or build",
        sourcing,
        "total = fixed + requests * (cost + error rate * cost of an error)",
        "The accuracy of each option is known in advance.",
        "tune",
        {
            "buy": ("Buy, in total", "dollars"),
            "tune": ("Finetune, in total", "dollars"),
            "build": ("Build, in total", "dollars"),
            "tune_from": ("Requests per month from which finetuning pays off", "number"),
            "build_from": ("Requests per month from which building pays off", "number"),
        },
    ),
)
MODELS: dict[str, PlanningModel] = {model.name: model for model in _ALL}


def defaults(name: str) -> dict[str, float]:
    """Return the settings of the book's example for a model. Errors: ``ValueError`` if unknown."""
    return {each.name: each.default for each in _find(name).inputs}


def evaluate(name: str, **settings: float) -> dict[str, float]:
    """Return what a model gives for the example, with some settings changed.

    Errors: ``ValueError`` for an unknown model or setting, or a value out of range.

    >>> round(evaluate("automation", error_cost=60.0)["break_even"], 2)
    0.9
    """
    model = _find(name)
    return model.function(**(defaults(name) | checked(name, settings)))


def checked(name: str, settings: Mapping[str, object]) -> dict[str, float]:
    """Return settings of a model within their ranges; whole numbers as integers."""
    inputs = {each.name: each for each in _find(name).inputs}
    found = {}
    for key, value in settings.items():
        require(key in inputs, "settings", f"named {', '.join(inputs)}", key)
        each = inputs[key]
        whole = each.kind in ("whole", "choice")
        valid = is_number(value) and each.low <= value <= each.high
        valid = valid and (not whole or value == int(value))
        kind = "an integer" if whole else "a number"
        require(valid, key, f"{kind} from {each.low:g} to {each.high:g}", value)
        found[key] = int(value) if whole else float(value)
    return found


def _find(name: str) -> PlanningModel:
    require(name in MODELS, "name", f"one of {', '.join(MODELS)}", name)
    return MODELS[name]
