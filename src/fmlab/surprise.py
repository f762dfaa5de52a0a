"""How much a model is surprised by text: loss per token, perplexity, bits per byte.

Nothing is generated here. The model reads what there is, and the probability that it gave to each
token that came is all that counts. Every text begins with END_OF_TEXT, as in training.

Shapes: N texts, B rows of a batch, T tokens, V vocabulary.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from fmlab.arguments import Floats, require
from fmlab.batches import END_OF_TEXT
from fmlab.generation import inference
from fmlab.losses import IGNORED
from fmlab.tokenization import BPETokenizer

LOGITS_AT_ONCE = 1 << 24  # most in a batch: 64 MB
Ids = list[int]


@dataclass(frozen=True)
class Surprise:
    """What it took a model to predict texts: nats, tokens and bytes of each, as arrays (N,)."""

    nats: Floats
    tokens: Floats
    bytes: Floats

    @property
    def loss_per_token(self) -> float:
        """Mean cross-entropy, in nats per token."""
        return float(self.nats.sum() / self.tokens.sum())

    @property
    def perplexity(self) -> float:
        """Among how many equally likely tokens the model might as well have chosen."""
        return math.exp(self.loss_per_token)

    @property
    def bits_per_byte(self) -> float:
        """What the texts would take if the model compressed them; comparable across tokenizers."""
        return float(self.nats.sum() / self.bytes.sum() / math.log(2))

    @property
    def margin(self) -> float:
        """Half of the 95% interval of ``bits_per_byte``, for texts drawn independently.

        Source: Cochran (1977), Sampling Techniques, equation 6.13: the error of a ratio of sums.
        """
        n = len(self.nats)
        errors = self.nats / math.log(2) - self.bits_per_byte * self.bytes
        spread = math.sqrt(n / max(1, n - 1) * float((errors**2).sum()))
        return NormalDist().inv_cdf(0.975) * spread / float(self.bytes.sum()) if n > 1 else math.inf


def surprise(model: nn.Module, tokenizer: BPETokenizer, texts: Sequence[str]) -> Surprise:
    """Return how much the model is surprised by texts, each read on its own, behind END_OF_TEXT.

    A text longer than the context is read in windows that overlap by half, so that every token has
    at least half a context before it. The end of a text is not predicted.
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
    """Return the mean cross-entropy of texts, in nats per token; see ``surprise``."""
    return surprise(model, tokenizer, texts).loss_per_token


def perplexity(model: nn.Module, tokenizer: BPETokenizer, texts: Sequence[str]) -> float:
    """Return exp(loss per token) of texts; see ``surprise``."""
    return surprise(model, tokenizer, texts).perplexity


def bits_per_byte(model: nn.Module, tokenizer: BPETokenizer, texts: Sequence[str]) -> float:
    """Return the bits of surprise for each byte of texts; see ``surprise``."""
    return surprise(model, tokenizer, texts).bits_per_byte


def answer_logprobs(
    model: nn.Module, tokenizer: BPETokenizer, prompts: Sequence[str], answers: Sequence[str]
) -> Floats:
    """Return log p(answer | prompt) of each pair, in nats, (N,).

    The answer begins where the prompt ends, so mostly with a space.
    Errors: ``ValueError`` for lists of unequal length, an empty answer, or a pair that is longer
    than the context.
    """
    require_texts("prompts", prompts)
    require_texts("answers", answers)
    require(len(prompts) == len(answers), "answers", f"{len(prompts)}, one a prompt", len(answers))
    require(all(answers), "answers", "none empty", answers)
    end, most = end_of_text(tokenizer), model.config.context_length + 1
    rows = []
    for prompt, answer in zip(prompts, answers):
        before, after = [end, *tokenizer.encode(prompt)], tokenizer.encode(answer)
        n = len(before) + len(after)
        require(n <= most, "prompts", f"at most {most} tokens with their answers", n)
        rows.append((before + after, len(before)))
    return _logprobs(model, rows)


def end_of_text(tokenizer: BPETokenizer) -> int:
    """Return the id that every text begins with. Errors: ``ValueError`` if there is none."""
    special = getattr(tokenizer, "special_tokens", {})
    require(END_OF_TEXT in special, "tokenizer", f"one with {END_OF_TEXT}", list(special))
    return special[END_OF_TEXT]


def require_texts(name: str, texts: object) -> None:
    """Raise ValueError unless these are several texts; a single one is a sequence of letters."""
    several = isinstance(texts, Sequence) and not isinstance(texts, str)
    valid = several and all(isinstance(text, str) for text in texts)
    require(valid, name, "a sequence of texts", texts)


def batches(lengths: Sequence[int], most_rows: int, most_tokens: int) -> Iterator[list[int]]:
    """Yield the indices of sequences in batches of about equal length, the shortest first.

    A batch has at most most_rows rows and, padding included, most_tokens tokens; or one row.

    >>> list(batches([5, 2, 9, 2, 5], most_rows=2, most_tokens=16))
    [[1, 3], [0, 4], [2]]
    """
    batch: list[int] = []
    for i in sorted(range(len(lengths)), key=lengths.__getitem__):
        if batch and (len(batch) == most_rows or (len(batch) + 1) * lengths[i] > most_tokens):
            yield batch
            batch = []
        batch.append(i)
    if batch:
        yield batch


def _windows(ids: Ids, context_length: int) -> Iterator[tuple[Ids, int]]:
    """Yield pieces of at most context_length + 1 tokens, each with where its unread part starts."""
    end = min(len(ids), context_length + 1)
    yield ids[:end], 1
    while end < len(ids):
        past, end = end, min(len(ids), end + max(1, context_length // 2))
        begin = end - context_length - 1
        yield ids[begin:end], past - begin


def _logprobs(model: nn.Module, rows: Sequence[tuple[Ids, int]]) -> Floats:
    """Return log p(ids[start:] | ids[:start]) of each (ids, start), in nats."""
    found = np.zeros(len(rows))
    most_tokens = LOGITS_AT_ONCE // model.config.vocab_size
    with inference(model):
        for batch in batches([len(ids) for ids, _ in rows], len(rows), most_tokens):
            longest = max(len(rows[i][0]) for i in batch)
            ids = torch.zeros(len(batch), longest, dtype=torch.long)
            targets = torch.full((len(batch), longest), IGNORED)
            for row, i in enumerate(batch):
                each, start = rows[i]
                ids[row, : len(each)] = torch.tensor(each)
                targets[row, start : len(each)] = ids[row, start : len(each)]
            logits = model(ids[:, :-1].to(model.device))[0].float()  # (B, T - 1, V)
            # cross_entropy wants the classes second: (B, T, V) -> (B, V, T)
            nats = F.cross_entropy(
                logits.transpose(1, 2),
                targets[:, 1:].to(model.device),
                ignore_index=IGNORED,
                reduction="none",
            )
            found[batch] = -nats.double().sum(1).cpu().numpy()
    return found
