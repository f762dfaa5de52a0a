"""Copying a model through its answers: how much more do its probabilities give away than its words?

The teacher is ``micro``. It is asked for the same few words again and again ("Review of the"), and
a much smaller student learns from the answers: from the text alone, as from any other text; from
the text and the five likeliest tokens of every step, with their log-probabilities; or from the
log-probabilities of all tokens. All students see the same answers, in the same order, as often.

    python -m fmlab.experiments.extraction    # some minutes; writes book/results/extraction.json

Shapes: N queries, B batch, T positions that are answered, V vocabulary.
"""

from __future__ import annotations

import time
from statistics import mean

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from fmlab import models
from fmlab.arguments import require, require_count
from fmlab.batches import END_OF_TEXT
from fmlab.experiments import recording
from fmlab.generation import generate
from fmlab.ladder import LADDER
from fmlab.tokenization import BPETokenizer
from fmlab.transformer import GPT

QUESTION, ANSWER = "Review of the", 44  # what the teacher is asked, and how many tokens it answers
REVEALED = ("text", "top 5", "logprobs")
TOP = 5
HELD_OUT = 64  # answers that no student sees; all are judged on them
BATCH_SIZE, LEARNING_RATE, CLIP, WARMUP = 4, 8e-3, 1.0, 20
JUDGED_EVERY = 20  # steps

LIVE = dict(n_queries=16, n_steps=120)  # the point that the chapter computes anew
GRID = [
    LIVE,
    dict(n_queries=64, n_steps=300),
    dict(n_queries=256, n_steps=600),
    dict(n_queries=1024, n_steps=1200),
]  # the more there is to learn from, the longer a student may learn
SEEDS = (0, 1, 2)


class Teacher:
    """A model behind an interface: ask it, and its answers come with their probabilities."""

    def __init__(self, model: GPT, tokenizer: BPETokenizer) -> None:
        self.model = model
        self.prompt = [tokenizer.special_tokens[END_OF_TEXT], *tokenizer.encode(QUESTION)]

    def answers(self, n: int, seed: int) -> Tensor:
        """Ask n times; return prompts and sampled answers, (n, prompt + ANSWER)."""
        require_count("n", n)
        rng = np.random.default_rng([seed, n])
        sizes = [min(128, n - start) for start in range(0, n, 128)]
        asked = [generate(self.model, self.prompt, ANSWER, n=size, rng=rng) for size in sizes]
        return torch.tensor([row for each in asked for row in each.sequences])

    @torch.no_grad()
    def logprobs(self, rows: Tensor) -> Tensor:
        """Return what the teacher says of every token of its answers, (B, ANSWER, V)."""
        return F.log_softmax(answered(self.model, rows, self.prompt), dim=-1)


def answered(model: GPT, rows: Tensor, prompt: list[int]) -> Tensor:
    """Return a model's logits at the positions that are answered, (B, ANSWER, V)."""
    return model(rows[:, :-1])[0][:, len(prompt) - 1 :]


def loss(student: GPT, teacher: Teacher, rows: Tensor, revealed: str) -> Tensor:
    """Return the mean cross-entropy, in nats, of what was revealed and what the student says.

    "text": the token that was drawn, with probability 1. "logprobs": all V probabilities. "top 5":
    the five largest ones, and one for all other tokens together.
    """
    logq = F.log_softmax(answered(student, rows, teacher.prompt), dim=-1)  # (B, T, V)
    if revealed == "text":
        return F.nll_loss(logq.flatten(0, 1), rows[:, len(teacher.prompt) :].flatten())
    logp = teacher.logprobs(rows)
    if revealed == "logprobs":
        return -(logp.exp() * logq).sum(-1).mean()
    logp, ids = logp.topk(TOP, dim=-1)  # (B, T, 5)
    logq, p = logq.gather(-1, ids), logp.exp()
    rest = (1 - logq.exp().sum(-1)).clamp(min=1e-6).log()  # of the student's, (B, T)
    return -((p * logq).sum(-1) + (1 - p.sum(-1)) * rest).mean()


