"""Supervised finetuning: a model that goes on with any text learns to respond to prompts.

The training is that of ``fmlab.training``, step for step; what is new is the data. Each example is
a prompt with a response that somebody demonstrated, and the loss counts the response alone: the
model learns what to say when it is asked, not how to ask. A batch holds examples of about equal
length, so that little of it is padding.

Shapes: B batch, T positions. Source: Ouyang et al. (2022), Training Language Models to Follow
Instructions with Human Feedback, section 3.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor, nn
from tqdm import tqdm

from fmlab.arguments import require, require_count
from fmlab.chat import Dialogues, Ids, prompt_ids, response_ids, token_logprobs
from fmlab.generation import inference
from fmlab.losses import IGNORED
from fmlab.processes import Processes, stop_requested
from fmlab.scaling import forward_flops
from fmlab.surprise import batches as of_equal_length
from fmlab.tokenization import BPETokenizer
from fmlab.training import Run, Settings, Trainer
from fmlab.transformer import GPT

LOSS_ON = ("response", "all")
TOKENS_AT_ONCE = 8192  # in a batch that is only read
WINDOW = (
    16  # batches whose examples are sorted by length; more of them, and order is no longer luck
)

Pairs = Sequence[tuple[str, str]]
Batch = Callable[[int], tuple[Tensor, Tensor]]


@dataclass
class FinetuningRun(Run):
    """How finetuning went; beside what a ``Run`` tells:

    ``n_tokens`` are those of the examples, without padding; ``flops`` those of all steps;
    ``held_out_losses`` the mean loss on held-out pairs before the first step and after the last.
    """

    flops: float = 0.0
    held_out_losses: list[float] = field(default_factory=list)


def finetune(
    model: GPT,
    tokenizer: BPETokenizer,
    pairs: Pairs,
    *,
    n_epochs: int = 1,
    n_steps: int | None = None,
    learning_rate: float = 1e-3,
    batch_size: int = 16,
    loss_on: str = "response",
    held_out: Pairs = (),
    seed: int = 0,
    progress: bool = True,
    on_step: Callable[[FinetuningRun], object] | None = None,
) -> FinetuningRun:
    """Train the model in place on (prompt, response) texts; return how it went.

    It goes through the pairs ``n_epochs`` times, or until ``n_steps`` are done, in an order that
    the ``seed`` decides. The learning rate rises in a twentieth of the steps and falls to nothing.
    ``loss_on`` "all" counts the tokens of the prompt as well, as in pre-training. ``on_step`` is
    called after each step. Ctrl-C ends it after a step, and the model keeps what it has learned.
    Errors: ``ValueError`` for no pairs, one that is longer than the context, or a tokenizer that
    does not fit; ``FloatingPointError`` once the loss is no number.
    """
    require(loss_on in LOSS_ON, "loss_on", f"one of {', '.join(LOSS_ON)}", loss_on)
    data = _encode(model, tokenizer, pairs)
    lengths = (data.last + 1).tolist()
    order = Order(lengths, batch_size, seed)
    settings = finetuning_settings(order, n_epochs, n_steps, learning_rate, seed)

    def batch(number: int) -> tuple[Tensor, Tensor]:
        run.n_tokens += sum(lengths[i] for i in order[number])
        rows = data.rows(order[number])
        return rows.ids, targets_of(rows, loss_on)

    run = FinetuningRun()
    if len(held_out) > 0:
        run.held_out_losses.append(response_loss(model, tokenizer, held_out))
    train_on(model, batch, settings, run, progress=progress, on_step=on_step)
    if len(held_out) > 0:
        run.held_out_losses.append(response_loss(model, tokenizer, held_out))
    return run


def train_on(
    model: nn.Module,
    batch: Batch,
    settings: Settings,
    run: FinetuningRun,
    *,
    progress: bool = True,
    on_step: Callable[[FinetuningRun], object] | None = None,
) -> None:
    """Take the steps of ``settings`` with ``model.loss(*batch(number))``, and note them in ``run``.

    The model has ``config``, ``device`` and ``loss``: a GPT, or something made from one. It ends in
    evaluation mode. Errors: ``FloatingPointError`` once the loss is no number.
    """
    trainer = Trainer(model, settings, "float32", Processes())
    trainer.run = run
    model.train()
    bar = tqdm(desc="finetuning", total=settings.n_steps, unit="step", disable=not progress)
    with stop_requested() as stopped, bar:
        try:
            for number in range(settings.n_steps):
                if stopped():
                    break
                started = time.perf_counter()
                ids, targets = batch(number)
                trainer.step(number, ids, targets)
                run.seconds += time.perf_counter() - started
                n_rows, length = ids.shape
                run.flops += 3 * forward_flops(model.config, length, batch=n_rows)
                bar.update()
                bar.set_postfix_str(f"loss {np.mean(run.losses[-50:]):.3f}", refresh=False)
                if on_step is not None:
                    on_step(run)
        finally:
            model.eval()
    run.finished = len(run.losses) == settings.n_steps


class Order(Sequence[list[int]]):
    """Which examples each step learns from: all of them once in every epoch, in another order.

    Those of a batch are about equally long. ``order[i]`` are the rows of step i, for any i.
    """

    def __init__(self, lengths: Sequence[int], batch_size: int, seed: int = 0) -> None:
        require_count("batch_size", batch_size)
        require_count("seed", seed, least=0)
        require(len(lengths) > 0, "lengths", "those of at least one example", lengths)
        self.lengths, self.batch_size, self.seed = list(lengths), batch_size, seed
        self._epochs: dict[int, list[list[int]]] = {}

    def __len__(self) -> int:
        """Number of batches of an epoch."""
        full, rest = divmod(len(self.lengths), self.batch_size)
        return full + (rest > 0)

    def __getitem__(self, i: int) -> list[int]:
        epoch, number = divmod(i, len(self))
        if epoch not in self._epochs:
            self._epochs[epoch] = list(self._of(epoch))
        return self._epochs[epoch][number]

    def _of(self, epoch: int) -> Iterator[list[int]]:
        rng = np.random.default_rng([self.seed, epoch])
        shuffled = rng.permutation(len(self.lengths)).tolist()
        size, found = WINDOW * self.batch_size, []
        for start in range(0, len(shuffled), size):
            window = shuffled[start : start + size]
            lengths = [self.lengths[i] for i in window]
            for rows in of_equal_length(lengths, self.batch_size, math.inf):
                found.append([window[row] for row in rows])
        return (found[i] for i in rng.permutation(len(found)))


def finetuning_settings(
    order: Order, n_epochs: int, n_steps: int | None, learning_rate: float, seed: int
) -> Settings:
    """Return how to train for so many epochs or steps: up for a twentieth of them, then down."""
    require_count("n_epochs", n_epochs)
    if n_steps is None:
        n_steps = n_epochs * len(order)
    require_count("n_steps", n_steps)
    return Settings(n_steps, learning_rate, warmup_steps=n_steps // 20, final_share=0.0, seed=seed)


def targets_of(dialogues: Dialogues, loss_on: str = "response") -> Tensor:
    """Return what the loss asks for at each position, (B, T); IGNORED where it asks nothing."""
    if loss_on == "response":
        return dialogues.targets
    targets = torch.full_like(dialogues.ids, IGNORED)
    there = torch.arange(dialogues.ids.shape[1]) <= dialogues.last[:, None]  # no padding, (B, T)
    targets[:, :-1] = dialogues.ids[:, 1:].where(there[:, 1:], IGNORED)
    return targets


def reading(
    tokenizer: BPETokenizer, prompt: str, response: str, loss_on: str = "response"
) -> list[tuple[str, str | None]]:
    """Return each token that the model reads, with the one that it learns to say next, or None.

    >>> from fmlab.batches import END_OF_TEXT
    >>> tokenizer = BPETokenizer(special_tokens=[END_OF_TEXT, "<|user|>", "<|assistant|>"])
    >>> reading(tokenizer, "?", "A")[2:]
    [('?', None), ('<|assistant|>', ' '), (' ', 'A'), ('A', '<|endoftext|>')]
    """
    dialogue = Dialogues.of(tokenizer, [(prompt, response)])
    ids, targets = dialogue.ids[0].tolist(), targets_of(dialogue, loss_on)[0].tolist()
    said = [None if target == IGNORED else tokenizer.decode([target]) for target in targets]
    return [(tokenizer.decode([i]), text) for i, text in zip(ids[:-1], said)]


def response_loss(model: GPT, tokenizer: BPETokenizer, pairs: Pairs) -> float:
    """Return the mean loss per token of the responses, in nats, without learning from them."""
    data, nats = _encode(model, tokenizer, pairs), 0.0
    for rows in of_equal_length((data.last + 1).tolist(), len(data), TOKENS_AT_ONCE):
        with inference(model):
            nats -= float(token_logprobs(model, data.rows(rows)).double().sum())
    return nats / int(data.is_response.sum())


def _encode(model: GPT, tokenizer: BPETokenizer, pairs: Iterable[tuple[str, str]]) -> Dialogues:
    require(not isinstance(pairs, str), "pairs", "(prompt, response) texts", pairs)
    rows = [(prompt_ids(tokenizer, a), response_ids(tokenizer, b)) for a, b in pairs]
    require(len(rows) > 0, "pairs", "at least one", list(pairs))
    return fitting(model, tokenizer, [a for a, _ in rows], [b for _, b in rows])


def fitting(
    model: nn.Module, tokenizer: BPETokenizer, prompts: Sequence[Ids], responses: Sequence[Ids]
) -> Dialogues:
    """Return a batch that the model can read.

    Errors: ``ValueError`` for a tokenizer of another vocabulary, or a row beyond the context.
    """
    size, expected = tokenizer.vocab_size, model.config.vocab_size
    require(size == expected, "tokenizer", f"one with the model's {expected} tokens", size)
    data, most = Dialogues.from_ids(prompts, responses), model.config.context_length
    longest = data.ids.shape[1]
    require(longest <= most, "pairs", f"at most {most} tokens long, the context", longest)
    return data
