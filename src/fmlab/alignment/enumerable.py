"""Every method of preference finetuning, run where the right answer is known.

The policy is a table that can be any law (``tabular``). Its law is listed after every step, so what
a run reports is exact. The losses are those that train the book's models; ``exact`` has the
formulas that say where each method must land.

Shapes: B drawn sequences, T tokens, P prefixes.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fmlab.alignment import exact
from fmlab.alignment.advantages import gae, group_relative, leave_one_out
from fmlab.alignment.dpo import dpo_loss, implicit_rewards
from fmlab.alignment.kl import kl_k1, kl_k3
from fmlab.alignment.ppo import clipped_policy_loss
from fmlab.alignment.runs import go_backward
from fmlab.alignment.tabular import TabularPolicy, Task
from fmlab.arguments import Floats, require, require_count
from fmlab.sampling import entropy

LABELS = ("drawn", "expected")


@dataclass
class Run:
    """A policy in training: its optimizer, and exactly how it stood after each step."""

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
        """Count steps; the learning rate falls to 0 along a line, and each step is noted."""
        rates = [group["lr"] for group in self.optimizer.param_groups]
        for step in range(self.n_steps):
            for group, rate in zip(self.optimizer.param_groups, rates):
                group["lr"] = rate * (1 - step / self.n_steps)
            yield step
            law, task = self.policy.law(), self.task
            self.rewards.append(exact.mean(law, task.rewards))
            self.kls.append(exact.kl(law, task.reference))
            self.entropies.append(float(entropy(law, base=np.e)))
            self.gained.append(task.gained(law))

    def draw(self, n: int) -> Tensor:
        self.n_samples += n
        return self.policy.draw(n, self.rng)

    def learn(self, loss: Tensor) -> None:
        weights = [weight for group in self.optimizer.param_groups for weight in group["params"]]
        go_backward(loss, weights, math.inf, "A lower learning_rate may help")
        self.optimizer.step()


def reinforce(
    task: Task,
    n_steps: int = 300,
    batch_size: int = 2048,
    learning_rate: float = 0.1,
    seed: int = 0,
) -> Run:
    """Follow the policy gradient: each sequence as much likelier as it did better than the others.

    The KL penalty is part of the reward. Lands at the optimum.
    Source: Ahmadian et al. (2024), Back to Basics, section 2.2 (RLOO).
    """
    run = _start(task, n_steps, learning_rate, seed)
    reference, rewards = _tensors(task)
    for _ in run.steps():
        drawn = run.draw(batch_size)
        logprobs = run.policy.logprobs(drawn)
        penalty = task.beta * kl_k1(logprobs.detach(), reference[drawn].sum(dim=1))
        advantages = leave_one_out(rewards[drawn] - penalty)
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
) -> Run:
    """Learn from each batch several times, within a clip of where it was drawn, token by token.

    A value for each prefix is learned beside the policy. Every token pays its share of the KL
    penalty; the last one earns the reward. Lands at the optimum.
    Source: Schulman et al. (2017), Proximal Policy Optimization Algorithms; Ziegler et al. (2019).
    """
    run = _start(task, n_steps, learning_rate, seed)
    values = nn.Parameter(torch.zeros(len(run.policy.logits), dtype=torch.float64))
    run.optimizer.add_param_group({"params": [values], "lr": learning_rate})
    reference, rewards = _tensors(task)
    for _ in run.steps():
        drawn = run.draw(batch_size)
        prefixes = run.policy.prefixes[drawn]
        with torch.no_grad():
            old = run.policy.token_logprobs(drawn)  # (B, T)
            earned = -task.beta * kl_k1(old, reference[drawn])
            earned[:, -1] += rewards[drawn]
            expected = values[prefixes]
            advantages = gae(earned, expected, gamma=1.0, lam=lam)
            returns = advantages + expected
        for _ in range(n_epochs):
            logprobs = run.policy.token_logprobs(drawn)
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
) -> Run:
    """Clip as PPO does, but compare with the group instead of a value; KL is a term of the loss.

    Two things move where this lands: advantages are divided by the spread of the rewards, and the
    gradient of k3 is that of the other KL. It lands at ``grpo_optimum``, another law.
    Source: Shao et al. (2024), DeepSeekMath, equation 3.
    """
    run = _start(task, n_steps, learning_rate, seed)
    reference, rewards = _tensors(task)
    for _ in run.steps():
        drawn = run.draw(batch_size)
        old = run.policy.token_logprobs(drawn).detach()
        advantages = group_relative(rewards[drawn])[:, None].expand_as(old)
        for _ in range(n_epochs):
            logprobs = run.policy.token_logprobs(drawn)
            penalty = kl_k3(logprobs, reference[drawn]).mean()
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
) -> Run:
    """Learn from comparisons of what the reference drew; nothing is drawn from the policy.

    Annotators prefer as Bradley and Terry have it. ``labels`` "drawn": each pair is judged once.
    "expected": as if each were judged without end, so that the loss has no noise but the choice of
    pairs. Lands at the optimum. Source: Rafailov et al. (2023), Direct Preference Optimization.
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
            lost = run.rng.random(batch_size) >= wins
            pairs = np.where(lost, pairs[::-1], pairs)  # the preferred one first
        chosen, rejected = torch.from_numpy(pairs)
        parts = [run.policy.logprobs(chosen), run.policy.logprobs(rejected)]
        parts += [reference[chosen], reference[rejected]]
        if labels == "drawn":
            run.learn(dpo_loss(*parts, task.beta))
        else:
            run.learn(_average_loss(*parts, task.beta, torch.from_numpy(wins)))
    return run


def _average_loss(first, second, ref_first, ref_second, beta: float, wins: Tensor) -> Tensor:
    """Return ``dpo_loss`` of pairs, each in both orders, weighted by how often either wins."""
    margin = implicit_rewards(first, ref_first, beta) - implicit_rewards(second, ref_second, beta)
    return F.binary_cross_entropy_with_logits(margin, wins)


def grpo_optimum(task: Task, n_rounds: int = 40) -> Floats:
    """Return the law at which ``grpo`` stands still.

    At each prefix it balances the expected reward of what follows against KL(reference || policy)
    of the next token, beta counting times the spread of all rewards. The law decides that spread,
    so it is found in rounds.
    """
    policy = TabularPolicy(task.vocab_size, task.length, task.reference)
    reference = policy.next_token_probs()
    law = task.reference
    for _ in range(n_rounds):
        beta = task.beta * exact.spread(law, task.rewards)
        values, best = task.rewards, []
        for probs in reversed(reference):  # (prefixes, V), those of the last token first
            values = values.reshape(probs.shape)  # what each token earns on average
            best.append(exact.forward_optimum(probs, values, beta))
            values = (best[-1] * values).sum(axis=-1)
        law = np.ones(1)
        for probs in reversed(best):
            law = (law[:, None] * probs).ravel()  # (prefixes, V) -> (prefixes one token longer,)
    return law


def _start(task: Task, n_steps: int, learning_rate: float, seed: int) -> Run:
    require_count("n_steps", n_steps)
    policy = TabularPolicy(task.vocab_size, task.length, task.reference)
    optimizer = torch.optim.Adam(policy.parameters(), lr=learning_rate)
    return Run(task, policy, optimizer, np.random.default_rng(seed), n_steps)


def _tensors(task: Task) -> tuple[Tensor, Tensor]:
    """Return the reference's log p of every token of every sequence, (N, T), and rewards (N,)."""
    policy = TabularPolicy(task.vocab_size, task.length, task.reference)
    return policy.token_logprobs().detach(), torch.from_numpy(task.rewards)
