"""An n-gram model: it counts which token follows which n - 1 tokens, and predicts from the counts.

The probability of a token t after a context c, the n - 1 tokens before it, is estimated from
count(c t), how often t followed c in training:

    no smoothing       count(c t) / count(c)
    add alpha          (count(c t) + alpha) / (count(c) + alpha V)
    interpolation      (count(c t) + d(c) p(t | shorter c)) / (count(c) + d(c))

d(c) is the number of different tokens that followed c, and the shorter context drops the first
token of c. The shortest one is empty, and below it all V tokens are equally likely. A context that
never occurred has d(c) = 0, so it leaves the probability as it is.
Source: Jelinek and Mercer (1980) for interpolation; Witten and Bell (1991), method C, for d(c).

Shapes: N tokens of a text, V vocabulary.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fmlab.arguments import Floats, Ids, is_number, require, require_count


@dataclass(frozen=True)
class _Table:
    """All n-grams of one length with their counts, and all contexts with totals; both sorted."""

    ngrams: np.ndarray
    counts: np.ndarray
    contexts: np.ndarray
    totals: np.ndarray  # how often each context occurred
    followers: np.ndarray  # how many different tokens followed it

    @classmethod
    def of(cls, ngrams: np.ndarray, base: int) -> _Table:
        return cls.counted(*np.unique(ngrams, return_counts=True), base)

    @classmethod
    def counted(cls, distinct: np.ndarray, counts: np.ndarray, base: int) -> _Table:
        contexts, owner = np.unique(distinct // base, return_inverse=True)
        totals = np.bincount(owner, weights=counts)
        return cls(distinct, counts, contexts, totals, np.bincount(owner))

    def look_up(self, ngrams: np.ndarray, base: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return count(c t), count(c) and d(c) of each n-gram."""
        places, contexts = _find(self.ngrams, ngrams), _find(self.contexts, ngrams // base)
        return tuple(
            np.where(where < 0, 0, values[where])
            for where, values in (
                (places, self.counts),
                (contexts, self.totals),
                (contexts, self.followers),
            )
        )


def _find(values: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Return where each wanted number is in sorted values, -1 if nowhere."""
    order = np.argsort(wanted)  # neighboring look-ups are faster
    places = np.empty_like(order)
    places[order] = np.searchsorted(values, wanted[order]).clip(max=len(values) - 1)
    return np.where(values[places] == wanted, places, -1)


class NGramModel:
    """Counts of all n-grams up to a length, in texts of token ids.

    An n-gram is stored as one integer, with its tokens as the digits. Before each text stand n - 1
    start markers, whose digit is V, so the first token has a context, too.
    Errors: ``ValueError`` for no tokens, ids that are not integers from 0 to V - 1, or an n whose
    n-grams do not fit into 63 bits.

    >>> model = NGramModel([[0, 1, 0, 2]], n=2, vocab_size=3)
    >>> model.probabilities([0], alpha=0).tolist()  # half the time 1, half the time 2
    [0.0, 0.5, 0.5]
    """

    def __init__(self, texts: Sequence[Ids], n: int, vocab_size: int) -> None:
        require_count("n", n)
        require_count("vocab_size", vocab_size)
        self.n, self.vocab_size, self._base = n, vocab_size, vocab_size + 1
        most = int(63 / math.log2(self._base))
        require(n <= most, "n", f"at most {most} with {vocab_size} tokens", n)
        arrays = [self._ids(text) for text in texts]
        require(sum(map(len, arrays)) > 0, "texts", "at least one token", texts)
        self._tables = {
            order: _Table.of(np.concatenate([self._ngrams(a, order) for a in arrays]), self._base)
            for order in range(1, n + 1)
        }

    @classmethod
    def of_bigrams(cls, bigrams: np.ndarray, counts: np.ndarray, vocab_size: int) -> NGramModel:
        """Return the model of n = 2 with these counts: what ``counts(2)`` returned.

        Every token has a context, so the counts of single tokens follow from those of bigrams.
        Errors: ``ValueError`` for bigrams that are not distinct, ascending and in range.
        """
        require_count("vocab_size", vocab_size)
        base = vocab_size + 1
        ascending = len(bigrams) > 0 and (np.diff(bigrams) > 0).all()
        valid = ascending and bigrams[0] >= 0 and bigrams[-1] < base**2
        require(valid, "bigrams", f"distinct, in ascending order, below {base**2}", bigrams)
        model = cls.__new__(cls)
        model.n, model.vocab_size, model._base = 2, vocab_size, base
        totals = np.bincount(bigrams % base, weights=counts).astype(np.int64)
        present = np.flatnonzero(totals)
        model._tables = {
            1: _Table.counted(present, totals[present], base),
            2: _Table.counted(bigrams, counts, base),
        }
        return model

    def counts(self, n: int | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Return the n-grams that occurred, as integers in ascending order, and their counts."""
        table = self._tables[self._order(n)]
        return table.ngrams, table.counts

    def n_stored(self, n: int | None = None) -> int:
        """Return how many different n-grams occurred; n is the longest length unless given."""
        return len(self._tables[self._order(n)].ngrams)

    def logprobs(self, text: Ids, n: int | None = None, alpha: float | None = None) -> Floats:
        """Return the log-probability of each token, in nats, given the n - 1 before it: (N,).

        ``alpha`` is what to add to each count; 0 for no smoothing, where a token that never
        followed its context has -inf. None for interpolation with all shorter contexts. ``n`` is
        the longest length unless given.
        """
        ids = self._ids(text)
        with np.errstate(divide="ignore"):
            return np.log(self._estimate(lambda k: self._ngrams(ids, k), self._order(n), alpha))

    def probabilities(
        self, context: Ids, n: int | None = None, alpha: float | None = None
    ) -> Floats:
        """Return the probability of each token after a context, (V,); arguments as in ``logprobs``.

        Only the last n - 1 tokens of the context count, and one that is shorter starts a text.
        """
        ids = self._ids(context)

        def ngrams(order: int) -> np.ndarray:
            last = self._ngrams(np.append(ids, 0), order)[-1]  # its last token is 0 so far
            return last + np.arange(self.vocab_size)

        return self._estimate(ngrams, self._order(n), alpha)

    def _estimate(self, ngrams_of, n: int, alpha: float | None) -> Floats:
        valid = alpha is None or (is_number(alpha) and 0 <= alpha < math.inf)
        require(valid, "alpha", "a number of at least 0, or None", alpha)
        if alpha is not None:
            count, total, _ = self._tables[n].look_up(ngrams_of(n), self._base)
            denominator = total + alpha * self.vocab_size
            return (count + alpha) / np.where(denominator > 0, denominator, 1)
        p = np.full(len(ngrams_of(1)), 1 / self.vocab_size)
        for order in range(1, n + 1):
            count, total, followers = self._tables[order].look_up(ngrams_of(order), self._base)
            known = total > 0
            p = np.where(known, (count + followers * p) / np.where(known, total + followers, 1), p)
        return p

    def _ngrams(self, ids: np.ndarray, n: int) -> np.ndarray:
        """Return the n-gram that ends at each token, as an integer: (N,)."""
        padded = np.concatenate([np.full(n - 1, self.vocab_size), ids])
        ngrams = np.zeros(len(ids), dtype=np.int64)
        for i in range(n):
            ngrams = ngrams * self._base + padded[i : i + len(ids)]
        return ngrams

    def _ids(self, text: Ids) -> np.ndarray:
        ids = np.asarray(text)
        valid = ids.ndim == 1 and (len(ids) == 0 or np.issubdtype(ids.dtype, np.integer))
        valid = valid and (len(ids) == 0 or (ids.min() >= 0 and ids.max() < self.vocab_size))
        require(valid, "text", f"a list of integers from 0 to {self.vocab_size - 1}", text)
        return ids.astype(np.int64)

    def _order(self, n: int | None) -> int:
        if n is None:
            return self.n
        require_count("n", n)
        require(n <= self.n, "n", f"at most {self.n}, the longest that was counted", n)
        return n
