"""What Python expects of the threshold explorer's JavaScript: counts, intervals, and points."""

import numpy as np

from fmlab.evaluation import Mean, wilson_interval
from fmlab.widgets import ThresholdExplorer as Widget
from fmlab.widgets.threshold import STOPS

__all__ = ["Widget", "vectors"]

RATES = [(0, 5), (5, 5), (9, 40), (300, 600)]
PENALTIES = [0, 0.1, 0.5, 1, 2.7, 3, 10]


def records():
    rng = np.random.default_rng(0)
    confidence = rng.beta(0.5, 0.7, 300)
    is_right = rng.random(300) < confidence
    return {
        "calibrated": (confidence, is_right),
        "on the stops": (np.array(STOPS), np.arange(len(STOPS)) % 3 > 0),
        "always wrong": ([0.0, 0.5, 1.0], [False] * 3),
        "always right": ([0.0, 0.5, 1.0], [True] * 3),
    }


def vectors():
    explorer = Widget(records())
    return {
        "stops": list(STOPS),
        "records": explorer.records,
        "cases": [case(explorer, i, cost) for i in range(len(records())) for cost in PENALTIES],
        "wilson": [[k, n, *wilson_interval(k, n)] for k, n in RATES],
        "mean": mean_case([1, -2.5, 0], [40, 13, 7]),
        "bins": np.histogram(explorer.records[0]["scores"], 20, (0, 1))[0].tolist(),
    }


def case(explorer, index, penalty):
    explorer.record, explorer.penalty = index, penalty
    rows = []
    for explorer.threshold in STOPS:
        counts = [rate.successes for rate in explorer.outcomes.values()]
        rows.append([*counts, explorer.points])
    best = explorer.best_threshold()
    explorer.threshold = best
    return {
        "record": index,
        "penalty": penalty,
        "rows": rows,
        "best": [best, explorer.points],
    }


def mean_case(values, counts):
    mean = Mean.of(np.repeat(values, counts))
    return {"values": values, "counts": counts, "expected": [mean.mean, mean.low, mean.high]}
