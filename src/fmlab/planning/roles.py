"""What the role of AI in a product demands: a quality bar and a latency budget."""

from __future__ import annotations

from fmlab.arguments import require
from fmlab.planning.limits import require_amounts, require_fractions

CHOICES = ("critical", "proactive", "dynamic")
HOUR = 3600.0


def role(
    critical: int,
    proactive: int,
    dynamic: int,
    tolerated: float,
    recovered: float,
    strictness: float,
    drift: float,
    update_days: float,
    patience: float,
    overhead: float,
    lead_hours: float,
) -> dict[str, float]:
    """Return the accuracy and the response time that a feature needs.

    Formula::

        allowed = tolerated * (strictness if proactive else 1)          errors that users see
        quality_bar = 1 - allowed / (1 - recovered * (not critical))    at least 0
        at_release = quality_bar + drift * (1 if dynamic else update_days)
        latency_budget = lead_hours * 3600 if proactive else patience - overhead     seconds

    ``critical``, ``proactive``, ``dynamic``: 1 for yes, 0 for complementary, reactive, static.
    ``tolerated`` is the fraction of responses that may be visibly wrong, ``recovered`` the fraction
    of errors that the rest of a product repairs if the AI is only complementary, ``strictness``
    what remains of the tolerance if nobody asked, and ``drift`` the accuracy lost per day without
    an update. An at_release above 1 cannot be met.
    Assumes that drift is linear, and that a dynamic model is updated every day.
    Errors: ``ValueError`` for choices that are not 0 or 1, fractions outside [0, 1], negative
    amounts, and recovered = 1.
    """
    for name, value in zip(CHOICES, (critical, proactive, dynamic)):
        require(value in (0, 1), name, "0 or 1", value)
    require_fractions(tolerated=tolerated, recovered=recovered, strictness=strictness, drift=drift)
    require(recovered < 1, "recovered", "below 1", recovered)
    require_amounts(update_days=update_days, patience=patience, overhead=overhead)
    require_amounts(lead_hours=lead_hours)
    allowed = tolerated * (strictness if proactive else 1)
    quality_bar = max(0.0, 1 - allowed / (1 - (0 if critical else recovered)))
    return {
        "quality_bar": quality_bar,
        "at_release": quality_bar + drift * (1 if dynamic else update_days),
        "latency_budget": lead_hours * HOUR if proactive else max(0.0, patience - overhead),
    }
