"""Serve models: ``python -m fmlab.generation.server --model micro --model smollm2``."""

from __future__ import annotations

import argparse
import logging

import torch
import uvicorn

from fmlab.generation.server.app import make_app
from fmlab.generation.server.service import Service

DEFAULT_MODELS = ["micro", "micro-sft"]
MAX_CONNECTIONS = 512
SECONDS_TO_FINISH = 30  # for requests that are running when the server is told to stop


def parser() -> argparse.ArgumentParser:
    """Return the command's arguments."""
    made = argparse.ArgumentParser(prog="python -m fmlab.generation.server", description=__doc__)
    made.add_argument("--model", action="append", help="a name that fmlab.models.load takes")
    made.add_argument("--host", default="127.0.0.1", help="default: this machine only")
    made.add_argument("--port", type=int, default=8000)
    made.add_argument("--max-rows", type=int, default=32, help="sequences in one batch")
    made.add_argument("--max-waiting", type=int, default=128, help="prompts in the queue")
    made.add_argument("--patience", type=float, default=30.0, help="seconds in the queue")
    made.add_argument("--timeout", type=float, default=300.0, help="seconds for a request")
    made.add_argument("--threads", type=int, default=torch.get_num_threads())
    return made


def main(arguments: list[str] | None = None) -> None:
    """Load the models, then serve until SIGINT or SIGTERM."""
    command = parser()
    given = command.parse_args(arguments)
    torch.set_num_threads(given.threads)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    logging.getLogger("uvicorn.access").disabled = True  # one line per request: our own
    options = dict(max_rows=given.max_rows, max_waiting=given.max_waiting, patience=given.patience)
    names = given.model or DEFAULT_MODELS
    print(f"loading {', '.join(names)}", flush=True)
    try:
        service = Service(names, **options)
    except (ValueError, FileNotFoundError) as error:
        command.error(str(error))
    print(f"serving on http://{given.host}:{given.port}/v1", flush=True)
    uvicorn.run(
        make_app(service, given.timeout),
        host=given.host,
        port=given.port,
        log_level="warning",
        limit_concurrency=MAX_CONNECTIONS,
        timeout_keep_alive=5,
        timeout_graceful_shutdown=SECONDS_TO_FINISH,
    )


if __name__ == "__main__":
    main()
