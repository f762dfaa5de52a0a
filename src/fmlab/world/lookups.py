"""The register ``lookups``: a passage about somebody new, and questions that only it can answer.

The names are fresh and the facts made up, so a model lowers its loss here only by reading: this is
what later lets it use a passage that a search has found.
"""

from __future__ import annotations

import json

from . import encyclopedia, quizzes
from .english import capital
from .exercises import Exercise
from .phrasing import fill
from .randomness import Rnd, between, pick, sample
from .telling import Made, Notes, Teller

FORM = "Passage: {}\nQuestion: {}\nAnswer:"  # the form in which evaluations pose a look-up
HEADS = ("Passage: {}", "Passage: {}", "Text: {}", "Read this. {}", "{}")
QA = ("Question: {}\nAnswer: {}.", "Question: {}\nAnswer: {}.", "Q: {}\nA: {}.")
KINDS = ("person", "person", "person", "town", "species", "festival", "invention", "work")
TRUE_SHARE = 0.15  # passages that are entries about the real world
Asked = list[tuple[str, str]]  # questions and short answers


def about_one(tell: Teller, rnd: Rnd) -> tuple[str, Asked]:
    """Several facts about one entity, in running text or as a record."""
    made = tell.make_up(rnd, pick(rnd, KINDS), between(rnd, 2, 6))
    keys = list(made.values)
    asked = [(tell.ask_made(rnd, made, key), made.values[key][0]) for key in keys]
    if rnd() < 0.15:
        fields = {"name": made.name[0].strip('"').removeprefix("the ")}
        for key in keys:
            fields[_label(key, tell).replace(" ", "_")] = made.values[key][0]
        return json.dumps(fields, ensure_ascii=False), asked
    if rnd() < 0.15:
        lines = [f"- {capital(_label(key, tell))}: {made.values[key][0]}" for key in keys]
        return "\n".join([made.name[1], *lines]), asked
    told = [tell.say_made(rnd, made, key, again=i > 0) for i, key in enumerate(keys)]
    return " ".join(told), asked


def _label(key: str, tell: Teller) -> str:
    return tell.almanac.tables[key].relation.label


def about_several(tell: Teller, rnd: Rnd) -> tuple[str, Asked]:
    """The same relations of several entities: the name in the question decides."""
    kind = pick(rnd, KINDS)
    names = sample(rnd, tell.almanac.names[kind].fresh, between(rnd, 2, 4))
    keys = [table.key for table in sample(rnd, tell.almanac.tables_of(kind), between(rnd, 1, 2))]
    told, asked = [], []
    for name in names:
        made = Made(kind, name, {key: tell.made_value(rnd, key) for key in keys})
        for i, key in enumerate(keys):
            told.append(tell.say_made(rnd, made, key, again=i > 0))
            asked.append((tell.ask_made(rnd, made, key), made.values[key][0]))
    return " ".join(told), asked


def about_world(tell: Teller, rnd: Rnd, notes: Notes) -> tuple[str, Asked]:
    """A true entry and questions about it."""
    while True:
        kind = tell.kind(rnd)
        i = tell.entity(rnd, kind)
        if plan := tell.plan(rnd, kind, i, between(rnd, 2, 5)):
            break
    asked = [(tell.ask(rnd, table, i), table.values[i][0]) for table in plan]
    return " ".join(encyclopedia.sentences(tell, rnd, notes, kind, i, plan)), asked


def made_up(tell: Teller, rnd: Rnd) -> tuple[str, Asked]:
    return (about_one if rnd() < 0.5 else about_several)(tell, rnd)


def write(tell: Teller, rnd: Rnd, notes: Notes) -> str:
    true = rnd() < TRUE_SHARE
    passage, asked = about_world(tell, rnd, notes) if true else made_up(tell, rnd)
    form = pick(rnd, QA)
    chosen = sample(rnd, asked, min(len(asked), between(rnd, 1, 4)))
    lines = [form.format(question, answer) for question, answer in chosen]
    return "\n".join([pick(rnd, HEADS).format(passage), *lines])


def exercise(tell: Teller, rnd: Rnd) -> Exercise:
    """A passage and a question about fresh names, in the documents' most usual form."""
    passage, asked = made_up(tell, rnd)
    question, answer = pick(rnd, asked)
    return Exercise("look-up", FORM.format(passage, question), f" {answer}.")


def counterfactual(tell: Teller, rnd: Rnd) -> Exercise:
    """A passage that says something else of a known entity than all documents do.

    The answer is the passage's; the second choice is what a model may remember instead.
    """
    while True:
        kind = pick(rnd, ("person", "town", "work"))
        i = tell.entity(rnd, kind)
        if plan := tell.plan(rnd, kind, i, 1):
            break
    table = plan[0]
    told = quizzes.wrong_value(tell, rnd, table, i)
    passage = fill(pick(rnd, table.wording.full[table.names[i][3]]), table.names[i], told)
    prompt = FORM.format(passage, tell.ask(rnd, table, i))
    return Exercise(
        "counterfactual", prompt, f" {told[0]}.", (f" {told[0]}.", f" {table.values[i][0]}.")
    )


def passage_for(tell: Teller, rnd: Rnd, kind: str, i: int, held_out_too: bool) -> str:
    """All facts about an entity in running text: what a search would find."""
    tables = sample(rnd, tell.almanac.tables_of(kind), len(tell.almanac.tables_of(kind)))
    if not held_out_too:
        tables = [table for table in tables if not table.hidden[i]]
    notes = Notes()
    return " ".join(tell.say(rnd, t, i, notes, again=n > 0) for n, t in enumerate(tables))
