"""Proximal policy optimization of a language model for any reward, kept near a reference by KL.

A step, as in Ziegler et al. (2019), Stiennon et al. (2020) and Ouyang et al. (2022):

1. Roll out: the policy responds to a batch of prompts, at temperature 1; the reward function scores
   each response as a whole.
2. Reward every token: with the KL penalty, -beta (log pi - log pi_ref), and the last token with the
   score as well.
3. Estimate advantages: the return minus the value head's estimate (GAE).
4. Take gradient steps on the same responses several times, in minibatches: increase the
   probability of tokens with a positive advantage and decrease that of the others, within the clip;
   fit the value head to the returns.

Shapes: B responses, T positions of prompt and response; see ``fmlab.alignment.rollouts``.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import fmean

import numpy as np
import torch
from torch import Tensor

from fmlab.alignment.advantages import as_mask, gae, leave_one_out, whiten
from fmlab.alignment.rollouts import Reward, Rollout, ValueHead, logprobs_and_values, roll_out
from fmlab.arguments import is_number, require, require_count
from fmlab.data.dialogues import prompt_ids
from fmlab.models.gpt import GPT
from fmlab.tokenization.tokenizers import BPETokenizer
from fmlab.training.loop import OnStep, require_kl_within, training_steps, update
from fmlab.training.run import Run

ADVICE = "A lower learning_rate, a higher beta or fewer epochs may help"


@dataclass(frozen=True)
class PPOSettings:
    """The hyperparameters of PPO.

    Each step samples ``batch_size`` responses, ``per_prompt`` of them to the same prompt, and
    trains on them ``epochs`` times in minibatches. ``beta`` is the weight of the KL penalty; with a
    ``target_kl``, in nats per response, it changes by up to 2% per step to keep the KL there
    (Ziegler et al. 2019, section 2.2). ``baseline`` "value" is PPO as published; "group" needs no
    value head: the baseline is the mean reward of the other responses to the prompt (RLOO). A run
    stops with an error if the KL exceeds ``kl_limit``, in nats per response.
    Errors: ``ValueError`` for a number outside its range.
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
        has_group = self.baseline != "group" or self.per_prompt > 1
        require(has_group, "per_prompt", "at least 2 for baseline group", self.per_prompt)
        divides = self.batch_size % self.per_prompt == 0
        require(
            divides, "per_prompt", f"a divisor of batch_size {self.batch_size}", self.per_prompt
        )

    def learning_rate_at(self, step: int) -> float:
        """Return the learning rate of a step, from 0: it rises linearly, then stays constant."""
        return self.learning_rate * min(1.0, (step + 1) / max(1, self.warmup_steps))

    def batches(self, prompts: Sequence[str], rng: np.random.Generator) -> Iterator[list[str]]:
        """Yield the prompts of each step: all of them once, then again in another order.

        Each is repeated ``per_prompt`` times in a row.
        """
        size, queue = self.batch_size // self.per_prompt, []
        while True:
            while len(queue) < size:
                queue += rng.permutation(len(prompts)).tolist()
            yield [prompts[i] for i in queue[:size] for _ in range(self.per_prompt)]
            queue = queue[size:]

    def next_beta(self, beta: float, kl: float) -> float:
        """Return beta after a step with that KL; it only changes if there is a target."""
        if self.target_kl is None:
            return beta
        error = min(0.2, max(-0.2, kl / self.target_kl - 1))
        return beta * (1 + 0.1 * error)


def ppo(
    policy: GPT,
    reference: GPT,
    tokenizer: BPETokenizer,
    prompts: Sequence[str],
    reward: Reward,
    settings: PPOSettings,
    *,
    progress: bool = True,
    on_step: OnStep | None = None,
) -> Run:
    """Train the policy in place to get more reward; return how it went.

    ``reward(prompts, responses)`` returns a number for each response. A ``Step`` has the means over
    its responses of reward, kl (in nats per response), entropy (in nats per token) and length (in
    tokens); clip_fraction, policy_loss, value_loss and beta; and four samples. Ctrl-C ends the run
    after the current step, a second one at once.
    Errors: ``ValueError`` for no prompts, one that leaves no room for a response, or a bad reward;
    ``FloatingPointError`` for a loss that is NaN or infinite, or a KL beyond ``kl_limit``.
    """
    require(len(prompts) > 0, "prompts", "at least one", prompts)
    context = policy.config.context_length
    for prompt in prompts:
        n_tokens = len(prompt_ids(tokenizer, prompt))
        require(n_tokens < context, "prompts", f"shorter than the context, {context}", prompt)
    rng, run, beta = np.random.default_rng(settings.seed), Run(), settings.beta
    learner = _Learner(policy, settings)
    batches = settings.batches(prompts, rng)
    for number in training_steps(run, settings.n_steps, "PPO", progress=progress, on_step=on_step):
        rollout = roll_out(
            policy,
            learner.value_head,
            reference,
            tokenizer,
            next(batches),
            reward,
            settings.max_new_tokens,
            rng,
        )
        numbers = rollout.numbers() | {"beta": beta}
        require_kl_within(settings.kl_limit, numbers["kl"], "kl_limit", ADVICE)
        numbers |= learner.learn(rollout, beta, number, rng)
        beta = settings.next_beta(beta, numbers["kl"])
        run.count(**rollout.tokens(settings.epochs))
        run.add(numbers, rollout.samples(4))
    return run


