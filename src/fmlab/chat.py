"""A conversation as tokens: who speaks, and which of the tokens are the response::

    <|endoftext|><|user|>Where does Ada live?<|assistant|> In Hemmel.<|endoftext|>

The two marks are tokens that no text contains, so that nothing a user types can pass for them. A
response ends with END_OF_TEXT, which is part of it: a model has to learn where to stop. It begins
with a space, as a sentence after another does, so that its first word is the token that the model
knows best. Texts here are without that space; it comes and goes with the tokens.

Shapes: B batch, T positions, D model width, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from fmlab.arguments import require
from fmlab.batches import END_OF_TEXT
from fmlab.generation import generate
from fmlab.losses import IGNORED
from fmlab.tokenization import BPETokenizer
from fmlab.transformer import GPT

USER, ASSISTANT = "<|user|>", "<|assistant|>"
Ids = list[int]


def add_chat_tokens(model: GPT, tokenizer: BPETokenizer) -> tuple[GPT, BPETokenizer]:
    """Return a copy of a model and its tokenizer that know USER and ASSISTANT too.

    Their embeddings start as the mean of all others: a token of which nothing is known yet.
    Errors: ``ValueError`` for a tokenizer that has them already, or of another size than the model.
    """
    special = list(tokenizer.special_tokens)
    require(not {USER, ASSISTANT} & set(special), "tokenizer", "one without chat tokens", special)
    size, expected = tokenizer.vocab_size, model.config.vocab_size
    require(size == expected, "tokenizer", f"one with the model's {expected} tokens", size)
    extended = tokenizer.with_special_tokens([USER, ASSISTANT])
    weights = model.state_dict()
    known = weights["transformer.wte.weight"]  # (V, D)
    grown = torch.cat([known, known.mean(dim=0).expand(2, -1)])  # (V + 2, D)
    weights |= {"transformer.wte.weight": grown, "lm_head.weight": grown}
    other = GPT(replace(model.config, vocab_size=extended.vocab_size)).to(model.device)
    other.load_state_dict(weights)
    return other.train(model.training), extended


def prompt_ids(tokenizer: BPETokenizer, prompt: str) -> Ids:
    """Return what a model reads before it responds.

    Errors: ``ValueError`` for a tokenizer without chat tokens, or a prompt that contains one.
    """
    special = tokenizer.special_tokens
    lacking = [token for token in (END_OF_TEXT, USER, ASSISTANT) if token not in special]
    require(not lacking, "tokenizer", "one that add_chat_tokens made", f"without {lacking}")
    return [special[END_OF_TEXT], special[USER], *tokenizer.encode(prompt), special[ASSISTANT]]


def response_ids(tokenizer: BPETokenizer, response: str) -> Ids:
    """Return the tokens of a whole response, its end included."""
    return [*tokenizer.encode(f" {response}"), tokenizer.special_tokens[END_OF_TEXT]]


def response_text(tokenizer: BPETokenizer, ids: Ids) -> str:
    """Return the text of a response, whole or cut off, without the marks that a model may utter."""
    marks = set(tokenizer.special_tokens.values())
    return tokenizer.decode(i for i in ids if i not in marks).removeprefix(" ")


@dataclass(frozen=True)
class Dialogues:
    """A batch of prompts with responses, padded at the right to one length.

    ``ids`` (B, T) integers; ``is_response`` (B, T) says which of them belong to a response.
    """

    ids: Tensor
    is_response: Tensor

    @classmethod
    def of(cls, tokenizer: BPETokenizer, pairs: Iterable[tuple[str, str]]) -> Dialogues:
        """Make a batch of (prompt, response) texts.

        >>> tokenizer = BPETokenizer(special_tokens=[END_OF_TEXT, USER, ASSISTANT])
        >>> batch = Dialogues.of(tokenizer, [("Hi?", "Yes"), ("A?", "B")])
        >>> batch.ids.shape, batch.is_response.sum(dim=1).tolist()
        (torch.Size([2, 11]), [5, 3])
        """
        rows = [(prompt_ids(tokenizer, a), response_ids(tokenizer, b)) for a, b in pairs]
        return cls.from_ids([a for a, _ in rows], [b for _, b in rows])

    @classmethod
    def from_ids(cls, prompts: Sequence[Ids], responses: Sequence[Ids]) -> Dialogues:
        """Make a batch of token ids, those of a response as they were generated.

        Errors: ``ValueError`` for no rows, lists of unequal length, or an empty prompt or response.
        """
        require(len(prompts) > 0, "prompts", "at least one", prompts)
        n = len(prompts)
        require(len(responses) == n, "responses", f"{n}, one a prompt", len(responses))
        for name, lists in (("prompts", prompts), ("responses", responses)):
            require(all(map(len, lists)), name, "none empty", lists)
        longest = max(len(a) + len(b) for a, b in zip(prompts, responses))
        ids = torch.zeros(n, longest, dtype=torch.long)  # padding: any token, for none looks right
        is_response = torch.zeros(n, longest, dtype=torch.bool)
        for row, (prompt, response) in enumerate(zip(prompts, responses)):
            begin, end = len(prompt), len(prompt) + len(response)
            ids[row, :end] = torch.tensor([*prompt, *response])
            is_response[row, begin:end] = True
        return cls(ids, is_response)

    @property
    def targets(self) -> Tensor:
        """What should come next at each position, (B, T): IGNORED but where a response does."""
        targets = torch.full_like(self.ids, IGNORED)
        targets[:, :-1] = self.ids[:, 1:].where(self.is_response[:, 1:], IGNORED)
        return targets

    @property
    def last(self) -> Tensor:
        """The position of each response's last token, (B,)."""
        positions = torch.arange(self.ids.shape[1], device=self.ids.device)
        return (self.is_response * positions).argmax(dim=1)

    def __len__(self) -> int:
        return len(self.ids)

    def rows(self, rows: Sequence[int] | slice | Tensor) -> Dialogues:
        """Return some of the rows, without padding that none of them needs."""
        ids, is_response = self.ids[rows], self.is_response[rows]
        longest = int(is_response.any(dim=0).nonzero().max()) + 1
        return Dialogues(ids[:, :longest], is_response[:, :longest])

    def to(self, device: torch.device) -> Dialogues:
        """Return the same on another device."""
        return Dialogues(self.ids.to(device), self.is_response.to(device))


