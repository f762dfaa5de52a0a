"""Run the jobs of an experiment in several processes; an interrupted recording can resume."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path


def call_all(
    call: Callable[[tuple], dict], jobs: Sequence[tuple], workers: int, finished: Path | None = None
) -> list[dict]:
    """Return the outcomes of ``call`` for jobs, in their order; that many processes run them.

    Jobs and outcomes are what JSON can hold. Outcomes go to the file ``finished``, one line each,
    as soon as they are there; those that it already holds are not computed again.
    """
    known = {}
    if finished is not None and finished.is_file():
        lines = [json.loads(line) for line in finished.read_text(encoding="utf-8").splitlines()]
        known = {line["job"]: line["outcome"] for line in lines}
    missing = [job for job in jobs if json.dumps(job) not in known]
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        futures = {pool.submit(call, job): json.dumps(job) for job in missing}
        for future in as_completed(futures):
            name = futures[future]
            known[name] = future.result()
            if finished is not None:
                with finished.open("a", encoding="utf-8") as file:
                    file.write(json.dumps({"job": name, "outcome": known[name]}) + "\n")
    return [known[json.dumps(job)] for job in jobs]
