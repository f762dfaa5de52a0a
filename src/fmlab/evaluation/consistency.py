"""Does a model give the same answer twice, and to a question that was changed a little?

Answers are compared by what they name, not by their words: "In Hemmel." and "She lives in Hemmel."
are the same answer to a question about a home. Two answers that name nothing are the same, too.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence

from fmlab.arguments import require
from microworld import MicroWorld, Question
from microworld.questions.oracle import Oracle

Change = Callable[[str, str, random.Random], str]


def named_values(
    world: MicroWorld, questions: Sequence[Question], responses: Sequence[str]
) -> list[tuple[str, ...]]:
    """Return what the first line of each response names that could be the answer, sorted.

    Errors: ``ValueError`` for lists of unequal length.
    """
    n = len(questions)
    require(len(responses) == n, "responses", f"{n}, one per question", len(responses))
    reader = Oracle(world.almanac).reader

    def values(question: Question, response: str) -> tuple[str, ...]:
        first = response.strip().partition("\n")[0]
        in_question = {*reader.mentioned(question.relation, question.text)}
        return tuple(sorted({*reader.mentioned(question.relation, first)} - in_question))

    return [*map(values, questions, responses)]


def changed(
    world: MicroWorld, questions: Sequence[Question], first: Sequence[str], second: Sequence[str]
) -> list[bool]:
    """Return for each question whether the second response names something else than the first.

    Errors: ``ValueError`` for lists of unequal length.
    """
    pairs = zip(named_values(world, questions, first), named_values(world, questions, second))
    return [before != after for before, after in pairs]


def other_words(world: MicroWorld, question: Question) -> str:
    """Return the question in another phrasing of the corpus, about the same name.

    If the corpus has no other phrasing with the name in it, the question is returned unchanged.
    """
    table, i = world.almanac.fact(question.fact)
    texts = [form.format(*table.names[i]) for form in table.wording.questions]
    texts = [text for text in texts if text != question.text and question.entity in text]
    return random.Random(question.fact).choice(texts) if texts else question.text


def swap_letters(word: str, rng: random.Random) -> str:
    """Return a word with two neighboring letters swapped, but never the first letter.

    A word with fewer than three letters, or without two different neighbors, stays as it is.
    """
    places = [i for i in range(1, len(word) - 1) if word[i] != word[i + 1]]
    if not places:
        return word
    i = rng.choice(places)
    return word[:i] + word[i + 1] + word[i] + word[i + 2 :]


def _typo(text: str, entity: str, rng: random.Random) -> str:
    words = re.findall(r"[a-z]{4,}", text.replace(entity, " ", 1), re.IGNORECASE)
    word = rng.choice(words) if words else ""
    return re.sub(rf"\b{word}\b", swap_letters(word, rng), text, count=1) if word else text


def _typo_in_name(text: str, entity: str, rng: random.Random) -> str:
    given, space, rest = entity.partition(" ")
    return text.replace(entity, swap_letters(given, rng) + space + rest, 1)


PERTURBATIONS: dict[str, Change] = {
    "none": lambda text, entity, rng: text,
    "first letter in lower case": lambda text, entity, rng: text[:1].lower() + text[1:],
    "no question mark": lambda text, entity, rng: text.removesuffix("?"),
    "typo in another word": _typo,
    "typo in the name": _typo_in_name,
    "all in lower case": lambda text, entity, rng: text.lower(),
}


def perturb(question: Question, name: str) -> str:
    """Return the text of a question with one of ``PERTURBATIONS``; the same one each time.

    Errors: ``ValueError`` for an unknown name.
    """
    require(name in PERTURBATIONS, "name", f"one of {', '.join(PERTURBATIONS)}", name)
    return PERTURBATIONS[name](question.text, question.entity, random.Random(question.text))
