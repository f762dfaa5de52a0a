"""Training steps against Hugging Face's GPT-2 with the same weights, and against the machine."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import nn

from fmlab.models.configs import GPTConfig
from fmlab.models.gpt import GPT
from fmlab.recipes.pretrain import CONTEXT_LENGTH, LADDER
from fmlab.scaling.costs import count_parameters, forward_flops, peak_flops
from fmlab.training.distributed import Processes
from fmlab.training.loop import Settings, Trainer
from tests.benchmarks.bench import progress, race, row

PACKAGES = ["torch", "transformers"]
STEPS = 4  # per round; a single one is too short to time


def rows(rounds: int, quick: bool = False) -> Iterator[dict]:
    for name in ("micro", "small"):
        yield from rows_of(LADDER[name].config, rounds, batch_size=2 if quick else 16)


def rows_of(config: GPTConfig, rounds: int, batch_size: int) -> Iterator[dict]:
    size = f"{count_parameters(config) / 1e6:.1f}M parameters, {batch_size} x {CONTEXT_LENGTH}"
    progress(f"training steps of {size} tokens")
    settings = Settings(n_steps=1000)
    ours, theirs = GPT(config), GPT(config).to_huggingface().train()
    trainer = Trainer(ours.train(), settings, "float32", Processes())
    optimizer = torch.optim.AdamW(theirs.parameters(), weight_decay=0.1, fused=True)
    ids = torch.randint(config.vocab_size, (batch_size, CONTEXT_LENGTH))
    targets = ids.roll(-1, dims=1)  # theirs shifts them itself, and leaves out the last one
    with torch.no_grad():
        losses = ours.loss(ids[:, :-1], targets[:, :-1]), theirs(ids, labels=ids).loss
    if abs(float(losses[0] - losses[1])) > 1e-4:
        raise RuntimeError(f"the two have different losses, {losses}: times are not comparable")

    def step() -> None:
        for number in range(STEPS):
            trainer.step(number, ids, targets)

    def their_step() -> None:
        for _ in range(STEPS):
            optimizer.zero_grad(set_to_none=True)
            theirs(ids, labels=ids).loss.backward()
            nn.utils.clip_grad_norm_(theirs.parameters(), settings.clip)
            optimizer.step()

    seconds = race(rounds, fmlab=lambda: step, peer=lambda: their_step)
    work = f"{STEPS} training steps, {size} tokens, float32"
    peer = "Hugging Face GPT2LMHeadModel, same weights, torch's fused AdamW"
    yield row(work, peer, seconds["fmlab"], seconds["peer"], target=1.3)
    flops = 3 * STEPS * forward_flops(config, CONTEXT_LENGTH, batch=batch_size)
    peak = max(peak_flops(), peak_flops(size=2048))
    peer = "this machine's measured peak for matrix products: the ratio is the utilization"
    yield row(work, peer, seconds["fmlab"], flops / peak, target=0.5)
