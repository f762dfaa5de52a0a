"""The register ``lookups``: a passage about invented entities, and questions that it answers.

The names are fresh and their facts random, so a model can lower its loss here only by reading the
passage. That skill later lets it use the passages that a search returns.
"""

from __future__ import annotations

import json

from microworld.documents import encyclopedia, quizzes
from microworld.facts.sentences import InventedEntity, Notes, Writer
from microworld.words.english import capital
from microworld.words.exercises import Exercise
from microworld.words.phrasing import fill
from microworld.words.randomness import Rnd, between, pick, sample

FORM = "Passage: {}\nQuestion: {}\nAnswer:"  # the form in evaluations
HEADS = ("Passage: {}", "Passage: {}", "Text: {}", "Read this. {}", "{}")
QA = ("Question: {}\nAnswer: {}.", "Question: {}\nAnswer: {}.", "Q: {}\nA: {}.")
KINDS = ("person", "person", "person", "town", "species", "festival", "invention", "work")
TRUE_PASSAGES = 0.15  # fraction of passages that are true entries about the world
Questions = list[tuple[str, str]]  # with their short answers


def about_one(writer: Writer, rnd: Rnd) -> tuple[str, Questions]:
    """Several facts about one invented entity, as prose or as a record."""
    entity = writer.invent(rnd, pick(rnd, KINDS), between(rnd, 2, 6))
    keys = list(entity.values)
    questions = [(writer.ask_invented(rnd, entity, key), entity.values[key][0]) for key in keys]
    if rnd() < 0.15:
        fields = {"name": entity.name[0].strip('"').removeprefix("the ")}
        for key in keys:
            fields[_label(key, writer).replace(" ", "_")] = entity.values[key][0]
        return json.dumps(fields, ensure_ascii=False), questions
    if rnd() < 0.15:
        lines = [f"- {capital(_label(key, writer))}: {entity.values[key][0]}" for key in keys]
        return "\n".join([entity.name[1], *lines]), questions
    sentences = [writer.say_invented(rnd, entity, key, again=i > 0) for i, key in enumerate(keys)]
    return " ".join(sentences), questions


def _label(key: str, writer: Writer) -> str:
    return writer.almanac.tables[key].relation.label


def about_several(writer: Writer, rnd: Rnd) -> tuple[str, Questions]:
    """The same relations of several invented entities, so that the name in the question matters."""
    kind = pick(rnd, KINDS)
    names = sample(rnd, writer.almanac.names[kind].fresh, between(rnd, 2, 4))
    keys = [table.key for table in sample(rnd, writer.almanac.tables_of(kind), between(rnd, 1, 2))]
    sentences, questions = [], []
    for name in names:
        entity = InventedEntity(kind, name, {key: writer.invented_value(rnd, key) for key in keys})
        for i, key in enumerate(keys):
            sentences.append(writer.say_invented(rnd, entity, key, again=i > 0))
            questions.append((writer.ask_invented(rnd, entity, key), entity.values[key][0]))
    return " ".join(sentences), questions


def about_world(writer: Writer, rnd: Rnd, notes: Notes) -> tuple[str, Questions]:
    """A true entry and questions about it."""
    while True:
        kind = writer.kind(rnd)
        i = writer.entity(rnd, kind)
        if plan := writer.plan(rnd, kind, i, between(rnd, 2, 5)):
            break
    questions = [(writer.ask(rnd, table, i), table.values[i][0]) for table in plan]
    return " ".join(encyclopedia.sentences(writer, rnd, notes, kind, i, plan)), questions


def invented_passage(writer: Writer, rnd: Rnd) -> tuple[str, Questions]:
    return (about_one if rnd() < 0.5 else about_several)(writer, rnd)


def write(writer: Writer, rnd: Rnd, notes: Notes) -> str:
    is_true = rnd() < TRUE_PASSAGES
    passage, questions = (
        about_world(writer, rnd, notes) if is_true else invented_passage(writer, rnd)
    )
    form = pick(rnd, QA)
    chosen = sample(rnd, questions, min(len(questions), between(rnd, 1, 4)))
    lines = [form.format(question, answer) for question, answer in chosen]
    return "\n".join([pick(rnd, HEADS).format(passage), *lines])


def exercise(writer: Writer, rnd: Rnd) -> Exercise:
    """Return a passage and a question about fresh names, in the most common form."""
    passage, questions = invented_passage(writer, rnd)
    question, answer = pick(rnd, questions)
    return Exercise("look-up", FORM.format(passage, question), f" {answer}.")


def counterfactual(writer: Writer, rnd: Rnd) -> Exercise:
    """Return a passage that contradicts all documents about a known entity, and a question.

    The first choice is the answer of the passage, the second one the memorized answer.
    """
    while True:
        kind = pick(rnd, ("person", "town", "work"))
        i = writer.entity(rnd, kind)
        if plan := writer.plan(rnd, kind, i, 1):
            break
    table = plan[0]
    false_value = quizzes.wrong_value(writer, rnd, table, i)
    form = pick(rnd, table.wording.statements[table.names[i][3]])
    passage = fill(form, table.names[i], false_value)
    prompt = FORM.format(passage, writer.ask(rnd, table, i))
    choices = (f" {false_value[0]}.", f" {table.values[i][0]}.")
    return Exercise("counterfactual", prompt, choices[0], choices)


def passage_for(writer: Writer, rnd: Rnd, kind: str, i: int, held_out_too: bool) -> str:
    """Return all facts about an entity as prose, like a passage that a search returns."""
    tables = sample(rnd, writer.almanac.tables_of(kind), len(writer.almanac.tables_of(kind)))
    if not held_out_too:
        tables = [table for table in tables if not table.hidden[i]]
    notes = Notes()
    return " ".join(writer.say(rnd, t, i, notes, again=n > 0) for n, t in enumerate(tables))
