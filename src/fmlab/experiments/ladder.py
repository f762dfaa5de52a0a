"""What the book's models know and can do, measured for each model that is available.

    python -m fmlab.experiments ladder                  # all, into book/results/ladder.json
    python -m fmlab.experiments ladder --models micro   # one; the results of the others stay
    python -m fmlab.experiments ladder --quick          # a few questions; nothing is recorded

The results of a model are recorded when it is finished, so an interrupt loses only the current one.
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

from fmlab.evaluation.likelihood import surprise
from fmlab.evaluation.questions import (
    ask,
    assertion_rate,
    chance,
    complete,
    exercise_accuracy,
    hallucination_rate,
    is_solved,
    question_accuracy,
)
from fmlab.evaluation.statistics import Rate
from fmlab.experiments.questions import (
    BINS,
    FULL,
    IN_CONTEXT,
    MIXTURE,
    QUICK,
    TASKS,
    TEXTS,
    Exam,
)
from fmlab.experiments.results import read, record
from fmlab.generation.decoding import generate
from fmlab.models.gpt import GPT
from fmlab.models.huggingface import WEIGHTS
from fmlab.models.pretrained import CARD, WEIGHTS_FOLDER, card, load
from fmlab.recipes.pretrain import LADDER
from fmlab.tokenization.special_tokens import end_of_text
from fmlab.tokenization.tokenizers import BPETokenizer
from microworld import KINDS, Exercise, Question

NAME = "ladder"
COMMAND = f"python -m fmlab.experiments {NAME}"
SPLITS = ("held-out facts", "held-out people", "nonexistent")
SAMPLED_FROM = ("300-999", "30-99", "4-9", "1")
SAMPLED_TASKS = ("look-up", "story", "sum")
Place = tuple[str, ...]  # the keys of a result: ("facts", "train", "1000+")


def shipped() -> list[str]:
    """Return the names of the pretrained models that are available, smallest first."""
    return [name for name in LADDER if (WEIGHTS_FOLDER / name / CARD).is_file()]


# --- one model ------------------------------------------------------------------------------------


@dataclass
class Candidate:
    """A model to be measured with an exam; ``jobs`` lists all of its measurements."""

    model: GPT
    tokenizer: BPETokenizer
    exam: Exam

    def jobs(self) -> Iterator[tuple[Place, Callable[[], object]]]:
        """Yield every measurement: the keys of its result, and the function to call."""
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
        return self.accuracy_and_baseline(self.exam.facts_stated(BINS[name], phrasing))

    def known(self, kind: str) -> dict | None:
        return self.accuracy_and_baseline(self.exam.known(kind))

    def accuracy_and_baseline(self, questions: Sequence[Question]) -> dict | None:
        """Return the accuracy, and as "baseline" that of guessing without knowing any entity."""
        if not questions:
            return None
        accuracy = question_accuracy(self.model, self.tokenizer, self.exam.world, questions)
        return as_dict(accuracy) | {"baseline": round(self.exam.baseline(questions).rate, 4)}

    def unknown(self, split: str) -> dict | None:
        """Return how often the model asserts what no document states, and how often it is right."""
        questions = self.exam.unknown(split)
        if not questions:
            return None
        answers = ask(self.model, self.tokenizer, questions)
        results = {"asserted": as_dict(assertion_rate(answers))}
        if split != "nonexistent":
            results["right"] = self.accuracy_and_baseline(questions)
        return results

    def about(self, group: str) -> dict:
        names = self.exam.names()[group]
        world = self.exam.world
        return {"invented": as_dict(hallucination_rate(self.model, self.tokenizer, world, names))}

    def task(self, task: str) -> dict:
        exercises = self.exam.exercises(task)
        results = self.accuracy(exercises) | {"chance": round(chance(exercises), 4)}
        if task in IN_CONTEXT:
            results["without context"] = self.accuracy(self.exam.without_context(task))
        return results | (self.conflicts() if task == "counterfactual" else {})

    def conflicts(self) -> dict:
        """Return what the model follows where a passage contradicts the corpus.

        "known" is how often it gives the value in the corpus without a passage. Only these
        exercises are conflicts: "passage" and "memory" say how often it gives which value then.
        """
        exercises = {"passage": self.exam.exercises("counterfactual")}
        exercises["memory"] = self.exam.from_memory()
        known = self.solved(self.exam.question_only(exercises["memory"]))
        results = {"known": as_dict(Rate.of(known))}
        for source, group in exercises.items():
            outcomes = [right for right, knows in zip(self.solved(group), known) if knows]
            results[source] = as_dict(Rate.of(outcomes)) if outcomes else None
        return results

    def solved(self, exercises: Sequence[Exercise]) -> list[bool]:
        outputs = complete(self.model, self.tokenizer, [each.prompt for each in exercises])
        return list(map(is_solved, exercises, outputs))

    def accuracy(self, exercises: Sequence[Exercise]) -> dict:
        return as_dict(exercise_accuracy(self.model, self.tokenizer, exercises))

    def text(self, kind: str) -> dict:
        likelihood = surprise(self.model, self.tokenizer, self.exam.texts(kind))
        numbers = {
            "loss_per_token": likelihood.loss_per_token,
            "perplexity": likelihood.perplexity,
            "bits_per_byte": likelihood.bits_per_byte,
            "margin": likelihood.margin,
        }
        return {key: round(value, 4) for key, value in numbers.items() if value < math.inf} | {
            "tokens": int(likelihood.tokens.sum()),
            "bytes": int(likelihood.bytes.sum()),
        }

    def sample_answers(self) -> list[dict]:
        """Return a few prompts with their right answers and the model's."""
        groups = [(name, self.exam.facts_stated(BINS[name])[:1]) for name in SAMPLED_FROM]
        groups.append(("nonexistent", self.exam.unknown("nonexistent")[:1]))
        samples = [(name, q.prompt, q.answer) for name, questions in groups for q in questions]
        for task in SAMPLED_TASKS:
            exercise = self.exam.exercises(task)[0]
            samples.append((task, exercise.prompt, exercise.answer.strip()))
        answers = complete(self.model, self.tokenizer, [prompt for _, prompt, _ in samples])
        return [
            {"kind": name, "prompt": prompt, "right": right, "answer": answer.strip()}
            for (name, prompt, right), answer in zip(samples, answers)
        ]

    def sample_documents(self) -> dict[str, str]:
        """Return two documents of the model: a sampled one, and its greedy decoding."""
        end = end_of_text(self.tokenizer)
        n_tokens = min(160, self.model.config.context_length)
        sampled = generate(
            self.model, [end], n_tokens, temperature=1.0, stop=[end], rng=np.random.default_rng(0)
        )
        text = self.tokenizer.decode(i for i in sampled.ids[0] if i != end)
        greedy = complete(self.model, self.tokenizer, [""], n_tokens, stop=())
        return {"sampled": text, "greedy": greedy[0]}


