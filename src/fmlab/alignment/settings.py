"""What decides, with models, prompts and reward, how a run of PPO goes."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from fmlab.arguments import is_number, require, require_count


@dataclass(frozen=True)
class PPOSettings:
    """What decides, with models, prompts and reward, how a run goes.

    ``batch_size`` responses a step, ``per_prompt`` of them to the same prompt, are learnt from
    ``epochs`` times in minibatches. ``beta`` is the price of a nat of KL; with a ``target_kl``, in
    nats per response, it moves by up to 2% a step towards what keeps the KL there (Ziegler et al.
    2019, section 2.2). ``baseline`` "value" is PPO proper; "group" needs no value head: what the
    other responses to the prompt got is what was expected (RLOO). ``kl_limit`` nats per
    response are an explosion. Errors: ``ValueError`` for numbers that make no sense.
    """

    n_steps: int = 100
    batch_size: int = 64
    per_prompt: int = 1
    minibatch_size: int = 32
    epochs: int = 2
    learning_rate: float = 5e-5
    warmup_steps: int = 10
    beta: float = 0.05
    target_kl: float | None = None
    gamma: float = 1.0
    lam: float = 1.0
    clip: float = 0.2
    value_weight: float = 1.0
    baseline: str = "value"
    max_new_tokens: int = 64
    max_gradient: float = 1.0
    kl_limit: float = 100.0
    seed: int = 0

    def __post_init__(self) -> None:
        counts = ("n_steps", "batch_size", "per_prompt", "minibatch_size", "epochs")
        positive = ("learning_rate", "clip", "value_weight", "max_gradient", "kl_limit")
        for name in (*counts, "max_new_tokens"):
            require_count(name, getattr(self, name))
        for name in ("warmup_steps", "seed"):
            require_count(name, getattr(self, name), least=0)
        for name in positive:
            value = getattr(self, name)
            require(is_number(value) and 0 < value < math.inf, name, "a number above 0", value)
        for name in ("gamma", "lam"):
            value = getattr(self, name)
            require(is_number(value) and 0 <= value <= 1, name, "a number in [0, 1]", value)
        require(is_number(self.beta) and self.beta >= 0, "beta", "a number >= 0", self.beta)
        target = self.target_kl
        valid = target is None or (is_number(target) and 0 < target < math.inf)
        require(valid, "target_kl", "None, or a number above 0", target)
        require(self.baseline in ("value", "group"), "baseline", "value or group", self.baseline)
        alone = self.baseline == "group" and self.per_prompt < 2
        require(not alone, "per_prompt", "at least 2 for baseline group", self.per_prompt)
        whole = self.batch_size % self.per_prompt == 0
        require(whole, "per_prompt", f"a divisor of batch_size {self.batch_size}", self.per_prompt)

    def learning_rate_at(self, step: int) -> float:
        """Return the learning rate of a step, the first being 0: it rises, then stays."""
        return self.learning_rate * min(1.0, (step + 1) / max(1, self.warmup_steps))

    def batches(self, prompts: Sequence[str], rng: np.random.Generator) -> Iterator[list[str]]:
        """Yield the prompts of one step after the other: all of them once, then in another order.

        Each is there ``per_prompt`` times in a row.
        """
        size, waiting = self.batch_size // self.per_prompt, []
        while True:
            while len(waiting) < size:
                waiting += rng.permutation(len(prompts)).tolist()
            yield [prompts[i] for i in waiting[:size] for _ in range(self.per_prompt)]
            waiting = waiting[size:]

    def next_beta(self, beta: float, kl: float) -> float:
        """Return the price of KL after a step in which it was ``kl``; the same without a target."""
        if self.target_kl is None:
            return beta
        error = min(0.2, max(-0.2, kl / self.target_kl - 1))
        return beta * (1 + 0.1 * error)
