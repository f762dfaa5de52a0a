"""What Python expects of the KL explorer's JavaScript."""

import math

import numpy as np

from fmlab.alignment.tabular import exact
from fmlab.sampling import entropy
from fmlab.widgets import KLExplorer as Widget
from fmlab.widgets.kl import BETAS

NS = [1, 2, 3, 7, 64]


def vectors():
    rng = np.random.default_rng(0)
    return {
        "betas": list(BETAS),
        "labs": [lab(*given) for given in labs(rng)],
    }


def labs(rng):
    """Yield a reference (R,), a reward and a true reward: random ones, ties, extremes."""
    for n in (2, 3, 10, 24):
        yield rng.dirichlet(np.ones(n)), rng.normal(0, 2, n), rng.normal(0, 2, n)
    tied = rng.integers(-1, 2, 12).astype(float)
    yield rng.dirichlet(np.ones(12)), tied, -tied
    yield np.full(5, 0.2), np.zeros(5), np.arange(5.0)  # nothing to gain
    yield np.array([1 - 1e-12, 1e-12]), np.array([0.0, 1.0]), np.array([1.0, 0.0])
    yield np.array([0.5, 0.3, 0.2]), np.array([1e6, -1e6, 0.0]), np.array([0.0, 1.0, 2.0])
    yield np.array([0.6, 0.39, 0.01]), np.array([0.0, 1.0, 2.0]), np.array([0.0, 1.0, -9.0])


def lab(reference, reward, true_reward):
    explorer = Widget([str(i) for i in range(len(reference))], reference, reward, true_reward)
    turns = []
    for goal in ("reward", "true_reward"):
        explorer.goal = goal
        turns.append(explorer.turning_point)
    given = reference, [reward, true_reward]
    return {
        "reference": reference.tolist(),
        "reward": reward.tolist(),
        "true_reward": true_reward.tolist(),
        "optima": [
            [beta, measures(exact.optimum(reference, reward, beta), *given)]
            for beta in (0, 1e-3, *BETAS[::6], 1e3)
        ],
        "objectives": [[beta, exact.best_objective(reference, reward, beta)] for beta in BETAS],
        "draws": [[n, measures(exact.best_of_n(reference, reward, n), *given)] for n in NS],
        "turns": turns,
    }


def measures(policy, reference, rewards):
    return {
        "policy": policy.tolist(),
        "kl": exact.kl(policy, reference),
        "entropy": float(entropy(policy, math.e)),
        "means": [exact.mean(policy, values) for values in rewards],
    }
