"""Questions that take one fact or two, and the calls of a program that answers them.

The micro world words thirteen kinds of questions that combine two facts, such as the river of the
town where a person lives. More kinds are worded here, all in one plain form: "What is the founded
of the home of Ada Torn?" is no good English, but it names both fields, and any two that fit
together can be combined.
"""

from __future__ import annotations

import random
from collections.abc import Collection
from dataclasses import dataclass, replace
from itertools import zip_longest

from fmlab.agents.tools import ANSWER, CALL, QUESTION, RESULT, call
from microworld import MicroWorld
from microworld.words import schema
from microworld.words.hops import HOPS

KINDS = tuple(hop.key for hop in HOPS)
UNSEEN = (  # kept out of training: both of their fields occur there, but never together
    "person.home > town.product",
    "person.friend > person.food",
    "work.author > person.birthplace",
)
TRAINED = tuple(kind for kind in KINDS if kind not in UNSEEN)
PLAIN_FORM = "What is the {} of the {} of {}?"


@dataclass(frozen=True)
class Task:
    """A question, what it is about, and the calls of a program with their results.

    ``kind`` is a relation, or two joined by " > ". The last result is the answer.
    """

    text: str
    entity: str
    kind: str
    calls: tuple[str, ...]
    results: tuple[str, ...]

    @property
    def answer(self) -> str:
        """The right answer."""
        return self.results[-1]

    @property
    def prompt(self) -> str:
        """The first line of a transcript."""
        return f"{QUESTION} {self.text}\n"

    @property
    def lines(self) -> list[tuple[str, bool]]:
        """The lines of a right transcript, each with whether the agent writes it."""
        lines = [(self.prompt, False)]
        for text, result in zip(self.calls, self.results):
            lines += [(f"{CALL} {text}\n", True), (f"{RESULT} {result}\n", False)]
        return [*lines, (f"{ANSWER} {self.answer}\n", True)]

    def is_right(self, answer: str | None) -> bool:
        """Return whether an answer names what was asked for, in any case and with or without "the".

        >>> Task("?", "Ada", "person.home", ("home of Ada",), ("the Winnow",)).is_right("winnow.")
        True
        """
        return answer is not None and _plain(answer) == _plain(self.answer)


def task_of(world: MicroWorld, text: str, entity: str, kind: str) -> Task:
    """Return a task: the relations of its kind are looked up one after the other."""
    name, calls, results = entity, [], []
    for key in kind.split(" > "):
        value = next(fact.value for fact in world.facts_about(name) if fact.relation == key)
        calls.append(call(schema.BY_KEY[key].label, name))
        results.append(value)
        name = value
    return Task(text, entity, kind, tuple(calls), tuple(results))


def two_fact_tasks(
    world: MicroWorld,
    n: int,
    *,
    kinds: Collection[str] = TRAINED,
    phrasing: str = "train",
    split: str = "seen",
    without: Collection[str] = (),
    seed: int = 0,
) -> list[Task]:
    """Return at most n questions that take two facts, as evenly over the ``kinds`` as possible.

    ``without`` are names that no question may start from. ``phrasing`` and ``split`` are those of
    ``MicroWorld.questions``.
    """
    by_kind: dict[str, list] = {kind: [] for kind in kinds}
    most = -(-n // len(by_kind))
    firsts = {kind.split(" > ")[0] for kind in kinds}
    filters = dict(relations=firsts, phrasing=phrasing, split=split, seed=seed)
    for question in world.questions(6 * n + 200, kinds=("two-hop",), **filters):
        chosen = by_kind.get(question.relation)
        if chosen is not None and len(chosen) < most and question.entity not in without:
            chosen.append(question)
    mixed = [each for row in zip_longest(*by_kind.values()) for each in row if each]
    return [task_of(world, q.text, q.entity, q.relation) for q in mixed[:n]]


def one_fact_tasks(
    world: MicroWorld, n: int, *, without: Collection[str] = (), seed: int = 0
) -> list[Task]:
    """Return n questions that take one fact, about relations that occur in pairs."""
    relations = {key for kind in KINDS for key in kind.split(" > ")}
    questions = world.questions(2 * n, relations=relations, seed=seed)
    fitting = [question for question in questions if question.entity not in without]
    return [task_of(world, q.text, q.entity, q.relation) for q in fitting[:n]]


def plain_kinds() -> list[str]:
    """Return all pairs of relations whose second is about the value of the first."""
    return [
        f"{first.key} > {second.key}"
        for first in schema.RELATIONS
        for second in schema.RELATIONS
        if first.values == second.kind and first.kind in ("person", "work", "invention")
    ]


def plain_tasks(
    world: MicroWorld,
    n: int,
    kinds: Collection[str],
    *,
    without: Collection[str] = (),
    seed: int = 0,
) -> list[Task]:
    """Return n questions in the plain form that names both fields; kinds take turns.

    None is about a person whom no document mentions, or about a name in ``without``.
    """
    rnd, kinds = random.Random(seed), list(kinds)
    entities = {
        kind: [each for each in world.entities(kind) if not each.held_out]
        for kind in {k.partition(".")[0] for k in kinds}
    }
    tasks: list[Task] = []
    while len(tasks) < n:
        kind = kinds[len(tasks) % len(kinds)]
        name = rnd.choice(entities[kind.partition(".")[0]]).name
        if name in without:
            continue
        first, second = (schema.BY_KEY[key].label for key in kind.split(" > "))
        tasks.append(task_of(world, PLAIN_FORM.format(second, first, name), name, kind))
    return tasks


def in_plain_form(task: Task) -> Task:
    """Return the same question about two facts in the plain form."""
    first, second = (schema.BY_KEY[key].label for key in task.kind.split(" > "))
    return replace(task, text=PLAIN_FORM.format(second, first, task.entity))


def _plain(text: str) -> str:
    return text.strip().rstrip(".").strip('"').lower().removeprefix("the ")
