"""What the book's models know and can do, measured for each model that is there.

    python -m fmlab.experiments.ladder                  # all, into book/results/ladder.json
    python -m fmlab.experiments.ladder --models micro   # one; what is recorded of others stays
    python -m fmlab.experiments.ladder --quick          # a look in seconds; nothing is recorded

Finished models are recorded at once, so an interrupt loses only the one at work.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from functools import partial
from pathlib import Path

import numpy as np
from tqdm import tqdm

from fmlab.evaluation import (
    Rate,
    ask,
    assertion_rate,
    chance,
    complete,
    exercise_accuracy,
    hallucination_rate,
    question_accuracy,
    surprise,
)
from fmlab.experiments.exam import BINS, FULL, MIXTURE, QUICK, TASKS, TEXTS, Exam
from fmlab.experiments.recording import read, record
from fmlab.generation import generate
from fmlab.huggingface import WEIGHTS
from fmlab.ladder import CARD, LADDER
from fmlab.models import WEIGHTS_FOLDER, card, load
from fmlab.surprise import end_of_text
from fmlab.tokenization import BPETokenizer
from fmlab.transformer import GPT
from fmlab.world import KINDS, Exercise, Question

NAME = "ladder"
COMMAND = f"python -m fmlab.experiments.{NAME}"
SPLITS = ("held-out facts", "held-out people", "nonexistent")
SAMPLED_FROM = ("300-999", "30-99", "4-9", "1")
SAMPLED_TASKS = ("look-up", "story", "sum")
Place = tuple[str, ...]  # of a result: ("facts", "train", "1000+")


def shipped() -> list[str]:
    """Return the names of the book's models that are there, smallest first."""
    return [name for name in LADDER if (WEIGHTS_FOLDER / name / CARD).is_file()]


# --- one model ------------------------------------------------------------------------------------


@dataclass
class Candidate:
    """A model that sits the exam."""

    model: GPT
    tokenizer: BPETokenizer
    exam: Exam

    def jobs(self) -> Iterator[tuple[Place, Callable[[], object]]]:
        """Yield everything to be measured, as what to call and where its result goes."""
        for phrasing in ("train", "held-out"):
            for name in BINS:
                yield ("facts", phrasing, name), partial(self.facts, name, phrasing)
        for kind in KINDS:
            yield ("known", kind), partial(self.known, kind)
        for split in SPLITS:
            yield ("unknown", split), partial(self.unknown, split)
        for group in self.exam.names():
            yield ("about", group), partial(self.about, group)
        for task in TASKS:
            yield ("tasks", task), partial(self.task, task)
        for name in TEXTS:
            yield ("texts", name), partial(self.text, name)
        yield ("texts", MIXTURE), partial(self.text, MIXTURE)
        yield ("samples", "answers"), self.sample_answers
        yield ("samples", "documents"), self.sample_documents

    def facts(self, name: str, phrasing: str) -> dict | None:
        return self.right_and_floor(self.exam.facts_told(BINS[name], phrasing))

    def known(self, kind: str) -> dict | None:
        return self.right_and_floor(self.exam.known(kind))

    def right_and_floor(self, questions: Sequence[Question]) -> dict | None:
        """Return how many answers are right, and would be if nothing were known of any entity."""
        if not questions:
            return None
        right = question_accuracy(self.model, self.tokenizer, self.exam.world, questions)
        return as_dict(right) | {"floor": round(self.exam.floor(questions).rate, 4)}

    def unknown(self, split: str) -> dict | None:
        """Return how often the model claims what no document tells, and how often it is right."""
        questions = self.exam.unknown(split)
        if not questions:
            return None
        found = {"asserted": as_dict(assertion_rate(ask(self.model, self.tokenizer, questions)))}
        if split != "nonexistent":
            found["right"] = self.right_and_floor(questions)
        return found

    def about(self, group: str) -> dict:
        names = self.exam.names()[group]
        world = self.exam.world
        return {"invented": as_dict(hallucination_rate(self.model, self.tokenizer, world, names))}

    def task(self, task: str) -> dict:
        exercises = self.exam.exercises(task)
        found = self.solved(exercises) | {"chance": round(chance(exercises), 4)}
        if task == "look-up":
            found["without the passage"] = self.solved(self.exam.without_passage())
        if task == "counterfactual":
            found["from memory"] = self.solved(self.exam.from_memory())
        return found

    def solved(self, exercises: Sequence[Exercise]) -> dict:
        return as_dict(exercise_accuracy(self.model, self.tokenizer, exercises))

    def text(self, kind: str) -> dict:
        found = surprise(self.model, self.tokenizer, self.exam.texts(kind))
        numbers = {
            "loss_per_token": found.loss_per_token,
            "perplexity": found.perplexity,
            "bits_per_byte": found.bits_per_byte,
            "margin": found.margin,
        }
        return {key: round(value, 4) for key, value in numbers.items() if value < math.inf} | {
            "tokens": int(found.tokens.sum()),
            "bytes": int(found.bytes.sum()),
        }

    def sample_answers(self) -> list[dict]:
        """Return a few prompts with what is right and what the model says."""
        told = [(name, self.exam.facts_told(BINS[name])[:1]) for name in SAMPLED_FROM]
        told.append(("nonexistent", self.exam.unknown("nonexistent")[:1]))
        asked = [(name, q.prompt, q.answer) for name, questions in told for q in questions]
        for task in SAMPLED_TASKS:
            each = self.exam.exercises(task)[0]
            asked.append((task, each.prompt, each.answer.strip()))
        said = complete(self.model, self.tokenizer, [prompt for _, prompt, _ in asked])
        return [
            {"kind": name, "prompt": prompt, "right": right, "said": text.strip()}
            for (name, prompt, right), text in zip(asked, said)
        ]

    def sample_documents(self) -> dict[str, str]:
        """Return documents that the model makes up: its likeliest, and one drawn by chance."""
        end = end_of_text(self.tokenizer)
        most = min(160, self.model.config.context_length)
        drawn = generate(
            self.model, [end], most, temperature=1.0, stop=[end], rng=np.random.default_rng(0)
        )
        text = self.tokenizer.decode(i for i in drawn.ids[0] if i != end)
        likeliest = complete(self.model, self.tokenizer, [""], most, stop=())
        return {"drawn": text, "likeliest": likeliest[0]}