def copy(
    teacher: Teacher, rows: Tensor, revealed: str, n_steps: int, held_out: Tensor, seed: int = 0
) -> float:
    """Train a student on answers (N, ...); return its distance from the teacher at its best moment.

    The distance is KL(teacher || student) in nats per token, on answers that no student saw. It is
    taken every ``JUDGED_EVERY`` steps and the least one counts: a student that begins to learn its
    few answers by heart is stopped before that.
    Errors: ``ValueError`` for a ``revealed`` that is not in ``REVEALED``.
    """
    require(revealed in REVEALED, "revealed", f"one of {', '.join(REVEALED)}", revealed)
    require_count("n_steps", n_steps, least=JUDGED_EVERY)
    student = GPT(LADDER["nano"].config, seed=seed)
    optimizer = torch.optim.AdamW(student.parameters(), betas=(0.9, 0.95), weight_decay=0.1)
    truth = teacher.logprobs(held_out)
    order = batches(len(rows), n_steps, seed)
    distances = []
    for step, batch in enumerate(order):
        error = loss(student, teacher, rows[batch], revealed)
        optimizer.zero_grad()
        error.backward()
        torch.nn.utils.clip_grad_norm_(student.parameters(), CLIP)
        warm, left = min(1.0, (step + 1) / WARMUP), 1 - step / n_steps
        optimizer.param_groups[0]["lr"] = LEARNING_RATE * warm * left
        optimizer.step()
        if (step + 1) % JUDGED_EVERY == 0:
            distances.append(divergence(truth, student, held_out, teacher.prompt))
    return min(distances)


def batches(n_rows: int, n_steps: int, seed: int) -> list[np.ndarray]:
    """Return which rows each step learns from: all once, then all again in another order."""
    rng = np.random.default_rng(seed)
    passes = -(-n_steps * BATCH_SIZE // n_rows)  # rounded up
    order = np.concatenate([rng.permutation(n_rows) for _ in range(passes)])
    return np.split(order[: n_steps * BATCH_SIZE], n_steps)


@torch.no_grad()
def divergence(truth: Tensor, student: GPT, rows: Tensor, prompt: list[int]) -> float:
    """Return KL(teacher || student), the mean over all positions that are answered, in nats."""
    logq = F.log_softmax(answered(student, rows, prompt), dim=-1)
    return float((truth.exp() * (truth - logq)).sum(-1).mean())


def point(teacher: Teacher, revealed: str, n_queries: int, n_steps: int, seed: int = 0) -> float:
    """Ask n_queries times, make a copy, and return how far it is from the teacher; see ``copy``."""
    rows, held_out = teacher.answers(n_queries, seed), teacher.answers(HELD_OUT, seed=1000)
    return copy(teacher, rows, revealed, n_steps, held_out, seed)


def run() -> dict:
    """Make all copies of ``GRID``; return what goes into the record, distances to 4 decimals."""
    torch.set_num_threads(1)  # as in the chapter, so that sums are added in the same order
    teacher = Teacher(*models.load("micro"))
    found = []
    for settings in GRID:
        distances = {
            revealed: [round(point(teacher, revealed, **settings, seed=s), 4) for s in SEEDS]
            for revealed in REVEALED
        }
        found.append(settings | {"distance": distances})
        print(
            settings, {name: round(mean(each), 3) for name, each in distances.items()}, flush=True
        )
    return {"question": QUESTION, "answer": ANSWER, "seeds": SEEDS, "points": found}


if __name__ == "__main__":
    started = time.perf_counter()
    results, command = run(), "python -m fmlab.experiments.extraction"
    seconds = time.perf_counter() - started
    print(recording.record("extraction", results, command=command, seconds=seconds))
