"""The list of nulls, and the decorator that enters one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

FOLDER = Path(__file__).parent
PACKAGE = __package__
HELPERS = {"__init__", "__main__", "record", "records", "registry", "runner"}

Patch = Callable[[object, str, object], None]


@dataclass(frozen=True)
class Null:
    """A change under which the claim of a concept is false."""

    concept: str
    sentence: str  # what is then the case, in one sentence for readers
    apply: Callable[[dict, Patch], None]
    before: str | None = None  # the id of a cell; None: the first with the concept's tag


NULLS: dict[str, list[Null]] = {}  # by chapter


def null(concept: str, before: str | None = None) -> Callable:
    """Enter a function as the null of a concept in the chapter that its module is named after.

    A cell that asserts something which is no row of the ledger has the tag ``claim:NAME``; its
    null is entered under that name.

    The function gets the namespace of the notebook and ``patch(object, name, value)``, which sets
    an attribute. It runs just before the first cell with the tag of the concept, or before the
    cell with the id ``before``. Its docstring is one sentence, which the ledger shows to readers.
    Errors: ``ValueError`` if there is no docstring of one sentence.
    """

    def enter(function: Callable[[dict, Patch], None]) -> Callable[[dict, Patch], None]:
        sentence = " ".join((function.__doc__ or "").split())
        if not sentence.endswith(".") or ". " in sentence:
            raise ValueError(
                f"the docstring of {function.__name__} must be one sentence; got {sentence!r}"
            )
        chapter = function.__module__.rpartition(".")[2].replace("_", "-")
        NULLS.setdefault(chapter, []).append(Null(concept, sentence, function, before))
        return function

    return enter


def module_of(chapter: str) -> Path:
    """Return the file with the nulls of a chapter, whether or not it exists."""
    return FOLDER / f"{chapter.replace('-', '_')}.py"


def chapters() -> list[str]:
    """Return the chapters that have a module of nulls."""
    names = {path.stem for path in FOLDER.glob("*.py")} - HELPERS
    return sorted(name.replace("_", "-") for name in names)


def nulls_of(chapter: str) -> list[Null]:
    """Return the nulls of a chapter in the order of its module; none if it has no module."""
    if module_of(chapter).exists():
        import_module(f"{PACKAGE}.{module_of(chapter).stem}")
    return NULLS.get(chapter, [])
