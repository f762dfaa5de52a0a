"""Find words that the repository avoids: ``python -m tests.architecture.words`` counts them.

Add a folder to ``SEARCHED`` to extend the rule to it.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from fnmatch import fnmatch
from functools import cache
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
SEARCHED = [
    *("src/**/*.py", "src/**/*.js", "src/**/*.css"),
    *("tests/**/*.py", "tests/**/*.mjs"),
    *("book/_ext/*.py", "book/_static/**/*.js", "book/_static/**/*.css"),
    *("book/*.md", "book/*.ipynb", "book/exercises/*.ipynb"),
    *("tools/*", "Makefile", "CONTRIBUTING.md", "README.md"),
]
AVOIDED = Path(__file__).with_name("avoided_words.txt")
ALLOWED = Path(__file__).with_name("avoided_words_allowed.txt")

GAP = r"(?:[\s#\"'*]|\bf(?=\"))+"  # between the words of a phrase, over the end of a line as well
CAMEL = re.compile(r"(?<=[a-z\d])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


class Avoided(NamedTuple):
    """A pattern, and what to write instead."""

    pattern: re.Pattern[str]
    instead: str


class Hit(NamedTuple):
    """An avoided word in a file of the repository."""

    path: str
    line: int
    words: str
    instead: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.words!r}; write: {self.instead}"


def entries(path: Path) -> Iterator[str]:
    """Yield the lines of a list, without comments and empty ones."""
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.strip() and not line.startswith("#"):
            yield line


@cache
def avoided_words(path: Path = AVOIDED) -> list[Avoided]:
    """Return the list of words to avoid."""
    words = []
    for line in entries(path):
        pattern, _, instead = line.rpartition(" -> ")
        spaced = pattern.strip().replace(" ", GAP)
        words.append(Avoided(re.compile(rf"\b(?:{spaced})\b", re.I), instead.strip()))
    return words


@cache
def exceptions(path: Path = ALLOWED) -> list[tuple[str, re.Pattern[str]]]:
    """Return pairs of a path, with wildcards, and the pattern of a phrase that is allowed there."""
    pairs = (line.split(": ", 1) for line in entries(path))
    return [
        (name, re.compile(re.escape(phrase).replace(r"\ ", r"[\s_]+"), re.I))
        for name, phrase in pairs
    ]


def files() -> list[Path]:
    paths = {path for pattern in SEARCHED for path in ROOT.glob(pattern) if path.is_file()}
    return sorted(path for path in paths if not {"__pycache__", "vendor"} & set(path.parts))


def text_of(path: Path) -> str:
    """Return the text of a file; of a notebook, the sources of its cells."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".ipynb":
        text = "\n".join("".join(cell["source"]) for cell in json.loads(text)["cells"])
    return text


def search(name: str, text: str) -> list[Hit]:
    """Return the avoided words in the text of a file, whose name decides which are allowed."""
    for path, phrase in exceptions():
        if fnmatch(name, path):
            text = phrase.sub(lambda match: "\n" * match[0].count("\n"), text)
    text = CAMEL.sub(" ", text).replace("_", " ")
    return sorted(
        Hit(name, text.count("\n", 0, match.start()) + 1, " ".join(match[0].split()), instead)
        for pattern, instead in avoided_words()
        for match in pattern.finditer(text)
    )


def hits_in(path: Path) -> list[Hit]:
    return search(path.relative_to(ROOT).as_posix(), text_of(path))


def main() -> None:
    counts = Counter()
    for path in files():
        for hit in hits_in(path):
            print(hit)
            folder = path.relative_to(ROOT).parts[:-1][:3]
            counts["/".join(folder) or path.name] += 1
    for folder, count in sorted(counts.items()):
        print(f"{count:5} {folder}")
    print(f"{counts.total():5} in all")


if __name__ == "__main__":
    main()
