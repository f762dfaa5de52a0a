"""The record of a training run: the metrics of every step, tokens, FLOPs and seconds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

TOKEN_COUNTS = ("generated", "read", "trained")


@dataclass(frozen=True)
class Sample:
    """A response that a policy generated during training, and its reward."""

    prompt: str
    response: str
    reward: float


@dataclass(frozen=True)
class Step:
    """The metrics of one step, by name, and a few samples if the method generates any."""

    number: int
    numbers: dict[str, float]
    samples: Sequence[Sample] = field(default=(), repr=False)

    def __getitem__(self, name: str) -> float:
        return self.numbers[name]


@dataclass
class Run:
    """How training went so far; ``finished`` says whether it took all of its steps.

    ``run["loss"]`` lists that metric for every step. Tokens are counted by what was done with them:
    ``generated``, ``read`` (passed forward, prompts included) and ``trained`` (forward and
    backward, three times the work). ``seconds`` were spent in steps, over all sessions; ``flops``
    were computed in them where the method counts them. ``peak_flops`` is the machine's measured
    speed, in FLOP/s; comparisons of runs ignore it. ``held_out_losses`` are the mean losses on
    held-out pairs before the first step and after the last.
    """

    steps: list[Step] = field(default_factory=list)
    seconds: float = 0.0
    flops: float = 0.0
    tokens: dict[str, int] = field(default_factory=lambda: dict.fromkeys(TOKEN_COUNTS, 0))
    held_out_losses: list[float] = field(default_factory=list)
    peak_flops: float | None = field(default=None, compare=False)
    finished: bool = False

    def __getitem__(self, name: str) -> list[float]:
        return [step[name] for step in self.steps]

    @property
    def losses(self) -> list[float]:
        """The loss of every step."""
        return self["loss"]

    @property
    def gradient_norms(self) -> list[float]:
        """The norm of every step's gradient, before it was clipped."""
        return self["gradient_norm"]

    @property
    def n_tokens(self) -> int:
        """The number of tokens trained on."""
        return self.tokens["trained"]

    @property
    def utilization(self) -> float | None:
        """The fraction of the machine's measured peak that was reached, or None if unknown."""
        if self.peak_flops is None or self.seconds == 0:
            return None
        return self.flops / (self.seconds * self.peak_flops)

    def add(self, numbers: Mapping[str, float], samples: Sequence[Sample] = ()) -> None:
        """Record a step."""
        self.steps.append(Step(len(self.steps), dict(numbers), samples))

    def count(self, **tokens: int) -> None:
        """Add to the counts of tokens."""
        for name, number in tokens.items():
            self.tokens[name] += number

    def whole(self) -> Run:
        """Return this run if it took all of its steps: an interrupted training is no result.

        Errors: ``KeyboardInterrupt``, as Ctrl-C elsewhere, for an interrupted one.
        """
        if not self.finished:
            raise KeyboardInterrupt("the training was interrupted")
        return self

    def recent(self, name: str, n: int = 50) -> float:
        """Return the mean of a number over the last n steps."""
        values = [step[name] for step in self.steps[-n:]]
        return sum(values) / len(values)
