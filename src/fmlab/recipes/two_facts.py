"""Questions that take two facts, and responses with or without the first fact in them.

The corpus states every fact at least 30 times. Finetuning asks nothing about the names in the test;
some of them occur in it as the first fact about another name.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fmlab.arguments import Ids, require
from fmlab.data.dialogues import Dialogues
from fmlab.recipes.data import is_held_out
from fmlab.tokenization.special_tokens import end_of_text
from fmlab.tokenization.tokenizers import BPETokenizer
from microworld import MicroWorld
from microworld.words.hops import HOPS

OTHER_STEPS = "steps of another question"
KINDS = ("at once", "steps", "filler", OTHER_STEPS)
FILLER, LEAST = "and", 30  # a word of one token; how often the corpus states each fact


@dataclass(frozen=True)
class TwoFacts:
    """A question that takes two facts, and the questions about each.

    ``step`` is the value of the first fact, ``wrong_step`` another one, for which ``wrong_answer``
    is the answer. ``second`` has {} in place of the value.
    """

    text: str
    subject: str
    relation: str
    first: str
    step: str
    second: str
    answer: str
    wrong_step: str
    wrong_answer: str


def two_fact_questions(world: MicroWorld, mentions: Mapping[int, int]) -> list[TwoFacts]:
    """Return all questions of two facts that the corpus states often, in all its phrasings."""
    tables, rng, found = world.almanac.tables, random.Random(0), []
    for hop in HOPS:
        first, second = tables[hop.first], tables[hop.second]
        often = [
            (i, j)
            for i, j in enumerate(first.targets)
            if not (first.hidden[i] or second.hidden[j])
            and min(mentions[first.base + i], mentions[second.base + j]) >= LEAST
        ]
        form = next(text for text in second.wording.questions if "{0}" in text)
        for i, j in often:
            others = [k for _, k in often if second.values[k][0] != second.values[j][0]]
            if not others:
                continue
            k = rng.choice(others)
            name = first.names[i]
            rest = dict(
                subject=name[0],
                relation=hop.key,
                first=next(text for text in first.wording.questions if "{0}" in text).format(*name),
                step=second.names[j][0],
                second=form.replace("{0}", "{}"),
                answer=second.values[j][0],
                wrong_step=second.names[k][0],
                wrong_answer=second.values[k][0],
            )
            found += [TwoFacts(text=text.format(*name), **rest) for text in hop.questions]
    return found


def split(asked: Sequence[TwoFacts]) -> tuple[list[TwoFacts], list[TwoFacts]]:
    """Return the questions for finetuning, and those of the test: one per pair of facts."""
    train = [question for question in asked if not is_held_out(question.text)]
    train = [question for question in train if not is_held_out(f"about {question.subject}")]
    test: dict[tuple[str, str], TwoFacts] = {}
    for question in asked:
        if is_held_out(f"about {question.subject}"):
            test.setdefault((question.relation, question.subject), question)
    return train, list(test.values())


def first_step(question: TwoFacts, value: str) -> str:
    """Return the question about the first fact with this value as its answer, and a next line."""
    return f"\nQuestion: {question.first}\nAnswer: {value}.\nQuestion:"


def steps(question: TwoFacts, value: str) -> str:
    """Return the first fact, with this value, and the question about the second one."""
    return f"{first_step(question, value)} {question.second.format(value)}\nAnswer:"


def response(question: TwoFacts, kind: str) -> str:
    """Return what a model of this kind is taught to write, after what is given."""
    require(kind in KINDS, "kind", f"one of {', '.join(KINDS)}", kind)
    written = steps(question, question.step) if kind == "steps" else ""
    return f"{written} {question.answer}."


def given(
    tokenizer: BPETokenizer, asked: Sequence[TwoFacts], kind: str, seed: int = 0
) -> list[str]:
    """Return what stands before the response to each question, in finetuning and in the test.

    That is filler, or the steps of a random question with another subject; else nothing.
    """
    require(kind in KINDS, "kind", f"one of {', '.join(KINDS)}", kind)
    if kind == "filler":
        return [filler(tokenizer, question) for question in asked]
    if kind != OTHER_STEPS:
        return [""] * len(asked)
    rng, texts = random.Random(seed), []
    for question in asked:
        other = rng.choice([each for each in asked if each.subject != question.subject])
        texts.append(steps(other, other.step))
    return texts


def filler(tokenizer: BPETokenizer, question: TwoFacts) -> str:
    """Return as many tokens without content as the steps of a question have."""
    return f" {FILLER}" * len(tokenizer.encode(steps(question, question.step)))


def answer_part(text: str) -> str:
    """Return the answer in a response, without steps or filler before it."""
    words = text.rpartition("Answer:")[2].split()
    while words[:1] == [FILLER]:
        words.pop(0)
    return " ".join(words)


def prompt_of(tokenizer: BPETokenizer, question: TwoFacts, begun: str = "") -> Ids:
    """Return the tokens of a question, and of the text with which its response begins."""
    asked = tokenizer.encode(f"Question: {question.text}\nAnswer:")
    return [end_of_text(tokenizer), *asked, *tokenizer.encode(begun)]


def encoded(
    tokenizer: BPETokenizer, asked: Sequence[TwoFacts], kind: str, seed: int = 0
) -> Dialogues:
    """Return questions with responses of a kind, as tokens; what is given is part of the prompt."""
    begun, end = given(tokenizer, asked, kind, seed), end_of_text(tokenizer)
    return Dialogues.from_ids(
        [prompt_of(tokenizer, question, text) for question, text in zip(asked, begun)],
        [[*tokenizer.encode(response(question, kind)), end] for question in asked],
    )
