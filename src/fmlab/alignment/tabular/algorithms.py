"""Methods of preference finetuning on a task whose optimum is known.

The policy is a table that can be any distribution (``policy``). Its distribution is computed after
every step, so the numbers of a run are exact. The losses are those that train the book's models;
``exact`` has the formulas for what each method must converge to.

Shapes: B sampled sequences, T tokens, P prefixes.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fmlab.alignment.advantages import gae, group_relative, leave_one_out
from fmlab.alignment.dpo import dpo_loss, implicit_rewards
from fmlab.alignment.kl import kl_k1, kl_k3
from fmlab.alignment.ppo import clipped_policy_loss
from fmlab.alignment.tabular import exact
from fmlab.alignment.tabular.policy import TabularPolicy, Task
from fmlab.arguments import Floats, require, require_count
from fmlab.sampling import entropy
from fmlab.training.loop import update

LABELS = ("drawn", "expected")


@dataclass
class TabularRun:
    """A policy in training: its optimizer, and its exact numbers after each step."""

    task: Task
    policy: TabularPolicy
    optimizer: torch.optim.Optimizer
    rng: np.random.Generator
    n_steps: int
    n_samples: int = 0
    rewards: list[float] = field(default_factory=list)
    kls: list[float] = field(default_factory=list)
    entropies: list[float] = field(default_factory=list)
    gained: list[float] = field(default_factory=list)

    def steps(self) -> Iterator[int]:
        """Yield the number of each step and record it; the learning rate decays linearly to 0."""
        rates = [group["lr"] for group in self.optimizer.param_groups]
        for step in range(self.n_steps):
            for group, rate in zip(self.optimizer.param_groups, rates):
                group["lr"] = rate * (1 - step / self.n_steps)
            yield step
            distribution, task = self.policy.distribution(), self.task
            self.rewards.append(exact.mean(distribution, task.rewards))
            self.kls.append(exact.kl(distribution, task.reference))
            self.entropies.append(float(entropy(distribution, base=np.e)))
            self.gained.append(task.gained(distribution))

    def draw(self, n: int) -> Tensor:
        """Sample from the policy, and count the samples."""
        self.n_samples += n
        return self.policy.sample(n, self.rng)

    def learn(self, loss: Tensor) -> None:
        """Take an optimizer step."""
        update(self.optimizer, loss, clip=math.inf, advice="A lower learning_rate may help")


def reinforce(
    task: Task,
    n_steps: int = 300,
    batch_size: int = 2048,
    learning_rate: float = 0.1,
    seed: int = 0,
) -> TabularRun:
    """Follow the policy gradient, with the mean reward of the other samples as the baseline.

    The KL penalty is part of the reward. It converges to the optimum.
    Source: Ahmadian et al. (2024), Back to Basics, section 2.2 (RLOO).
    """
    run = _start(task, n_steps, learning_rate, seed)
    reference, rewards = _tensors(task)
    for _ in run.steps():
        samples = run.draw(batch_size)
        logprobs = run.policy.logprobs(samples)
        penalty = task.beta * kl_k1(logprobs.detach(), reference[samples].sum(dim=1))
        advantages = leave_one_out(rewards[samples] - penalty)
        run.learn(-(advantages * logprobs).mean())
    return run


def ppo(
    task: Task,
    n_steps: int = 200,
    batch_size: int = 4096,
    learning_rate: float = 0.1,
    n_epochs: int = 2,
    clip: float = 0.2,
    lam: float = 0.95,
    seed: int = 0,
) -> TabularRun:
    """Train on each batch several times, with the probability ratio of each token clipped.

    A value for each prefix is learned together with the policy. Every token has its own KL penalty;
    the last one also gets the reward. It converges to the optimum.
    Source: Schulman et al. (2017), Proximal Policy Optimization Algorithms; Ziegler et al. (2019).
    """
    run = _start(task, n_steps, learning_rate, seed)
    values = nn.Parameter(torch.zeros(len(run.policy.logits), dtype=torch.float64))
    run.optimizer.add_param_group({"params": [values], "lr": learning_rate})
    reference, rewards = _tensors(task)
    for _ in run.steps():
        samples = run.draw(batch_size)
        prefixes = run.policy.prefixes[samples]
        with torch.no_grad():
            old = run.policy.token_logprobs(samples)  # (B, T)
            token_rewards = -task.beta * kl_k1(old, reference[samples])
            token_rewards[:, -1] += rewards[samples]
            expected = values[prefixes]
            advantages = gae(token_rewards, expected, gamma=1.0, lam=lam)
            returns = advantages + expected
        for _ in range(n_epochs):
            logprobs = run.policy.token_logprobs(samples)
            error = F.mse_loss(values[prefixes], returns)
            run.learn(clipped_policy_loss(logprobs, old, advantages, clip=clip) + error / 2)
    return run


def grpo(
    task: Task,
    n_steps: int = 400,
    batch_size: int = 2048,
    learning_rate: float = 0.1,
    n_epochs: int = 1,
    clip: float = 0.2,
    seed: int = 0,
) -> TabularRun:
    """Clip as in PPO, but with the group's mean reward as baseline and KL as a term of the loss.

    It converges to ``grpo_optimum`` instead of the optimum, for two reasons: advantages are divided
    by the standard deviation of the rewards, and the gradient of k3 is that of the other KL.
    Source: Shao et al. (2024), DeepSeekMath, equation 3.
    """
    run = _start(task, n_steps, learning_rate, seed)
    reference, rewards = _tensors(task)
    for _ in run.steps():
        samples = run.draw(batch_size)
        old = run.policy.token_logprobs(samples).detach()
        advantages = group_relative(rewards[samples])[:, None].expand_as(old)
        for _ in range(n_epochs):
            logprobs = run.policy.token_logprobs(samples)
            penalty = kl_k3(logprobs, reference[samples]).mean()
            gain = clipped_policy_loss(logprobs, old, advantages, clip=clip)
            run.learn(gain + task.beta * penalty)
    return run


def dpo(
    task: Task,
    n_steps: int = 400,
    batch_size: int = 2048,
    learning_rate: float = 0.1,
    labels: str = "drawn",
    seed: int = 0,
) -> TabularRun:
    """Learn from comparisons of samples of the reference, without samples of the policy.

    Annotators follow the Bradley-Terry model. With ``labels`` "drawn", each pair is compared once;
    with "expected", infinitely often, so that the choice of pairs is the only noise in the loss. It
    converges to the optimum. Source: Rafailov et al. (2023), Direct Preference Optimization.
    """
    require(labels in LABELS, "labels", f"one of {', '.join(LABELS)}", labels)
    run = _start(task, n_steps, learning_rate, seed)
    reference, _ = _tensors(task)
    reference = reference.sum(dim=1)
    for _ in run.steps():
        pairs = run.rng.choice(len(reference), (2, batch_size), p=task.reference)
        run.n_samples += pairs.size
        wins = exact.preferred(*task.rewards[pairs])
        if labels == "drawn":
            is_lost = run.rng.random(batch_size) >= wins
            pairs = np.where(is_lost, pairs[::-1], pairs)  # the preferred one first
        first, second = torch.from_numpy(pairs)
        logprobs = [run.policy.logprobs(first), run.policy.logprobs(second)]
        logprobs += [reference[first], reference[second]]
        if labels == "drawn":
            run.learn(dpo_loss(*logprobs, task.beta))
        else:
            run.learn(_average_loss(*logprobs, task.beta, torch.from_numpy(wins)))
    return run


def _average_loss(first, second, ref_first, ref_second, beta: float, wins: Tensor) -> Tensor:
    """Return ``dpo_loss`` of pairs in both orders, weighted by how often the first one wins."""
    margin = implicit_rewards(first, ref_first, beta) - implicit_rewards(second, ref_second, beta)
    return F.binary_cross_entropy_with_logits(margin, wins)


def grpo_optimum(task: Task, n_rounds: int = 40) -> Floats:
    """Return the distribution to which ``grpo`` converges.

    At each prefix it balances the expected reward of the rest against KL(reference || policy) of
    the next token, with a weight of beta times the standard deviation of all rewards. That standard
    deviation depends on the distribution, so this is a fixed-point iteration.
    """
    policy = TabularPolicy(task.vocab_size, task.length, task.reference)
    reference = policy.next_token_probs()
    distribution = task.reference
    for _ in range(n_rounds):
        beta = task.beta * exact.spread(distribution, task.rewards)
        values, best = task.rewards, []
        for probs in reversed(reference):  # (prefixes, V), those of the last token first
            values = values.reshape(probs.shape)  # the expected reward after each token
            best.append(exact.forward_optimum(probs, values, beta))
            values = (best[-1] * values).sum(axis=-1)
        distribution = np.ones(1)
        for probs in reversed(best):  # (prefixes, V) -> (prefixes one token longer,)
            distribution = (distribution[:, None] * probs).ravel()
    return distribution


def _start(task: Task, n_steps: int, learning_rate: float, seed: int) -> TabularRun:
    require_count("n_steps", n_steps)
    policy = TabularPolicy(task.vocab_size, task.length, task.reference)
    optimizer = torch.optim.Adam(policy.parameters(), lr=learning_rate)
    return TabularRun(task, policy, optimizer, np.random.default_rng(seed), n_steps)


def _tensors(task: Task) -> tuple[Tensor, Tensor]:
    """Return the reference's log p of each token of all sequences, (N, T), and rewards (N,)."""
    policy = TabularPolicy(task.vocab_size, task.length, task.reference)
    return policy.token_logprobs().detach(), torch.from_numpy(task.rewards)
