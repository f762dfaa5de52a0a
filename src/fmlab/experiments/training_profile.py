"""Where does the time of a training step go? PyTorch's operations, grouped by what they do.

The steps are those of ``make bench``: models of the ladder, 16 rows of 256 tokens, float32. Almost
all FLOPs are in matrix products and attention. So the fraction of the time that they take, times
the speed at which they run, limits how much of the machine's peak a step can reach.

    python -m fmlab.experiments training_profile    # a minute, on a quiet machine

Results are written to book/results/training_profile.json.
"""

from __future__ import annotations

import torch
from torch.profiler import ProfilerActivity, profile

from fmlab.models.gpt import GPT
from fmlab.recipes.pretrain import CONTEXT_LENGTH, LADDER
from fmlab.scaling.costs import count_parameters
from fmlab.training.distributed import Processes
from fmlab.training.loop import Settings, Trainer

SIZES, BATCH, STEPS = ("micro", "small"), 16, 8
GROUPS = {  # parts of the names of PyTorch's operations
    "attention": ("scaled_dot_product",),
    "matrix products": ("::mm", "::addmm", "::bmm", "::linear", "::matmul"),
    "layer normalization": ("layer_norm",),
    "GELU": ("gelu",),
    "optimizer": ("adamw",),
    "moving data": ("copy", "::cat", "::fill", "zero", "index", "embedding", "clone", "gather"),
}
REST = "loss, sums and other elementwise operations"


def group_of(operation: str) -> str:
    """Return the group that an operation of PyTorch belongs to.

    >>> group_of("aten::addmm"), group_of("aten::exp_")
    ('matrix products', 'loss, sums and other elementwise operations')
    """
    parts = ((name, part) for name, parts in GROUPS.items() for part in parts)
    return next((name for name, part in parts if part in operation), REST)


def shares(size: str, n_steps: int = STEPS) -> dict[str, float]:
    """Return which fraction of the time of training steps each group takes, the largest first."""
    config = LADDER[size].config
    trainer = Trainer(GPT(config).train(), Settings(n_steps=1000), "float32", Processes())
    generator = torch.Generator().manual_seed(0)
    shape = (BATCH, CONTEXT_LENGTH)
    ids = torch.randint(config.vocab_size, shape, generator=generator)
    targets = ids.roll(-1, dims=1)
    trainer.step(0, ids, targets)  # the first one takes longer
    with profile(activities=[ProfilerActivity.CPU]) as found:
        for number in range(1, n_steps + 1):
            trainer.step(number, ids, targets)
    seconds = dict.fromkeys([*GROUPS, REST], 0.0)
    for event in found.key_averages():
        seconds[group_of(event.key.lower())] += event.self_cpu_time_total
    total = sum(seconds.values())
    ordered = sorted(seconds.items(), key=lambda pair: -pair[1])
    return {name: round(value / total, 4) for name, value in ordered}


def run() -> dict:
    """Profile both sizes, with the threads that PyTorch chooses."""
    parameters = {size: count_parameters(LADDER[size].config) for size in SIZES}
    found = {size: shares(size) for size in SIZES}
    return {"rows": BATCH, "tokens": CONTEXT_LENGTH, "parameters": parameters, "shares": found}
