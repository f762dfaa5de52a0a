"""Verifiers trained for it: ``micro`` learns to tell its own right answers from wrong ones.

A verifier is ``micro`` with a score head. It is trained to score right answers higher than wrong
answers that ``micro`` has given (Cobbe et al., 2021), and scores the answers of ``answer_budgets``
to questions about other people: there are two halves, and each is scored by a verifier that was
trained on the other one. Three seeds.

    python -m fmlab.experiments answer_verifiers   # book/results/answer_verifiers.json
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fmlab.alignment.reward_model import RewardModel, train_reward_model
from fmlab.experiments import results
from fmlab.experiments.answer_budgets import (
    MAX_NEW_TOKENS,
    answer_text,
    packed,
    prompt_of,
    stops,
)
from fmlab.experiments.questions import OFTEN, Exam
from fmlab.generation.decoding import generate
from fmlab.models.gpt import GPT
from fmlab.models.pretrained import add_chat_tokens, load
from fmlab.tokenization.tokenizers import BPETokenizer
from microworld import MicroWorld, Question

SEEDS, N_WRONG, TRAINING = (0, 1, 2), 4, dict(n_epochs=1, learning_rate=5e-4)


@dataclass(frozen=True)
class Pair:
    """A right and a wrong answer to a question, as a comparison."""

    prompt: str
    chosen: str
    rejected: str


def fold(question: Question) -> int:
    """Return 0 or 1: half of the people are for training when the other half is scored."""
    return zlib.crc32(question.entity.encode()) % 2


def training_pairs(
    model: GPT, tokenizer: BPETokenizer, world: MicroWorld, asked: Sequence[Question]
) -> tuple[list[Pair], list[Pair]]:
    """Return, for each fold, right answers with wrong ones that the model has given."""
    prompts = [prompt_of(tokenizer, question.text) for question in asked]
    options = dict(n=8, stop=stops(tokenizer), rng=np.random.default_rng(1))
    rows = generate(model, prompts, MAX_NEW_TOKENS, **options).ids
    pairs: tuple[list[Pair], list[Pair]] = [], []
    for i, question in enumerate(asked):
        texts = dict.fromkeys(answer_text(tokenizer, ids) for ids in rows[8 * i : 8 * i + 8])
        wrong = [text for text in texts if text and not world.is_correct(question, text)]
        right = f"{question.answer}."
        pairs[fold(question)].extend(Pair(question.text, right, text) for text in wrong[:N_WRONG])
    return pairs


def verifier(pairs: Sequence[Pair], seed: int) -> tuple[RewardModel, BPETokenizer]:
    """Return ``micro`` with a score head, trained to score right answers higher."""
    model, tokenizer = add_chat_tokens(*load("micro"))
    scorer = RewardModel(model)
    train_reward_model(scorer, tokenizer, pairs, **TRAINING, seed=seed, progress=False)
    return scorer, tokenizer


def run() -> dict:
    """Train six verifiers, and score every answer of ``answer_budgets``."""
    world, (model, tokenizer), exam = MicroWorld(), load("micro"), Exam()
    asked = exam.facts_stated(OFTEN) + exam.facts_stated((30, 99))
    pairs = training_pairs(model, tokenizer, world, asked)
    half = {question.text: fold(question) for question in asked}
    rows = results.read("answer_budgets")["questions"]
    scores: list[list[str]] = []
    for seed in SEEDS:
        scorers = [verifier(pairs[1 - each], seed) for each in (0, 1)]
        scores.append([])
        for row in rows:
            scorer, chat_tokenizer = scorers[half[row["text"]]]
            texts = [text or "." for text in row["answers"].split("|")]
            values = scorer.score(chat_tokenizer, [row["text"]] * len(texts), texts)
            scores[-1].append(packed(values, 2))
    return {"training pairs": [*map(len, pairs)], "seeds": list(SEEDS), "scores": scores}
