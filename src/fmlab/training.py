"""Pre-training: predict the next token, see how wrong that was, change every weight a little.

``pretrain`` is the loop; ``Settings`` what decides its outcome. Learning rates rise at first, then
fall along half a cosine; gradients that are too long are cut. An interrupt loses nothing: run the
same thing again and it goes on, to the same weights as if it had never stopped. Started by
``torchrun``, several processes share each batch and average their gradients.

    python -m fmlab.training micro                               # a model of fmlab.ladder
    torchrun --nproc_per_node 2 -m fmlab.training micro          # the same, in two processes
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch
from torch import Tensor, nn
from tqdm import tqdm

from fmlab.arguments import is_number, require, require_count
from fmlab.batches import Batches
from fmlab.checkpoints import Checkpoint, read_checkpoint, write_checkpoint
from fmlab.processes import Processes, stop_requested
from fmlab.scaling import forward_flops, peak_flops, utilization
from fmlab.transformer import GPT

PRECISIONS = ("auto", "float32", "bfloat16")
KEPT = ("seconds", "n_tokens", "utilization")  # of a run, beside the losses and norms
WORTH_IT = 1.5  # bfloat16 costs digits: it must multiply matrices at least so much faster


@dataclass(frozen=True)
class Settings:
    """What decides, with model and batches, how training goes.

    The learning rate rises in a straight line to ``learning_rate`` in ``warmup_steps``, then falls
    along half a cosine to ``final_share`` of it at the end of ``n_steps``. ``weight_decay`` holds
    for matrices, ``betas`` are AdamW's, ``clip`` is the greatest length of the whole gradient.
    Errors: ``ValueError`` for numbers that make no sense.
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
        """Return the learning rate of a step, the first being 0.

        >>> settings = Settings(n_steps=100, learning_rate=1.0, warmup_steps=10)
        >>> [round(settings.learning_rate_at(step), 2) for step in (0, 9, 54, 99)]
        [0.1, 1.0, 0.55, 0.1]
        """
        if step < self.warmup_steps:
            return self.learning_rate * (step + 1) / self.warmup_steps
        done = (step + 1 - self.warmup_steps) / max(1, self.n_steps - self.warmup_steps)
        share = self.final_share + (1 - self.final_share) * (1 + math.cos(math.pi * done)) / 2
        return self.learning_rate * share


@dataclass
class Run:
    """How training went: a loss and a gradient norm (before it was cut) for every step so far.

    ``seconds`` are those spent in steps, over all sittings; ``utilization`` is the share of the
    machine's measured peak that they reached, or None before the first.
    """

    losses: list[float] = field(default_factory=list)
    gradient_norms: list[float] = field(default_factory=list)
    seconds: float = 0.0
    n_tokens: int = 0
    utilization: float | None = None
    finished: bool = False


