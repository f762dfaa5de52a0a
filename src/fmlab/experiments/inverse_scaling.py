"""Is there a task at which the larger model is worse? Passages that contradict what it knows.

Each exercise is a sentence that gives a false value of a fact of the micro world, and a question
about this fact; the right answer is the one in the passage. The same question without the passage
shows whether a model knows the true value. All models of the ladder answer all exercises.

    python -m fmlab.experiments inverse_scaling    # about 1 minute

Results are written to book/results/inverse_scaling.json.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from fmlab.evaluation.questions import complete, is_solved
from fmlab.models.pretrained import load
from microworld import Exercise, MicroWorld

NAME = "inverse_scaling"
MODELS = ("nano", "micro", "small")
N, SEED = 900, 21
MAX_NEW_TOKENS = 16


def exercises(n: int = N, seed: int = SEED) -> list[Exercise]:
    """Return passages that contradict the corpus, each with a question and the passage's answer."""
    return MicroWorld().exercises(n, "counterfactual", seed=seed)


def outcomes(name: str, given: Sequence[Exercise]) -> dict[str, list[int]]:
    """Return which exercises a model answers by the passage or from memory, and what it knows.

    Every value is a list of places in ``given``: "passage" and "memory" exclude each other, and
    "known" are questions that the model answers correctly without the passage.
    """
    model, tokenizer = load(name)
    true = [replace(each, answer=each.choices[1]) for each in given]
    questions = ["\n".join(each.prompt.splitlines()[-2:]) for each in given]
    with_passage = complete(model, tokenizer, [e.prompt for e in given], MAX_NEW_TOKENS)
    without = complete(model, tokenizer, questions, MAX_NEW_TOKENS)
    return {
        "passage": [i for i, e in enumerate(given) if is_solved(e, with_passage[i])],
        "memory": [i for i, e in enumerate(true) if is_solved(e, with_passage[i])],
        "known": [i for i, e in enumerate(true) if is_solved(e, without[i])],
    }


def run() -> dict:
    """Let every model answer; return its outcomes."""
    given = exercises()
    return {"n": N, "models": {name: outcomes(name, given) for name in MODELS}}
