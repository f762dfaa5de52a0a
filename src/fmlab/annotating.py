"""Annotators at work: they compare what a model says, and agree with each other more or less.

The annotators of ``fmlab.world`` have a taste and some noise. Here they choose between any two
responses, also such as a model has just made up, and their choices are set side by side.

Shapes: N pairs of responses.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np

from fmlab.arguments import require
from fmlab.chat import respond
from fmlab.preferences import Preference
from fmlab.tokenization import BPETokenizer
from fmlab.transformer import GPT
from fmlab.world import TRUE, Annotator, Comparison, Features, MicroWorld

AT_ONCE = 64  # prompts that a model responds to together


def compare(
    world: MicroWorld,
    annotator: Annotator,
    prompt: str,
    responses: tuple[str, str],
    rng: np.random.Generator,
) -> Comparison:
    """Let an annotator choose between two responses to a prompt of the world."""
    seen = [world.features(prompt, response) for response in responses]
    sides = (0, 1) if annotator.prefers_first(rng.random, *seen) else (1, 0)
    texts, utilities = (
        [each[i] for i in sides] for each in (responses, [*map(TRUE.utility, seen)])
    )
    return Comparison(prompt, *texts, annotator.name, *utilities)


def compare_samples(
    model: GPT,
    tokenizer: BPETokenizer,
    world: MicroWorld,
    annotator: Annotator,
    prompts: Sequence[str],
    rng: np.random.Generator,
    *,
    temperature: float = 1.0,
    max_new_tokens: int = 64,
) -> list[Comparison]:
    """Sample two responses to each prompt from a model, and let an annotator choose.

    Two that are the same give no comparison, so there may be fewer of them than prompts.
    """
    options = dict(temperature=temperature, n=2, rng=rng)
    texts: list[str] = []
    for start in range(0, len(prompts), AT_ONCE):
        asked = prompts[start : start + AT_ONCE]
        texts += respond(model, tokenizer, asked, max_new_tokens, **options)
    pairs = zip(prompts, zip(texts[0::2], texts[1::2]))
    return [compare(world, annotator, prompt, two, rng) for prompt, two in pairs if len({*two}) > 1]


def noise_ceiling(
    world: MicroWorld, annotator: Annotator, comparisons: Sequence[Preference]
) -> float:
    """Return how often one who knows an annotator's taste foresees what they choose.

    The rest is the annotator's noise, which nothing can foresee.
    """
    require(len(comparisons) > 0, "comparisons", "at least one", comparisons)
    sides = [
        (world.features(c.prompt, c.chosen), world.features(c.prompt, c.rejected))
        for c in comparisons
    ]
    chances = [annotator.probability(*two) for two in sides]
    return math.fsum(max(p, 1 - p) for p in chances) / len(chances)


def choices(
    annotator: Annotator, pairs: Iterable[tuple[Features, Features]], rng: np.random.Generator
) -> list[int]:
    """Return 1 for each pair of which an annotator prefers the first, -1 for the others."""
    return [1 if annotator.prefers_first(rng.random, *pair) else -1 for pair in pairs]


def choices_by_score(
    annotator: Annotator, pairs: Iterable[tuple[Features, Features]], rng: np.random.Generator
) -> list[int]:
    """Return the same from scores that they give each response on its own: 0 for equal ones."""
    scores = [[annotator.score(rng.random, each) for each in pair] for pair in pairs]
    return [int(np.sign(first - second)) for first, second in scores]


def cohen_kappa(first: Sequence[object], second: Sequence[object]) -> float:
    """Return how far two raters agree beyond what chance gives: 1 always, 0 no more than chance.

    Errors: ``ValueError`` for lists of unequal length, none, or raters who always say the same.
    Source: Cohen (1960), A Coefficient of Agreement for Nominal Scales.

    >>> round(cohen_kappa([1, 1, 0, 0], [1, 1, 0, 1]), 4)
    0.5
    """
    n = len(first)
    require(len(second) == n > 0, "second", f"{n} labels, at least one", len(second))
    observed = sum(a == b for a, b in zip(first, second)) / n
    labels = {*first, *second}
    expected = sum(list(first).count(x) * list(second).count(x) for x in labels) / n**2
    require(expected < 1, "first", "not one label only, the same as second", labels)
    return (observed - expected) / (1 - expected)
