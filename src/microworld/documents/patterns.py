"""The register ``patterns``: in-context tasks, which only the preceding text can solve.

Copying, looking up a key, labeling as in the examples, changing case, continuing a series. The
words are random, so nothing outside the text helps.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from microworld.facts.sentences import Notes, Writer
from microworld.words.english import capital, plural
from microworld.words.exercises import Exercise
from microworld.words.randomness import Rnd, between, pick, sample
from microworld.words.vocabulary import POOLS, words

Shots = list[tuple[str, str]]  # inputs with their outputs
NOUNS = (
    POOLS["pets"]
    + POOLS["instruments"]
    + words("""
lamp key ball book basket letter map spoon kite drum clock mirror rope jug candle hat bell
lantern apple pear plum loaf window table chair door bridge garden stone river cloud star
button coat boat""")
)
GROUPS = {
    "animal": POOLS["pets"],
    "instrument": POOLS["instruments"],
    "food": POOLS["foods"],
    "colour": POOLS["colors"],
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


def random_words(writer: Writer, rnd: Rnd, n: int) -> list[str]:
    """Return n different words: nouns, parts of people's names, or towns that do not exist."""
    return sample_few(rnd, NOUNS if rnd() < 0.5 else pick(rnd, writer.loose_names), n)


def sample_few(rnd: Rnd, pool: Sequence[str], n: int) -> list[str]:
    """Return n different items of a large pool, without copying the pool."""
    items: dict[str, None] = {}
    while len(items) < n:
        items[pick(rnd, pool)] = None
    return list(items)


def repeat(writer: Writer, rnd: Rnd) -> tuple[str, str]:
    text = " ".join(random_words(writer, rnd, between(rnd, 3, 16)))
    form = pick(rnd, ("Repeat after me: {}\n", "Say this again: {}\n", "Copy: {}\nCopy: ", "{}\n"))
    return form.format(text), text


def look_up_key(writer: Writer, rnd: Rnd) -> tuple[str, str]:
    """Keys with values, then some of the keys again with the same values."""
    keys = random_words(writer, rnd, between(rnd, 3, 7))
    if rnd() < 0.5:
        values = random_words(writer, rnd, len(keys))
    else:
        values = [str(between(rnd, 1, 99)) for _ in keys]
    arrow = pick(rnd, ARROWS)
    lines = [f"{key}{arrow}{value}" for key, value in zip(keys, values)]
    *repeated, last = sample(rnd, range(len(keys)), between(rnd, 1, 3))
    lines += [lines[i] for i in repeated]
    return "\n".join([*lines, f"{keys[last]}{arrow}"]), values[last]


def labels(writer: Writer, rnd: Rnd) -> Shots:
    """Words of two groups, labeled with the name of the group or with an arbitrary word."""
    groups = sample(rnd, list(GROUPS), 2)
    names = groups if rnd() < 0.3 else sample_few(rnd, writer.codes, 2)
    n = 2 * between(rnd, 3, 6)
    sides = [i % 2 for i in range(n)]
    return [(pick(rnd, GROUPS[groups[i]]), names[i]) for i in sample(rnd, sides, n)]


def capitals(writer: Writer, rnd: Rnd) -> Shots:
    change = pick(rnd, (str.upper, str.lower, capital))
    nouns = random_words(writer, rnd, 7)
    return [(w.capitalize() if change is str.lower else w, change(w)) for w in nouns]


def opposites(writer: Writer, rnd: Rnd) -> Shots:
    return [pair if rnd() < 0.5 else pair[::-1] for pair in sample(rnd, OPPOSITES, 7)]


def plurals(writer: Writer, rnd: Rnd) -> Shots:
    return [(noun, plural(noun)) for noun in sample_few(rnd, NOUNS, 7)]


def ends(writer: Writer, rnd: Rnd) -> Shots:
    """The first word, the last word, or all words in reverse order."""
    take = pick(rnd, (lambda ws: ws[0], lambda ws: ws[-1], lambda ws: " ".join(ws[::-1])))
    rows = [random_words(writer, rnd, 3) for _ in range(6)]
    return [(" ".join(row), take(row)) for row in rows]


SHOTS = (labels, labels, labels, capitals, opposites, plurals, ends)


def few_shot(
    writer: Writer, rnd: Rnd, task: Callable[[Writer, Rnd], Shots] | None = None
) -> tuple[str, str]:
    """Return examples with their outputs and one more input, and the expected output."""
    shots = (task or pick(rnd, SHOTS))(writer, rnd)
    arrow = pick(rnd, ARROWS)
    *examples, (query, answer) = shots
    lines = [f"{source}{arrow}{target}" for source, target in examples]
    return "\n".join([*lines, f"{query}{arrow}"]), answer


def series(writer: Writer, rnd: Rnd) -> tuple[str, str]:
    """An arithmetic sequence of numbers, or a repeating cycle of words."""
    if rnd() < 0.5:
        start, step = between(rnd, 1, 40), between(rnd, 1, 9)
        items = [str(start + step * i) for i in range(between(rnd, 5, 9))]
    else:
        cycle = random_words(writer, rnd, between(rnd, 2, 4))
        items = (cycle * 4)[: between(rnd, 2 * len(cycle) + 1, 4 * len(cycle))]
    return ", ".join(items[:-1]) + ", ", items[-1]


TASKS = (repeat, repeat, look_up_key, look_up_key, few_shot, few_shot, few_shot, series)


def write(writer: Writer, rnd: Rnd, notes: Notes) -> str:
    return "".join(pick(rnd, TASKS)(writer, rnd))


def exercise_of(task: str, writer: Writer, rnd: Rnd) -> Exercise:
    """Return one exercise of a task: repeat, key, labels, capitals or series."""
    choices: tuple[str, ...] = ()
    match task:
        case "repeat":
            prompt, answer = repeat(writer, rnd)
        case "key":
            prompt, answer = look_up_key(writer, rnd)
        case "labels":
            prompt, answer = few_shot(writer, rnd, labels)
            arrow = next(arrow for arrow in ARROWS if prompt.endswith(arrow))
            names = {line.rpartition(arrow)[2] for line in prompt.splitlines()[:-1]}
            choices = tuple(sorted(names))
        case "capitals":
            prompt, answer = few_shot(writer, rnd, capitals)
        case _:
            prompt, answer = series(writer, rnd)
    if prompt.endswith(" "):  # the space belongs to the answer
        prompt, answer = prompt[:-1], f" {answer}"
        choices = tuple(f" {choice}" for choice in choices)
    return Exercise(task, prompt, answer, choices)