def token_logprobs(model: GPT, dialogues: Dialogues, temperature: float = 1.0) -> Tensor:
    """Return log p(token | all before it), in nats, of every token of the responses: (B, T - 1).

    Column t is about the token at t + 1; where that belongs to no response it is 0, so that sums
    over a row are those of the response. Gradients flow. Logits are made for responses only.
    """
    dialogues = dialogues.to(model.device)
    wanted = dialogues.is_response[:, 1:]  # (B, T - 1)
    hidden = model.hidden_states(dialogues.ids)[:, :-1][wanted]  # (N, D), N tokens of responses
    logits = model.lm_head(hidden).float() / temperature  # (N, V)
    found = -F.cross_entropy(logits, dialogues.ids[:, 1:][wanted], reduction="none")  # (N,)
    return torch.zeros(wanted.shape, device=found.device).masked_scatter(wanted, found)


def response_logprobs(model: GPT, dialogues: Dialogues) -> Tensor:
    """Return log p(response | prompt), in nats, of each row: (B,). Gradients flow."""
    return token_logprobs(model, dialogues).sum(dim=1)


def respond(
    model: GPT,
    tokenizer: BPETokenizer,
    prompts: Sequence[str],
    max_new_tokens: int = 64,
    *,
    temperature: float = 0.0,
    n: int = 1,
    rng: np.random.Generator | None = None,
    **options: object,
) -> list[str]:
    """Return n responses to each prompt, those to the first one first.

    Likeliest tokens are taken unless there is a ``temperature``; ``options`` are those of
    ``fmlab.generation.generate``. A response that is cut off is returned as far as it goes.
    """
    rows = [prompt_ids(tokenizer, prompt) for prompt in prompts]
    end = tokenizer.special_tokens[END_OF_TEXT]
    options = dict(temperature=temperature, n=n, rng=rng, stop=[end]) | options
    said = generate(model, rows, max_new_tokens, **options).ids
    return [response_text(tokenizer, ids) for ids in said]
