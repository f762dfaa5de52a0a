"""How well a model predicts given text: cross-entropy loss, perplexity, bits per byte.

Nothing is generated here. All measures come from the negative log-likelihood of each token: minus
the log of the probability that the model gave it, also called its surprisal. Every text begins
with END_OF_TEXT, as in training.

Shapes: N texts, B rows of a batch, T tokens, V vocabulary.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from torch import nn

from fmlab.arguments import Floats, Ids, require, require_texts
from fmlab.data.dialogues import Dialogues
from fmlab.models.logprobs import evaluate_response_logprobs
from fmlab.tokenization.special_tokens import end_of_text
from fmlab.tokenization.tokenizers import BPETokenizer


@dataclass(frozen=True)
class Surprise:
    """The negative log-likelihood, tokens and bytes of each of N texts, as arrays (N,)."""

    nats: Floats
    tokens: Floats
    bytes: Floats

    @property
    def loss_per_token(self) -> float:
        """The cross-entropy, in nats per token."""
        return float(self.nats.sum() / self.tokens.sum())

    @property
    def perplexity(self) -> float:
        """exp(loss per token): how many equally likely tokens would have the same loss."""
        return math.exp(self.loss_per_token)

    @property
    def bits_per_byte(self) -> float:
        """The size of the texts if the model compressed them; comparable across tokenizers."""
        return float(self.nats.sum() / self.bytes.sum() / math.log(2))

    @property
    def margin(self) -> float:
        """Half the width of the 95% interval of ``bits_per_byte``, for independent texts.

        Source: Cochran (1977), Sampling Techniques, equation 6.13: the error of a ratio of sums.
        """
        n = len(self.nats)
        errors = self.nats / math.log(2) - self.bits_per_byte * self.bytes
        spread = math.sqrt(n / max(1, n - 1) * float((errors**2).sum()))
        return NormalDist().inv_cdf(0.975) * spread / float(self.bytes.sum()) if n > 1 else math.inf


def surprise(model: nn.Module, tokenizer: BPETokenizer, texts: Sequence[str]) -> Surprise:
    """Return the negative log-likelihood of texts, each read on its own, after END_OF_TEXT.

    A text longer than the context is read in windows that overlap by half, so that all but its
    first tokens have at least half a context before them. The end of a text is not predicted.
    Errors: ``ValueError`` for no texts, an empty one, or a tokenizer without END_OF_TEXT.
    """
    require_texts("texts", texts)
    require(all(texts) and len(texts) > 0, "texts", "at least one, and none empty", texts)
    end = end_of_text(tokenizer)
    encoded = [[end, *tokenizer.encode(text)] for text in texts]
    windows, owners = [], []
    for i, ids in enumerate(encoded):
        for window in _windows(ids, model.config.context_length):
            windows.append(window)
            owners.append(i)
    nats = np.zeros(len(texts))
    np.add.at(nats, owners, -_logprobs(model, windows))
    n_bytes = [len(text.encode("utf-8", "surrogatepass")) for text in texts]
    return Surprise(nats, np.array([len(ids) - 1.0 for ids in encoded]), np.array(n_bytes, float))


def loss_per_token(model: nn.Module, tokenizer: BPETokenizer, texts: Sequence[str]) -> float:
    """Return the cross-entropy of texts, in nats per token; see ``surprise``."""
    return surprise(model, tokenizer, texts).loss_per_token


def perplexity(model: nn.Module, tokenizer: BPETokenizer, texts: Sequence[str]) -> float:
    """Return exp(loss per token) of texts; see ``surprise``."""
    return surprise(model, tokenizer, texts).perplexity


def bits_per_byte(model: nn.Module, tokenizer: BPETokenizer, texts: Sequence[str]) -> float:
    """Return the negative log-likelihood of texts, in bits per byte; see ``surprise``."""
    return surprise(model, tokenizer, texts).bits_per_byte


def answer_logprobs(
    model: nn.Module, tokenizer: BPETokenizer, prompts: Sequence[str], answers: Sequence[str]
) -> Floats:
    """Return log p(answer | prompt) of each pair, in nats, (N,).

    An answer follows its prompt directly, so it usually begins with a space.
    Errors: ``ValueError`` for lists of unequal length, an empty answer, or a pair that is longer
    than the context.
    """
    require_texts("prompts", prompts)
    require_texts("answers", answers)
    require(
        len(prompts) == len(answers), "answers", f"{len(prompts)}, one per prompt", len(answers)
    )
    require(all(answers), "answers", "none empty", answers)
    end, most = end_of_text(tokenizer), model.config.context_length + 1
    rows = []
    for prompt, answer in zip(prompts, answers):
        before, after = [end, *tokenizer.encode(prompt)], tokenizer.encode(answer)
        n = len(before) + len(after)
        require(n <= most, "prompts", f"at most {most} tokens with their answers", n)
        rows.append((before + after, len(before)))
    return _logprobs(model, rows)


def _windows(ids: Ids, context_length: int) -> Iterator[tuple[Ids, int]]:
    """Yield windows of at most context_length + 1 tokens, each with the start of its new part."""
    end = min(len(ids), context_length + 1)
    yield ids[:end], 1
    while end < len(ids):
        past, end = end, min(len(ids), end + max(1, context_length // 2))
        begin = end - context_length - 1
        yield ids[begin:end], past - begin


def _logprobs(model: nn.Module, rows: Sequence[tuple[Ids, int]]) -> Floats:
    """Return log p(ids[start:] | ids[:start]) of each (ids, start), in nats."""
    contexts, continuations = zip(*((ids[:start], ids[start:]) for ids, start in rows))
    dialogues = Dialogues.from_ids(contexts, continuations)
    return evaluate_response_logprobs(model, dialogues).double().numpy()
