"""Records in JSON from micro and small: five techniques, on the same people.

A prompt is the beginning of a record with the name of a person, as documents of the corpus have it.
A record is valid if it has a home and a profession, both text, and nothing else; it is right if the
home is the true one. The people are those whose homes the corpus mentions often. Finetuning trains
on 160 other people, with three seeds.

    python -m fmlab.experiments structured_records    # book/results/structured_records.json
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fmlab.constrained import Constraint, json_schema
from fmlab.data.dialogues import Dialogues
from fmlab.generation.decoding import generate
from fmlab.models.gpt import GPT
from fmlab.models.pretrained import load
from fmlab.tokenization.special_tokens import end_of_text
from fmlab.tokenization.tokenizers import BPETokenizer
from fmlab.training.finetuning import finetune_encoded
from microworld import MicroWorld

MODELS, SEEDS = ("micro", "small"), (0, 1, 2)
N_PEOPLE, N_TRAINING, N_NEW, N_TRIES, TEMPERATURE = 56, 160, 60, 5, 0.8
HIGH_RATE = 5e-4  # for comparison
TRAINING = dict(n_epochs=2, learning_rate=5e-5, batch_size=16)
START = '{{"name": "{}",'
TEXT = {"type": "string", "maxLength": 30}
SCHEMA = {
    "type": "object",
    "properties": {"name": TEXT, "home": TEXT, "profession": TEXT},
    "required": ["name", "home", "profession"],
    "additionalProperties": False,
}


@dataclass(frozen=True)
class Person:
    """A person of the micro world, with the true values of the record."""

    name: str
    home: str
    profession: str

    @property
    def start(self) -> str:
        """The beginning of the record, which is the prompt."""
        return START.format(self.name)

    @property
    def rest(self) -> str:
        """The true rest of the record."""
        return f' "home": "{self.home}", "profession": "{self.profession}"}}'


def people(world: MicroWorld, n: int, low: float, high: float = float("inf")) -> list[Person]:
    """Return people whose homes are mentioned this often in the corpus, at least n if there are."""
    homes = world.almanac.tables["person.home"]
    jobs = world.almanac.tables["person.profession"]
    questions = world.questions(4 * n, relations=["person.home"], exposure=(low, high))
    numbers = dict.fromkeys(world.almanac.fact(question.fact)[1] for question in questions)
    found = [Person(homes.names[i][0], homes.values[i][0], jobs.values[i][0]) for i in numbers]
    return found[:n]


def everyone_asked(world: MicroWorld) -> list[Person]:
    """Return the people of the test."""
    return people(world, N_PEOPLE, 60)


def parsed(text: str) -> dict | None:
    """Return a record that fits ``SCHEMA``, or None."""
    try:
        value = json.loads(text)
    except ValueError:
        return None
    keys = SCHEMA["required"]
    fits = isinstance(value, dict) and sorted(value) == sorted(keys)
    return value if fits and all(isinstance(value[key], str) for key in keys) else None


def repaired(text: str) -> str:
    """Return the text up to its first closing brace, with the keys of ``SCHEMA`` only.

    >>> repaired('{"name": "A", "pet": "cat", "home": "B"} And more')
    '{"name": "A", "home": "B"}'
    """
    try:
        value = json.loads(text[: text.find("}") + 1])
    except ValueError:
        return text
    return json.dumps({key: value[key] for key in SCHEMA["required"] if key in value})


def constraint_after(start: str, tokenizer: BPETokenizer) -> Constraint:
    """Return the constraint on the rest of a record."""
    return Constraint(json_schema(SCHEMA).after(start), tokenizer)


class Writing:
    """Lets a model write the records of people, in different ways."""

    def __init__(self, world: MicroWorld, persons: Sequence[Person] | None = None) -> None:
        self.persons = everyone_asked(world) if persons is None else list(persons)

    def write(
        self, model: GPT, tokenizer: BPETokenizer, *, constrained: bool = False, **options: object
    ) -> tuple[list[str], list[int]]:
        """Return the texts of the records, with their starts, and the new tokens of each."""
        end = end_of_text(tokenizer)
        prompts = [[end, *tokenizer.encode(person.start)] for person in self.persons]
        options = dict(temperature=0, stop=[end]) | options
        if constrained:  # what may follow is the same after every name
            constraint = constraint_after(self.persons[0].start, tokenizer)
            options["processors"] = [constraint]
        rows = generate(model, prompts, N_NEW, **options)
        n = len(rows.ids) // len(prompts)
        starts = [person.start for person in self.persons for _ in range(n)]
        texts = [tokenizer.decode(i for i in ids if i != end) for ids in rows.ids]
        return [a + b for a, b in zip(starts, texts)], [*map(len, rows.ids)]

    def tries(self, model: GPT, tokenizer: BPETokenizer, n: int = N_TRIES, seed: int = 0) -> tuple:
        """Return, of up to n samples for each person, the first valid one, or else the last."""
        options = dict(temperature=TEMPERATURE, n=n, rng=np.random.default_rng(seed))
        texts, lengths = self.write(model, tokenizer, **options)
        chosen, tokens = [], []
        for i in range(0, len(texts), n):
            row = texts[i : i + n]
            k = next((j for j, text in enumerate(row) if parsed(text)), n - 1)
            chosen.append(row[k])
            tokens.append(sum(lengths[i : i + k + 1]))
        return chosen, tokens

    def graded(self, texts: Sequence[str], tokens: Sequence[int]) -> dict:
        """Return, person by person, which records are valid and right, and the mean tokens."""
        records = [*map(parsed, texts)]
        right = [r is not None and r["home"] == p.home for r, p in zip(records, self.persons)]
        valid = [record is not None for record in records]
        return {"valid": valid, "right": right, "tokens": round(float(np.mean(tokens)), 1)}


def finetuned(
    world: MicroWorld, name: str, seed: int, rate: float = TRAINING["learning_rate"]
) -> tuple[GPT, BPETokenizer, int]:
    """Finetune the model on the records of other people; return the steps, too."""
    model, tokenizer = load(name)
    end, tested = end_of_text(tokenizer), {person.name for person in everyone_asked(world)}
    others = [p for p in people(world, N_TRAINING, 10, 60) if p.name not in tested]
    prompts = [[end, *tokenizer.encode(person.start)] for person in others]
    responses = [[*tokenizer.encode(person.rest), end] for person in others]
    data = Dialogues.from_ids(prompts, responses)
    options = TRAINING | dict(learning_rate=rate, seed=seed, progress=False)
    run = finetune_encoded(model, data, **options).whole()
    return model, tokenizer, len(run.steps)


def all_ways(world: MicroWorld, writing: Writing, name: str) -> dict:
    """Return the grades of the records that a model writes in every way."""
    model, tokenizer = load(name)
    texts, tokens = writing.write(model, tokenizer)
    ways = {"prompt": writing.graded(texts, tokens)}
    ways["repair"] = writing.graded([*map(repaired, texts)], tokens)
    ways["retry"] = writing.graded(*writing.tries(model, tokenizer))
    masked, n_masked = writing.write(model, tokenizer, constrained=True)
    ways["constrained"] = writing.graded(masked, n_masked)
    for seed in SEEDS:
        tuned, _, _ = finetuned(world, name, seed)
        ways[f"finetuned, seed {seed}"] = writing.graded(*writing.write(tuned, tokenizer))
    both = writing.write(tuned, tokenizer, constrained=True)
    ways["finetuned and constrained"] = writing.graded(*both)
    tuned, _, _ = finetuned(world, name, 0, HIGH_RATE)
    ways["finetuned at ten times the rate"] = writing.graded(*writing.write(tuned, tokenizer))
    moved = [json.loads(text) for text in [*masked[1:], masked[0]]]
    moved = [record | {"name": p.name} for record, p in zip(moved, writing.persons)]
    ways["the next person's record"] = writing.graded([*map(json.dumps, moved)], n_masked)
    return ways


def constants(persons: Sequence[Person]) -> list[str]:
    """Return the same record for everyone: the most frequent home of the test, and a profession."""
    common = Counter(person.home for person in persons).most_common(1)[0][0]
    rest = {"home": common, "profession": "baker"}
    return [json.dumps({"name": person.name} | rest) for person in persons]


def run() -> dict:
    """Write records in every way, and grade them."""
    world = MicroWorld()
    writing = Writing(world)
    same = constants(writing.persons)
    return {
        "people": [person.name for person in writing.persons],
        "ways": {name: all_ways(world, writing, name) for name in MODELS},
        "a constant": writing.graded(same, [0] * len(same)),
        "training people": N_TRAINING,
    }
