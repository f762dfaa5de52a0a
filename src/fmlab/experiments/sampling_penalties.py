"""What penalties on repetition do to loops, records, and lists, with greedy decoding.

Prose: the openings of 60 texts that ``micro`` has not read, continued greedily; the measure is the
fraction of runs of six tokens that occurred before in the same continuation. Records: 100 JSON
objects, prompted with the name; the measures are whether they parse, and their number of fields.
Lists: 100 lists of sums, prompted with the first line, and 100 bulleted lists, prompted with the
title and the first item; the measure is the number of lines in the right form. A record or list
that reaches ``NEW_TOKENS`` or has a line in another form is broken. Two settings test
explanations: a repetition penalty that ignores the prompt, and a frequency penalty on line breaks
only.

    python -m fmlab.experiments sampling_penalties    # minutes; writes sampling_penalties.json
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch

from fmlab import models
from fmlab.arguments import Floats, Ids
from fmlab.experiments.sampling_variety import openings, runs_of, variety
from fmlab.generation.decoding import generate
from fmlab.models.gpt import GPT
from fmlab.sampling import Penalties, frequency_penalty, repetition_penalty
from fmlab.tokenization.special_tokens import end_of_text
from fmlab.tokenization.tokenizers import BPETokenizer
from microworld import MicroWorld

N_TEXTS, N_ITEMS, NEW_TOKENS, RUN = 60, 100, 120, 6
LINE_BREAK = 10  # the id of the token: the first 256 tokens of micro's vocabulary are the bytes


def on_the_response(logits: Floats, prompt: Ids, new: Ids) -> Floats:
    """Apply a repetition penalty of 1.3 that does not count the tokens of the prompt."""
    return repetition_penalty(logits, new, 1.3)


def on_line_breaks(logits: Floats, prompt: Ids, new: Ids) -> Floats:
    """Apply a frequency penalty of 1 to line breaks only."""
    return frequency_penalty(logits, [i for i in new if i == LINE_BREAK], 1)


PROCESSORS: dict[str, Callable] = {
    "repetition 1.1": Penalties(repetition=1.1),
    "repetition 1.3": Penalties(repetition=1.3),
    "repetition 1.3, response only": on_the_response,
    "frequency 0.5": Penalties(frequency=0.5),
    "frequency 1": Penalties(frequency=1),
    "frequency 1, line breaks only": on_line_breaks,
    "frequency 2": Penalties(frequency=2),
    "presence 1": Penalties(presence=1),
}
GREEDY = dict(temperature=0)
SETTINGS: dict[str, dict] = {
    "greedy": GREEDY,
    **{name: GREEDY | dict(processors=[change]) for name, change in PROCESSORS.items()},
    "sampled, T 0.7": dict(temperature=0.7),
}
LIVE = "repetition 1.3"  # the setting that the chapter repeats
NAME = re.compile(r'\{\s*"name": "[^"]*(?=")')
SUM = re.compile(r"\d+ [-+] \d+ = \d+")
BULLET = re.compile(r"- \S.*")


@dataclass(frozen=True)
class Task:
    """How to find texts of a kind, what part of one is the prompt, and what to count."""

    register: str
    prompt_of: Callable[[str], str | None]  # None for a text of another kind
    count: Callable[[str], int | None]  # None for a broken text


def repeated(ids: Sequence[int], n: int = RUN) -> float:
    """Return the fraction of runs of n tokens that occurred before in the same ids.

    >>> repeated([1, 2, 1, 2, 1], n=2)
    0.5
    """
    return 1 - variety([ids], n)


def shared(rows: Sequence[Ids], n: int = RUN) -> Floats:
    """Return, for each row, the fraction of its runs of n tokens that other rows have, too.

    >>> shared([[1, 2, 3], [2, 3, 4], [5, 6, 7]], n=2)
    array([0.5, 0.5, 0. ])
    """
    runs = [runs_of(ids, n) for ids in rows]
    n_rows = Counter(run for row in runs for run in set(row))
    return np.array([float(np.mean([n_rows[run] > 1 for run in row] or 0)) for row in runs])


def cut_to_shorter(rows: Sequence[Ids], others: Sequence[Ids]) -> list[Ids]:
    """Return rows without what goes beyond the length of the other row in the same place.

    >>> cut_to_shorter([[1, 2, 3], [4]], [[5, 6], [7, 8]])
    [[1, 2], [4]]
    """
    return [row[: len(other)] for row, other in zip(rows, others, strict=True)]


def fields(text: str) -> int | None:
    """Return the number of fields of a JSON object; None for a text that is not one."""
    try:
        record = json.loads(text)
    except ValueError:
        return None
    return len(record) if isinstance(record, dict) else None


def lines_like(pattern: re.Pattern[str], text: str, skipped: int = 0) -> int | None:
    """Return the number of lines, after skipped ones; None if one does not match the pattern.

    >>> lines_like(SUM, "1 + 1 = 2\\n3 - 1 = 2"), lines_like(SUM, "1 + 1 = 2\\nand 3")
    (2, None)
    """
    lines = text.rstrip("\n").split("\n")[skipped:]
    return len(lines) if all(map(pattern.fullmatch, lines)) else None


def start_of_record(text: str) -> str | None:
    """Return a JSON object up to the end of the name, without the closing quote."""
    start = NAME.match(text)
    return start and start[0]


def first_sum(text: str) -> str | None:
    """Return the first line of a list of at least two sums."""
    return text.partition("\n")[0] + "\n" if (lines_like(SUM, text) or 0) > 1 else None


def title_and_first_item(text: str) -> str | None:
    """Return the first two lines of a bulleted list with a title and at least two items."""
    title, first, *_ = [*text.split("\n"), ""]
    is_list = title.endswith(":") and (lines_like(BULLET, text, skipped=1) or 0) > 1
    return f"{title}\n{first}\n" if is_list else None


TASKS = {
    "records": Task("records", start_of_record, fields),
    "sums": Task("arithmetic", first_sum, partial(lines_like, SUM)),
    "bullets": Task("records", title_and_first_item, partial(lines_like, BULLET, skipped=1)),
}


def examples(world: MicroWorld, task: Task, n: int = N_ITEMS) -> dict[str, str]:
    """Return n different prompts, each with the whole text that it is the start of."""
    found: dict[str, str] = {}
    for text in world.documents(30 * n, task.register, stream="test"):
        prompt = task.prompt_of(text)
        if prompt is not None and len(found) < n:
            found.setdefault(prompt, text)
    return found


def complete(
    model: GPT, tokenizer: BPETokenizer, prompts: Sequence[str], settings: dict
) -> tuple[list[Ids], list[str | None]]:
    """Return the new ids of each prompt, and the whole text, or None if it did not end."""
    end = end_of_text(tokenizer)
    ids = [[end, *tokenizer.encode(prompt)] for prompt in prompts]
    rng = np.random.default_rng(0)
    rows = generate(model, ids, NEW_TOKENS, stop=[end], rng=rng, **settings)
    texts = [
        tokenizer.decode(row[1:-1]) if reason == "stop" else None
        for row, reason in zip(rows.sequences, rows.finish_reasons)
    ]
    return [[i for i in row if i != end] for row in rows.ids], texts


def measure(
    model: GPT, tokenizer: BPETokenizer, world: MicroWorld, settings: dict, only: str | None = None
) -> dict[str, list]:
    """Return, for prose and each task (or only one), a number for each text; None if broken."""
    results: dict[str, list] = {}
    if only in (None, "prose"):
        starts = [start for start, _ in openings(world, N_TEXTS)]
        rows, _ = complete(model, tokenizer, starts, settings)
        results["prose"] = [round(repeated(ids), 4) for ids in rows]
    for name, task in TASKS.items():
        if only in (None, name):
            _, texts = complete(model, tokenizer, list(examples(world, task)), settings)
            results[name] = [None if text is None else task.count(text) for text in texts]
    return results


def repeat_live(model: GPT, tokenizer: BPETokenizer, world: MicroWorld) -> list[int | None]:
    """Measure the records again at the setting that the chapter repeats."""
    return measure(model, tokenizer, world, SETTINGS[LIVE], only="records")["records"]


def of_the_world(tokenizer: BPETokenizer, world: MicroWorld) -> dict[str, list]:
    """Return the same measures of the texts that the world itself has written."""
    rests = [tokenizer.encode(rest)[:NEW_TOKENS] for _, rest in openings(world, N_TEXTS)]
    results: dict[str, list] = {"prose": [round(repeated(ids), 4) for ids in rests]}
    for name, task in TASKS.items():
        results[name] = [task.count(text) for text in examples(world, task).values()]
    return results


def run() -> dict:
    """Measure all settings, and the original texts."""
    torch.set_num_threads(1)
    world = MicroWorld()
    model, tokenizer = models.load("micro")
    measured = {}
    for name, settings in SETTINGS.items():
        measured[name] = measure(model, tokenizer, world, settings)
        print(name, summary(measured[name]), flush=True)
    measured["original texts"] = of_the_world(tokenizer, world)
    print("original texts", summary(measured["original texts"]), flush=True)
    return {"measured": measured}


def summary(results: dict[str, list]) -> dict[str, str]:
    """Return the mean of each measure, and how many texts were not broken."""
    lines = {}
    for name, values in results.items():
        whole = [value for value in values if value is not None]
        lines[name] = f"{np.mean(whole or [np.nan]):.3f} ({len(whole)} of {len(values)})"
    return lines
