"""Checks of the exercises on training data."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import combinations

from fmlab.checks.assertions import check_guesses, expect
from fmlab.checks.bug_hunts import hunt
from fmlab.checks.material import training_runs

# Predict, then run


def expected_plan() -> dict[str, float]:
    """Return the numbers of the plan: 100 million tokens are read, at most 20 million are clean."""
    return {
        "epochs of the clean corpus": 5,
        "damaged tokens read, in millions": 60,
        "cost in the rare language": 3,
        "loss for the need": 1.4,
        "epochs of documentation": 2,
    }


PLAN_HINTS = {
    "epochs of the clean corpus": "How often must 20 million tokens be read to fill the budget "
    "(#quality-and-quantity)?",
    "damaged tokens read, in millions": "The noisy corpus has the size of the budget, so it is "
    "read once (#quality-and-quantity)",
    "cost in the rare language": "The price is per token, and the content is the same "
    "(#under-represented)",
    "loss for the need": "Weight each loss by the fraction of that text (#mixtures)",
    "epochs of documentation": "How many tokens of documentation are read in all, and how many "
    "are there (#mixtures)?",
}


def check_plan(predicted: Mapping[str, float]) -> None:
    """Check the predicted numbers."""
    rounded = {
        key: round(value, 6) if isinstance(value, float) else value
        for key, value in predicted.items()
    }
    check_guesses(rounded, expected_plan(), lambda key, guess: PLAN_HINTS[key])


# Duplicates


def without_duplicates(texts: Sequence[str]) -> list[str]:
    """Return the first of all texts that differ only in case and in white space."""
    first: dict[str, str] = {}
    for text in texts:
        first.setdefault(" ".join(text.lower().split()), text)
    return list(first.values())


TEXTS = [
    (["a b", "c", "a b"], "two texts are equal"),
    (["Ada lives here.", "ada  lives\nhere.", "Bo."], "two differ only in case and white space"),
    ([" b", "a", "b", "B "], "white space at the ends does not count, and the order is kept"),
    (["ab", "a b"], "a space between letters does count"),
    ([], "there are no texts"),
]


def check_deduplicate(deduplicate: Callable[[Sequence[str]], list[str]]) -> None:
    """Check that the first of all duplicates is kept, in order and unchanged."""
    for texts, reason in TEXTS:
        found = deduplicate(list(texts))
        expect(isinstance(found, list), f"deduplicate must return a list, not {found!r}")
        expect(
            found == without_duplicates(texts),
            f"for {texts!r}, {found!r} is not right: {reason}. Keep the first of each, unchanged "
            "(#quality-and-quantity)",
        )
    print(f"deduplicate: right for {len(TEXTS)} corpora")


# One thing varies


def comparable(runs: Mapping[str, Mapping[str, object]]) -> set[frozenset[str]]:
    """Return the pairs of runs that differ in exactly one setting."""
    pairs = set()
    for first, second in combinations(runs, 2):
        settings = [key for key in runs[first] if key != "loss"]
        if sum(runs[first][key] != runs[second][key] for key in settings) == 1:
            pairs.add(frozenset((first, second)))
    return pairs


def check_comparable(fair_pairs: Callable[[Mapping], list]) -> None:
    """Check which pairs of runs may be compared."""
    runs = training_runs()
    found = fair_pairs(runs)
    expect(found is not None, "fair_pairs returns None: it must end with `return` and its result")
    found = list(found)  # a generator can be read only once
    pairs = {frozenset(pair) for pair in found}
    expect(len(pairs) == len(found), "a pair is in the result twice, perhaps in the other order")
    expected = comparable(runs)
    for pair in pairs - expected:
        names = " and ".join(sorted(pair))
        expect(False, f"{names} differ in more than one setting, or in none (#three-knobs)")
    hint = "a pair that differs in exactly one setting is missing (#three-knobs)"
    expect(pairs == expected, hint)
    print(f"fair_pairs: all {len(pairs)} right")


# Choosing a mixture

Losses = Mapping[float, Sequence[tuple[float, float]]]


def example_losses() -> dict[float, list[tuple[float, float]]]:
    """Return (general, domain) losses of three seeds for each weight of the domain."""
    return {
        0.0: [(1.0, 3.0), (1.0, 3.0), (1.1, 3.1)],
        0.25: [(1.1, 2.0), (1.1, 2.0), (1.2, 2.2)],
        0.5: [(1.2, 1.8), (1.4, 1.9), (1.1, 1.7)],
        1.0: [(3.0, 1.5), (3.0, 1.5), (2.9, 1.4)],
    }


def chosen_mixture(losses: Losses, need: float) -> tuple[float, float]:
    """Return the weight that is best on all seeds but the last, and its loss on the last one."""

    def seen(pair: tuple[float, float]) -> float:
        return (1 - need) * pair[0] + need * pair[1]

    weight = min(losses, key=lambda w: sum(map(seen, losses[w][:-1])))
    return weight, seen(losses[weight][-1])


def check_choose(choose: Callable[[Losses, float], tuple[float, float]]) -> None:
    """Check the chosen weight and its loss, for several needs."""
    losses = example_losses()
    for need in (0.0, 0.2, 0.4, 1.0):
        result = choose(losses, need)
        is_pair = isinstance(result, tuple | list) and len(result) == 2
        expect(is_pair, f"choose must return (weight, loss), not {result!r}")
        weight, loss = chosen_mixture(losses, need)
        hint = "Choose by the mean over all seeds but the last (#mixtures)"
        expect(result[0] == weight, f"for a need of {need}, {result[0]} is not the best. {hint}")
        hint = "The loss must come from the seed that had no part in the choice (#mixtures)"
        expect(abs(result[1] - loss) < 1e-6, f"for a need of {need}, the loss is wrong. {hint}")
    print("choose: right for 4 needs")


# Bug hunt: validation text in the mixture


def sound_mixture(sources: Mapping[str, Sequence[str]], held_out: Sequence[str]) -> list[str]:
    """Return the documents of all sources that contain no held-out text."""
    documents = [text for name in sources for text in sources[name]]
    return [text for text in documents if not any(held in text for held in held_out)]


def check_mixture_hunt(test: Callable, faulty: Callable) -> None:
    """Run the reader's test on a correct function, which must pass, and on the faulty one."""
    hunt(
        test,
        sound_mixture,
        faulty=faulty,
        advice="which documents may stay",
        hint="Where else can a held-out text be, if no document is equal to it?",
    )