def pretrain(
    model: GPT,
    batches: Batches,
    settings: Settings,
    folder: str | Path | None = None,
    *,
    minutes: float = math.inf,
    precision: str = "auto",
    progress: bool = True,
    save_every: float = 60.0,
    on_step: Callable[[Run], object] | None = None,
) -> Run:
    """Train the model in place, on the device where it is.

    With a ``folder``, a checkpoint is kept there every ``save_every`` seconds, and training goes on
    from the one that is there. Ctrl-C, SIGTERM or the end of ``minutes`` stop it after a step and a
    checkpoint; ``Run.finished`` says whether it came to its end. ``on_step`` is called after each
    step. ``precision`` "auto" takes bfloat16 where that is measured to be much faster.
    Errors: ``ValueError`` for a tokenizer or rows that do not fit the model, or a folder with a
    checkpoint of another run; ``FloatingPointError`` once the loss is no number; ``OSError`` if a
    checkpoint cannot be written. The last good checkpoint is kept in any case.
    """
    require(is_number(minutes) and minutes >= 0, "minutes", "a number of at least 0", minutes)
    processes = Processes.joined(model.device)
    _require_fit(model, batches, processes)
    found = None if folder is None else read_checkpoint(Path(folder))
    processes.wait()  # or the first might replace it while another one reads
    if found and precision == "auto":
        precision = found[1].get("precision", precision)  # as it began, whatever is measured today
    precision, peak = _precision(precision, model.device)
    trainer = Trainer(model, settings, precision, processes)
    checkpoints = None if folder is None else _Checkpoints(Path(folder), trainer, batches, found)
    run, saved = trainer.run, time.monotonic()
    deadline = saved + 60 * minutes
    flops = 3 * forward_flops(model.config, batches.context_length, batch=batches.batch_size)
    model.train()
    with stop_requested() as stopped, _bar(run, settings, progress and processes.first) as bar:
        for number in range(len(run.losses), settings.n_steps):
            if processes.any(stopped() or time.monotonic() > deadline):
                break
            started = time.perf_counter()
            trainer.step(number, *batches[number])
            run.seconds += time.perf_counter() - started
            run.n_tokens += batches.batch_size * batches.context_length
            work = flops * len(run.losses)
            run.utilization = utilization(work, run.seconds, peak * processes.n)
            bar.update()
            bar.set_postfix_str(_in_short(run), refresh=False)
            if on_step is not None:
                on_step(run)
            if checkpoints is not None and time.monotonic() - saved >= save_every:
                checkpoints.write()
                saved = time.monotonic()
    run.finished = len(run.losses) == settings.n_steps
    if checkpoints is not None:
        checkpoints.write()
    processes.wait()
    model.eval()
    return run


class Trainer:
    """A model, its optimizer, and what happened so far: a step is all there is to training."""

    def __init__(
        self, model: GPT, settings: Settings, precision: str, processes: Processes
    ) -> None:
        self.model, self.settings, self.precision = model, settings, precision
        self.processes, self.run = processes, Run()
        matrices = [weight for weight in model.parameters() if weight.dim() > 1]
        vectors = [weight for weight in model.parameters() if weight.dim() < 2]
        groups = [
            {"params": matrices, "weight_decay": settings.weight_decay},
            {"params": vectors, "weight_decay": 0.0},  # biases and gains are not to shrink
        ]
        self.optimizer = torch.optim.AdamW(groups, betas=settings.betas, fused=True)

    def step(self, number: int, ids: Tensor, targets: Tensor) -> None:
        """Learn from one batch."""
        settings, device = self.settings, self.model.device
        rows = self.processes.share(len(ids))
        with torch.random.fork_rng([device] if device.type == "cuda" else []):
            # Which units are dropped depends on the step alone, not on what was drawn before.
            torch.manual_seed((settings.seed + number) * self.processes.n + self.processes.rank)
            loss = self.loss(ids[rows].to(device), targets[rows].to(device))
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        loss = self.processes.average(loss.detach(), self.model.parameters())
        norm = nn.utils.clip_grad_norm_(self.model.parameters(), settings.clip)
        if not math.isfinite(loss) or not math.isfinite(norm):
            raise FloatingPointError(
                f"the loss is {loss:.3g} and its gradient {float(norm):.3g} long at step {number}: "
                f"training diverged. A lower learning_rate than {settings.learning_rate:g} or a "
                "longer warm-up may help, in another folder; what was saved is kept"
            )
        for group in self.optimizer.param_groups:
            group["lr"] = settings.learning_rate_at(number)
        self.optimizer.step()
        self.run.losses.append(float(loss))
        self.run.gradient_norms.append(float(norm))

    def loss(self, ids: Tensor, targets: Tensor) -> Tensor:
        if self.precision == "float32":
            return self.model.loss(ids, targets)
        with torch.autocast(self.model.device.type, torch.bfloat16):
            return self.model(ids, targets)[1]

    def state(self) -> dict[str, Tensor]:
        """Return all numbers that the steps to come depend on, and those that tell of the past."""
        tensors = {f"model.{name}": weight for name, weight in self._weights().items()}
        for name, weight in self._weights().items():
            for key, value in self.optimizer.state[weight].items():
                tensors[f"optimizer.{name}.{key}"] = value
        for name in ("losses", "gradient_norms"):
            tensors[f"run.{name}"] = torch.tensor(getattr(self.run, name), dtype=torch.float64)
        return tensors

    @torch.no_grad()
    def restore(self, tensors: dict[str, Tensor]) -> None:
        """Become what ``state`` described."""
        for name, weight in self._weights().items():
            weight.copy_(tensors[f"model.{name}"])
            keys = [key for key in tensors if key.startswith(f"optimizer.{name}.")]
            self.optimizer.state[weight] = {
                key.rpartition(".")[2]: tensors[key].to(weight.device) for key in keys
            }
        self.run.losses = tensors["run.losses"].tolist()
        self.run.gradient_norms = tensors["run.gradient_norms"].tolist()

    def _weights(self) -> dict[str, Tensor]:
        return dict(self.model.named_parameters())


