"""A feedback loop: two teams add missing sentences to a file, guided by complaints or at random."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fmlab.arguments import Floats

N_ASKED, N_AT_FIRST, COMPLAINS = 60, 40, 0.5  # per round; sentences in the file; of those wrong


def popularity(n: int) -> Floats:
    """Return how likely each of n questions is to be asked: the first ones most often."""
    weights = 1 / np.arange(3, n + 3)
    return weights / weights.sum()


def rounds(right: Sequence[bool], seed: int, n_rounds: int = 6) -> dict[str, list[float]]:
    """Return the fraction answered right by each team: in each round, and at last of all questions.

    ``right`` tells for each question whether the model answers it once its sentence is there. Both
    teams start with the same file, get the same traffic, and add equally many sentences.
    """
    rng, n = np.random.default_rng(seed), len(right)
    start = set(rng.choice(n, N_AT_FIRST, replace=False).tolist())
    files: dict[str, set[int]] = {"complaints": set(start), "random": set(start)}
    scores: dict[str, list[float]] = {team: [] for team in files}
    for _ in range(n_rounds):
        asked = rng.choice(n, N_ASKED, p=popularity(n)).tolist()
        for team, have in files.items():
            scores[team].append(float(np.mean([i in have and right[i] for i in asked])))
        missing = {i for i in asked if i not in files["complaints"]}
        flagged = {i for i in sorted(missing) if rng.random() < COMPLAINS}
        others = [i for i in range(n) if i not in files["random"]]
        files["complaints"] |= flagged
        files["random"] |= set(rng.choice(others, len(flagged), replace=False).tolist())
    for team, have in files.items():
        scores[team].append(float(np.mean([i in have and right[i] for i in range(n)])))
    return scores
