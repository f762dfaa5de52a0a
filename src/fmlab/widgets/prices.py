"""The price calculator: what the reader's own volume costs at list prices of several years."""

from __future__ import annotations

import html
from dataclasses import asdict

from traitlets import Dict, Float, Int, List, observe, validate

from fmlab.arguments import is_number, require
from fmlab.scaling import LIST_PRICES, price_history
from fmlab.widgets.base import Widget
from fmlab.widgets.numbers import written

INPUTS = (  # name, label, kind, lowest, highest
    ("requests_per_day", "Requests per day", "number", 1, 1e9),
    ("tokens_in", "Input tokens per request", "number", 1, 1e6),
    ("tokens_out", "Output tokens per request", "number", 0, 1e6),
    ("cached", "Cached part of the input", "fraction", 0, 1),
)
RANGES = {name: (low, high) for name, _, _, low, high in INPUTS}
SCORES = (40, 80, 85)  # percent of MMLU


class PriceCalculator(Widget, files=("fields.js", "prices.js", "fields.css", "prices.css")):
    """Compute the monthly bill of the reader's volume at each list price, by date.

    The arithmetic is that of `fmlab.scaling.price_history`. Set and observe ``requests_per_day``,
    ``tokens_in``, ``tokens_out``, ``cached`` (the fraction of the input tokens that are in the
    provider's cache) and ``score`` (40, 80 or 85: the lowest MMLU score that will do).
    ``results`` follow, computed by the kernel: "bills" by model, "lowest", "times" and "years".

    Errors: ``ValueError`` for a number out of range, or another score.

    >>> calculator = PriceCalculator(requests_per_day=1_000, tokens_in=2_000, tokens_out=500)
    >>> calculator.results["bills"]["GPT-4o mini"], calculator.results["lowest"][-1]
    (18.0, 'GPT-4.1 nano')
    """

    requests_per_day = Float(10_000, help="Requests per day.").tag(sync=True)
    tokens_in = Float(1_500, help="Tokens of a prompt.").tag(sync=True)
    tokens_out = Float(300, help="Tokens of an answer.").tag(sync=True)
    cached = Float(0.0, help="The fraction of the tokens in that are cached.").tag(sync=True)
    score = Int(80, help="The lowest MMLU score that will do.").tag(sync=True)

    results = Dict(read_only=True, help="What follows from the settings.")
    prices = List(Dict(), read_only=True, help="The list prices, by date.").tag(sync=True)
    inputs = List(Dict(), read_only=True, help="Labels, kinds, and ranges.").tag(sync=True)
    scores = List(Int(), read_only=True, help="The scores to choose from.").tag(sync=True)

    def __init__(self, *, title: str = "Price calculator", **settings: float):
        ordered = sorted(LIST_PRICES, key=lambda price: price.time)
        self.set_trait("prices", [asdict(price) | {"time": price.time} for price in ordered])
        names = ("name", "label", "kind", "low", "high")
        self.set_trait("inputs", [dict(zip(names, each)) for each in INPUTS])
        self.set_trait("scores", list(SCORES))
        known = {*RANGES, "score"}
        checked = {
            name: _checked(name, value) if name in known else value
            for name, value in settings.items()
        }
        super().__init__(title=title, **checked)
        self._compute({})

    @validate(*RANGES, "score")
    def _check(self, proposal: dict) -> float:
        return _checked(proposal["trait"].name, proposal["value"])

    @observe(*RANGES, "score")
    def _compute(self, change: dict) -> None:
        volume = {name: getattr(self, name) for name in RANGES}
        self.set_trait("results", price_history(**volume, least_mmlu=self.score))

    def _still(self) -> str:
        bills = self.results["bills"]
        rows = "".join(
            f"<tr><td>{html.escape(price['model'])}</td><td>{price['year']}-{price['month']:02}"
            f"</td><td>{price['mmlu']:g}%</td><td>{written(bills[price['model']], 'dollars')}</td>"
            "</tr>"
            for price in self.prices
        )
        return (
            "<figure><table><thead><tr><th>Model</th><th>Listed</th><th>MMLU</th>"
            f"<th>Bill per month</th></tr></thead><tbody>{rows}</tbody></table><figcaption>"
            f"{self.requests_per_day:,.0f} requests per day, each with {self.tokens_in:,.0f} "
            f"tokens in and {self.tokens_out:,.0f} out. With JavaScript, you can enter your "
            "own numbers.</figcaption></figure>"
        )


def _checked(name: str, value: object) -> float:
    if name == "score":
        require(value in SCORES, name, f"one of {', '.join(map(str, SCORES))}", value)
        return int(value)
    low, high = RANGES[name]
    valid = is_number(value) and low <= value <= high
    require(valid, name, f"a number from {low:g} to {high:g}", value)
    return float(value)