class _Checkpoints:
    """Where a trainer's state is kept, and what it must belong to."""

    def __init__(
        self, folder: Path, trainer: Trainer, batches: Batches, found: Checkpoint | None
    ) -> None:
        self.folder, self.trainer = folder, trainer
        identity = asdict(trainer.model.config) | asdict(trainer.settings)
        identity |= {"batch_size": batches.batch_size, "data_sha256": batches.fingerprint}
        self.identity = json.loads(json.dumps(identity, default=float))  # as it is in the file
        if found is None:
            return
        tensors, facts = found
        here, there = self.identity, facts["identity"]
        names = [name for name in here if here[name] != there.get(name)]
        others = "; ".join(f"{name} {there.get(name)}, not {here[name]}" for name in names)
        if others:
            raise ValueError(f"{folder} has a checkpoint of another run, with {others}")
        trainer.restore(tensors)
        for name in KEPT:
            setattr(trainer.run, name, facts[name])

    def write(self) -> None:
        """Write one, in the first process; the others need not wait for it."""
        if self.trainer.processes.first:
            facts = {name: getattr(self.trainer.run, name) for name in KEPT}
            facts |= {"identity": self.identity, "precision": self.trainer.precision}
            write_checkpoint(self.folder, self.trainer.state(), facts)


def _require_fit(model: GPT, batches: Batches, processes: Processes) -> None:
    config, vocab_size = model.config, batches.vocab_size
    require(
        vocab_size == config.vocab_size,
        "batches",
        f"made with a tokenizer of the model's vocabulary size, {config.vocab_size}",
        vocab_size,
    )
    length, longest = batches.context_length, config.context_length
    require(length <= longest, "batches", f"rows of at most {longest} tokens", length)
    multiple = batches.batch_size % processes.n == 0
    allowed = f"of a size that {processes.n} processes can share evenly"
    require(multiple, "batches", allowed, batches.batch_size)


def _precision(asked: str, device: torch.device) -> tuple[str, float]:
    """Return the precision to train in, and the FLOPs a second that this machine reaches in it."""
    require(asked in PRECISIONS, "precision", f"one of {', '.join(PRECISIONS)}", asked)
    if asked != "auto":
        return asked, peak_flops(asked, device.type)
    peaks = {name: peak_flops(name, device.type) for name in ("float32", "bfloat16")}
    pays = peaks["bfloat16"] > WORTH_IT * peaks["float32"]
    chosen = "bfloat16" if pays else "float32"
    return chosen, peaks[chosen]


def _bar(run: Run, settings: Settings, shown: bool) -> tqdm:
    n, done = settings.n_steps, len(run.losses)
    return tqdm(desc="training", total=n, initial=done, unit="step", disable=not shown)


def _in_short(run: Run) -> str:
    recent = run.losses[-50:]
    return (
        f"loss {sum(recent) / len(recent):.3f}, {run.n_tokens / run.seconds:,.0f} tokens/s, "
        f"{run.utilization:.0%} of peak"
    )


if __name__ == "__main__":
    from fmlab.ladder import main

    main()
