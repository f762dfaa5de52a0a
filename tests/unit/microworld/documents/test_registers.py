"""Mixtures of registers and languages have the requested fractions of the text, in bytes."""

from collections import Counter

import pytest


@pytest.fixture(scope="module")
def fractions(world):
    """A function that measures the fraction of each register and language in bytes."""

    def measure(n, *args):
        sizes = Counter()
        for d in world.labelled_documents(n, *args):
            sizes[d.register] += len(d.text.encode())
            sizes[d.language] += len(d.text.encode())
        total = sizes["english"] + sizes["sholmi"]
        return {name: size / total for name, size in sizes.items()}

    return measure


def test_fractions_are_of_bytes(fractions):
    default = fractions(8000)
    assert default["sholmi"] == pytest.approx(0.05, abs=0.01)
    assert default["lookups"] == pytest.approx(0.95 * 0.17, abs=0.02)
    weighted = fractions(4000, {"stories": 3, "patterns": 1}, "english")
    assert weighted["stories"] == pytest.approx(0.75, abs=0.03)
    bilingual = fractions(8000, None, {"english": 1, "sholmi": 1})
    assert bilingual["sholmi"] == pytest.approx(0.5, abs=0.03)
    assert set(fractions(200, ["reviews", "stories"])) == {"reviews", "stories", "english"}


@pytest.mark.parametrize(
    ("call", "argument"),
    [
        (lambda world: world.documents(1, "novels"), "registers"),
        (lambda world: world.documents(1, language="latin"), "language"),
        (lambda world: world.documents(1, "stories", "sholmi"), "registers"),
        (lambda world: world.documents(1, {"stories": -1}), "registers"),
        (lambda world: world.documents(1, {"stories": 0}), "registers"),
        (lambda world: world.documents(1, []), "registers"),
        (lambda world: world.documents(1, {"stories": 1}, {"sholmi": 1}), "registers"),
        (lambda world: world.documents(1, language={"english": float("nan")}), "language"),
    ],
)
def test_bad_arguments_are_named(world, call, argument):
    with pytest.raises(ValueError, match=rf"^{argument} must be .+; got "):
        call(world)
