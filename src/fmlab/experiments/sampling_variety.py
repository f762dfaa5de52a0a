"""What sampling settings do to text: how varied it is, and how many words the model makes up.

Ten openings of texts that ``micro`` has not read are continued eight times each, for each setting
and seed. Variety is the fraction of distinct runs of four tokens among the eight continuations of
an opening. A word counts as invented if it is written in lower case, has at least two letters, and
occurs nowhere in the 150,000 documents that ``micro`` was trained on. The last word of a
continuation does not count, since the limit may have cut it off.

    python -m fmlab.experiments sampling_variety    # minutes; writes sampling_variety.json
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from statistics import fmean

import numpy as np
import torch

from fmlab import models
from fmlab.arguments import Floats, Ids
from fmlab.evaluation.statistics import poisson_interval
from fmlab.generation.decoding import generate
from fmlab.models.gpt import GPT
from fmlab.sampling import keep_top_p
from fmlab.tokenization.special_tokens import end_of_text
from fmlab.tokenization.tokenizers import BPETokenizer
from microworld import DEFAULT_DOCUMENTS, MicroWorld

OPENINGS, CONTINUATIONS, NEW_TOKENS, RUN = 10, 8, 40, 4
SEEDS = range(10)


def nucleus(logits: Floats, prompt: Ids, new: Ids) -> Floats:
    """Apply top-p 0.9 as a processor: before temperature, not after it."""
    return keep_top_p(logits, 0.9)


TEMPERATURES = (0.3, 0.5, 0.7, 1.0, 1.25, 1.5, 2.0)
SETTINGS = {f"T {T:g}": dict(temperature=T) for T in TEMPERATURES} | {
    "top-k 50": dict(top_k=50),
    "top-p 0.9": dict(top_p=0.9),
    "min-p 0.1": dict(min_p=0.1),
    "T 0.7, top-p 0.95": dict(temperature=0.7, top_p=0.95),
    "T 1.5, top-p 0.9": dict(temperature=1.5, top_p=0.9),
    "T 1.5, min-p 0.1": dict(temperature=1.5, min_p=0.1),
    "top-p 0.9 before T 1.5": dict(temperature=1.5, processors=[nucleus]),
}
LIVE = ("T 1.5", 0)  # the setting and seed that the chapter repeats
words_in = re.compile(r"\b[^\W\d_]+\b").findall


def openings(world: MicroWorld, n: int = OPENINGS) -> list[tuple[str, str]]:
    """Return the first sentences of n unseen English texts, each with the rest of its text."""
    texts = world.documents(30 * n, language="english", stream="test")
    parts = [text.partition(". ") for text in texts if 0 < text.find(". ") < 100]
    return [(f"{first}.", f" {rest}") for first, _, rest in parts[:n]]


def words_of(text: str) -> list[str]:
    """Return the words of a text that are written in lower case and have two letters or more.

    >>> words_of("He eats a pear in Umussa.")
    ['eats', 'pear', 'in']
    """
    return [word for word in words_in(text) if word.islower() and len(word) > 1]


def runs_of(ids: Ids, n: int = RUN) -> list[tuple[int, ...]]:
    """Return all runs of n tokens in a row of ids, in their order.

    >>> runs_of([1, 2, 3], n=2)
    [(1, 2), (2, 3)]
    """
    return [tuple(ids[i : i + n]) for i in range(len(ids) - n + 1)]


def variety(rows: Sequence[Ids], n: int = RUN) -> float:
    """Return the fraction of distinct runs of n tokens among all runs of the rows; 1 for no runs.

    >>> variety([[1, 2, 3], [1, 2, 4]], n=2)
    0.75
    """
    runs = [run for ids in rows for run in runs_of(ids, n)]
    return len(set(runs)) / len(runs) if runs else 1.0


def point(
    model: GPT,
    tokenizer: BPETokenizer,
    starts: Sequence[str],
    known: AbstractSet[str],
    seed: int,
    **settings: object,
) -> dict:
    """Continue the starts; return the mean variety, the number of words, and the invented ones."""
    end = end_of_text(tokenizer)
    rows = generate(
        model,
        [[end, *tokenizer.encode(start)] for start in starts],
        NEW_TOKENS,
        n=CONTINUATIONS,
        stop=[end],
        rng=np.random.default_rng(seed),
        **settings,
    ).ids
    groups = [rows[i : i + CONTINUATIONS] for i in range(0, len(rows), CONTINUATIONS)]
    texts = [tokenizer.decode(i for i in ids if i != end) for ids in rows]
    words = [word for text in texts for word in words_of(text.rpartition(" ")[0])]
    return {
        "variety": round(fmean(map(variety, groups)), 4),
        "words": len(words),
        "invented": " ".join(word for word in words if word not in known),
    }


def repeat_live(model: GPT, tokenizer: BPETokenizer, record: dict) -> dict:
    """Repeat the setting and seed that the chapter repeats, with the words of the record."""
    (setting, seed), known = LIVE, set(record["known"].split())
    starts = [start for start, _ in openings(MicroWorld())]
    return point(model, tokenizer, starts, known, seed, **SETTINGS[setting])


@dataclass(frozen=True, repr=False)
class Pooled:
    """The results of one setting over all seeds.

    >>> Pooled([0.8, 0.9], invented=10, words=2000)
    variety 0.85, 10 (5 to 18) of 2,000 words invented
    """

    varieties: list[float]  # one for each seed
    invented: int
    words: int

    @property
    def variety(self) -> float:
        """The mean over the seeds."""
        return fmean(self.varieties)

    @property
    def per_thousand(self) -> tuple[float, float, float]:
        """Invented words per 1,000 words, with the lower and upper end of the 95% interval."""
        low, high = poisson_interval(self.invented)
        return tuple(1000 * n / self.words for n in (self.invented, low, high))

    def __repr__(self) -> str:
        low, high = poisson_interval(self.invented)
        counts = f"{self.invented:,} ({low:,.0f} to {high:,.0f}) of {self.words:,} words invented"
        return f"variety {self.variety:.2f}, {counts}"


def pool(points: Sequence[dict]) -> Pooled:
    """Add up the results of several seeds."""
    return Pooled(
        [point["variety"] for point in points],
        sum(len(point["invented"].split()) for point in points),
        sum(point["words"] for point in points),
    )


def run() -> dict:
    """Try all settings with all seeds; return the results, and the words of the training text."""
    torch.set_num_threads(1)
    world = MicroWorld()
    texts = world.documents(DEFAULT_DOCUMENTS)
    known = {word for text in texts for word in words_of(text)}
    model, tokenizer = models.load("micro")
    starts = [start for start, _ in openings(world)]
    points = {}
    for name, settings in SETTINGS.items():
        points[name] = [point(model, tokenizer, starts, known, seed, **settings) for seed in SEEDS]
        print(f"{name}: {pool(points[name])}", flush=True)
    return {"known": " ".join(sorted(known)), "points": points}
