"""The bodies of requests: their fields, with types and bounds.

They follow the OpenAI API. A field that this server does not support is refused by name, so that no
client believes that it had an effect.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictInt, StrictStr, model_validator

MAX_CHOICES, MAX_STOPS, MAX_TOP, MAX_PROMPTS = 16, 4, 20, 64

Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]
Tokens = Annotated[list[Annotated[int, Field(strict=True, ge=0)]], Field(min_length=1)]
Stop = Annotated[StrictStr, Field(min_length=1)]
Prompt = StrictStr | Tokens


class StreamOptions(BaseModel):
    """``stream_options``: whether the last event of a stream carries the usage."""

    model_config = ConfigDict(extra="forbid")
    include_usage: StrictBool = False


class Sampling(BaseModel):
    """The fields that both kinds of requests have."""

    model_config = ConfigDict(extra="forbid")

    model: StrictStr
    temperature: Annotated[Number, Field(ge=0, le=2)] | None = 1.0
    top_p: Annotated[Number, Field(gt=0, le=1)] | None = 1.0
    top_k: Annotated[StrictInt, Field(ge=1)] | None = None  # not in OpenAI's API; vLLM has it
    min_p: Annotated[Number, Field(gt=0, le=1)] | None = None  # likewise
    frequency_penalty: Annotated[Number, Field(ge=-2, le=2)] | None = 0.0
    presence_penalty: Annotated[Number, Field(ge=-2, le=2)] | None = 0.0
    logit_bias: dict[StrictStr, Annotated[Number, Field(ge=-100, le=100)]] | None = None
    n: Annotated[StrictInt, Field(ge=1, le=MAX_CHOICES)] | None = 1
    seed: StrictInt | None = None
    stop: Stop | Annotated[list[Stop], Field(max_length=MAX_STOPS)] | None = None
    stream: StrictBool | None = False
    stream_options: StreamOptions | None = None
    user: StrictStr | None = None

    @model_validator(mode="after")
    def _streams_with_its_options(self) -> Self:
        if self.stream_options is not None and not self.stream:
            raise ValueError("stream_options needs stream: true")
        return self

    @property
    def stops(self) -> list[str]:
        """The stop sequences as a list."""
        if self.stop is None:
            return []
        return [self.stop] if isinstance(self.stop, str) else list(self.stop)

    @property
    def options(self) -> dict:
        """Temperature and truncation, as ``fmlab.sampling.sample`` takes them."""
        temperature = 1.0 if self.temperature is None else self.temperature
        options = dict(top_k=self.top_k, min_p=self.min_p)
        top_p = None if self.top_p in (None, 1.0) else self.top_p
        return dict(temperature=temperature, top_p=top_p) | options


class CompletionRequest(Sampling):
    """``POST /v1/completions``: continue a text, or several."""

    prompt: Prompt | Annotated[list[Prompt], Field(min_length=1, max_length=MAX_PROMPTS)]
    max_tokens: Annotated[StrictInt, Field(ge=1)] | None = 16
    logprobs: Annotated[StrictInt, Field(ge=0, le=MAX_TOP)] | None = None

    @property
    def prompts(self) -> list[str | list[int]]:
        """The prompts as a list."""
        is_one = isinstance(self.prompt, str) or isinstance(self.prompt[0], int)
        return [self.prompt] if is_one else list(self.prompt)

    @property
    def most_tokens(self) -> int | None:
        """The largest number of new tokens."""
        return self.max_tokens or 16

    @property
    def n_top(self) -> int | None:
        """The number of most likely tokens to report, or None for no log-probabilities."""
        return self.logprobs


class TextPart(BaseModel):
    """A part of a message's content; only texts are supported."""

    model_config = ConfigDict(extra="forbid")
    type: Literal["text"]
    text: StrictStr


class Message(BaseModel):
    """One message of a dialogue."""

    model_config = ConfigDict(extra="forbid")
    role: Literal["system", "developer", "user", "assistant"]
    content: StrictStr | Annotated[list[TextPart], Field(min_length=1)]
    name: StrictStr | None = None

    @property
    def text(self) -> str:
        """The content as one text."""
        if isinstance(self.content, str):
            return self.content
        return "".join(part.text for part in self.content)


class ChatRequest(Sampling):
    """``POST /v1/chat/completions``: respond to a dialogue."""

    messages: Annotated[list[Message], Field(min_length=1)]
    max_tokens: Annotated[StrictInt, Field(ge=1)] | None = None
    max_completion_tokens: Annotated[StrictInt, Field(ge=1)] | None = None
    logprobs: StrictBool | None = False
    top_logprobs: Annotated[StrictInt, Field(ge=0, le=MAX_TOP)] | None = None

    @model_validator(mode="after")
    def _reports_the_most_likely_tokens(self) -> Self:
        if self.top_logprobs is not None and not self.logprobs:
            raise ValueError("top_logprobs needs logprobs: true")
        return self

    @property
    def most_tokens(self) -> int | None:
        """The largest number of new tokens; None for as many as the context has room for."""
        return self.max_completion_tokens or self.max_tokens

    @property
    def n_top(self) -> int | None:
        """The number of most likely tokens to report, or None for no log-probabilities."""
        return (self.top_logprobs or 0) if self.logprobs else None

    @property
    def dialogue(self) -> list[dict[str, str]]:
        """The messages as ``fmlab.data.prompt_ids`` takes them."""
        roles = {"developer": "system"}  # its newer name
        return [{"role": roles.get(m.role, m.role), "content": m.text} for m in self.messages]
