"""A server under load, and static against continuous batching.

    python -m fmlab.experiments serving    # about three minutes; book/results/serving.json

``load_test`` starts the server in a process of its own, and lets 1 to 64 clients ask it over
HTTP, all at once. Each client sends its next request when it has the answer to the last one.
``batching`` compares two ways to form batches on the same requests, in one process without HTTP:
they arrive at random times, and answers differ in length. ``simulate`` does the same without a
model, so it can go to the limit of what a server can bear, and change what a step costs.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

import httpx
import numpy as np
import torch

from fmlab.generation.batching import ContinuousBatch, Row
from fmlab.generation.decoding import generate
from fmlab.generation.limits import Limits
from fmlab.models import load
from fmlab.models.language_model import LanguageModel
from fmlab.tokenization.special_tokens import end_of_text

MODEL = "micro"
CLIENTS = [1, 2, 4, 8, 16, 32, 64]
PROMPT, TOKENS = "Yesterday, a friend told me that", 64
N_REQUESTS, MAX_ROWS = 96, 16
MEAN_TOKENS, MOST_TOKENS = 40, 160
RATES = [20, 40, 60, 80]  # requests a second
SEEDS = (0, 1, 2)
EXTRA = 1.2  # how much longer a step takes if rows need padding


@contextmanager
def running_server(*models: str, threads: int = 1) -> Iterator[str]:
    """Start the server on a free port, ``micro`` on it by default; yield its address; stop it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "fmlab.generation.server"]
    command += [part for model in models or (MODEL,) for part in ("--model", model)]
    command += ["--port", str(port), "--threads", str(threads)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    address = f"http://127.0.0.1:{port}"
    try:
        _wait_for(address, process)
        yield address
    finally:
        process.terminate()
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_for(address: str, process: subprocess.Popen, seconds: float = 300) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end and process.poll() is None:
        try:
            httpx.get(f"{address}/health")
            return
        except httpx.TransportError:
            time.sleep(0.05)
    raise RuntimeError(f"the server at {address} did not start")


async def ask(client: httpx.AsyncClient, model: str, seed: int, tokens: int = TOKENS) -> dict:
    """Send one request and read its stream; return status, tokens and times in milliseconds."""
    fields = {"model": model, "prompt": PROMPT, "max_tokens": tokens, "seed": seed}
    fields |= {"stream": True, "stream_options": {"include_usage": True}}
    start, first, usage = time.perf_counter(), None, None
    async with client.stream("POST", "/v1/completions", json=fields) as answer:
        async for line in answer.aiter_lines():
            if first is None and line.startswith("data: "):
                first = time.perf_counter()
            if '"usage"' in line:
                usage = json.loads(line.removeprefix("data: "))["usage"]
    end = time.perf_counter()
    if answer.status_code != 200 or usage is None:
        return {"status": answer.status_code, "tokens": 0, "first": None, "total": ms(end - start)}
    made = usage["completion_tokens"]
    return {"status": 200, "tokens": made, "first": ms(first - start), "total": ms(end - start)}


def load_test(
    address: str, model: str, n_clients: int, n_requests: int, tokens: int = TOKENS
) -> dict:
    """Let clients ask at once; return what happened to every request, and the seconds of it all."""
    test = _load_test(address, model, n_clients, n_requests, tokens)
    with ThreadPoolExecutor(1) as thread:  # a notebook has an event loop of its own
        return thread.submit(asyncio.run, test).result()


async def _load_test(
    address: str, model: str, n_clients: int, n_requests: int, tokens: int
) -> dict:
    seeds, answers = iter(range(n_requests)), []
    limits = httpx.Limits(max_connections=n_clients)
    async with httpx.AsyncClient(base_url=address, limits=limits, timeout=120) as client:

        async def work() -> None:
            for seed in seeds:
                answers.append(await ask(client, model, seed, tokens))

        start = time.perf_counter()
        await asyncio.gather(*(work() for _ in range(n_clients)))
        seconds = time.perf_counter() - start
    return {"clients": n_clients, "seconds": round(seconds, 3), "answers": answers}


@dataclass(frozen=True)
class Arrival:
    """A request: when it arrives, in seconds, and how many tokens it will get."""

    at: float
    tokens: int


def arrivals(rate: float, n: int = N_REQUESTS, seed: int = 0) -> list[Arrival]:
    """Sample requests that arrive independently of each other, with geometric lengths."""
    rng = np.random.default_rng(seed)
    times = np.cumsum(rng.exponential(1 / rate, n))
    lengths = np.minimum(rng.geometric(1 / MEAN_TOKENS, n), MOST_TOKENS)
    return [Arrival(float(at), int(tokens)) for at, tokens in zip(times, lengths)]


def serve(
    model: LanguageModel,
    prompt: Sequence[int],
    requests: Sequence[Arrival],
    *,
    static: bool,
    max_rows: int = MAX_ROWS,
) -> dict:
    """Serve requests as they arrive; return the latency of each, in milliseconds, and the rate.

    A static batch takes all requests that are waiting when it begins, and no more until its last
    row has ended. A continuous one takes a request as soon as there is a place.
    """
    batch, waiting, ended = ContinuousBatch(model, max_rows), list(enumerate(requests)), {}
    number_of: dict[Row, int] = {}
    start = time.perf_counter()
    n_steps = 0
    while len(ended) < len(requests):
        now = time.perf_counter() - start
        if not (static and batch.rows):
            while waiting and waiting[0][1].at <= now and batch.n_free:
                number, request = waiting.pop(0)
                row = _row(model, prompt, request)
                number_of[row] = number
                batch.add([row])
        if not batch.rows:
            time.sleep(max(0.0, waiting[0][1].at - (time.perf_counter() - start)))
            continue
        n_steps += 1
        for new in batch.step():
            if new.finish_reason is not None:
                number = number_of.pop(new.row)
                ended[number] = time.perf_counter() - start - requests[number].at
    seconds = time.perf_counter() - start
    made = sum(request.tokens for request in requests)
    return {
        "latency": [ms(ended[number]) for number in range(len(requests))],
        "tokens per second": round(made / seconds, 1),
        "steps": n_steps,
        "occupied": round(made / (n_steps * max_rows), 3),
    }


def simulate(
    requests: Sequence[Arrival],
    *,
    static: bool,
    max_rows: int = MAX_ROWS,
    step_time: Callable[[int, bool], float] = lambda n_rows, is_mixed: 1,
) -> tuple[list[float], int]:
    """Serve requests as ``serve`` does, without a model; return latencies and the steps computed.

    A step writes one token for each row. ``step_time`` returns how long it takes, from the number
    of rows and whether some of them joined later than others. By default, each step takes 1.

    >>> requests = [Arrival(0, 2), Arrival(0, 5), Arrival(0, 2)]
    >>> simulate(requests, static=True, max_rows=2), simulate(requests, static=False, max_rows=2)
    (([2.0, 5.0, 7.0], 7), ([2.0, 5.0, 4.0], 5))
    """
    waiting, rows, ended = list(enumerate(requests)), [], {}
    now, n_steps = 0.0, 0
    while len(ended) < len(requests):
        if not (static and rows):
            while waiting and waiting[0][1].at <= now and len(rows) < max_rows:
                number, request = waiting.pop(0)
                rows.append([number, n_steps, n_steps + request.tokens])  # joins, ends
        if not rows:
            now = waiting[0][1].at
            continue
        now += step_time(len(rows), len({joined for _, joined, _ in rows}) > 1)
        n_steps += 1
        ended |= {number: now - requests[number].at for number, _, end in rows if end == n_steps}
        rows = [row for row in rows if row[2] > n_steps]
    return [ended[number] for number in range(len(requests))], n_steps


def step_ms(n_rows: int, is_mixed: bool, extra: float = EXTRA) -> float:
    """Return about how long a step of ``micro`` took on one CPU thread, in milliseconds.

    The numbers are chosen by hand so that simulated percentiles are close to those of the record.
    ``extra`` is the factor for rows that joined at different times, which need padding.
    """
    return (0.3 + 0.17 * n_rows) * (extra if is_mixed else 1.0)


def late(rate: float, seed: int, n: int = N_REQUESTS, **options: object) -> float:
    """Return the 95th percentile of the simulated latency; options are those of ``simulate``."""
    return float(np.percentile(simulate(arrivals(rate, n, seed), **options)[0], 95))


def _row(model: LanguageModel, prompt: Sequence[int], request: Arrival) -> Row:
    rng = np.random.default_rng(0)  # which tokens come does not matter here, only how many
    return Row(list(prompt), Limits.of(model, request.tokens, ()), rng)


def batching() -> list[dict]:
    """Serve the same requests in both ways, at each rate and seed."""
    model, tokenizer = load(MODEL)
    prompt = [end_of_text(tokenizer), *tokenizer.encode(PROMPT)]
    rows = []
    for rate in RATES:
        for seed in SEEDS:
            requests = arrivals(rate, seed=seed)
            for static in (True, False):
                made = serve(model, prompt, requests, static=static)
                rows.append({"rate": rate, "seed": seed, "static": static} | made)
    return rows


def write_time(model: LanguageModel, prompt: Sequence[int], n: int, engine: str) -> float:
    """Return the seconds that it takes to write n tokens, by greedy decoding."""
    start = time.perf_counter()
    made = generate(model, [prompt], n, temperature=0, engine=engine)
    seconds = time.perf_counter() - start
    assert len(made.ids[0]) == n, "the text must not end early"
    return seconds


def run() -> dict:
    """Measure everything; return the results."""
    torch.set_num_threads(1)
    with running_server() as address:
        load_test(address, MODEL, 4, 16)  # until everything is warm
        loads = [load_test(address, MODEL, n, max(32, 4 * n)) for n in CLIENTS]
    return {
        "model": MODEL,
        "prompt": PROMPT,
        "tokens": TOKENS,
        "cores": os.cpu_count(),
        "max rows": MAX_ROWS,
        "load": loads,
        "batching": batching(),
    }


def ms(seconds: float) -> float:
    """Convert seconds to milliseconds, rounded to 2 decimals."""
    return round(1000 * seconds, 2)
