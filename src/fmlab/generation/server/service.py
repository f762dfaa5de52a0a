"""The service: models by name, and a request's way from its fields to rows of a batch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fmlab.arguments import Ids, require
from fmlab.data.dialogues import prompt_ids
from fmlab.generation.batching import Row
from fmlab.generation.limits import Limits
from fmlab.generation.server.errors import ApiError
from fmlab.generation.server.requests import ChatRequest, CompletionRequest
from fmlab.generation.server.scheduler import Scheduler
from fmlab.models import load
from fmlab.models.inference import as_ids
from fmlab.models.language_model import LanguageModel
from fmlab.sampling import Penalties
from fmlab.tokenization.special_tokens import ASSISTANT, end_of_response, end_of_text
from fmlab.tokenization.tokenizers import BPETokenizer


@dataclass(frozen=True)
class Served:
    """A model that the server has loaded."""

    name: str
    model: LanguageModel
    tokenizer: BPETokenizer
    scheduler: Scheduler

    @property
    def chats(self) -> bool:
        """Whether the model has a chat format."""
        return self.has_template or ASSISTANT in self.tokenizer.special_tokens

    @property
    def has_template(self) -> bool:
        """Whether the model came with a chat template, unlike the book's own models."""
        return getattr(self.tokenizer, "chat_template", None) is not None

    def rows(self, request: CompletionRequest | ChatRequest) -> list[list[Row]]:
        """Return the rows of each prompt, n each. Errors: ``ApiError`` 400, naming the field."""
        seed = None if request.seed is None else request.seed % 2**64  # it may be negative
        stop, rng = [self._end_token(request)], np.random.default_rng(seed)
        groups = []
        for prompt in self._prompts(request):
            most = request.most_tokens or self.model.config.context_length + 1
            limits = Limits.of(self.model, most, stop)
            processors = self._processors(request)
            n_top, options = request.n_top or 0, request.options
            rngs = rng.spawn(request.n or 1)
            rows = [Row(prompt, limits, own, options, processors, n_top) for own in rngs]
            groups.append(rows)
        return groups

    def _prompts(self, request: CompletionRequest | ChatRequest) -> list[Ids]:
        if isinstance(request, ChatRequest):
            return [self._checked("messages", self._dialogue(request))]
        return [self._checked("prompt", self._ids(prompt)) for prompt in request.prompts]

    def _ids(self, prompt: str | Ids) -> Ids:
        if not isinstance(prompt, str):
            return prompt
        try:
            return [end_of_text(self.tokenizer), *self.tokenizer.encode(prompt)]
        except ValueError as error:
            raise ApiError(400, f"prompt: {error}", param="prompt") from error

    def _dialogue(self, request: ChatRequest) -> Ids:
        if not self.chats:
            message = f"model {self.name!r} has no chat format; use /v1/completions"
            raise ApiError(400, message, param="model")
        dialogue = request.dialogue
        if not self.has_template:  # the book's own chat models read one question
            roles = [message["role"] for message in dialogue]
            if roles != ["user"]:
                message = f"model {self.name!r} reads one user message; got roles {roles}"
                raise ApiError(400, message, param="messages")
            dialogue = dialogue[0]["content"]
        try:
            return prompt_ids(self.tokenizer, dialogue)
        except ValueError as error:
            raise ApiError(400, f"messages: {error}", param="messages") from error

    def _checked(self, name: str, ids: Ids) -> Ids:
        try:
            return as_ids(name, ids, self.model.config)
        except ValueError as error:
            longest, got = self.model.config.context_length, len(ids)
            code = "context_length_exceeded" if got > longest else None
            raise ApiError(400, str(error)[:300], param=name, code=code) from error

    def _end_token(self, request: CompletionRequest | ChatRequest) -> int:
        is_chat = isinstance(request, ChatRequest)
        return (end_of_response if is_chat else end_of_text)(self.tokenizer)

    def _processors(self, request: CompletionRequest | ChatRequest) -> list[Penalties]:
        frequency, presence = request.frequency_penalty or 0, request.presence_penalty or 0
        if not (frequency or presence or request.logit_bias):
            return []
        vocab_size, bias = self.model.config.vocab_size, {}
        for key, value in (request.logit_bias or {}).items():
            is_number = key.isascii() and key.isdigit() and len(key) < 10
            if not (is_number and int(key) < vocab_size):
                message = f"logit_bias: {key[:20]!r} is not a token id below {vocab_size}"
                raise ApiError(400, message, param="logit_bias")
            bias[int(key)] = value
        return [Penalties(frequency=frequency, presence=presence, bias=bias)]


class Service:
    """All models of a server. ``names`` are those that ``fmlab.models.load`` takes."""

    def __init__(self, names: Sequence[str] = ("micro", "micro-sft"), **options: object) -> None:
        require(len(names) > 0, "names", "at least one model", names)
        self.served: dict[str, Served] = {}
        for name in dict.fromkeys(names):
            model, tokenizer = load(name)
            self.served[name] = Served(name, model, tokenizer, Scheduler(model, **options))

    def __getitem__(self, name: str) -> Served:
        if name not in self.served:
            message = f"there is no model {name[:60]!r} here; there is {', '.join(self.served)}"
            raise ApiError(404, message, param="model", code="model_not_found")
        return self.served[name]

    def close(self) -> None:
        """Let running requests end, and stop the threads."""
        for served in self.served.values():
            served.scheduler.close()
