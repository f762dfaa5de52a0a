"""What it may cost not to build: three risks, each with a probability and a loss."""

from __future__ import annotations

import math
from collections.abc import Sequence

from fmlab.arguments import require
from fmlab.planning.limits import require_amounts, require_fractions


def waiting(
    p_competitor: float,
    competitor_loss: float,
    p_missed: float,
    missed_profit: float,
    p_late: float,
    late_cost: float,
    success: float,
    cost: float,
) -> dict[str, float]:
    """Return what waiting costs in expectation, and what building is worth in the first year.

    Formula::

        expected_loss = sum of p * loss over the three risks            dollars per year
        value = success * expected_loss - cost                          dollars
        break_even_success = cost / expected_loss                       inf if nothing can be lost

    Assumes that losses add up (nothing is counted twice) and that a project that succeeds removes
    all three risks, one that fails none. Probabilities are per year. The risks may depend on each
    other, but success must not depend on them.
    Errors: ``ValueError`` for probabilities outside [0, 1] and negative amounts.

    >>> waiting(0.5, 100, 0, 0, 0, 0, success=0.5, cost=20)
    {'expected_loss': 50.0, 'value': 5.0, 'break_even_success': 0.4}
    """
    require_fractions(p_competitor=p_competitor, p_missed=p_missed, p_late=p_late, success=success)
    require_amounts(competitor_loss=competitor_loss, missed_profit=missed_profit)
    require_amounts(late_cost=late_cost, cost=cost)
    expected_loss = p_competitor * competitor_loss + p_missed * missed_profit + p_late * late_cost
    return {
        "expected_loss": float(expected_loss),
        "value": success * expected_loss - cost,
        "break_even_success": cost / expected_loss if expected_loss else math.inf,
    }


def ordinal_score(
    probabilities: Sequence[float], losses: Sequence[float], largest: float, multiply: bool = False
) -> int:
    """Return the score of a common worksheet: grades from 1 to 5 for each number, added up.

    A probability of 0.2 or less has grade 1, above 0.8 grade 5; a loss likewise, as a fraction of
    ``largest``. With ``multiply``, the two grades of each risk are multiplied before the risks are
    added, as in a risk matrix. It is here to be compared with the expected loss. Errors:
    ``ValueError`` for sequences of unequal lengths and numbers outside their ranges.

    >>> ordinal_score([0.9], [100], largest=100), ordinal_score([0.5], [50], largest=100)
    (10, 6)
    >>> ordinal_score([0.9], [100], largest=100, multiply=True)
    25
    """
    require(len(probabilities) == len(losses), "losses", "as many as probabilities", losses)
    numbers = [*probabilities, *(loss / largest for loss in losses)]
    for number in numbers:
        require_fractions(grade=number)
    grades = [max(1, math.ceil(5 * number - 1e-9)) for number in numbers]
    pairs = zip(grades[: len(losses)], grades[len(losses) :])
    return sum(p * loss if multiply else p + loss for p, loss in pairs)
