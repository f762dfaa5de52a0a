"""What Python expects of the metrics explorer's JavaScript: counts, rates, and F1."""

import numpy as np

from fmlab.widgets import MetricsExplorer as Widget
from fmlab.widgets.threshold import STOPS

__all__ = ["Widget", "vectors"]


def vectors():
    rng = np.random.default_rng(0)
    scores = rng.random(200)
    records = {
        "rare": (scores, rng.random(200) < 0.1 * scores),
        "nothing positive": (scores[:40], [False] * 40),
        "mostly positive": (scores, rng.random(200) < 0.9),
    }
    explorer = Widget(records)
    cases = []
    for explorer.record in range(len(records)):
        for explorer.threshold in STOPS:
            rates = explorer.accuracy, explorer.precision, explorer.recall
            cases.append(
                {
                    "record": explorer.record,
                    "threshold": explorer.threshold,
                    "counts": explorer.counts,
                    "rates": [rate and [rate.successes, rate.n] for rate in rates],
                    "f1": None if np.isnan(explorer.f1) else explorer.f1,
                    "constant": explorer.constant.successes,
                }
            )
    return {"records": explorer.records, "cases": cases}