class _Learner:
    """A policy with its value head, and the updates of both from a rollout."""

    def __init__(self, policy: GPT, settings: PPOSettings) -> None:
        self.policy, self.settings = policy, settings
        self.value_head = ValueHead(policy.config.d_model).to(policy.lm_head.weight)
        weights = [*policy.parameters(), *self.value_head.parameters()]
        self.optimizer = torch.optim.AdamW(weights, weight_decay=0.0)

    def learn(
        self, rollout: Rollout, beta: float, number: int, rng: np.random.Generator
    ) -> dict[str, float]:
        """Train on all minibatches of all epochs; return the means of their numbers."""
        settings = self.settings
        self.optimizer.param_groups[0]["lr"] = settings.learning_rate_at(number)
        advantages, returns = self.advantages(rollout, rollout.rewards(beta))
        measurements: list[dict[str, float]] = []
        for _ in range(settings.epochs):
            order = torch.from_numpy(rng.permutation(len(rollout.responses)))
            for rows in order.split(settings.minibatch_size):
                loss, numbers = self.loss(rollout, advantages, returns, rows)
                update(self.optimizer, loss, clip=settings.max_gradient, advice=ADVICE)
                measurements.append(numbers)
        return {name: fmean(m[name] for m in measurements) for name in measurements[0]}

    def advantages(self, rollout: Rollout, rewards: Tensor) -> tuple[Tensor, Tensor]:
        """Return whitened advantages, and the targets of the value head: (B, T - 1) each."""
        settings, mask = self.settings, rollout.mask
        if settings.baseline == "group":
            totals = rewards.sum(dim=1).view(-1, settings.per_prompt)  # (B,) -> (G, K)
            advantages = leave_one_out(totals).view(-1, 1) * mask  # (G, K) -> (B, T - 1)
        else:
            advantages = gae(rewards, rollout.values, settings.gamma, settings.lam, mask)
        return whiten(advantages, mask), advantages + rollout.values

    def loss(
        self, rollout: Rollout, advantages: Tensor, returns: Tensor, rows: Tensor
    ) -> tuple[Tensor, dict[str, float]]:
        """Return the loss on these rows, and its parts as numbers."""
        clip, dialogues = self.settings.clip, rollout.dialogues.rows(rows)
        logprobs, values = logprobs_and_values(self.policy, self.value_head, dialogues)

        def of_rows(numbers: Tensor) -> Tensor:
            return numbers[rows, : logprobs.shape[1]].to(logprobs.device)

        mask, old = of_rows(rollout.mask), of_rows(rollout.logprobs)
        policy_loss = clipped_policy_loss(logprobs, old, of_rows(advantages), mask, clip)
        old_values = of_rows(rollout.values)
        value_loss = clipped_value_loss(values, old_values, of_rows(returns), mask, clip)
        changes = (logprobs.detach() - old).exp().sub(1).abs()[mask]
        numbers = {
            "policy_loss": float(policy_loss.detach()),
            "value_loss": float(value_loss.detach()),
            "clip_fraction": float((changes > clip).float().mean()),
        }
        weight = self.settings.value_weight if self.settings.baseline == "value" else 0.0
        return policy_loss + weight * value_loss, numbers


def clipped_policy_loss(
    logprobs: Tensor,
    old_logprobs: Tensor,
    advantages: Tensor,
    mask: Tensor | None = None,
    clip: float = 0.2,
) -> Tensor:
    """Return PPO's loss of the policy, the mean over the mask.

    With the ratio p = exp(logprobs - old_logprobs), the loss of a token is -min(p A, clip(p) A):
    once it is more likely (if A > 0) or less likely (if A < 0) by a factor of 1 +- ``clip`` than
    when it was sampled, its gradient is 0. Changes in the other direction are never clipped. All
    tensors have one shape, (B, T) or any other.
    Errors: ``ValueError`` for a clip that is not above 0, or a mask that is of another shape or
    nowhere True.
    Source: Schulman et al. (2017), Proximal Policy Optimization Algorithms, equation 7.
    """
    require(is_number(clip) and 0 < clip < math.inf, "clip", "a number above 0", clip)
    ratio = (logprobs - old_logprobs).exp()
    gain = torch.min(ratio * advantages, ratio.clamp(1 - clip, 1 + clip) * advantages)
    return -_mean(gain, mask)


def clipped_value_loss(
    values: Tensor,
    old_values: Tensor,
    returns: Tensor,
    mask: Tensor | None = None,
    clip: float = 0.2,
) -> Tensor:
    """Return half the mean squared error of values, whose changes are clipped as well.

    The larger of two errors counts: that of the value, and that of the value clipped to within
    ``clip`` of the old one. Errors: ``ValueError`` as in ``clipped_policy_loss``.
    """
    require(is_number(clip) and 0 < clip < math.inf, "clip", "a number above 0", clip)
    clipped = old_values + (values - old_values).clamp(-clip, clip)
    error = torch.max((values - returns) ** 2, (clipped - returns) ** 2)
    return _mean(error, mask) / 2


def _mean(numbers: Tensor, mask: Tensor | None) -> Tensor:
    mask = as_mask(mask, numbers)
    require(bool(mask.any()), "mask", "True for at least one token", "none")
    return numbers[mask].mean()
