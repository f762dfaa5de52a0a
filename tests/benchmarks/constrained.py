"""Constrained generation against free generation, by the same model, one row at a time.

The constraint is a JSON Schema that never ends, so both generate the same number of tokens. Masks
are made when a state is first reached; a first run makes most of them, and its extra time is what
starting costs.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import partial

from fmlab.constrained import Constraint, Vocabulary, json_schema
from fmlab.generation.decoding import generate
from fmlab.models.pretrained import SMOLLM2, load
from tests.benchmarks.bench import progress, race, row

PACKAGES = ["torch"]
RECORD = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "age": {"type": "integer"}},
    "required": ["name", "age"],
}
SCHEMA = {"type": "array", "items": RECORD, "minItems": 1000}


def rows(rounds: int, quick: bool = False) -> Iterator[dict]:
    for name, n_tokens in (("micro", 200), (SMOLLM2, 40)):
        model, tokenizer = load(name)
        n_tokens = 10 if quick else n_tokens
        started = time.perf_counter()
        constraint = Constraint(json_schema(SCHEMA), Vocabulary.of(tokenizer))
        constraint.allowed(0)
        seconds = time.perf_counter() - started
        prompt = [constraint.end, *tokenizer.encode("Some records: ")]
        free = partial(generate, model, prompt, n_tokens, temperature=0)
        masked = partial(free, processors=[constraint], stop=[constraint.end])
        masked()
        progress(f"generating {n_tokens} tokens with {name}, free and constrained")
        times = race(rounds, fmlab=lambda work=masked: work, peer=lambda work=free: work)
        size = f"vocabulary of {tokenizer.vocab_size:,}; first mask after {seconds:.2f} s"
        work = f"{name}: generate {n_tokens} tokens under a JSON Schema ({size})"
        yield row(work, "our own generation without it", times["fmlab"], times["peer"], target=0.8)
