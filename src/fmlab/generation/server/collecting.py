"""Collect the tokens of one request, as they come from the scheduler, into its response."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

from fmlab.generation.batching import NewToken, Row
from fmlab.generation.server.errors import ApiError
from fmlab.generation.server.requests import ChatRequest, CompletionRequest
from fmlab.generation.server.responses import Choice, Format
from fmlab.generation.server.service import Served
from fmlab.generation.server.text import TextStream


class Collector:
    """One request that has been submitted. Create it in the event loop that will await it.

    Errors: ``ApiError`` for fields that the model or the scheduler cannot serve.
    """

    def __init__(
        self, served: Served, request: CompletionRequest | ChatRequest, timeout: float
    ) -> None:
        is_chat = isinstance(request, ChatRequest)
        self.request, self.timeout, self.scheduler = request, timeout, served.scheduler
        self.format = Format(served.tokenizer, served.name, request.n_top, is_chat)
        groups = served.rows(request)
        self.rows = [row for group in groups for row in group]
        self.indices = {row: index for index, row in enumerate(self.rows)}
        skip_space = is_chat and not served.has_template
        self.texts = [
            TextStream(served.tokenizer, request.stops, skip_space=skip_space) for _ in self.rows
        ]
        self.n_prompt_tokens = sum(len(group[0].prompt) for group in groups)
        self.times: list[float] = []  # of each token
        self._items: asyncio.Queue[NewToken | ApiError] = asyncio.Queue()
        self._submit(groups)

    def _submit(self, groups: list[list[Row]]) -> None:
        loop = asyncio.get_running_loop()

        def deliver(item: NewToken | ApiError) -> None:  # in the scheduler's thread
            loop.call_soon_threadsafe(self._items.put_nowait, item)

        try:
            for rows in groups:
                self.scheduler.submit(rows, deliver)
        except ApiError:
            self.cancel()
            raise

    def cancel(self) -> None:
        """Stop what is still being generated."""
        self.scheduler.cancel(self.rows)

    async def whole(self) -> dict:
        """Return the response when all choices are complete."""
        choices = [Choice(index) for index in range(len(self.rows))]
        async for part in self._parts():
            choice = choices[part.index]
            choice.text += part.text
            choice.tokens += part.tokens
            choice.finish_reason = part.finish_reason
        return self.format.whole(choices, self.usage)

    async def chunks(self) -> AsyncIterator[dict]:
        """Yield the chunks of a stream."""
        for index in range(len(self.rows)):
            if opening := self.format.opening(index):
                yield opening
        async for part in self._parts():
            if part.text or part.finish_reason or self.request.n_top is not None:
                yield self.format.chunk(part)
        options = self.request.stream_options
        if options is not None and options.include_usage:
            yield self.format.last(self.usage)

    async def _parts(self) -> AsyncIterator[Choice]:
        """Yield what each token adds to its choice."""
        running, end = set(range(len(self.rows))), time.monotonic() + self.timeout
        while running:
            item = await self._next(end)
            index = self.indices[item.row]
            if index not in running:
                continue  # a token that was on its way when the choice was stopped
            part = self._part(index, item)
            if part.finish_reason is not None:
                running.remove(index)
            yield part

    async def _next(self, end: float) -> NewToken:
        """Return the next token. Errors: ``ApiError`` of the scheduler, or 504 after ``end``."""
        try:
            item = await asyncio.wait_for(self._items.get(), max(0.0, end - time.monotonic()))
        except TimeoutError as error:
            message = f"the request took more than {self.timeout:g} seconds"
            raise ApiError(504, message, code="timeout") from error
        if isinstance(item, ApiError):
            raise item
        return item

    def _part(self, index: int, new: NewToken) -> Choice:
        self.times.append(time.perf_counter())
        text = self.texts[index]
        part = Choice(index, text.push(new.token), new.finish_reason, [new])
        if text.is_stopped:
            part.finish_reason = "stop"
            self.scheduler.cancel([new.row])
        elif new.finish_reason is not None:
            part.text += text.finish()
            if text.is_stopped:
                part.finish_reason = "stop"
        return part

    @property
    def usage(self) -> dict:
        """How many tokens were read and generated."""
        read, new = self.n_prompt_tokens, len(self.times)
        return {"prompt_tokens": read, "completion_tokens": new, "total_tokens": read + new}

    def facts(self, start: float) -> dict:
        """Return what is logged and counted: tokens, and seconds since ``start``."""
        facts = {key: self.usage[key] for key in ("prompt_tokens", "completion_tokens")}
        facts |= {"first_token": None, "per_token": None}
        if self.times:
            facts["first_token"] = round(self.times[0] - start, 4)
        steps = len(self.times) / len(self.rows) - 1
        if steps > 0:
            facts["per_token"] = round((self.times[-1] - self.times[0]) / steps, 5)
        return facts
