"""Pre-training: predict the next token, measure the error, and change every weight a little.

``pretrain`` is the entry point; ``Settings`` has the hyperparameters. The learning rate warms up,
then decays along half a cosine; gradients are clipped to a maximum norm. After an interrupt, the
same call resumes and ends with the same weights as an uninterrupted run. When started by
``torchrun``, several processes share each batch and average their gradients.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import torch

from fmlab.arguments import is_number, require
from fmlab.data.packing import Batches
from fmlab.models.gpt import GPT
from fmlab.scaling.costs import forward_flops, peak_flops
from fmlab.training.checkpoints import Checkpoint, read_checkpoint, write_checkpoint
from fmlab.training.distributed import Processes
from fmlab.training.loop import OnStep, Settings, Trainer, training_steps
from fmlab.training.run import Run

PRECISIONS = ("auto", "float32", "bfloat16")
MIN_BFLOAT16_SPEEDUP = 1.5  # bfloat16 is less precise, so it must be at least this much faster

MeasurePeak = Callable[[str, str], float]


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
    on_step: OnStep | None = None,
    measure_peak: MeasurePeak = peak_flops,
) -> Run:
    """Train the model in place, on its device.

    With a ``folder``, training resumes from the checkpoint in it, if there is one, and writes
    another every ``save_every`` seconds. Ctrl-C, SIGTERM or the end of ``minutes`` stop it after
    the current step, with a checkpoint; ``Run.finished`` says whether it took all steps. However it
    ends, the model is left in evaluation mode. ``on_step`` is called with the run after each step.
    ``precision`` "auto" chooses bfloat16 where that is much faster. ``measure_peak`` measures the
    FLOP/s of a precision on a type of device.
    Errors: ``ValueError`` for a tokenizer or rows that do not fit the model, or a folder with a
    checkpoint of another run; ``FloatingPointError`` once the loss is NaN or infinite; ``OSError``
    if a checkpoint cannot be written. The last good checkpoint is kept in any case.
    """
    require(is_number(minutes) and minutes >= 0, "minutes", "a number of at least 0", minutes)
    processes = Processes.joined(model.device)
    _require_fit(model, batches, processes)
    checkpoint = None if folder is None else read_checkpoint(Path(folder))
    processes.wait()  # else the first process might replace it while another one reads it
    if checkpoint and precision == "auto":
        precision = checkpoint[1].get("precision", precision)  # keep that of the first steps
    precision, peak = _precision(precision, model.device, measure_peak)
    trainer = Trainer(model, settings, precision, processes)
    run, checkpoints = trainer.run, None
    if folder is not None:
        checkpoints = _Checkpoints(Path(folder), trainer, batches)
        checkpoints.restore(checkpoint)
    run.peak_flops = peak * processes.n
    deadline = time.monotonic() + 60 * minutes
    n_tokens = batches.batch_size * batches.context_length
    flops = 3 * forward_flops(model.config, batches.context_length, batch=batches.batch_size)

    def after_step(run: Run) -> None:
        if on_step is not None:
            on_step(run)
        if checkpoints is not None:
            checkpoints.write_if_due(save_every)

    model.train()
    try:
        for number in training_steps(
            run,
            settings.n_steps,
            "training",
            progress=progress and processes.first,
            on_step=after_step,
            stop=lambda interrupted: processes.any(interrupted or time.monotonic() > deadline),
            summary=_summary,
            minutes=minutes,
        ):
            trainer.step(number, *batches[number])
            run.count(trained=n_tokens)
            run.flops += flops
        if checkpoints is not None:
            checkpoints.write()
        processes.wait()
    finally:
        model.eval()
    return run


class _Checkpoints:
    """The checkpoints of a trainer, and what identifies its run."""

    FACTS = ("identity", "seconds", "flops", "n_tokens")

    def __init__(self, folder: Path, trainer: Trainer, batches: Batches) -> None:
        self.folder, self.trainer, self.last_write = folder, trainer, time.monotonic()
        identity = asdict(trainer.model.config) | asdict(trainer.settings)
        identity |= {"batch_size": batches.batch_size, "data_sha256": batches.fingerprint}
        self.identity = json.loads(json.dumps(identity, default=float))  # as it is read from a file

    def restore(self, checkpoint: Checkpoint | None) -> None:
        """Return the trainer to the state in a checkpoint, if there is one.

        Errors: ``ValueError`` for a checkpoint of another run, or of another version.
        """
        if checkpoint is None:
            return
        tensors, facts = checkpoint
        missing = [name for name in self.FACTS if name not in facts]
        missing = missing or self.trainer.missing_in(tensors)
        if missing:
            raise ValueError(
                f"{self.folder} has a checkpoint of another version of fmlab: it lacks "
                f"{missing[0]}. Finish that run with the version that started it, or use another "
                "folder"
            )
        saved, current = facts["identity"], self.identity
        names = [name for name in current | saved if current.get(name) != saved.get(name)]
        differences = "; ".join(
            f"{name} {saved.get(name)}, not {current.get(name)}" for name in names
        )
        if differences:
            raise ValueError(
                f"{self.folder} has a checkpoint of another run, with {differences}. Use the same "
                "settings to resume it, or another folder"
            )
        self.trainer.restore(tensors)
        run = self.trainer.run
        run.seconds, run.flops = facts["seconds"], facts["flops"]
        run.count(trained=facts["n_tokens"])

    def write_if_due(self, every: float) -> None:
        """Write a checkpoint if the last one is at least ``every`` seconds old."""
        if time.monotonic() - self.last_write >= every:
            self.write()
            self.last_write = time.monotonic()

    def write(self) -> None:
        """Write a checkpoint, in the first process; the others need not wait for it."""
        if self.trainer.processes.first:
            run = self.trainer.run
            facts = {"seconds": run.seconds, "flops": run.flops, "n_tokens": run.n_tokens}
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


def _precision(
    requested: str, device: torch.device, measure_peak: MeasurePeak
) -> tuple[str, float]:
    """Return the precision to train in, and the FLOP/s that this machine reaches in it."""
    require(requested in PRECISIONS, "precision", f"one of {', '.join(PRECISIONS)}", requested)
    if requested != "auto":
        return requested, measure_peak(requested, device.type)
    peaks = {name: measure_peak(name, device.type) for name in ("float32", "bfloat16")}
    is_faster = peaks["bfloat16"] > MIN_BFLOAT16_SPEEDUP * peaks["float32"]
    chosen = "bfloat16" if is_faster else "float32"
    return chosen, peaks[chosen]


def _summary(run: Run) -> str:
    return (
        f"loss {run.recent('loss'):.3f}, {run.n_tokens / run.seconds:,.0f} tokens/s, "
        f"{run.utilization:.0%} of peak"
    )
