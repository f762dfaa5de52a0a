"""A policy that can be any law over all sequences of a tiny vocabulary, and a task for it.

The policy is a table: a row of logits for every prefix of a sequence of T tokens out of V. It has
no structure that helps or hinders, so nothing but the method of training decides where it lands
(``enumerable``); and its law can be listed at any time (``exact``).

Shapes: N = V**T sequences, B drawn ones, T tokens, V vocabulary, P prefixes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import ArrayLike
from torch import Tensor, nn

from fmlab.alignment import exact
from fmlab.arguments import Floats, require


class TabularPolicy(nn.Module):
    """An autoregressive policy without any structure: logits (P, V), one row a prefix.

    Starts as the given law over all sequences (N,), or as the uniform one.
    Errors: ``ValueError`` for a law that is no law, or excludes a sequence.
    """

    def __init__(self, vocab_size: int, length: int, law: ArrayLike | None = None) -> None:
        super().__init__()
        tokens = exact.sequences(vocab_size, length)
        numbers, depths = np.arange(len(tokens))[:, None], np.arange(length)
        first_rows = (vocab_size**depths - 1) // (vocab_size - 1)  # of the prefixes of each length
        prefixes = first_rows + numbers // vocab_size ** (length - depths)  # (N, T)
        self.tokens, self.prefixes = torch.from_numpy(tokens), torch.from_numpy(prefixes)
        n = len(tokens)
        law = np.full(n, 1 / n) if law is None else exact.as_law("law", law)
        require(len(law) == n and (law > 0).all(), "law", f"{n} numbers above 0", law)
        shapes = ((vocab_size**depth, vocab_size, -1) for depth in depths)
        logits = np.concatenate([np.log(law.reshape(shape).sum(-1)) for shape in shapes])
        self.logits = nn.Parameter(torch.from_numpy(logits))  # (P, V)

    def token_logprobs(self, numbers: Tensor | slice = slice(None)) -> Tensor:
        """Return log p(token | prefix) of each token of sequences, by number: (B, T)."""
        logprobs = F.log_softmax(self.logits, dim=-1)
        return logprobs[self.prefixes[numbers], self.tokens[numbers]]

    def logprobs(self, numbers: Tensor | slice = slice(None)) -> Tensor:
        """Return log p of whole sequences, by number: (B,)."""
        return self.token_logprobs(numbers).sum(dim=1)

    def next_token_probs(self) -> list[Floats]:
        """Return the law of the next token after every prefix, (V**t, V) for each length t."""
        probs, size = F.softmax(self.logits, dim=-1).detach().numpy(), self.logits.shape[1]
        ends = np.cumsum(size ** np.arange(self.tokens.shape[1]))
        return np.split(probs, ends[:-1])

    def law(self) -> Floats:
        """Return the probability of every sequence, (N,)."""
        law = self.logprobs().detach().exp().numpy()
        return law / law.sum()

    def draw(self, n: int, rng: np.random.Generator) -> Tensor:
        """Return the numbers of n independent sequences, (n,)."""
        return torch.from_numpy(rng.choice(len(self.tokens), n, p=self.law()))


@dataclass(frozen=True)
class Task:
    """A reference over all sequences (N,), their rewards (N,), and the price of distance, beta."""

    vocab_size: int
    length: int
    reference: Floats
    rewards: Floats
    beta: float

    @classmethod
    def random(cls, vocab_size: int, length: int, beta: float, seed: int = 0) -> Task:
        """Make one whose sequences are all possible, and whose rewards all differ.

        The logits of the reference are normal. So are the rewards: a sequence gets something for
        each of its prefixes, and rewards have mean 0 and spread 1 under the reference.
        """
        rng = np.random.default_rng(seed)
        policy = TabularPolicy(vocab_size, length)
        with torch.no_grad():
            policy.logits.copy_(torch.from_numpy(rng.normal(size=policy.logits.shape)))
        reference = policy.law()
        table = rng.normal(size=policy.logits.shape)
        rewards = table[policy.prefixes, policy.tokens].sum(axis=1)
        rewards = rewards - exact.mean(reference, rewards)
        return cls(vocab_size, length, reference, rewards / exact.spread(reference, rewards), beta)

    def __post_init__(self) -> None:
        n = len(exact.sequences(self.vocab_size, self.length))
        for name in ("reference", "rewards"):
            require(len(getattr(self, name)) == n, name, f"{n} numbers", len(getattr(self, name)))
        exact.objective(self.reference, self.reference, self.rewards, self.beta)

    def gained(self, law: ArrayLike) -> float:
        """Return how much of what can be gained a law gains: 0 for the reference, 1 at the optimum.

        The objective above that of the reference, over the same of the optimum. Stricter than a
        ratio of objectives: adding a constant to all rewards does not change it.
        """
        parts = (self.reference, self.rewards, self.beta)
        start, best = exact.mean(self.reference, self.rewards), exact.best_objective(*parts)
        return (exact.objective(law, *parts) - start) / (best - start)
