"""A dialogue as tokens: who speaks, and which of the tokens are the response::

    <|endoftext|><|user|>Where does Ada live?<|assistant|> In Hemmel.<|endoftext|>

USER and ASSISTANT are special tokens, which no text contains, so nothing a user types can pass for
them. A response ends with END_OF_TEXT, which is part of it: a model has to learn where to stop. In
tokens, a response begins with a space, as a sentence does that follows another, so that its first
word is a token that the model knows well. The response as text does not have this space.

That is the format of the book's own models. A tokenizer with a ``chat_template`` belongs to a model
that was trained elsewhere: its prompts get the form that the template gives them, and its responses
end with the template's token.

Shapes: B batch, T positions, D model width, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor, nn

from fmlab.arguments import Ids, require
from fmlab.data.batching import IGNORED
from fmlab.tokenization.chat_template import Messages
from fmlab.tokenization.pretokenization import require_text
from fmlab.tokenization.special_tokens import ASSISTANT, END_OF_TEXT, USER, end_of_response
from fmlab.tokenization.tokenizers import BPETokenizer

LOSS_ON = ("response", "all")
Pairs = Sequence[tuple[str, str]]  # of a prompt and a response


def prompt_ids(tokenizer: BPETokenizer, prompt: str | Messages) -> Ids:
    """Return the tokens that a model reads before it responds.

    With a ``chat_template``, the prompt may be a whole dialogue so far: {"role", "content"} of each
    message, where the role is "system", "user" or "assistant".
    Errors: ``ValueError`` for a tokenizer without chat tokens, or a prompt that contains one.
    """
    if _has_template(tokenizer):
        messages = [{"role": "user", "content": prompt}] if isinstance(prompt, str) else prompt
        text = tokenizer.chat_template.render(messages)
        for message in messages:
            tokenizer.encode(message["content"])  # raises for a special token in it
        return tokenizer.encode(text, "all")
    _require_chat_tokens(tokenizer)
    special = tokenizer.special_tokens
    require_text("prompt", prompt)
    return [special[END_OF_TEXT], special[USER], *tokenizer.encode(prompt), special[ASSISTANT]]


def response_ids(tokenizer: BPETokenizer, response: str) -> Ids:
    """Return the tokens of a complete response, including the one that ends it.

    Errors: ``ValueError`` for a response that is not text.
    """
    require_text("response", response)
    space = "" if _has_template(tokenizer) else " "
    return [*tokenizer.encode(space + response), end_of_response(tokenizer)]


def response_text(tokenizer: BPETokenizer, ids: Ids) -> str:
    """Return the text of a response, complete or cut off, without any special tokens in it."""
    special = set(tokenizer.special_tokens.values())
    text = tokenizer.decode([i for i in ids if i not in special], "replace")
    return text if _has_template(tokenizer) else text.removeprefix(" ")


def _has_template(tokenizer: BPETokenizer) -> bool:
    return getattr(tokenizer, "chat_template", None) is not None


def _require_chat_tokens(tokenizer: BPETokenizer) -> None:
    special = () if _has_template(tokenizer) else (END_OF_TEXT, USER, ASSISTANT)
    missing = [token for token in special if token not in tokenizer.special_tokens]
    require(not missing, "tokenizer", "one that add_chat_tokens made", f"without {missing}")


@dataclass(frozen=True)
class Dialogues:
    """A batch of prompts with responses, padded on the right to one length.

    ``ids`` are integers (B, T); ``is_response`` (B, T) is True for the tokens of a response.
    """

    ids: Tensor
    is_response: Tensor

    @classmethod
    def of(cls, tokenizer: BPETokenizer, pairs: Iterable[tuple[str, str]]) -> Dialogues:
        """Make a batch of (prompt, response) texts.

        Errors: ``ValueError`` for a row that is something else, naming it.

        >>> tokenizer = BPETokenizer(special_tokens=[END_OF_TEXT, USER, ASSISTANT])
        >>> batch = Dialogues.of(tokenizer, [("Hi?", "Yes"), ("A?", "B")])
        >>> batch.ids.shape, batch.is_response.sum(dim=1).tolist()
        (torch.Size([2, 11]), [5, 3])
        """
        rows = _encoded(tokenizer, pairs)
        return cls.from_ids([a for a, _ in rows], [b for _, b in rows])

    @classmethod
    def from_ids(cls, prompts: Sequence[Ids], responses: Sequence[Ids]) -> Dialogues:
        """Make a batch of token ids, such as responses that a model generated.

        Errors: ``ValueError`` for no rows, lists of unequal length, or an empty prompt or response.
        """
        require(len(prompts) > 0, "prompts", "at least one", prompts)
        n = len(prompts)
        require(len(responses) == n, "responses", f"{n}, one per prompt", len(responses))
        for name, lists in (("prompts", prompts), ("responses", responses)):
            require(all(map(len, lists)), name, "none empty", lists)
        longest = max(len(a) + len(b) for a, b in zip(prompts, responses))
        ids = torch.zeros(n, longest, dtype=torch.long)  # padding is never attended to: any token
        is_response = torch.zeros(n, longest, dtype=torch.bool)
        for row, (prompt, response) in enumerate(zip(prompts, responses)):
            begin, end = len(prompt), len(prompt) + len(response)
            ids[row, :end] = torch.tensor([*prompt, *response])
            is_response[row, begin:end] = True
        return cls(ids, is_response)

    @property
    def targets(self) -> Tensor:
        """The next token at each position, (B, T); IGNORED if it is not part of a response."""
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
        """Return some of the rows, with only the padding that they need."""
        ids, is_response = self.ids[rows], self.is_response[rows]
        longest = int(is_response.any(dim=0).nonzero().max()) + 1
        return Dialogues(ids[:, :longest], is_response[:, :longest])

    def to(self, device: torch.device) -> Dialogues:
        """Return the same on another device."""
        return Dialogues(self.ids.to(device), self.is_response.to(device))


def targets_of(dialogues: Dialogues, loss_on: str = "response") -> Tensor:
    """Return the target at each position, (B, T); IGNORED where the loss does not count."""
    if loss_on == "response":
        return dialogues.targets
    targets = torch.full_like(dialogues.ids, IGNORED)
    is_text = torch.arange(dialogues.ids.shape[1]) <= dialogues.last[:, None]  # (B, T)
    targets[:, :-1] = dialogues.ids[:, 1:].where(is_text[:, 1:], IGNORED)
    return targets


def reading(
    tokenizer: BPETokenizer, prompt: str, response: str, loss_on: str = "response"
) -> list[tuple[str, str | None]]:
    """Return each token that the model reads, with the token it learns to predict next, or None.

    >>> tokenizer = BPETokenizer(special_tokens=[END_OF_TEXT, USER, ASSISTANT])
    >>> reading(tokenizer, "?", "A")[2:]
    [('?', None), ('<|assistant|>', ' '), (' ', 'A'), ('A', '<|endoftext|>')]
    """
    dialogue = Dialogues.of(tokenizer, [(prompt, response)])
    ids, targets = dialogue.ids[0].tolist(), targets_of(dialogue, loss_on)[0].tolist()
    next_texts = [None if target == IGNORED else tokenizer.decode([target]) for target in targets]
    return [(tokenizer.decode([i]), text) for i, text in zip(ids[:-1], next_texts)]


def fitting(
    model: nn.Module, tokenizer: BPETokenizer, prompts: Sequence[Ids], responses: Sequence[Ids]
) -> Dialogues:
    """Return a batch of token ids, checked against the model that will read it.

    Errors: ``ValueError`` for a tokenizer of another vocabulary, or a row beyond the context.
    """
    size, expected = tokenizer.vocab_size, model.config.vocab_size
    require(size == expected, "tokenizer", f"one with the model's {expected} tokens", size)
    data, most = Dialogues.from_ids(prompts, responses), model.config.context_length
    longest = data.ids.shape[1]
    require(longest <= most, "pairs", f"at most {most} tokens long, the context", longest)
    return data


def _encoded(
    tokenizer: BPETokenizer,
    pairs: Iterable[tuple[str, str]],
    name: Callable[[int], str] = "pairs[{}]".format,
) -> list[tuple[Ids, Ids]]:
    """Return the tokens of (prompt, response) texts; an error has the name of the row.

    A dict or a text also has two elements.
    """
    allowed, rows = "(prompt, response) texts", []
    require(isinstance(pairs, Iterable) and not isinstance(pairs, str), "pairs", allowed, pairs)
    _require_chat_tokens(tokenizer)
    for number, pair in enumerate(pairs):
        is_pair = isinstance(pair, tuple | list) and len(pair) == 2
        require(is_pair, name(number), allowed, pair)
        try:
            rows.append((prompt_ids(tokenizer, pair[0]), response_ids(tokenizer, pair[1])))
        except ValueError as error:
            raise ValueError(f"{name(number)}: {error}") from error
    return rows


class Preference(Protocol):
    """A comparison to learn from: a prompt, the chosen response, and the rejected one."""

    prompt: str
    chosen: str
    rejected: str


def encode_pairs(
    model: nn.Module, tokenizer: BPETokenizer, pairs: Iterable[tuple[str, str]], cut: bool = False
) -> Dialogues:
    """Return (prompt, response) texts as a batch that the model can read.

    With ``cut``, a response that does not fit into the context loses its end.
    Errors: ``ValueError`` for no pairs, or as in ``fitting``.
    """
    rows = _encoded(tokenizer, pairs)
    require(len(rows) > 0, "pairs", "at least one", rows)
    if cut:
        most = model.config.context_length
        rows = [(a, b[: max(1, most - len(a))]) for a, b in rows]
    return fitting(model, tokenizer, *map(list, zip(*rows)))


def encode_comparisons(
    model: nn.Module, tokenizer: BPETokenizer, comparisons: Sequence[Preference]
) -> Dialogues:
    """Return N comparisons as 2N rows, in which chosen and rejected alternate.

    Errors: ``ValueError`` for none, or as in ``fitting``.
    """
    require(len(comparisons) > 0, "comparisons", "at least one", comparisons)
    pairs = [(c.prompt, response) for c in comparisons for response in (c.chosen, c.rejected)]
    rows = _encoded(tokenizer, pairs, lambda number: f"comparisons[{number // 2}]")
    return fitting(model, tokenizer, *map(list, zip(*rows)))
