"""Is a model as often right as its probabilities say, before and after post-training?

A statement about a person is written up to its last word, such as "Ada Hemmel lives in". The most
likely next token counts as the model's answer, its probability as the confidence, and the answer is
right if it is the first token of the true value. The pre-trained model continues the statement as
in a text. The post-trained models continue it as their response to the question. All see the same
statements. A control shows the question to the pre-trained model, too, in the form of its corpus.

    python -m fmlab.experiments confidence    # book/results/confidence.json, some minutes
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fmlab import models
from fmlab.arguments import Floats, Ids
from fmlab.data.dialogues import prompt_ids
from fmlab.generation.decoding import generate
from fmlab.models.gpt import GPT
from fmlab.tokenization.special_tokens import ASSISTANT, end_of_text
from fmlab.tokenization.tokenizers import BPETokenizer
from microworld import MicroWorld
from microworld.words.exercises import QA_FORMS
from microworld.words.phrasing import fill

MODELS = ("small", "small-sft", "small-dpo", "small-ppo")
CONTROL = "small, asked"
N, ROWS = 600, 60


@dataclass(frozen=True)
class Statement:
    """A question, the statement that answers it up to its last word, and that word."""

    question: str
    beginning: str
    value: str
    times_mentioned: float


def statements(world: MicroWorld, n: int = N) -> list[Statement]:
    """Return n statements about people, one per fact, at all orders of magnitude of exposure."""
    by_fact: dict[int, Statement] = {}
    for question in world.questions(2 * n, relations=["person"], seed=4):
        table, i = world.almanac.fact(question.fact)
        name, value = table.names[i], table.values[i]
        texts = [fill(form, name, value) for form in table.wording.statements[name[3]]]
        text = next((text for text in texts if text.endswith(f" {value[0]}.")), None)
        if text is not None:
            beginning = text.removesuffix(f" {value[0]}.")
            row = Statement(question.text, beginning, value[0], question.times_mentioned)
            by_fact.setdefault(question.fact, row)
    return list(by_fact.values())[:n]


def context(tokenizer: BPETokenizer, statement: Statement, asked: bool = False) -> Ids:
    """Return what the model reads: the beginning, after the question if the model can chat.

    With ``asked``, the question comes first for a pre-trained model, too.
    """
    if ASSISTANT not in tokenizer.special_tokens:
        before = QA_FORMS[0].format(statement.question) + " " if asked else ""
        return [end_of_text(tokenizer), *tokenizer.encode(before + statement.beginning)]
    prompt = prompt_ids(tokenizer, statement.question)
    return [*prompt, *tokenizer.encode(f" {statement.beginning}")]


def answers(
    model: GPT, tokenizer: BPETokenizer, rows: Sequence[Statement], asked: bool = False
) -> tuple[Floats, list[bool]]:
    """Return the confidence (N,) of the most likely next token, and whether it is right."""
    confidences, right = [], []
    for start in range(0, len(rows), ROWS):
        part = rows[start : start + ROWS]
        contexts = [context(tokenizer, row, asked) for row in part]
        result = generate(model, contexts, 1, temperature=0)
        confidences += [logprobs[0] for logprobs in result.logprobs]
        right += [
            ids[0] == tokenizer.encode(f" {row.value}")[0] for ids, row in zip(result.ids, part)
        ]
    return np.exp(confidences), right


def run() -> dict:
    """Measure all models; return confidences and outcomes."""
    rows = statements(MicroWorld())
    results: dict = {"times mentioned": [round(row.times_mentioned, 1) for row in rows]}
    for name in (*MODELS, CONTROL):
        asked = name == CONTROL
        confidences, right = answers(*models.load(MODELS[0] if asked else name), rows, asked)
        results[name] = {
            "confidence": np.round(confidences, 4).tolist(),
            "right": "".join("01"[r] for r in right),
        }
        print(name, flush=True)
    return results
