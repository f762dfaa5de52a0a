"""Plan a training run: time, cost, electricity, and what running the model adds.

A FLOP is a piece of work; FLOP/s is a speed. Time is work divided by speed, and the speed is the
accelerators' peak times the fraction of it that the program reaches (its utilization).
"""

from __future__ import annotations

import math

from fmlab.arguments import require, require_count, require_positive
from fmlab.scaling.costs import inference_flops, training_flops
from fmlab.scaling.laws import LossLaw

HOUR, DAY = 3600.0, 86_400.0
PEAKS = {"V100": 125e12, "A100": 312e12, "H100": 989e12}
"""Peak FLOP/s of one accelerator for 16-bit matrix products, from the vendor's data sheets."""


def training_seconds(
    flops: float, n_accelerators: int, peak: float, utilization: float = 0.4
) -> float:
    """Return how long a run takes: work divided by speed.

    ``peak`` is in FLOP/s of one accelerator; ``utilization`` is the fraction of it that is reached.

    >>> round(training_seconds(3.14e23, 1024, PEAKS["A100"], 0.4) / DAY, 1)
    28.4
    """
    require_count("n_accelerators", n_accelerators)
    require_positive(flops=flops, peak=peak)
    _require_fraction("utilization", utilization)
    return flops / (n_accelerators * peak * utilization)


def training_cost(
    flops: float, peak: float, utilization: float = 0.4, price_per_hour: float = 2.0
) -> float:
    """Return the rent of the accelerators; it does not depend on their number.

    ``price_per_hour``, of one accelerator, is an assumption: prices vary and change.

    >>> round(training_cost(3.14e23, PEAKS["H100"], 0.4, 2.0))
    440962
    """
    require_positive(price_per_hour=price_per_hour)
    return training_seconds(flops, 1, peak, utilization) / HOUR * price_per_hour


def training_energy(
    flops: float, peak: float, utilization: float = 0.4, watts: float = 700, overhead: float = 1.5
) -> float:
    """Return the electricity of a run, in kWh.

    ``watts`` is the power of one accelerator. ``overhead`` is what the whole data center needs,
    servers and cooling included, divided by what its accelerators need.
    """
    require_positive(watts=watts, overhead=overhead)
    seconds = training_seconds(flops, 1, peak, utilization)
    return watts * overhead / 1000 * seconds / HOUR


def tokens_for_loss(fit: LossLaw, loss: float, n_params: float) -> float:
    """Return how many training tokens a model of this size needs to reach a loss; inf if none do.

    >>> from fmlab.scaling.laws import BESIROGLU
    >>> tokens_for_loss(BESIROGLU, 1.5, 7e9)  # below the irreducible loss
    inf
    """
    require_positive(loss=loss, n_params=n_params)
    rest = loss - fit.E - fit.A / n_params**fit.alpha
    return (fit.B / rest) ** (1 / fit.beta) if rest > 0 else math.inf


def break_even_tokens(larger: tuple[float, float], smaller: tuple[float, float]) -> float:
    """Return after how many tokens of use a smaller model, trained for longer, has cost less.

    Each model is (n_params, n_training_tokens). Costs are FLOPs: 6 N D to train, and 2 N per token
    to use. 0 if the smaller model is cheaper from the start.

    >>> break_even_tokens((2e9, 4e10), (1e9, 1e11))
    60000000000.0
    """
    for name, (n_params, n_tokens) in {"larger": larger, "smaller": smaller}.items():
        require_positive(n_params=n_params, n_tokens=n_tokens)
        require(n_params <= larger[0], name, "no larger than the larger model", n_params)
    require(smaller[0] < larger[0], "smaller", "fewer parameters than the larger one", smaller)
    extra = training_flops(*smaller) - training_flops(*larger)
    saved = inference_flops(larger[0], 1) - inference_flops(smaller[0], 1)
    return max(0.0, extra / saved)


def year_reached(year: float, amount: float, growth: float, limit: float) -> float:
    """Return when something that grows by a factor per year reaches a limit.

    >>> year_reached(2024, 1.0, 2.0, 8.0)
    2027.0
    """
    require_positive(amount=amount, limit=limit, year=year)
    require(growth > 1, "growth", "a factor above 1 per year", growth)
    return year + max(0.0, math.log(limit / amount) / math.log(growth))


def _require_fraction(name: str, value: float) -> None:
    require_positive(**{name: value})
    require(value <= 1, name, "a fraction, at most 1", value)
