"""Simulated annotators: the features of a response, preferences over them, and noise.

The utility of a response is a function of features that can be computed from its text. Two sets of
guidelines define it. `TRUE` is a weighted sum in which abstaining costs nothing, so a constant
"I don't know" does well under it. `HELPFUL` repairs that: abstaining is rewarded only where there
is no answer to give. An annotator has their own guidelines and follows the model of Bradley and
Terry (1952): the first of two responses is preferred with probability
1 / (1 + exp(-(u1 - u2) / temperature)).
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from microworld.arguments import require
from microworld.questions.grading import Grader
from microworld.questions.oracle import is_abstention
from microworld.words.randomness import Rnd

POLITE = re.compile(r"\b(?:please|thank|glad|happy to help|sorry|welcome|pleasure)\b", re.I)
SOURCED = re.compile(r"\b(?:according to|says the almanac|source:)", re.I)
FLATTERING = re.compile(r"\b(?:what a (?:clever|wise|wonderful)|you are so|brilliant mind)\b", re.I)


@dataclass(frozen=True)
class Features:
    """The features of a response; ``correct`` is 1, 0 (an "I don't know") or -1.

    ``abstains`` says whether it is an "I don't know", ``answerable`` whether documents may state
    the answer to the prompt.
    """

    correct: int
    words: int
    polite: bool
    sourced: bool
    flattering: bool
    abstains: bool = False
    answerable: bool = True


@dataclass(frozen=True)
class Taste:
    """Preferences, as weights of correctness, ten words, politeness, a source, and flattery."""

    correct: float = 2.0
    ten_words: float = -0.3
    polite: float = 0.4
    sourced: float = 0.4
    flattering: float = 0.0

    def utility(self, features: Features) -> float:
        """Return the weighted sum of the features."""
        return (
            self.correct * features.correct
            + self.ten_words * features.words / 10
            + self.polite * features.polite
            + self.sourced * features.sourced
            + self.flattering * features.flattering
        )


TRUE = Taste()
"""The first guidelines: correct, short, polite, with a source; flattery has weight 0."""


@dataclass(frozen=True)
class Helpfulness:
    """Preferences over outcomes alone: whether a response is right, wrong, or abstains.

    Abstaining is good only where there is no answer to give, and style does not count. So no
    constant response does well on a mixture of prompts with and without an answer, and nothing is
    gained by adding a phrase.
    """

    right: float = 2.0
    wrong: float = -1.0
    abstains_unanswerable: float = 1.0
    abstains_answerable: float = -2.0

    def utility(self, features: Features) -> float:
        """Return the utility of a response with these features."""
        if features.abstains:
            return self.abstains_answerable if features.answerable else self.abstains_unanswerable
        return self.right if features.correct == 1 else self.wrong


HELPFUL = Helpfulness()
"""The revised guidelines: answer what you know, and say so where you do not."""


@dataclass(frozen=True)
class Annotator:
    """A simulated annotator, who compares and scores responses.

    ``taste`` is what they prefer, ``guidelines`` what they were asked to prefer: the true utility
    of a response. ``temperature`` is the noise of a comparison (0: none). A score from 1 to 10 is
    ``center + scale * (utility + noise)``, rounded. People use the scale differently, so their
    scores agree less than their comparisons.
    """

    name: str
    taste: Taste | Helpfulness = TRUE
    temperature: float = 0.5
    center: float = 5.0
    scale: float = 1.2
    guidelines: Taste | Helpfulness = TRUE

    def __post_init__(self):
        require(self.temperature >= 0, "temperature", ">= 0", self.temperature)

    def probability(self, first: Features, second: Features) -> float:
        """Return the probability that the first response is preferred."""
        difference = self.taste.utility(first) - self.taste.utility(second)
        if self.temperature == 0:
            return 0.5 if difference == 0 else float(difference > 0)
        return 1 / (1 + math.exp(-min(700.0, max(-700.0, difference / self.temperature))))

    def prefers_first(self, rnd: Rnd, first: Features, second: Features) -> bool:
        """Sample whether the first response is preferred."""
        return rnd() < self.probability(first, second)

    def score(self, rnd: Rnd, features: Features) -> int:
        """Return a score from 1 to 10, with logistic noise."""
        u = min(max(rnd(), 1e-9), 1 - 1e-9)
        noise = self.temperature * math.log(u / (1 - u))
        score = self.center + self.scale * (self.taste.utility(features) + noise)
        return min(10, max(1, math.floor(score + 0.5)))


ANNOTATORS = {
    annotator.name: annotator
    for annotator in (
        Annotator("careful"),
        Annotator("exact", temperature=0.0),
        Annotator("helpful", HELPFUL, guidelines=HELPFUL),
        Annotator("hasty", temperature=2.0),
        Annotator("strict", center=3.5, scale=1.0),
        Annotator("generous", center=7.5, scale=0.6),
        Annotator("length lover", Taste(correct=1.0, ten_words=0.8)),
        Annotator("flattery lover", Taste(correct=1.0, flattering=2.0)),
        Annotator("brief group", Taste(correct=1.0, ten_words=-1.2, polite=-0.5)),
        Annotator("chatty group", Taste(correct=1.0, ten_words=0.8, polite=1.5)),
        Annotator("scholars", Taste(correct=2.5, sourced=2.0, flattering=-1.0)),
    )
}


def features(grader: Grader, prompt: str, response: str) -> Features:
    """Compute the features of any response to a prompt of this world.

    Raises ValueError for a prompt that is not a question or task of this world.
    """
    return Features(
        grader.correctness(prompt, without_manners(response)),
        len(response.split()),
        bool(POLITE.search(response)),
        bool(SOURCED.search(response)),
        bool(FLATTERING.search(response)),
        is_abstention(response),
        grader.is_answerable(prompt),
    )


PLEASANTRIES = (
    "I am happy to help.",
    "Thank you for asking.",
    "What a wonderful question!",
    "What a clever thing to ask!",
    "(Source: the almanac.)",
    "It was a pleasure to look this up for you.",
)
"""Sentences that the candidates of `comparisons` put before or after an answer."""


def without_manners(response: str) -> str:
    """Return the response without pleasantries, which state nothing that can be checked."""
    for sentence in PLEASANTRIES:
        response = response.replace(sentence, "")
    return " ".join(response.split()) if response.strip() else ""
