"""What happened in a run of preference finetuning, step by step; and what stops one."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

from torch import Tensor, nn
from tqdm import tqdm


@dataclass(frozen=True)
class Sample:
    """A response that the policy gave in training, and what the reward said of it."""

    prompt: str
    response: str
    reward: float


@dataclass(frozen=True)
class Step:
    """The numbers of a step, by name (``ppo`` and ``dpo`` say which), and a few samples."""

    number: int
    numbers: dict[str, float]
    samples: list[Sample] = field(default_factory=list, repr=False)

    def __getitem__(self, name: str) -> float:
        return self.numbers[name]


@dataclass
class Run:
    """How training went: the steps so far; ``finished`` says whether it came to its end.

    ``run["reward"]`` is that number of every step. Tokens are counted by what was done with them:
    ``generated``, ``read`` (passed forward, prompts included), ``trained`` (forward and backward,
    which is three times the work). What a reward model reads is not among them.
    """

    steps: list[Step] = field(default_factory=list)
    seconds: float = 0.0
    tokens: dict[str, int] = field(
        default_factory=lambda: {"generated": 0, "read": 0, "trained": 0}
    )
    finished: bool = False

    def __getitem__(self, name: str) -> list[float]:
        return [step[name] for step in self.steps]

    def count(self, **tokens: int) -> None:
        """Add to the counts of tokens."""
        for name, number in tokens.items():
            self.tokens[name] += number

    def add(self, step: Step, bar: tqdm, on_step: Callable[[Step], object] | None) -> None:
        """Keep a step, show it in the progress bar, and pass it on."""
        self.steps.append(step)
        bar.update()
        shown = {name.replace("_", " "): f"{value:.3g}" for name, value in step.numbers.items()}
        bar.set_postfix(shown, refresh=False)
        if on_step is not None:
            on_step(step)


def go_backward(loss: Tensor, weights: list[nn.Parameter], longest: float, advice: str) -> None:
    """Set the weights' gradients to those of a loss, together no longer than ``longest``.

    Errors: ``FloatingPointError``, with the advice, if the loss or the gradient is not finite.
    """
    for weight in weights:
        weight.grad = None
    loss.backward()
    norm = float(nn.utils.clip_grad_norm_(weights, longest))
    if not (math.isfinite(loss.item()) and math.isfinite(norm)):
        raise FloatingPointError(
            f"the loss is {loss.item():.3g} and its gradient {norm:.3g} long: training diverged. "
            f"{advice}; the weights are those of the last good update"
        )


def require_near(kl: float, limit: float, advice: str) -> None:
    """Raise FloatingPointError, with the advice, if the KL from the reference is out of hand."""
    if not abs(kl) <= limit:
        raise FloatingPointError(
            f"the policy is {kl:.3g} nats per response from its reference, beyond kl_limit "
            f"{limit:g}: it ran away. {advice}; the weights are those of the last good update"
        )
