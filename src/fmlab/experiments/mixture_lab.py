"""What the experiments on training data share: one architecture, one budget, and how to measure.

Every model has the same shape and takes the same number of steps with the same number of tokens
per step. So whatever differs in the end comes from the text, or from the seed. The world is a small
one, so that a small model has a chance to learn something about it in seconds.
"""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable, Iterable, Sequence
from itertools import count

import torch

from fmlab.data.corpora import python_docs, split_pages
from fmlab.data.mixtures import take
from fmlab.data.packing import Batches
from fmlab.evaluation.likelihood import answer_logprobs, bits_per_byte
from fmlab.models.configs import GPTConfig
from fmlab.models.gpt import GPT
from fmlab.recipes.pretrain import initial_spread
from fmlab.tokenization.special_tokens import END_OF_TEXT
from fmlab.tokenization.tokenizers import BPETokenizer
from fmlab.training.loop import Settings
from fmlab.training.pretraining import pretrain
from fmlab.training.run import Run
from microworld import MicroWorld

SHAPE = GPTConfig(512, 64, n_layers=1, n_heads=2, d_model=32)
STEPS, BATCH, RATE = 400, 8, 1e-2
TOKENS = STEPS * BATCH * SHAPE.context_length  # that each model is trained on
N_BYTES = 640_000  # of text: a little more than a model reads
SEEDS = (0, 1, 2)


@functools.cache
def world() -> MicroWorld:
    """Return a small world: a hundred people, and in proportion fewer of everything else."""
    return MicroWorld(n_people=100)


@functools.cache
def english(seed: int, registers: tuple[str, ...] | None = None) -> tuple[str, ...]:
    """Return ``N_BYTES`` of documents in English; every seed gives other documents."""
    return tuple(take(documents(f"train {seed}", registers), N_BYTES))


def documents(stream: str, registers: Iterable[str] | None = None, **options) -> Iterable[str]:
    """Return an endless stream of documents, in English unless ``language`` is given."""
    options = {"language": "english"} | options
    chosen = list(registers) if registers else None
    return world().documents(10**9, chosen, options.pop("language"), stream=stream, **options)


@functools.cache
def held_out(registers: tuple[str, ...] | None = None, n_bytes: int = 40_000) -> tuple[str, ...]:
    """Return clean documents in English that no model is trained on."""
    return tuple(take(documents("test", registers), n_bytes))


@functools.cache
def doc_pages() -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return pages of ``python_docs()`` to train on, in mixed order, and parts of held-out ones."""
    training, held = split_pages(python_docs(), length=2000)
    order = torch.randperm(len(training), generator=torch.Generator().manual_seed(0)).tolist()
    return tuple(training[i] for i in order), tuple(page[:1500] for page in held[::4])


def pages_from(seed: int) -> Iterable[str]:
    """Return the pages to train on, starting at another place for every seed."""
    pages = doc_pages()[0]
    return (pages[(seed * 701 + i) % len(pages)] for i in count())


def learn_tokenizer(texts: Sequence[str]) -> BPETokenizer:
    """Return a tokenizer of the models' vocabulary size, learned from texts."""
    return BPETokenizer.train(texts, SHAPE.vocab_size, special_tokens=[END_OF_TEXT])


@functools.cache
def tokenizer() -> BPETokenizer:
    """Return the tokenizer of all models that read only English from the world."""
    return learn_tokenizer(take(documents("tokenizer"), 300_000))


def train(
    texts: Sequence[str],
    tokens: BPETokenizer | None = None,
    seed: int = 0,
    *,
    steps: int = STEPS,
    rate: float = RATE,
    rows: tuple[int, int] = (BATCH, SHAPE.context_length),
    start: GPT | None = None,
    on_step: Callable[[GPT, Run], object] | None = None,
) -> GPT:
    """Return a model trained on texts, from scratch or from the weights of ``start``.

    ``rows`` are the batch size and the number of tokens per row.
    Texts that are shorter than the budget are read several times, in another order each time.
    """
    model = copy.deepcopy(start) or GPT(SHAPE, seed=seed, spread=initial_spread(SHAPE))
    batches = Batches(texts, tokens or tokenizer(), *rows, seed)
    settings = Settings(steps, learning_rate=rate, warmup_steps=min(40, steps), final_share=0.05)
    options = dict(progress=False, precision="float32", measure_peak=lambda *_: 1.0)
    options["on_step"] = on_step and (lambda run: on_step(model, run))
    pretrain(model, batches, settings, **options).whole()
    return model


def bits(model: GPT, texts: Sequence[str], tokens: BPETokenizer | None = None) -> float:
    """Return the loss on texts in bits per byte, which does not depend on the tokenizer."""
    return round(bits_per_byte(model, tokens or tokenizer(), texts), 4)


def choose(model: GPT, prompts: Sequence[str], choices: Sequence[str], tokens=None) -> list[str]:
    """Return, for every prompt, the choice to which the model gives the highest probability."""
    tokens = tokens or tokenizer()
    scores = [answer_logprobs(model, tokens, prompts, [c] * len(prompts)) for c in choices]
    return [choices[max(range(len(choices)), key=lambda c: row[c])] for row in zip(*scores)]
