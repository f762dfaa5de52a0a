"""Simulated annotators: they compare any two responses, including samples of a model.

The annotators of ``microworld`` have preferences and some noise. Here they choose between
responses, and their choices can be compared with each other.

Shapes: N pairs of responses.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np

from fmlab.arguments import require
from fmlab.data.batching import ROWS_AT_ONCE
from fmlab.data.dialogues import Preference
from fmlab.generation.chat import respond
from fmlab.models.gpt import GPT
from fmlab.tokenization.tokenizers import BPETokenizer
from microworld import Annotator, Comparison, Features, MicroWorld


def compare(
    world: MicroWorld,
    annotator: Annotator,
    prompt: str,
    responses: tuple[str, str],
    rng: np.random.Generator,
) -> Comparison:
    """Let an annotator choose between two responses to a prompt of the world."""
    features = [world.features(prompt, response) for response in responses]
    is_first = annotator.prefers_first(rng.random, *features)
    chosen, rejected = (0, 1) if is_first else (1, 0)
    return Comparison(
        prompt,
        responses[chosen],
        responses[rejected],
        annotator.name,
        annotator.guidelines.utility(features[chosen]),
        annotator.guidelines.utility(features[rejected]),
    )


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

    Two identical responses are not compared, so there may be fewer comparisons than prompts.
    """
    options = dict(temperature=temperature, n=2, rng=rng)
    texts: list[str] = []
    for start in range(0, len(prompts), ROWS_AT_ONCE):
        batch = prompts[start : start + ROWS_AT_ONCE]
        texts += respond(model, tokenizer, batch, max_new_tokens, **options)
    pairs = zip(prompts, texts[0::2], texts[1::2])
    return [compare(world, annotator, prompt, (a, b), rng) for prompt, a, b in pairs if a != b]


def noise_ceiling(
    world: MicroWorld, annotator: Annotator, comparisons: Sequence[Preference]
) -> float:
    """Return the highest expected accuracy of a model that predicts an annotator's choices.

    It is that of a model that knows the annotator's preferences. The rest is the annotator's noise,
    which no model can predict.
    """
    require(len(comparisons) > 0, "comparisons", "at least one", comparisons)
    probabilities = [
        annotator.probability(
            world.features(c.prompt, c.chosen), world.features(c.prompt, c.rejected)
        )
        for c in comparisons
    ]
    return math.fsum(max(p, 1 - p) for p in probabilities) / len(probabilities)


def choices(
    annotator: Annotator, pairs: Iterable[tuple[Features, Features]], rng: np.random.Generator
) -> list[int]:
    """Return 1 for each pair whose first response an annotator prefers, and -1 for the others."""
    return [1 if annotator.prefers_first(rng.random, *pair) else -1 for pair in pairs]


def choices_by_score(
    annotator: Annotator, pairs: Iterable[tuple[Features, Features]], rng: np.random.Generator
) -> list[int]:
    """Return ``choices`` by the scores that an annotator gives single responses; 0 for ties."""
    scores = [[annotator.score(rng.random, features) for features in pair] for pair in pairs]
    return [int(np.sign(first - second)) for first, second in scores]
