"""The HTTP side of the server: routes, limits, errors, streams, metrics and logs."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from pydantic import BaseModel, ValidationError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Send

from fmlab.generation.server.collecting import Collector
from fmlab.generation.server.errors import ApiError
from fmlab.generation.server.metrics import Metrics
from fmlab.generation.server.requests import ChatRequest, CompletionRequest
from fmlab.generation.server.service import Service

MAX_BYTES = 1_000_000  # of a body
BODY_SECONDS = 10.0  # within which it must arrive
READING_SECONDS = 5.0  # a stream may last so much longer than its tokens take, to be read
LOG = logging.getLogger("fmlab.server")


def make_app(service: Service, timeout: float = 300.0) -> Starlette:
    """Return the server as an ASGI application. ``timeout``: seconds for one whole request."""
    handlers = Handlers(service, timeout)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        yield
        await asyncio.to_thread(service.close)

    routes = [
        Route("/v1/completions", handlers.completions, methods=["POST"]),
        Route("/v1/chat/completions", handlers.chat, methods=["POST"]),
        Route("/v1/models", handlers.models),
        Route("/metrics", handlers.metrics_text),
        Route("/health", handlers.health),
    ]
    errors = {
        ApiError: _api_error,
        HTTPException: _http_error,
        ClientDisconnect: _disconnected,
        Exception: _unexpected,
    }
    return Starlette(routes=routes, exception_handlers=errors, lifespan=lifespan)


class Handlers:
    """What each route does."""

    def __init__(self, service: Service, timeout: float) -> None:
        self.service, self.timeout, self.metrics = service, timeout, Metrics()

    async def completions(self, request: Request) -> Response:
        """``POST /v1/completions``."""
        return await self._generate(request, CompletionRequest)

    async def chat(self, request: Request) -> Response:
        """``POST /v1/chat/completions``."""
        return await self._generate(request, ChatRequest)

    async def models(self, request: Request) -> Response:
        """``GET /v1/models``."""
        facts = {"object": "model", "created": 0, "owned_by": "fmlab"}
        data = [{"id": name} | facts for name in self.service.served]
        return JSONResponse({"object": "list", "data": data})

    async def health(self, request: Request) -> Response:
        """``GET /health``: the process answers."""
        return JSONResponse({"status": "ok"})

    async def metrics_text(self, request: Request) -> Response:
        """``GET /metrics``, for Prometheus."""
        for name, served in self.service.served.items():
            self.metrics.running.labels(name).set(served.scheduler.n_running)
            self.metrics.waiting.labels(name).set(served.scheduler.n_waiting)
        return Response(self.metrics.text(), media_type="text/plain; version=0.0.4")

    async def _generate(self, request: Request, kind: type[BaseModel]) -> Response:
        start, name = time.perf_counter(), "unknown"
        try:
            body = await read_body(request, kind)
            served = self.service[body.model]
            name = body.model
            collector = Collector(served, body, self.timeout)
        except ApiError as error:
            self._count(name, error.status, start)
            raise
        if body.stream:
            events = self._events(collector, name, start)
            return TimedStream(events, self.timeout + READING_SECONDS)
        return await self._whole(request, collector, name, start)

    async def _whole(
        self, request: Request, collector: Collector, name: str, start: float
    ) -> Response:
        work = asyncio.ensure_future(collector.whole())
        leaving = asyncio.ensure_future(_until_gone(request))
        try:
            await asyncio.wait({work, leaving}, return_when=asyncio.FIRST_COMPLETED)
            if not work.done():
                self._count(name, 499, start, collector)
                return Response(status_code=499)
            answer = work.result()
        except ApiError as error:
            self._count(name, error.status, start, collector)
            raise
        finally:
            leaving.cancel()
            work.cancel()
            collector.cancel()
        self._count(name, 200, start, collector)
        return JSONResponse(answer)

    async def _events(self, collector: Collector, name: str, start: float) -> AsyncIterator[str]:
        status = 499  # unless the stream gets to its end
        try:
            async for chunk in collector.chunks():
                yield f"data: {json.dumps(chunk)}\n\n"
            yield "data: [DONE]\n\n"
            status = 200
        except ApiError as error:  # the status line has been sent; what is left is an event
            status = error.status
            yield f"data: {json.dumps(error.body)}\n\n"
        finally:
            collector.cancel()
            self._count(name, status, start, collector)

    def _count(
        self, name: str, status: int, start: float, collector: Collector | None = None
    ) -> None:
        seconds = time.perf_counter() - start
        line = {"model": name, "status": status, "seconds": round(seconds, 4)}
        metrics = self.metrics
        metrics.requests.labels(name, status).inc()
        metrics.latency.labels(name).observe(seconds)
        if status == 499:
            metrics.disconnects.labels(name).inc()
        if collector is not None:
            line |= collector.facts(start)
            metrics.prompt_tokens.labels(name).inc(line["prompt_tokens"])
            metrics.new_tokens.labels(name).inc(line["completion_tokens"])
            if line["first_token"] is not None:
                metrics.first_token.labels(name).observe(line["first_token"])
            if line["per_token"] is not None:
                metrics.per_token.labels(name).observe(line["per_token"])
        LOG.info(json.dumps(line))


class TimedStream(StreamingResponse):
    """A stream of events that ends after so many seconds even if its client does not read."""

    def __init__(self, events: AsyncIterator[str], seconds: float) -> None:
        super().__init__(events, media_type="text/event-stream")
        self.seconds = seconds

    async def stream_response(self, send: Send) -> None:
        """Send the events, and close their source whatever happens."""
        try:
            async with asyncio.timeout(self.seconds):
                await super().stream_response(send)
        except TimeoutError:  # the response stays incomplete, so the connection is closed
            return
        finally:
            await self.body_iterator.aclose()


async def read_body(request: Request, kind: type[BaseModel]) -> BaseModel:
    """Read and check a body. Errors: ``ApiError`` 400, 408 (too slow) or 413 (too large)."""
    raw = bytearray()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for part in request.stream():
                raw += part
                if len(raw) > MAX_BYTES:
                    raise ApiError(413, f"the body must have at most {MAX_BYTES:,} bytes")
    except TimeoutError as error:
        raise ApiError(408, f"the body must arrive within {BODY_SECONDS:g} seconds") from error
    try:
        fields = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise ApiError(400, "the body must be JSON") from error
    if not isinstance(fields, dict):
        raise ApiError(400, "the body must be a JSON object")
    try:
        return kind.model_validate(fields)
    except ValidationError as error:
        raise ApiError.of_validation(error) from error


async def _until_gone(request: Request) -> None:
    while not await request.is_disconnected():
        await asyncio.sleep(0.1)


Handler = Callable[[Request, Exception], Awaitable[Response]]


async def _api_error(request: Request, error: ApiError) -> Response:
    headers = {"Retry-After": "1"} if error.status in (429, 503) else None
    return JSONResponse(error.body, error.status, headers=headers)


async def _http_error(request: Request, error: HTTPException) -> Response:
    message = f"{error.detail}: {request.method} {request.url.path}"
    return JSONResponse(ApiError(error.status_code, message).body, error.status_code)


async def _disconnected(request: Request, error: ClientDisconnect) -> Response:
    return Response(status_code=499)


async def _unexpected(request: Request, error: Exception) -> Response:
    LOG.error(json.dumps({"error": type(error).__name__, "path": request.url.path}))
    return JSONResponse(ApiError(500, "the server failed").body, 500)
