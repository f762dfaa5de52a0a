"""What Python expects of the votes explorer's script: samples, and what each rule selects."""

import numpy as np

from fmlab.widgets import VotesExplorer as Widget
from fmlab.widgets.distributions import uniform
from fmlab.widgets.votes import RARE

SEEDS = (0, 1, 7, 2**32 - 1)


def vectors():
    rng = np.random.default_rng(0)
    return {
        "rare": RARE,
        "uniforms": [[seed, i, uniform(seed, i)] for seed in SEEDS for i in (0, 1, 500)],
        "questions": [question(rng, n, rest) for n in (1, 2, 9, 60) for rest in (0.0, 0.3, 0.95)],
    }


def question(rng, n, rest):
    p = (1 - rest) * rng.dirichlet(np.ones(n))
    right = rng.choice(n, rng.integers(0, min(n, 3) + 1), replace=False)
    scores = {name: rng.integers(-4, 0, n) for name in ("low", "high")}  # some are equal
    row = {"text": "?", "answers": [str(i) for i in range(n)], "p": p, "right": right}
    rules = ("random pick", "majority", *scores, "checker")
    curves = {rule: rng.random((3, 2)) for rule in rules}
    explorer = Widget([row | {"scores": scores}] * 2, curves, [1, 16, 256])
    runs = []
    for budget in explorer.budgets:
        for seed in SEEDS:
            explorer.n, explorer.seed = budget, seed
            runs.append([budget, seed, explorer.samples, explorer.selected])
    return {"question": explorer._questions[0], "packed": explorer.questions[0], "runs": runs}
