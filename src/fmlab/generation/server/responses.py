"""The JSON of responses, whole or as a stream of chunks, as the OpenAI API has it."""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass, field

from fmlab.generation.batching import NewToken
from fmlab.tokenization.tokenizers import BPETokenizer

REASONS = {"stop": "stop", "length": "length", "context": "length"}


@dataclass
class Choice:
    """One of the texts that a request asked for, as far as it has been generated."""

    index: int
    text: str = ""
    finish_reason: str | None = None
    tokens: list[NewToken] = field(default_factory=list)


class Format:
    """How the choices of one request become JSON."""

    def __init__(self, tokenizer: BPETokenizer, model: str, n_top: int | None, is_chat: bool):
        self.tokenizer, self.model, self.n_top, self.is_chat = tokenizer, model, n_top, is_chat
        self.id = f"{'chatcmpl' if is_chat else 'cmpl'}-{uuid.uuid4().hex}"
        self.created = int(time.time())
        self._offsets: dict[int, int] = {}  # where the next token of each choice begins

    def whole(self, choices: list[Choice], usage: dict) -> dict:
        """Return a complete response."""
        kind = "chat.completion" if self.is_chat else "text_completion"
        return self._frame(kind, [self._choice(choice) for choice in choices]) | {"usage": usage}

    def opening(self, index: int) -> dict | None:
        """Return a chat's first chunk, which has the role; other streams have none."""
        if not self.is_chat:
            return None
        return self._chunk({"index": index, "delta": {"role": "assistant", "content": ""}})

    def chunk(self, choice: Choice) -> dict:
        """Return what is new of a choice."""
        part = self._choice(choice)
        if self.is_chat:
            message = part.pop("message")
            part["delta"] = {"content": message["content"]}
        return self._chunk(part)

    def last(self, usage: dict) -> dict:
        """Return the chunk that carries the usage, if the client asked for it."""
        kind = "chat.completion.chunk" if self.is_chat else "text_completion"
        return self._frame(kind, []) | {"usage": usage}

    def _chunk(self, part: dict) -> dict:
        kind = "chat.completion.chunk" if self.is_chat else "text_completion"
        return self._frame(kind, [{"logprobs": None, "finish_reason": None} | part])

    def _frame(self, kind: str, choices: list[dict]) -> dict:
        head = {"id": self.id, "object": kind, "created": self.created, "model": self.model}
        return head | {"choices": choices}

    def _choice(self, choice: Choice) -> dict:
        reason = REASONS.get(choice.finish_reason)
        part = {"index": choice.index, "logprobs": None, "finish_reason": reason}
        if self.is_chat:
            part["message"] = {"role": "assistant", "content": choice.text, "refusal": None}
        else:
            part["text"] = choice.text
        if self.n_top is not None:
            made = [self._logprob(new) for new in choice.tokens]
            at = self._offsets.get(choice.index, 0)
            part["logprobs"] = {"content": made} if self.is_chat else _columns(made, at)
            self._offsets[choice.index] = at + sum(len(entry["token"]) for entry in made)
        return part

    def _logprob(self, new: NewToken) -> dict:
        top = [self._entry(token, logprob) for token, logprob in new.top[: self.n_top]]
        return self._entry(new.token, new.logprob) | {"top_logprobs": top}

    def _entry(self, token: int, logprob: float) -> dict:
        raw = self.tokenizer.decode_bytes([token])
        text = raw.decode("utf-8", "replace")
        return {"token": text, "logprob": max(logprob, -9999.0), "bytes": list(raw)}


def _columns(made: list[dict], at: int) -> dict:
    """Return log-probabilities in the older form of completions: lists side by side.

    ``at`` is where the first of these tokens begins in the text of the choice.
    """
    offsets = []
    for entry in made:
        offsets.append(at)
        at += len(entry["token"])
    return {
        "tokens": [entry["token"] for entry in made],
        "token_logprobs": [entry["logprob"] for entry in made],
        "top_logprobs": [
            {top["token"]: top["logprob"] for top in entry["top_logprobs"]} for entry in made
        ],
        "text_offset": offsets,
    }
