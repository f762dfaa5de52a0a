"""A policy that can be any distribution over the sequences of a tiny vocabulary, and its task.

The policy is a table: a row of logits for every prefix of a sequence of T tokens from V. It has no
structure that helps or hinders, so only the training method determines what it converges to
(``algorithms``), and its distribution can be computed exactly at any time (``exact``).

Shapes: N = V**T sequences, B sampled sequences, T tokens, V vocabulary, P prefixes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import ArrayLike
from torch import Tensor, nn

from fmlab.alignment.tabular import exact
from fmlab.arguments import Floats, require


class TabularPolicy(nn.Module):
    """An autoregressive policy without any structure: logits (P, V), one row per prefix.

    It starts as the given distribution over all sequences (N,), by default the uniform one.
    Errors: ``ValueError`` for probabilities that do not sum to 1, or exclude a sequence.
    """

    def __init__(self, vocab_size: int, length: int, distribution: ArrayLike | None = None) -> None:
        super().__init__()
        tokens = exact.sequences(vocab_size, length)
        numbers, depths = np.arange(len(tokens))[:, None], np.arange(length)
        first_rows = (vocab_size**depths - 1) // (vocab_size - 1)  # of the prefixes of each length
        prefixes = first_rows + numbers // vocab_size ** (length - depths)  # (N, T)
        self.tokens, self.prefixes = torch.from_numpy(tokens), torch.from_numpy(prefixes)
        name, n = "distribution", len(tokens)
        p = np.full(n, 1 / n) if distribution is None else exact.as_distribution(name, distribution)
        require(len(p) == n and (p > 0).all(), name, f"{n} numbers above 0", p)
        shapes = ((vocab_size**depth, vocab_size, -1) for depth in depths)
        logits = np.concatenate([np.log(p.reshape(shape).sum(-1)) for shape in shapes])
        self.logits = nn.Parameter(torch.from_numpy(logits))  # (P, V)

    def token_logprobs(self, numbers: Tensor | slice = slice(None)) -> Tensor:
        """Return log p(token | prefix) of each token of sequences, given by number: (B, T)."""
        logprobs = F.log_softmax(self.logits, dim=-1)
        return logprobs[self.prefixes[numbers], self.tokens[numbers]]

    def logprobs(self, numbers: Tensor | slice = slice(None)) -> Tensor:
        """Return log p of whole sequences, given by number: (B,)."""
        return self.token_logprobs(numbers).sum(dim=1)

    def next_token_probs(self) -> list[Floats]:
        """Return p(next token | prefix) for all prefixes, (V**t, V) for each length t."""
        probs, size = F.softmax(self.logits, dim=-1).detach().numpy(), self.logits.shape[1]
        ends = np.cumsum(size ** np.arange(self.tokens.shape[1]))
        return np.split(probs, ends[:-1])

    def distribution(self) -> Floats:
        """Return the probability of every sequence, (N,)."""
        p = self.logprobs().detach().exp().numpy()
        return p / p.sum()

    def sample(self, n: int, rng: np.random.Generator) -> Tensor:
        """Return the numbers of n independent sequences, (n,)."""
        return torch.from_numpy(rng.choice(len(self.tokens), n, p=self.distribution()))


@dataclass(frozen=True)
class Task:
    """Reference probabilities and rewards of all sequences, (N,) each, and the KL weight beta."""

    vocab_size: int
    length: int
    reference: Floats
    rewards: Floats
    beta: float

    @classmethod
    def random(cls, vocab_size: int, length: int, beta: float, seed: int = 0) -> Task:
        """Make a random task in which all sequences are possible and all rewards differ.

        The logits of the reference are normal. The reward of a sequence is a sum of normal numbers,
        one for each of its prefixes, with mean 0 and standard deviation 1 under the reference.
        """
        rng = np.random.default_rng(seed)
        policy = TabularPolicy(vocab_size, length)
        with torch.no_grad():
            policy.logits.copy_(torch.from_numpy(rng.normal(size=policy.logits.shape)))
        reference = policy.distribution()
        table = rng.normal(size=policy.logits.shape)
        rewards = table[policy.prefixes, policy.tokens].sum(axis=1)
        rewards = rewards - exact.mean(reference, rewards)
        return cls(vocab_size, length, reference, rewards / exact.spread(reference, rewards), beta)

    def __post_init__(self) -> None:
        n = len(exact.sequences(self.vocab_size, self.length))
        for name in ("reference", "rewards"):
            require(len(getattr(self, name)) == n, name, f"{n} numbers", len(getattr(self, name)))
        exact.objective(self.reference, self.reference, self.rewards, self.beta)

    def gained(self, distribution: ArrayLike) -> float:
        """Return the fraction of the possible gain: 0 for the reference, 1 for the optimum.

        The gain is the objective minus that of the reference. Unlike a ratio of objectives, the
        fraction does not change if a constant is added to all rewards.
        """
        parts = (self.reference, self.rewards, self.beta)
        start, best = exact.mean(self.reference, self.rewards), exact.best_objective(*parts)
        return (exact.objective(distribution, *parts) - start) / (best - start)