def as_dict(rate: Rate) -> dict:
    """Return a rate in the form that is recorded; ``from_dict`` reads it."""
    ends = {"rate": rate.rate, "low": rate.low, "high": rate.high}
    counts = {"successes": rate.successes, "n": rate.n}
    return counts | {key: round(value, 4) for key, value in ends.items()}


def from_dict(cell: dict) -> Rate:
    """Return a recorded rate."""
    return Rate(cell["successes"], cell["n"])


def measure(
    model: GPT, tokenizer: BPETokenizer, exam: Exam, name: str = "model", progress: bool = True
) -> dict:
    """Return all results of a model, nested by the keys of ``Candidate.jobs``; None for no data."""
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
    """Measure models one by one; record the results of each as soon as it is finished.

    Earlier results with an exam of another size are dropped. ``preparation`` is the time that
    making the exam took, in seconds.
    """
    counts = {"size": asdict(exam.size), "facts": {name: exam.n_facts(BINS[name]) for name in BINS}}
    try:
        earlier = read(NAME, folder)
        measured = earlier["models"] if earlier["asked"] == counts else {}
    except FileNotFoundError:
        measured = {}
    for source in sources:
        started = time.perf_counter()
        results = measure(*load(source), exam, Path(source).name)
        provenance = {
            "date": date.today().isoformat(),
            "seconds": round(time.perf_counter() - started, 1),
            "sha256": card(source)["sha256"][WEIGHTS],
        }
        measured[Path(source).name] = provenance | results
        ordered = sorted(measured, key=lambda name: [*LADDER, name].index(name))
        seconds = preparation + sum(measured[name]["seconds"] for name in measured)
        content = {"asked": counts, "models": {name: measured[name] for name in ordered}}
        record(NAME, content, command=COMMAND, seconds=seconds, folder=folder)


def main(arguments: list[str] | None = None) -> None:
    """The command line of ``python -m fmlab.experiments ladder``."""
    parser = argparse.ArgumentParser(prog=COMMAND, description="Measure the book's models.")
    parser.add_argument(
        "--models", nargs="+", help="names or folders (default: all that are available)"
    )
    parser.add_argument(
        "--quick", action="store_true", help="a few questions; print the results, record nothing"
    )
    parser.add_argument("--folder", type=Path, help="where to record (default: book/results)")
    options = parser.parse_args(arguments)
    sources = options.models or shipped()
    if not sources:
        parser.exit(1, f"no model in {WEIGHTS_FOLDER}; python -m fmlab.recipes NAME makes one\n")
    try:
        started = time.perf_counter()
        exam = Exam(size=QUICK if options.quick else FULL)
        preparation = time.perf_counter() - started
        if options.quick:
            for source in sources:
                results = measure(*load(source), exam, Path(source).name)
                print(json.dumps({Path(source).name: results}, indent=1, ensure_ascii=False))
        else:
            measure_and_record(sources, exam, options.folder, preparation)
    except (ValueError, OSError) as error:
        parser.exit(1, f"{error}\n")
    except KeyboardInterrupt:
        parser.exit(130, "interrupted; finished models are recorded\n")
