"""List prices of tokens over the years, and what a month of requests costs.

Prices are those that OpenAI announced or listed, in US dollars per million tokens, without
discounts for batches. A prompt may begin like an earlier one, and these tokens may be in a cache:
where the list has a price for them, it is ``price_cached``. MMLU is a test of multiple-choice
questions in 57 subjects (Hendrycks et al., 2021); the scores are those that the makers report.
Sources: the announcements in ``sources``, which are keys of the book's bibliography. The price of
GPT-3 is in a copy of OpenAI's price list from July 2022; its month is from Appenzeller (2024).
GPT-4o mini got its price for cached tokens in October 2024.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from fmlab.arguments import is_number, require

MILLION, DAYS_PER_MONTH = 1_000_000, 30
INPUT_PART = 0.75  # three tokens in for each token out, where one number is needed


@dataclass(frozen=True)
class ListPrice:
    """A model's list price from a month on, in dollars per million tokens in and out."""

    model: str
    year: int
    month: int
    price_in: float
    price_out: float
    mmlu: float
    sources: tuple[str, ...]
    price_cached: float | None = None  # of a million cached tokens in; None: the full price

    @property
    def time(self) -> float:
        """The month as a year with a fraction."""
        return self.year + (self.month - 1) / 12

    @property
    def blended(self) -> float:
        """The price of a million tokens, three quarters of them in."""
        return INPUT_PART * self.price_in + (1 - INPUT_PART) * self.price_out


LIST_PRICES = (
    ListPrice("GPT-3 (davinci)", 2021, 11, 60, 60, 43.9, ("appenzeller2024", "openai2022prices")),
    ListPrice("GPT-3.5 Turbo", 2023, 3, 2, 2, 70.0, ("openai2023chatgpt",)),
    ListPrice("GPT-4", 2023, 3, 30, 60, 86.4, ("openai2023gpt4",)),
    ListPrice("GPT-4o", 2024, 5, 5, 15, 88.7, ("openai2024gpt4o",)),
    ListPrice(
        "GPT-4o mini", 2024, 7, 0.15, 0.60, 82.0, ("openai2024mini", "openai2024caching"), 0.075
    ),
    ListPrice("GPT-4.1 mini", 2025, 4, 0.40, 1.60, 87.5, ("openai2025gpt41",), 0.10),
    ListPrice("GPT-4.1 nano", 2025, 4, 0.10, 0.40, 80.1, ("openai2025gpt41",), 0.025),
)


def monthly_cost(
    requests_per_day: float,
    tokens_in: float,
    tokens_out: float,
    price_in: float,
    price_out: float,
    cached: float = 0.0,
    price_cached: float | None = None,
) -> float:
    """Return the dollars of a month of 30 days; prices are per million tokens.

    The fraction ``cached`` of the tokens in costs ``price_cached``, or the full price if that is
    None::

        paid_in = (1 - cached) * price_in + cached * price_cached
        cost = 30 * requests_per_day * (tokens_in * paid_in + tokens_out * price_out) / 1e6

    >>> monthly_cost(1_000, 2_000, 500, 0.15, 0.60)
    18.0
    """
    price_cached = price_in if price_cached is None else price_cached
    settings = {
        "requests_per_day": requests_per_day,
        "tokens_in": tokens_in,
        "tokens_out": tokens_out,
        "price_in": price_in,
        "price_out": price_out,
        "price_cached": price_cached,
    }
    for name, value in settings.items():
        require(is_number(value) and value >= 0, name, "a number >= 0", value)
    valid = is_number(cached) and 0 <= cached <= 1
    require(valid, "cached", "a number from 0 to 1", cached)
    paid_in = (1 - cached) * price_in + cached * price_cached
    per_million = tokens_in * paid_in + tokens_out * price_out
    return DAYS_PER_MONTH * requests_per_day * per_million / MILLION


def cheapest(prices: tuple[ListPrice, ...], least_mmlu: float) -> list[ListPrice]:
    """Return the prices that undercut all earlier ones with at least this MMLU, by time."""
    lowest: list[ListPrice] = []
    for price in sorted(prices, key=lambda p: p.time):
        if price.mmlu >= least_mmlu and (not lowest or price.blended < lowest[-1].blended):
            lowest.append(price)
    return lowest


def price_history(
    requests_per_day: float,
    tokens_in: float,
    tokens_out: float,
    cached: float = 0.0,
    least_mmlu: float = 0.0,
    prices: Sequence[ListPrice] = LIST_PRICES,
) -> dict:
    """Return what a month costs at each list price, and how far the lowest bill has fallen.

    "bills" has the dollars of each model. "lowest" names the models that undercut all earlier ones
    with at least ``least_mmlu``, by time. From the first of these to the last, "times" is how many
    times cheaper the bill is (NaN if it is 0), and "years" how long that took.
    Errors: ``ValueError`` for a score that no model reaches, or what ``monthly_cost`` refuses.
    """
    ordered = sorted(prices, key=lambda price: price.time)
    good_enough = [price for price in ordered if price.mmlu >= least_mmlu]
    best = max(price.mmlu for price in ordered)
    require(good_enough, "least_mmlu", f"at most {best}, the highest score", least_mmlu)
    volume = (requests_per_day, tokens_in, tokens_out)
    bills = {
        price.model: monthly_cost(
            *volume, price.price_in, price.price_out, cached, price.price_cached
        )
        for price in ordered
    }
    lowest: list[ListPrice] = []
    for price in good_enough:
        if not lowest or bills[price.model] < bills[lowest[-1].model]:
            lowest.append(price)
    first, last = lowest[0], lowest[-1]
    return {
        "bills": bills,
        "lowest": [price.model for price in lowest],
        "times": bills[first.model] / bills[last.model] if bills[last.model] else math.nan,
        "years": last.time - first.time,
    }
