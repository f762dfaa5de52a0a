"""Keyword search: find the texts that share rare words with a query.

``Search`` ranks texts by BM25: a word counts more if it is rare, if a text repeats it, and if the
text is short. Source: Robertson and Zaragoza (2009), The Probabilistic Relevance Framework: BM25
and Beyond, equation 3.15.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence

import numpy as np

from fmlab.arguments import Floats, require, require_count, require_texts

SATURATION, LENGTH_WEIGHT = 1.2, 0.75  # k1 and b, at their usual values


class Search:
    """An index of N texts.

    >>> search = Search(["Ada lives in Hemmel.", "Bo lives in Torn.", "Ada keeps a pig."])
    >>> search.best("Where does Bo live?")
    [1]
    """

    def __init__(self, texts: Sequence[str]) -> None:
        require_texts("texts", texts)
        require(len(texts) > 0, "texts", "at least one", texts)
        self.texts = list(texts)
        counts = [Counter(words(text)) for text in texts]
        lengths = np.array([sum(count.values()) for count in counts], dtype=float)
        norms = 1 - LENGTH_WEIGHT + LENGTH_WEIGHT * lengths / max(1.0, lengths.mean())
        n_with = Counter(word for count in counts for word in count)
        self._weights: dict[str, list[tuple[int, float]]] = {word: [] for word in n_with}
        for i, count in enumerate(counts):
            for word, n in count.items():
                rarity = math.log(1 + (len(texts) - n_with[word] + 0.5) / (n_with[word] + 0.5))
                weight = rarity * n * (SATURATION + 1) / (n + SATURATION * norms[i])
                self._weights[word].append((i, weight))

    def scores(self, query: str) -> Floats:
        """Return how well each text matches a query, (N,)."""
        scores = np.zeros(len(self.texts))
        for word in words(query):
            for i, weight in self._weights.get(word, ()):
                scores[i] += weight
        return scores

    def best(self, query: str, n: int = 1) -> list[int]:
        """Return the indices of the n texts that match a query best, the best first."""
        require_count("n", n)
        return np.argsort(-self.scores(query), kind="stable")[:n].tolist()


def words(text: str) -> list[str]:
    """Return the words of a text in lower case.

    >>> words("Ada's pig, a 2nd one")
    ['ada', 's', 'pig', 'a', '2nd', 'one']
    """
    return re.findall(r"\w+", text.lower())
