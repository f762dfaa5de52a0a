"""The register ``patterns``: tasks that are shown, not named, and solved by looking back.

Copying, looking up a key, giving the labels that the examples gave, changing case, continuing a
series. What is copied is random, so nothing but the text before can help.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from .english import capital, plural
from .exercises import Exercise
from .randomness import Rnd, between, pick, sample
from .telling import Notes, Teller
from .vocabulary import POOLS
from .vocabulary import words as listed

Shots = list[tuple[str, str]]
NOUNS = (
    POOLS["pets"]
    + POOLS["instruments"]
    + listed("""
lamp key ball book basket letter map spoon kite drum clock mirror rope jug candle hat bell
lantern apple pear plum loaf window table chair door bridge garden stone river cloud star
button coat boat""")
)
GROUPS = {
    "animal": POOLS["pets"],
    "instrument": POOLS["instruments"],
    "food": POOLS["foods"],
    "colour": POOLS["colours"],
    "month": POOLS["months"],
    "profession": POOLS["professions"],
}
OPPOSITES = (
    ("big", "small"), ("old", "young"), ("hot", "cold"), ("wet", "dry"), ("full", "empty"),
    ("early", "late"), ("open", "shut"), ("loud", "quiet"), ("light", "dark"), ("high", "low"),
    ("fast", "slow"), ("soft", "hard"), ("rich", "poor"), ("happy", "sad"), ("long", "short"),
    ("near", "far"), ("first", "last"), ("left", "right"), ("day", "night"), ("summer", "winter"),
)  # fmt: skip
ARROWS = (" -> ", ": ", " = ", " => ")


def words(tell: Teller, rnd: Rnd, n: int) -> list[str]:
    """n different words: ordinary ones, or parts of names and towns that do not exist."""
    return sample_some(rnd, NOUNS if rnd() < 0.5 else pick(rnd, tell.loose_names), n)


def sample_some(rnd: Rnd, pool: Sequence[str], n: int) -> list[str]:
    """n different items of a large pool, without copying it."""
    drawn: dict[str, None] = {}
    while len(drawn) < n:
        drawn[pick(rnd, pool)] = None
    return list(drawn)


def repeat(tell: Teller, rnd: Rnd) -> tuple[str, str]:
    said = " ".join(words(tell, rnd, between(rnd, 3, 16)))
    form = pick(rnd, ("Repeat after me: {}\n", "Say this again: {}\n", "Copy: {}\nCopy: ", "{}\n"))
    return form.format(said), said


def look_up_key(tell: Teller, rnd: Rnd) -> tuple[str, str]:
    """Keys with values, then some of the keys again: each has its value."""
    keys = words(tell, rnd, between(rnd, 3, 7))
    values = (
        words(tell, rnd, len(keys)) if rnd() < 0.5 else [str(between(rnd, 1, 99)) for _ in keys]
    )
    arrow = pick(rnd, ARROWS)
    lines = [f"{key}{arrow}{value}" for key, value in zip(keys, values)]
    *asked, last = sample(rnd, range(len(keys)), between(rnd, 1, 3))
    lines += [lines[i] for i in asked]
    return "\n".join([*lines, f"{keys[last]}{arrow}"]), values[last]


def labels(tell: Teller, rnd: Rnd) -> Shots:
    """Words of two groups, each with a label that means nothing or names the group."""
    groups = sample(rnd, list(GROUPS), 2)
    marks = groups if rnd() < 0.3 else sample_some(rnd, tell.codes, 2)
    n = 2 * between(rnd, 3, 6)
    sides = [i % 2 for i in range(n)]
    return [(pick(rnd, GROUPS[groups[i]]), marks[i]) for i in sample(rnd, sides, n)]


def capitals(tell: Teller, rnd: Rnd) -> Shots:
    change = pick(rnd, (str.upper, str.lower, capital))
    return [(w.capitalize() if change is str.lower else w, change(w)) for w in words(tell, rnd, 7)]


def opposites(tell: Teller, rnd: Rnd) -> Shots:
    return [pair if rnd() < 0.5 else pair[::-1] for pair in sample(rnd, OPPOSITES, 7)]


def plurals(tell: Teller, rnd: Rnd) -> Shots:
    return [(noun, plural(noun)) for noun in sample_some(rnd, NOUNS, 7)]


def ends(tell: Teller, rnd: Rnd) -> Shots:
    """The first, the last, or all words the other way round."""
    take = pick(rnd, (lambda ws: ws[0], lambda ws: ws[-1], lambda ws: " ".join(ws[::-1])))
    rows = [words(tell, rnd, 3) for _ in range(6)]
    return [(" ".join(row), take(row)) for row in rows]


SHOTS = (labels, labels, labels, capitals, opposites, plurals, ends)


def few_shot(
    tell: Teller, rnd: Rnd, task: Callable[[Teller, Rnd], Shots] | None = None
) -> tuple[str, str]:
    """Examples with their answers, and one more to be answered."""
    shots = (task or pick(rnd, SHOTS))(tell, rnd)
    arrow = pick(rnd, ARROWS)
    *shown, (asked, answer) = shots
    shown = [f"{given}{arrow}{result}" for given, result in shown]
    return "\n".join([*shown, f"{asked}{arrow}"]), answer


def series(tell: Teller, rnd: Rnd) -> tuple[str, str]:
    """Numbers at equal distance, or words in a cycle."""
    if rnd() < 0.5:
        start, step = between(rnd, 1, 40), between(rnd, 1, 9)
        items = [str(start + step * i) for i in range(between(rnd, 5, 9))]
    else:
        cycle = words(tell, rnd, between(rnd, 2, 4))
        items = (cycle * 4)[: between(rnd, 2 * len(cycle) + 1, 4 * len(cycle))]
    return ", ".join(items[:-1]) + ", ", items[-1]


TASKS = (repeat, repeat, look_up_key, look_up_key, few_shot, few_shot, few_shot, series)


def write(tell: Teller, rnd: Rnd, notes: Notes) -> str:
    return "".join(pick(rnd, TASKS)(tell, rnd))


def exercise_of(task: str, tell: Teller, rnd: Rnd) -> Exercise:
    """One exercise of a task by name: repeat, key, labels, capitals or series."""
    choices: tuple[str, ...] = ()
    match task:
        case "repeat":
            prompt, answer = repeat(tell, rnd)
        case "key":
            prompt, answer = look_up_key(tell, rnd)
        case "labels":
            prompt, answer = few_shot(tell, rnd, labels)
            arrow = next(arrow for arrow in ARROWS if prompt.endswith(arrow))
            marks = {line.rpartition(arrow)[2] for line in prompt.splitlines()[:-1]}
            choices = tuple(sorted(marks))
        case "capitals":
            prompt, answer = few_shot(tell, rnd, capitals)
        case _:
            prompt, answer = series(tell, rnd)
    if prompt.endswith(" "):  # the space belongs to the word that follows
        prompt, answer = prompt[:-1], f" {answer}"
        choices = tuple(f" {choice}" for choice in choices)
    return Exercise(task, prompt, answer, choices)
