"""Model extraction: how much more do a model's probabilities reveal than its text alone?

The teacher is ``micro``. It gets the same prompt again and again ("Review of the"), and a much
smaller student learns from the answers: from the text alone; from the text and the five most likely
tokens of every step, with their log-probabilities; or from the log-probabilities of all tokens. All
students see the same answers, equally often and in the same order.

    python -m fmlab.experiments extraction    # some minutes; writes book/results/extraction.json

Shapes: N queries, B batch, T answer positions, V vocabulary.
"""

from __future__ import annotations

from statistics import mean

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from fmlab import models
from fmlab.arguments import require, require_count
from fmlab.generation.decoding import generate
from fmlab.models.gpt import GPT
from fmlab.recipes.pretrain import LADDER
from fmlab.tokenization.special_tokens import END_OF_TEXT
from fmlab.tokenization.tokenizers import BPETokenizer
from fmlab.training.loop import update

QUESTION, ANSWER = "Review of the", 44  # the prompt, and the length of each answer in tokens
REVEALED = ("text", "top 5", "logprobs")
TOP = 5
HELD_OUT = 64  # answers that no student sees, to evaluate all students on
BATCH_SIZE, LEARNING_RATE, CLIP, WARMUP = 4, 8e-3, 1.0, 20
ADVICE = "A lower LEARNING_RATE may help"
EVALUATE_EVERY = 20  # steps

LIVE = dict(n_queries=16, n_steps=120)  # the chapter repeats this one
GRID = [
    LIVE,
    dict(n_queries=64, n_steps=300),
    dict(n_queries=256, n_steps=600),
    dict(n_queries=1024, n_steps=1200),
]  # with more answers to learn from, a student trains for longer
SEEDS = (0, 1, 2)


class Teacher:
    """A model behind an interface that returns sampled answers and their log-probabilities."""

    def __init__(self, model: GPT, tokenizer: BPETokenizer) -> None:
        self.model = model
        self.prompt = [tokenizer.special_tokens[END_OF_TEXT], *tokenizer.encode(QUESTION)]

    def answers(self, n: int, seed: int) -> Tensor:
        """Query the model n times; return prompts with sampled answers, (n, prompt + ANSWER)."""
        require_count("n", n)
        rng = np.random.default_rng([seed, n])
        sizes = [min(128, n - start) for start in range(0, n, 128)]
        batches = [generate(self.model, self.prompt, ANSWER, n=size, rng=rng) for size in sizes]
        return torch.tensor([row for batch in batches for row in batch.sequences])

    @torch.no_grad()
    def logprobs(self, rows: Tensor) -> Tensor:
        """Return the teacher's log-probabilities at every answer position, (B, ANSWER, V)."""
        return F.log_softmax(answer_logits(self.model, rows, self.prompt), dim=-1)


def answer_logits(model: GPT, rows: Tensor, prompt: list[int]) -> Tensor:
    """Return a model's logits at the answer positions, (B, ANSWER, V)."""
    return model(rows[:, :-1])[0][:, len(prompt) - 1 :]


def loss(student: GPT, teacher: Teacher, rows: Tensor, revealed: str) -> Tensor:
    """Return the mean cross-entropy, in nats, between the revealed targets and the student.

    Targets are, for "text": the sampled token, with probability 1; for "logprobs": all V
    probabilities; for "top 5": the five largest, and one for all other tokens together.
    """
    logq = F.log_softmax(answer_logits(student, rows, teacher.prompt), dim=-1)  # (B, T, V)
    if revealed == "text":
        return F.nll_loss(logq.flatten(0, 1), rows[:, len(teacher.prompt) :].flatten())
    logp = teacher.logprobs(rows)
    if revealed == "logprobs":
        return -(logp.exp() * logq).sum(-1).mean()
    logp, ids = logp.topk(TOP, dim=-1)  # (B, T, 5)
    logq, p = logq.gather(-1, ids), logp.exp()
    rest = (1 - logq.exp().sum(-1)).clamp(min=1e-6).log()  # of all other tokens, (B, T)
    return -((p * logq).sum(-1) + (1 - p.sum(-1)) * rest).mean()


def copy(
    teacher: Teacher, rows: Tensor, revealed: str, n_steps: int, held_out: Tensor, seed: int = 0
) -> float:
    """Train a student on answers (N, ...); return its smallest distance from the teacher.

    The distance is KL(teacher || student) in nats per token, on held-out answers, computed every
    ``EVALUATE_EVERY`` steps. Taking the smallest one is early stopping, before a student memorizes
    its few answers.
    Errors: ``ValueError`` for a ``revealed`` that is not in ``REVEALED``.
    """
    require(revealed in REVEALED, "revealed", f"one of {', '.join(REVEALED)}", revealed)
    require_count("n_steps", n_steps, least=EVALUATE_EVERY)
    student = GPT(LADDER["nano"].config, seed=seed)
    optimizer = torch.optim.AdamW(student.parameters(), betas=(0.9, 0.95), weight_decay=0.1)
    truth = teacher.logprobs(held_out)
    order = batches(len(rows), n_steps, seed)
    distances = []
    for step, batch in enumerate(order):
        batch_loss = loss(student, teacher, rows[batch], revealed)
        warmup, decay = min(1.0, (step + 1) / WARMUP), 1 - step / n_steps
        learning_rate = LEARNING_RATE * warmup * decay
        update(optimizer, batch_loss, clip=CLIP, advice=ADVICE, learning_rate=learning_rate)
        if (step + 1) % EVALUATE_EVERY == 0:
            distances.append(divergence(truth, student, held_out, teacher.prompt))
    return min(distances)


def batches(n_rows: int, n_steps: int, seed: int) -> list[np.ndarray]:
    """Return the row numbers of each step: all rows once, then all again in another order."""
    rng = np.random.default_rng(seed)
    passes = -(-n_steps * BATCH_SIZE // n_rows)  # rounded up
    order = np.concatenate([rng.permutation(n_rows) for _ in range(passes)])
    return np.split(order[: n_steps * BATCH_SIZE], n_steps)


@torch.no_grad()
def divergence(truth: Tensor, student: GPT, rows: Tensor, prompt: list[int]) -> float:
    """Return KL(teacher || student), the mean over all answer positions, in nats."""
    logq = F.log_softmax(answer_logits(student, rows, prompt), dim=-1)
    return float((truth.exp() * (truth - logq)).sum(-1).mean())


def point(teacher: Teacher, revealed: str, n_queries: int, n_steps: int, seed: int = 0) -> float:
    """Query the teacher n_queries times, train a copy, and return its distance; see ``copy``."""
    rows, held_out = teacher.answers(n_queries, seed), teacher.answers(HELD_OUT, seed=1000)
    return copy(teacher, rows, revealed, n_steps, held_out, seed)


def run() -> dict:
    """Train all copies of ``GRID``; return the results, with distances rounded to 4 decimals."""
    torch.set_num_threads(1)  # as in the chapter, so that sums are computed in the same order
    teacher = Teacher(*models.load("micro"))
    points = []
    for settings in GRID:
        distances = {
            revealed: [round(point(teacher, revealed, **settings, seed=s), 4) for s in SEEDS]
            for revealed in REVEALED
        }
        points.append(settings | {"distance": distances})
        means = {revealed: round(mean(values), 3) for revealed, values in distances.items()}
        print(settings, means, flush=True)
    return {"question": QUESTION, "answer": ANSWER, "seeds": SEEDS, "points": points}
