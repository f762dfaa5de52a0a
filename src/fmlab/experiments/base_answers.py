"""The pre-trained model as a baseline of ``fmlab.experiments.preference_tuning``.

``small`` is prompted like its documents and always answers. With a threshold on its confidence, a
program around it also abstains: wherever the log-probability of its answer is below the threshold.

Shapes: P prompts.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fmlab import models
from fmlab.arguments import Floats
from fmlab.data.dialogues import response_text
from fmlab.experiments.preference_lab import MAX_NEW_TOKENS, PROMPTS_AT_ONCE, Lab
from fmlab.generation.decoding import generate
from fmlab.tokenization.special_tokens import END_OF_TEXT

ABSTENTION = "I don't know."
N_FOR_THRESHOLD = 600  # training prompts on which the threshold is chosen


@dataclass(frozen=True)
class BaseAnswers:
    """Answers of ``small``, one per prompt, and the log-probability of each: floats (P,)."""

    responses: list[str]
    logprobs: Floats

    def above(self, threshold: float) -> list[str]:
        """Return the answers, or an abstention where the log-probability is below a threshold."""
        pairs = zip(self.responses, self.logprobs)
        return [text if logprob >= threshold else ABSTENTION for text, logprob in pairs]


def base_answers(prompts: list[str], temperature: float, seed: int = 31) -> BaseAnswers:
    """Let ``small`` answer each prompt in one sentence, in the form of its documents."""
    model, tokenizer = models.load("small")
    end = tokenizer.special_tokens[END_OF_TEXT]
    ends = [i for i in range(tokenizer.vocab_size) if tokenizer.decode([i]).endswith((".", "\n"))]
    rows = [[end, *tokenizer.encode(f"Question: {prompt}\nAnswer:")] for prompt in prompts]
    options = dict(stop=[end, *ends], temperature=temperature, rng=np.random.default_rng(seed))
    responses, logprobs = [], []
    for start in range(0, len(rows), PROMPTS_AT_ONCE):
        part = rows[start : start + PROMPTS_AT_ONCE]
        completions = generate(model, part, MAX_NEW_TOKENS, **options)
        responses += [response_text(tokenizer, ids).strip() for ids in completions.ids]
        logprobs += [sum(row) for row in completions.logprobs]
    return BaseAnswers(responses, np.array(logprobs))


def best_threshold(lab: Lab, answers: BaseAnswers, prompts: list[str]) -> float:
    """Return the threshold with the highest mean true utility on these prompts."""
    answered = lab.utilities(prompts, answers.responses)
    abstained = lab.utilities(prompts, [ABSTENTION] * len(prompts))
    order = np.argsort(-answers.logprobs)
    gains = np.cumsum((answered - abstained)[order])  # of answering the most confident 1, 2, ...
    return float(answers.logprobs[order][np.argmax(gains)])
