"""What ``small`` answers: asked again, asked differently, about nobody, and after a false start.

Every question is about a person, and every fact is asked for once. Answers are recorded as text, so
that a chapter can grade them itself. Three groups:

- ``repeated``: sampled and greedy answers to a question, to the same question again, in other
  words, with the first answer in the context (or another person's), and after small changes;
- ``exposure``: greedy answers by how often the corpus states the fact, and about people who do not
  exist, with the probability of each answer;
- ``starts``: a passage says where a person lives, truly or falsely, or there is no passage; then
  come questions about the home, its region, and another fact. A false passage may be written by us
  or sampled from the model.

    python -m fmlab.experiments small_answers    # book/results/small_answers.json, some minutes
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from fmlab import models
from fmlab.evaluation.consistency import PERTURBATIONS, other_words, perturb
from fmlab.evaluation.likelihood import answer_logprobs
from fmlab.generation.decoding import generate
from fmlab.models.gpt import GPT
from fmlab.tokenization.special_tokens import end_of_text
from fmlab.tokenization.tokenizers import BPETokenizer
from microworld import MicroWorld, Question
from microworld.words.exercises import QA_FORMS

BASE, MAX_NEW_TOKENS, ROWS = "small", 14, 60
N, N_PER_BIN, N_STARTS = 120, 100, 100
MIDDLE = (30, 300)  # how often the corpus states the facts that are asked for repeatedly
BINS = ((1, 3), (3, 10), (10, 30), (30, 100), (100, 300))
ASK = QA_FORMS[0].format


@dataclass(frozen=True)
class Answers:
    """``small``, its tokenizer and its world."""

    model: GPT
    tokenizer: BPETokenizer
    world: MicroWorld

    @classmethod
    def load(cls) -> Answers:
        """Load the model."""
        return cls(*models.load(BASE), MicroWorld())

    def complete(
        self, prompts: Sequence[str], temperature: float = 0.0, seed: int = 0, n: int = 1
    ) -> list[str]:
        """Return n continuations per prompt, to the end of the line.

        Row i of each ``ROWS`` prompts samples with random numbers that depend on seed and i only.
        """
        end = end_of_text(self.tokenizer)
        stop = [end, *(i for i, token in self.tokenizer.vocab.items() if b"\n" in token)]
        texts: list[str] = []
        for start in range(0, len(prompts), ROWS):
            part = [[end, *self.tokenizer.encode(p)] for p in prompts[start : start + ROWS]]
            rng = np.random.default_rng([seed, start])
            options = dict(temperature=temperature, rng=rng, n=n, stop=stop)
            rows = generate(self.model, part, MAX_NEW_TOKENS, **options).ids
            texts += [self.tokenizer.decode(i for i in ids if i != end) for ids in rows]
        return [text.partition("\n")[0].strip() for text in texts]

    def people(self, n: int, seed: int = 3, **filters: object) -> list[Question]:
        """Return n questions about people, one per fact."""
        by_fact: dict[int, Question] = {}
        options = dict(relations=["person"], seed=seed) | filters
        for question in self.world.questions(2 * n, **options):
            by_fact.setdefault(question.fact, question)
        return list(by_fact.values())[:n]

    @cached_property
    def questions(self) -> list[Question]:
        """The questions that are asked repeatedly."""
        return self.people(N, exposure=MIDDLE)

    # --- asked again, asked differently ----------------------------------------------------------

    def repeated(self, n: int = N) -> dict[str, list[str]]:
        """Return answers to the first n questions under each condition."""
        questions = self.questions[:n]
        plain = [ASK(q.text) for q in questions]
        reworded = [ASK(other_words(self.world, q)) for q in questions]
        first = self.complete(plain, 1.0, seed=1)
        told = [f"{p} {a}\n\n" for p, a in zip(plain, first)]
        others = told[1:] + told[:1]
        sampled = dict(temperature=1.0, seed=2)
        kept, moved = (_joined(start, reworded) for start in (told, others))
        different = [ASK(self.other_fact(q)[0]) for q in questions]
        answers = {
            "sampled": first,
            "sampled, again": self.complete(plain, **sampled),
            "sampled, other words": self.complete(reworded, **sampled),
            "same seed, again": self.complete(plain, 1.0, seed=1),
            "same seed, other words": self.complete(reworded, 1.0, seed=1),
            "first answer in context, again": self.complete(_joined(told, plain), **sampled),
            "first answer in context, other words": self.complete(kept, **sampled),
            "other person in context, other words": self.complete(moved, **sampled),
            "greedy": self.complete(plain),
            "greedy, again": self.complete(plain),
            "greedy, other words": self.complete(reworded),
            "greedy, other question": self.complete(different),
        }
        for name in list(PERTURBATIONS)[1:]:
            answers[name] = self.complete([ASK(perturb(q, name)) for q in questions])
        return answers

    def other_fact(self, question: Question) -> tuple[str, str]:
        """Return a question about another fact of the same person, and its answer."""
        table, i = self.world.almanac.fact(question.fact)
        tables = [
            t
            for t in self.world.almanac.tables_of("person")
            if t.relation.values != table.relation.values and not t.hidden[i]
        ]
        other = random.Random(question.fact).choice(tables)
        return other.wording.questions[0].format(*other.names[i]), other.values[i][0]

    # --- exposure --------------------------------------------------------------------------------

    def by_exposure(self) -> list[list[Question]]:
        """Return questions for each of ``BINS``, and then questions about nobody."""
        groups = [self.people(N_PER_BIN, seed=1, exposure=bounds) for bounds in BINS]
        nobody = self.world.questions(N_PER_BIN, relations=["person"], split="nonexistent", seed=1)
        return [*groups, nobody]

    def confident(self, questions: Sequence[Question]) -> dict[str, list]:
        """Return greedy answers with their probabilities."""
        prompts = [ASK(q.text) for q in questions]
        answers = self.complete(prompts)
        # The full stop is left out, because with the end of the line it is one token.
        spaced = [" " + answer.removesuffix(".") for answer in answers]
        logprobs = answer_logprobs(self.model, self.tokenizer, prompts, spaced)
        return {"answers": answers, "probabilities": np.exp(logprobs).round(4).tolist()}

    # --- a start, true or false ------------------------------------------------------------------

    @cached_property
    def homes(self) -> list[Question]:
        """Questions about where people live."""
        return self.people(N_STARTS, relations=["person.home"], exposure=(30, float("inf")))

    @property
    def regions(self) -> dict[str, str]:
        """The region of each town."""
        table = self.world.almanac.tables["town.region"]
        return {name[0]: value[0] for name, value in zip(table.names, table.values)}

    def false_towns(self) -> list[str]:
        """Return a well-known town in another region for each person."""
        regions = self.regions
        known = list(regions)[:60]

        def town(question: Question) -> str:
            other = [t for t in known if regions[t] != regions[question.answer]]
            return random.Random(question.fact).choice(other)

        return [*map(town, self.homes)]

    def after(
        self, towns: Sequence[str | None], about: Sequence[Question] | None = None
    ) -> dict[str, list[str]]:
        """Return greedy answers about ``homes`` after a passage with these homes.

        None is no passage. The passage is ``about`` other people if they are given.
        """
        people = zip(about or self.homes, towns)
        starts = [f"Passage: {q.entity} lives in {t}.\n" if t else "" for q, t in people]
        follow_ups = {
            "home": [ASK(f"Where does {q.entity} live?") for q in self.homes],
            "region": [ASK(f"In which region does {q.entity} live?") for q in self.homes],
            "another fact": [ASK(self.other_fact(q)[0]) for q in self.homes],
        }
        return {name: self.complete(_joined(starts, asked)) for name, asked in follow_ups.items()}

    def own_towns(self, seed: int = 0) -> list[str]:
        """Return where each person lives, as the model says when it samples a passage."""
        prompts = [f"Passage: {q.entity} lives in" for q in self.homes]
        texts = self.complete(prompts, 1.0, seed=seed)
        return [text.partition(".")[0].strip() for text in texts]

    def starts(self) -> dict[str, object]:
        """Return the answers after no start, a true one, a false one, and the model's own."""
        false, own = self.false_towns(), self.own_towns()
        return {
            "false towns": false,
            "own towns": own,
            "none": self.after([None] * N_STARTS),
            "true": self.after([q.answer for q in self.homes]),
            "false": self.after(false),
            "another person": self.after(false, self.homes[1:] + self.homes[:1]),
            "own": self.after(own),
        }


def _joined(starts: Sequence[str], prompts: Sequence[str]) -> list[str]:
    return [*map(str.__add__, starts, prompts)]


def run() -> dict:
    """Ask everything, and return the answers."""
    answers = Answers.load()
    results: dict = {"base": BASE, "repeated": answers.repeated()}
    print("repeated", flush=True)
    results["exposure"] = [answers.confident(group) for group in answers.by_exposure()]
    print("exposure", flush=True)
    results["starts"] = answers.starts()
    return results
