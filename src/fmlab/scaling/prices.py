"""List prices of tokens over the years, and what a month of requests costs.

Prices are those that OpenAI announced or listed, in US dollars per million tokens, without
discounts for batches or cached prompts. MMLU is a test of multiple-choice questions in 57 subjects
(Hendrycks et al., 2021); the scores are those that the makers report. Sources: the announcements
in ``source``, which are keys of the book's bibliography.
"""

from __future__ import annotations

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
    source: str

    @property
    def time(self) -> float:
        """The month as a year with a fraction."""
        return self.year + (self.month - 1) / 12

    @property
    def blended(self) -> float:
        """The price of a million tokens, three quarters of them in."""
        return INPUT_PART * self.price_in + (1 - INPUT_PART) * self.price_out


LIST_PRICES = (
    ListPrice("GPT-3 (davinci)", 2021, 11, 60, 60, 43.9, "appenzeller2024"),
    ListPrice("GPT-3.5 Turbo", 2023, 3, 2, 2, 70.0, "openai2023chatgpt"),
    ListPrice("GPT-4", 2023, 3, 30, 60, 86.4, "openai2023gpt4"),
    ListPrice("GPT-4o", 2024, 5, 5, 15, 88.7, "openai2024gpt4o"),
    ListPrice("GPT-4o mini", 2024, 7, 0.15, 0.60, 82.0, "openai2024mini"),
    ListPrice("GPT-4.1 nano", 2025, 4, 0.10, 0.40, 80.1, "openai2025gpt41"),
)


def monthly_cost(
    requests_per_day: float,
    tokens_in: float,
    tokens_out: float,
    price_in: float,
    price_out: float,
) -> float:
    """Return the dollars of a month of 30 days; prices are per million tokens.

    >>> monthly_cost(1_000, 2_000, 500, 0.15, 0.60)
    18.0
    """
    settings = {
        "requests_per_day": requests_per_day,
        "tokens_in": tokens_in,
        "tokens_out": tokens_out,
        "price_in": price_in,
        "price_out": price_out,
    }
    for name, value in settings.items():
        require(is_number(value) and value >= 0, name, "a number >= 0", value)
    per_request = (tokens_in * price_in + tokens_out * price_out) / MILLION
    return round(DAYS_PER_MONTH * requests_per_day * per_request, 10)


def cheapest(prices: tuple[ListPrice, ...], least_mmlu: float) -> list[ListPrice]:
    """Return the prices that undercut all earlier ones with at least this MMLU, by time."""
    lowest: list[ListPrice] = []
    for price in sorted(prices, key=lambda p: p.time):
        if price.mmlu >= least_mmlu and (not lowest or price.blended < lowest[-1].blended):
            lowest.append(price)
    return lowest
