"""Chat: generate a model's responses to prompts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fmlab.data.dialogues import prompt_ids, response_text
from fmlab.generation.decoding import generate
from fmlab.models.language_model import LanguageModel
from fmlab.tokenization.chat_template import Messages
from fmlab.tokenization.special_tokens import end_of_response
from fmlab.tokenization.tokenizers import BPETokenizer


def respond(
    model: LanguageModel,
    tokenizer: BPETokenizer,
    prompts: Sequence[str | Messages],
    max_new_tokens: int = 64,
    *,
    temperature: float = 0.0,
    n: int = 1,
    rng: np.random.Generator | None = None,
    **options: object,
) -> list[str]:
    """Return n responses per prompt: n for the first prompt, then n for the second, and so on.

    A prompt is a text; for a model with a chat template, it may also be a dialogue so far, as in
    ``fmlab.data.prompt_ids``. Decoding is greedy unless a ``temperature`` is given; ``options`` are
    those of ``stream``. A response that reaches ``max_new_tokens`` is cut off there.
    """
    rows = [prompt_ids(tokenizer, prompt) for prompt in prompts]
    end = end_of_response(tokenizer)
    options = dict(temperature=temperature, n=n, rng=rng, stop=[end]) | options
    rows = generate(model, rows, max_new_tokens, **options)
    return [response_text(tokenizer, ids) for ids in rows.ids]
