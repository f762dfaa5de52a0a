"""Proximal policy optimization of a language model against any reward, held near a reference.

A step, as in Ziegler et al. (2019), Stiennon et al. (2020) and Ouyang et al. (2022):

1. Roll out: the policy responds to a batch of prompts, at temperature 1; a reward scores each
   response as a whole.
2. Reward every token: -beta (log pi - log pi_ref), a price for going away from the reference,
   and at the last one the score as well.
3. Estimate advantages: how much better did it go on than the value head expected? (GAE)
4. Learn from the same responses several times, in minibatches: make good tokens likelier and bad
   ones less likely, but none by more than the clip; teach the value head what really came.

Shapes: B responses, T positions of prompt and response; see ``fmlab.alignment.rollouts``.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from statistics import fmean

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from fmlab.alignment.advantages import as_mask, gae, leave_one_out, whiten
from fmlab.alignment.kl import kl_k1, kl_k2, kl_k3
from fmlab.alignment.rollouts import Reward, Rollout, ValueHead, logprobs_and_values, roll_out
from fmlab.alignment.runs import Run, Step, go_backward, require_near
from fmlab.alignment.settings import PPOSettings
from fmlab.arguments import is_number, require
from fmlab.processes import stop_requested
from fmlab.tokenization import BPETokenizer
from fmlab.transformer import GPT

__all__ = ["PPOSettings", "clipped_policy_loss", "clipped_value_loss", "gae", "ppo"]
__all__ += ["kl_k1", "kl_k2", "kl_k3"]
ADVICE = "A lower learning_rate, a higher beta or fewer epochs may help"


def ppo(
    policy: GPT,
    reference: GPT,
    tokenizer: BPETokenizer,
    prompts: Sequence[str],
    reward: Reward,
    settings: PPOSettings,
    *,
    progress: bool = True,
    on_step: Callable[[Step], object] | None = None,
) -> Run:
    """Train the policy in place to get more of a reward; return what happened.

    ``reward(prompts, responses)`` gives a number for each response. A ``Step`` has the means over
    its responses of reward, kl (in nats per response), entropy (in nats per token) and length (in
    tokens); clip_fraction, policy_loss, value_loss and beta; and four samples. Ctrl-C ends the run
    after the step under way, a second one at once.
    Errors: ``ValueError`` for no prompts or a bad reward; ``FloatingPointError`` for a loss that is
    no number, or a KL beyond the limit.
    """
    require(len(prompts) > 0, "prompts", "at least one", prompts)
    rng, run, beta = np.random.default_rng(settings.seed), Run(), settings.beta
    learner = _Learner(policy, settings)
    batches = settings.batches(prompts, rng)
    bar = tqdm(desc="PPO", total=settings.n_steps, unit="step", disable=not progress)
    with stop_requested() as stopped, bar:
        for number in range(settings.n_steps):
            if stopped():
                break
            started = time.perf_counter()
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
            require_near(numbers["kl"], settings.kl_limit, ADVICE)
            numbers |= learner.learn(rollout, beta, number, rng)
            beta = settings.next_beta(beta, numbers["kl"])
            run.seconds += time.perf_counter() - started
            run.count(**rollout.tokens(settings.epochs))
            run.add(Step(number, numbers, rollout.samples(4)), bar, on_step)
    run.finished = len(run.steps) == settings.n_steps
    return run


class _Learner:
    """A policy with its value head, and how they learn from a rollout."""

    def __init__(self, policy: GPT, settings: PPOSettings) -> None:
        self.policy, self.settings = policy, settings
        self.value_head = ValueHead(policy.config.d_model).to(policy.device)
        self.weights = [*policy.parameters(), *self.value_head.parameters()]
        self.optimizer = torch.optim.AdamW(self.weights, weight_decay=0.0)

    def learn(
        self, rollout: Rollout, beta: float, number: int, rng: np.random.Generator
    ) -> dict[str, float]:
        """Take all minibatches of all epochs; return the means of what they measured."""
        settings = self.settings
        self.optimizer.param_groups[0]["lr"] = settings.learning_rate_at(number)
        advantages, returns = self.advantages(rollout, rollout.rewards(beta))
        measured: list[dict[str, float]] = []
        for _ in range(settings.epochs):
            order = torch.from_numpy(rng.permutation(len(rollout.responses)))
            for rows in order.split(settings.minibatch_size):
                loss, numbers = self.loss(rollout, advantages, returns, rows)
                go_backward(loss, self.weights, settings.max_gradient, ADVICE)
                self.optimizer.step()
                measured.append(numbers)
        return {name: fmean(each[name] for each in measured) for name in measured[0]}

    def advantages(self, rollout: Rollout, rewards: Tensor) -> tuple[Tensor, Tensor]:
        """Return whitened advantages, and what the values should have been: (B, T - 1) each."""
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
        """Return what to descend on these rows, and its parts as numbers."""
        clip, dialogues = self.settings.clip, rollout.dialogues.rows(rows)
        logprobs, values = logprobs_and_values(self.policy, self.value_head, dialogues)

        def then(numbers: Tensor) -> Tensor:
            return numbers[rows, : logprobs.shape[1]].to(logprobs.device)

        mask, old = then(rollout.mask), then(rollout.logprobs)
        policy_loss = clipped_policy_loss(logprobs, old, then(advantages), mask, clip)
        value_loss = clipped_value_loss(values, then(rollout.values), then(returns), mask, clip)
        moved = (logprobs.detach() - old).exp().sub(1).abs()[mask]
        numbers = {
            "policy_loss": float(policy_loss.detach()),
            "value_loss": float(value_loss.detach()),
            "clip_fraction": float((moved > clip).float().mean()),
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

    With the ratio p = exp(logprobs - old_logprobs), a token counts min(p A, clip(p) A): once it is
    ``clip`` likelier (if A > 0) or less likely (if A < 0) than when it was drawn, nothing more is
    to be had; the way back is always open. All tensors have one shape, (B, T) or any other.
    Errors: ``ValueError`` for a clip that is not above 0, or a mask of another shape.
    Source: Schulman et al. (2017), Proximal Policy Optimization Algorithms, equation 7.
    """
    require(is_number(clip) and 0 < clip < math.inf, "clip", "a number above 0", clip)
    ratio = (logprobs - old_logprobs).exp()
    gain = torch.min(ratio * advantages, ratio.clamp(1 - clip, 1 + clip) * advantages)
    return -gain[as_mask(mask, gain)].mean()


def clipped_value_loss(
    values: Tensor,
    old_values: Tensor,
    returns: Tensor,
    mask: Tensor | None = None,
    clip: float = 0.2,
) -> Tensor:
    """Return half the mean squared error of values that gain nothing beyond clip of the old ones.

    Of the errors of a value and of the same moved to within ``clip`` of the old one, the larger
    counts. Errors: ``ValueError`` as in ``clipped_policy_loss``.
    """
    require(is_number(clip) and 0 < clip < math.inf, "clip", "a number above 0", clip)
    near = old_values + (values - old_values).clamp(-clip, clip)
    error = torch.max((values - returns) ** 2, (near - returns) ** 2)
    return error[as_mask(mask, error)].mean() / 2