def as_dict(rate: Rate) -> dict:
    """Return a rate as it is recorded; ``from_dict`` reads it."""
    ends = {"rate": rate.rate, "low": rate.low, "high": rate.high}
    counts = {"successes": rate.successes, "n": rate.n}
    return counts | {key: round(value, 4) for key, value in ends.items()}


def from_dict(cell: dict) -> Rate:
    """Return the rate that was recorded."""
    return Rate(cell["successes"], cell["n"])


def measure(
    model: GPT, tokenizer: BPETokenizer, exam: Exam, name: str = "model", progress: bool = True
) -> dict:
    """Return all results of a model, nested as ``Candidate.jobs`` says; None where nothing fits."""
    results: dict = {}
    jobs = list(Candidate(model, tokenizer, exam).jobs())
    for (*outer, last), job in tqdm(jobs, desc=name, disable=not progress):
        inner = results
        for key in outer:
            inner = inner.setdefault(key, {})
        inner[last] = job()
    return results


# --- all models -----------------------------------------------------------------------------------


def measure_and_record(
    sources: Sequence[str | Path],
    exam: Exam,
    folder: str | Path | None = None,
    preparation: float = 0.0,
) -> None:
    """Measure models one by one; record each, beside those recorded before, when it is finished.

    What was recorded with an exam of another size is dropped. ``preparation`` are the seconds that
    making the exam took.
    """
    asked = {"size": asdict(exam.size), "facts": {name: exam.n_facts(BINS[name]) for name in BINS}}
    try:
        before = read(NAME, folder)
        found = before["models"] if before["asked"] == asked else {}
    except FileNotFoundError:
        found = {}
    for source in sources:
        started = time.perf_counter()
        results = measure(*load(source), exam, Path(source).name)
        about = {
            "date": date.today().isoformat(),
            "seconds": round(time.perf_counter() - started, 1),
            "sha256": card(source)["sha256"][WEIGHTS],
        }
        found[Path(source).name] = about | results
        ordered = sorted(found, key=lambda name: [*LADDER, name].index(name))
        seconds = preparation + sum(found[name]["seconds"] for name in found)
        content = {"asked": asked, "models": {name: found[name] for name in ordered}}
        record(NAME, content, command=COMMAND, seconds=seconds, folder=folder)


def main(arguments: list[str] | None = None) -> None:
    """The command line of ``python -m fmlab.experiments.ladder``."""
    parser = argparse.ArgumentParser(prog=COMMAND, description="Measure the book's models.")
    parser.add_argument(
        "--models", nargs="+", help="names or folders (default: all that are there)"
    )
    parser.add_argument("--quick", action="store_true", help="ask little; print, record nothing")
    parser.add_argument("--folder", type=Path, help="where to record (default: book/results)")
    asked = parser.parse_args(arguments)
    sources = asked.models or shipped()
    if not sources:
        parser.exit(1, f"no model in {WEIGHTS_FOLDER}; python -m fmlab.training makes one\n")
    try:
        started = time.perf_counter()
        exam = Exam(size=QUICK if asked.quick else FULL)
        preparation = time.perf_counter() - started
        if asked.quick:
            for source in sources:
                results = measure(*load(source), exam, Path(source).name)
                print(json.dumps({Path(source).name: results}, indent=1, ensure_ascii=False))
        else:
            measure_and_record(sources, exam, asked.folder, preparation)
    except (ValueError, OSError) as error:
        parser.exit(1, f"{error}\n")
    except KeyboardInterrupt:
        parser.exit(130, "interrupted; what was finished is recorded\n")


if __name__ == "__main__":
    main()
