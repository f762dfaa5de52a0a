"""The training loop that every method shares: steps with progress and interrupts, and the update.

A method iterates over ``training_steps`` and calls ``update`` in each; what differs between
pre-training, finetuning and preference finetuning is only where the loss comes from.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from tqdm import tqdm

from fmlab.arguments import is_number, require, require_count
from fmlab.training.distributed import Processes, stop_requested
from fmlab.training.run import Run

OnStep = Callable[[Run], object]


@dataclass(frozen=True)
class Settings:
    """The hyperparameters of training: number of steps, learning rate schedule, AdamW, clipping.

    The learning rate rises linearly to ``learning_rate`` in ``warmup_steps``, then falls along half
    a cosine to ``final_share`` times that at the end of ``n_steps``. ``weight_decay`` applies to
    matrices only, ``betas`` are AdamW's, ``clip`` is the maximum norm of the gradient.
    Errors: ``ValueError`` for a number outside its range.
    Source: Loshchilov and Hutter (2019), Decoupled Weight Decay Regularization.
    """

    n_steps: int
    learning_rate: float = 4e-3
    warmup_steps: int = 100
    final_share: float = 0.1
    weight_decay: float = 0.1
    betas: tuple[float, float] = (0.9, 0.95)
    clip: float = 1.0
    seed: int = 0  # of dropout

    def __post_init__(self) -> None:
        for name, least in (("n_steps", 1), ("warmup_steps", 0), ("seed", 0)):
            require_count(name, getattr(self, name), least)
        for name in ("learning_rate", "clip"):
            value = getattr(self, name)
            require(is_number(value) and 0 < value < math.inf, name, "a number above 0", value)
        for name in ("final_share", "weight_decay"):
            value = getattr(self, name)
            require(is_number(value) and 0 <= value <= 1, name, "a number in [0, 1]", value)
        valid = all(is_number(beta) and 0 <= beta < 1 for beta in self.betas)
        require(valid and len(self.betas) == 2, "betas", "two numbers in [0, 1)", self.betas)

    def learning_rate_at(self, step: int) -> float:
        """Return the learning rate of a step; the first step is 0.

        >>> settings = Settings(n_steps=100, learning_rate=1.0, warmup_steps=10)
        >>> [round(settings.learning_rate_at(step), 2) for step in (0, 9, 54, 99)]
        [0.1, 1.0, 0.55, 0.1]
        """
        if step < self.warmup_steps:
            return self.learning_rate * (step + 1) / self.warmup_steps
        progress = (step + 1 - self.warmup_steps) / max(1, self.n_steps - self.warmup_steps)
        cosine = (1 + math.cos(math.pi * progress)) / 2  # from 1 down to 0
        return self.learning_rate * (self.final_share + (1 - self.final_share) * cosine)


def training_steps(
    run: Run,
    n_steps: int,
    description: str,
    *,
    progress: bool = True,
    on_step: OnStep | None = None,
    stop: Callable[[bool], bool] = bool,
    summary: Callable[[Run], str] | None = None,
    minutes: float = math.inf,
) -> Iterator[int]:
    """Yield the number of each remaining step of a run, up to ``n_steps``.

    The caller trains and records the step with ``run.add`` before it requests the next one. The
    time is measured here. Ctrl-C and SIGTERM end the loop after the current step; ``stop`` is
    called with whether one of them arrived, and returns whether to end the loop. ``on_step`` is
    called with the run after each step. If ``stop`` will end the loop after some ``minutes``, the
    progress bar says that, instead of how long all steps would take.
    """
    summary = summary or _last_numbers
    bar = tqdm(
        desc=description,
        total=n_steps,
        initial=len(run.steps),
        unit="step",
        bar_format=None if math.isinf(minutes) else _limited(minutes),
        disable=not progress,
    )
    with stop_requested() as interrupted, bar:
        for number in range(len(run.steps), n_steps):
            if stop(interrupted()):
                break
            started = time.perf_counter()
            yield number
            run.seconds += time.perf_counter() - started
            bar.update()
            bar.set_postfix_str(summary(run), refresh=False)
            if on_step is not None:
                on_step(run)
    run.finished = len(run.steps) == n_steps


def _limited(minutes: float) -> str:
    """Return the format of a progress bar that shows no time left for all steps."""
    return (
        "{l_bar}{bar}| {n_fmt}/{total_fmt} "
        f"[{{elapsed}}, stops after {minutes:g} min, {{rate_fmt}}{{postfix}}]"
    )


def _last_numbers(run: Run) -> str:
    numbers = run.steps[-1].numbers.items()
    return ", ".join(f"{name.replace('_', ' ')} {value:.3g}" for name, value in numbers)


def update(
    optimizer: torch.optim.Optimizer,
    loss: Tensor,
    *,
    clip: float,
    advice: str,
    learning_rate: float | None = None,
    weights: Sequence[nn.Parameter] | None = None,
    average: Callable[[Tensor, Iterable[nn.Parameter]], float] | None = None,
) -> tuple[float, float]:
    """Take one optimizer step down the gradient of a loss; return the loss and the gradient norm.

    The gradient is clipped to the norm ``clip``; the norm returned is the one before clipping.
    ``weights`` are the optimizer's unless given; their order is the order in which norms are
    added. ``average`` averages gradients over processes and returns the average loss.
    Errors: ``FloatingPointError``, with the advice, if the loss or the norm is NaN or infinite; the
    weights are then those of the last good step.
    """
    if weights is None:
        weights = [weight for group in optimizer.param_groups for weight in group["params"]]
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    value = float(loss.detach()) if average is None else average(loss.detach(), weights)
    norm = float(nn.utils.clip_grad_norm_(weights, clip))
    if not (math.isfinite(value) and math.isfinite(norm)):
        raise FloatingPointError(
            f"training diverged: the loss is {value:.3g} and the gradient norm {norm:.3g}. "
            f"{advice}; the weights are those of the last good step"
        )
    if learning_rate is not None:
        for group in optimizer.param_groups:
            group["lr"] = learning_rate
    optimizer.step()
    return value, norm


def require_kl_within(limit: float, kl: float, name: str, advice: str) -> None:
    """Raise FloatingPointError, with the advice, if a policy is too far from its reference."""
    if not abs(kl) <= limit:
        raise FloatingPointError(
            f"the policy is {kl:.3g} nats per response from its reference, beyond {name} "
            f"{limit:g}. {advice}; the weights are those of the last good step"
        )


class Trainer:
    """A model, its optimizer, and the run so far.

    ``model`` has ``device`` and ``loss(ids, targets)``. The run is a new one unless given.
    """

    def __init__(
        self,
        model: nn.Module,
        settings: Settings,
        precision: str,
        processes: Processes,
        run: Run | None = None,
    ) -> None:
        self.model, self.settings, self.precision = model, settings, precision
        self.processes, self.run = processes, Run() if run is None else run
        matrices = [weight for weight in model.parameters() if weight.dim() > 1]
        vectors = [weight for weight in model.parameters() if weight.dim() < 2]
        groups = [
            {"params": matrices, "weight_decay": settings.weight_decay},
            {"params": vectors, "weight_decay": 0.0},  # biases and gains should not shrink
        ]
        self.optimizer = torch.optim.AdamW(groups, betas=settings.betas, fused=True)

    def step(self, number: int, ids: Tensor, targets: Tensor) -> None:
        """Train on one batch, and record the loss and the gradient norm."""
        settings, device = self.settings, self.model.device
        rows = self.processes.share(len(ids))
        with torch.random.fork_rng([device] if device.type == "cuda" else []):
            # Which units are dropped depends on the step alone, not on earlier random numbers.
            torch.manual_seed((settings.seed + number) * self.processes.n + self.processes.rank)
            loss = self.loss(ids[rows].to(device), targets[rows].to(device))
        value, norm = update(
            self.optimizer,
            loss,
            clip=settings.clip,
            advice=f"Try a lower learning_rate than {settings.learning_rate:g} or a longer "
            "warm-up, in a new folder",
            learning_rate=settings.learning_rate_at(number),
            weights=list(self.model.parameters()),
            average=self.processes.average,
        )
        self.run.add({"loss": value, "gradient_norm": norm})

    def loss(self, ids: Tensor, targets: Tensor) -> Tensor:
        """Return the loss of a batch in the trainer's precision."""
        is_mixed = self.precision == "bfloat16"
        with torch.autocast(self.model.device.type, torch.bfloat16, enabled=is_mixed):
            return self.model.loss(ids, targets)

    def state(self) -> dict[str, Tensor]:
        """Return all tensors that later steps depend on, and the history of the run."""
        tensors = {f"model.{name}": weight for name, weight in self._weights().items()}
        for name, weight in self._weights().items():
            for key, value in self.optimizer.state[weight].items():
                tensors[f"optimizer.{name}.{key}"] = value
        for name, numbers in self._history().items():
            tensors[f"run.{name}"] = torch.tensor(numbers, dtype=torch.float64)
        return tensors

    def missing_in(self, tensors: dict[str, Tensor]) -> list[str]:
        """Return what ``restore`` needs and these tensors lack: another version wrote them."""
        needed = [f"run.{name}" for name in self._history()]
        for name, weight in self._weights().items():
            stored = tensors.get(f"model.{name}")
            if stored is None or stored.shape != weight.shape:
                needed.append(f"model.{name} {tuple(weight.shape)}")
            if len(tensors.get("run.losses", ())):  # the optimizer has a state after a step
                needed += [f"optimizer.{name}.{key}" for key in ("step", "exp_avg", "exp_avg_sq")]
        return [name for name in needed if name not in tensors]

    @torch.no_grad()
    def restore(self, tensors: dict[str, Tensor]) -> None:
        """Restore what ``state`` returned."""
        for name, weight in self._weights().items():
            weight.copy_(tensors[f"model.{name}"])
            keys = [key for key in tensors if key.startswith(f"optimizer.{name}.")]
            self.optimizer.state[weight] = {
                key.rpartition(".")[2]: tensors[key].to(weight.device) for key in keys
            }
        losses, norms = (tensors[f"run.{name}"].tolist() for name in self._history())
        self.run.steps.clear()
        for loss, norm in zip(losses, norms):
            self.run.add({"loss": loss, "gradient_norm": norm})

    def _history(self) -> dict[str, Sequence[float]]:
        return {"losses": self.run.losses, "gradient_norms": self.run.gradient_norms}

    def _weights(self) -> dict[str, Tensor]:
        return dict(self.model.named_parameters())
