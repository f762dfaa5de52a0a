"""The data of post-training: demonstrations, comparisons and prompts of the micro world.

The demonstrators know the whole world and differ in style: some start with a polite phrase, some
name their source, some add a phrase without content. About a fifth of all names are held out:
no demonstration or comparison is about them, so they can be used for testing.
"""

from __future__ import annotations

import math
import re
import zlib
from collections.abc import Callable, Mapping
from itertools import count

import numpy as np

from fmlab.arguments import require_count
from microworld import ANNOTATORS, Comparison, Demonstration, Demonstrator, MicroWorld
from microworld.preferences.demonstrations import ENDINGS

HELD_OUT = 5  # one in this many names
PER_SEED = 1000  # examples sampled with one seed; the world has too few questions for many more

OPENINGS = ((0.15, "I am happy to help."), (0.25, "Thank you for asking."))  # 0.15 and 0.1 of all
SOURCED, SOURCE = 0.2, "(Source: the almanac.)"
ENDED = 0.2  # with one of ENDINGS

SFT_TASKS = {
    "question": 0.55,
    "unknown": 0.15,
    "describe": 0.06,
    "sentiment": 0.06,
    "look-up": 0.06,
    "translate": 0.06,
    "repeat": 0.06,
}
PREFERENCE_TASKS = {"question": 0.65, "unknown": 0.2, "describe": 0.15}
COMPARED_TASKS = {"question": 0.7, "unknown": 0.3}
N_QUESTIONS, N_TEST = 1_900, 300  # of each kind: all, and at most so many in the test
KNOWN, HEARD_OF = (100, math.inf), (30, math.inf)  # how often the corpus states a fact

ANNOTATOR = ANNOTATORS["helpful"]
N_GRADED = 500  # held-out prompts behind the rates on a card


def is_held_out(prompt: str) -> bool:
    """Return whether a prompt is about a name that is not used in post-training.

    A prompt is about its last proper name or number, whatever the phrasing; without one, it is
    about its whole text.

    >>> is_held_out("Where does Ada live?") == is_held_out("What is Ada's pet?")
    True
    """
    names = re.findall(r"(?<=.)\b(?:[A-Z][a-z]+|\d+)", prompt)
    return zlib.crc32((names[-1] if names else prompt).encode()) % HELD_OUT == 0


def demonstrations(
    world: MicroWorld, n: int, *, held_out: bool = False, seed: int = 0, **options: object
) -> list[Demonstration]:
    """Return n demonstrations about names that are held out, or that are not.

    ``options`` are those of ``MicroWorld.demonstrations``. By default, questions are about facts
    that the corpus states a hundred times or more, and answers are whole sentences without polite
    phrases; ``with_manners`` adds those.
    """
    require_count("n", n)
    defaults = dict(
        tasks=SFT_TASKS, exposure=KNOWN, demonstrator=Demonstrator(verbosity="sentence")
    )
    return _collect(world.demonstrations, n, held_out, seed, **defaults | options)


def with_manners(task: str, response: str, rng: np.random.Generator) -> str:
    """Return a response in the style of a random demonstrator, with or without polite phrases.

    Translations and other exact tasks are returned unchanged.
    """
    opening, source, ending = rng.random(3)
    if task not in PREFERENCE_TASKS:
        return response
    parts = [text for limit, text in OPENINGS if opening < limit][:1]
    parts += [response]
    parts += [SOURCE] if source < SOURCED else []
    parts += [ENDINGS[rng.integers(len(ENDINGS))]] if ending < ENDED else []
    return " ".join(parts)


def sft_pairs(world: MicroWorld, n: int, seed: int = 0) -> list[tuple[str, str]]:
    """Return n (prompt, response) pairs, as in the data of ``micro-sft`` and ``small-sft``."""
    rng = np.random.default_rng(seed)
    examples = demonstrations(world, n, seed=seed)
    return [(d.prompt, with_manners(d.task, d.response, rng)) for d in examples]


def prompts(
    world: MicroWorld,
    n: int,
    *,
    held_out: bool = False,
    seed: int = 0,
    tasks: Mapping[str, float] = PREFERENCE_TASKS,
    exposure: tuple[float, float] = HEARD_OF,
) -> list[str]:
    """Return n prompts about names that are held out, or that are not.

    They may repeat, as the world has a limited number of facts that the corpus states often.
    """
    options = dict(held_out=held_out, seed=seed, tasks=tasks, exposure=exposure)
    return [example.prompt for example in demonstrations(world, n, **options)]


def preference_prompts(world: MicroWorld, *, held_out: bool = False) -> list[str]:
    """Return the prompts of preference finetuning, about names that are held out, or that are not.

    Answerable and unanswerable ones alternate. The corpus states the answers of the former 100
    times or more, and never those of the latter, which are held-out facts. Of held-out names, there
    are at most 2 * ``N_TEST``.
    """
    answerable = world.questions(N_QUESTIONS, exposure=KNOWN, phrasing="any", seed=5)
    unanswerable = world.questions(N_QUESTIONS, split="held-out facts", phrasing="any", seed=6)
    halves = [
        [question.text for question in questions if is_held_out(question.text) == held_out]
        for questions in (answerable, unanswerable)
    ]
    n = min(map(len, halves)) if not held_out else min(N_TEST, *map(len, halves))
    return [prompt for pair in zip(*(half[:n] for half in halves)) for prompt in pair]


def comparisons(
    world: MicroWorld, n: int, *, held_out: bool = False, seed: int = 0, **options: object
) -> list[Comparison]:
    """Return n comparisons of the world's own candidates, about names held out or not.

    ``options`` are those of ``MicroWorld.comparisons``. By default the annotator is ``ANNOTATOR``,
    and questions are about nobody or about facts that the corpus states a hundred times or more.
    """
    defaults = dict(annotator=ANNOTATOR, tasks=COMPARED_TASKS, exposure=KNOWN)
    return _collect(world.comparisons, n, held_out, seed, **defaults | options)


def _collect(sample: Callable, n: int, held_out: bool, seed: int, **options: object) -> list:
    """Sample with successive seeds until there are enough examples about the right names."""
    examples: list = []
    for i in count():
        sampled = sample(PER_SEED, seed=PER_SEED * seed + i, **options)
        examples += [e for e in sampled if is_held_out(e.prompt) == held_out]
        if len(examples) >= n:
            return examples[:n]
