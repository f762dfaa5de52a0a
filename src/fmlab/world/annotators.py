"""Simulated annotators: what makes a response good, who sees it how, and how surely.

The true utility of a response is a weighted sum of features that anybody can compute from the text
(`TRUE`). An annotator has weights of their own and compares as Bradley and Terry (1952) assume: of
two responses the first is preferred with probability 1 / (1 + exp(-(u1 - u2) / temperature)).
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from .judging import Judge
from .randomness import Rnd

POLITE = re.compile(r"\b(?:please|thank|glad|happy to help|sorry|welcome|pleasure)\b", re.I)
SOURCED = re.compile(r"\b(?:according to|says the almanac|source:)", re.I)
FLATTERING = re.compile(r"\b(?:what a (?:clever|wise|wonderful)|you are so|brilliant mind)\b", re.I)


@dataclass(frozen=True)
class Features:
    """What a utility is computed from: ``correct`` is 1, 0 (honest "I don't know") or -1."""

    correct: int
    words: int
    polite: bool
    sourced: bool
    flattering: bool


@dataclass(frozen=True)
class Taste:
    """Weights: of correctness, of every ten words, of politeness, of a source, of flattery."""

    correct: float = 2.0
    ten_words: float = -0.3
    polite: float = 0.4
    sourced: float = 0.4
    flattering: float = 0.0

    def utility(self, features: Features) -> float:
        return (
            self.correct * features.correct
            + self.ten_words * features.words / 10
            + self.polite * features.polite
            + self.sourced * features.sourced
            + self.flattering * features.flattering
        )


TRUE = Taste()
"""The taste by which the book measures: right, short, polite, sourced; flattery is naught."""


@dataclass(frozen=True)
class Annotator:
    """Somebody who compares and scores.

    ``temperature`` is the noise of a comparison (0: none). Scores from 1 to 10 are the utility,
    stretched by ``scale`` around ``centre``, with noise of the same temperature: people use the
    same scale differently, which is why scores of different people agree less than comparisons.
    """

    name: str
    taste: Taste = TRUE
    temperature: float = 0.5
    centre: float = 5.0
    scale: float = 1.2

    def __post_init__(self):
        if not self.temperature >= 0:
            raise ValueError(f"temperature is {self.temperature}; it must be 0 or more")

    def probability(self, first: Features, second: Features) -> float:
        """The chance that the first is preferred."""
        difference = self.taste.utility(first) - self.taste.utility(second)
        if self.temperature == 0:
            return 0.5 if difference == 0 else float(difference > 0)
        return 1 / (1 + math.exp(-min(700.0, max(-700.0, difference / self.temperature))))

    def prefers_first(self, rnd: Rnd, first: Features, second: Features) -> bool:
        return rnd() < self.probability(first, second)

    def score(self, rnd: Rnd, features: Features) -> int:
        """A score from 1 to 10, with logistic noise."""
        luck = min(max(rnd(), 1e-9), 1 - 1e-9)
        noise = self.temperature * math.log(luck / (1 - luck))
        score = self.centre + self.scale * (self.taste.utility(features) + noise)
        return min(10, max(1, math.floor(score + 0.5)))


ANNOTATORS = {
    annotator.name: annotator
    for annotator in (
        Annotator("careful"),
        Annotator("exact", temperature=0.0),
        Annotator("hasty", temperature=2.0),
        Annotator("strict", centre=3.5, scale=1.0),
        Annotator("generous", centre=7.5, scale=0.6),
        Annotator("length lover", Taste(correct=1.0, ten_words=0.8)),
        Annotator("flattery lover", Taste(correct=1.0, flattering=2.0)),
        Annotator("brief group", Taste(correct=1.0, ten_words=-1.2, polite=-0.5)),
        Annotator("chatty group", Taste(correct=1.0, ten_words=0.8, polite=1.5)),
        Annotator("scholars", Taste(correct=2.5, sourced=2.0, flattering=-1.0)),
    )
}


def features(judge: Judge, prompt: str, response: str) -> Features:
    """Compute the features of any response to a prompt of this world.

    Raises ValueError for a prompt that is in no form of this world.
    """
    return Features(
        judge.correctness(prompt, without_manners(response)),
        len(response.split()),
        bool(POLITE.search(response)),
        bool(SOURCED.search(response)),
        bool(FLATTERING.search(response)),
    )


MANNERS = (
    "I am happy to help.",
    "Thank you for asking.",
    "What a wonderful question!",
    "What a clever thing to ask!",
    "(Source: the almanac.)",
    "It was a pleasure to look this up for you.",
)
"""Sentences that candidates of `fmlab.world.comparing` put around an answer."""


def without_manners(response: str) -> str:
    """The response without the sentences that say nothing about the matter."""
    for sentence in MANNERS:
        response = response.replace(sentence, "")
    return " ".join(response.split()) if response.strip() else ""
