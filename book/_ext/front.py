"""What the cover and the README have in common: the chapters, and three results with their numbers.

The chapters are those of ``_toc.yml``, so none can be missing; what is said of each is in
``book/front.yml``. A number comes from the stored output of the cell that measured it. This module
returns Markdown: the directives in ``cover.py`` and ``tools/write_readme.py`` place it.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
FRONT, TOC = ROOT / "book" / "front.yml", ROOT / "_toc.yml"
LOOKED_UP = {"Teaching", "Reference"}  # parts that nobody reads from start to end

HEADING = re.compile(r"^#\s+(.+?)\s*$", re.M)
GOAL = re.compile(r"What you will be able to do\n:class: tip\n\s*- ((?:.+\n?(?!\s*- |\s*\n))+)")
ROLE = re.compile(r"\{[\w:]+\}`([^`<]+?)(?: <[^>]*>)?`")
TIME = re.compile(r"(?:Reading takes|questions take) about ([\w-]+)(?:\s+(minutes|hours))?")
RATE = re.compile(r"\s*(\d\.\d+) \((\d\.\d+) to (\d\.\d+), n = (\d+)\)")
FEW = 100  # items: of fewer, the cover gives counts
ONES = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
TENS = ["ten", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
NUMBERS = dict(zip(ONES, range(1, 10))) | dict(zip(TENS, range(10, 100, 10)))
NUMBERS |= {"eleven": 11, "twelve": 12, "fifteen": 15, "a": 60, "an": 60}


@dataclass(frozen=True)
class Page:
    """A page of the book: its path below `book`, and what is said of it."""

    path: str
    title: str
    summary: str
    minutes: int | None
    exercises: str | None

    @property
    def name(self) -> str:
        return Path(self.path).stem


def cells_of(path: Path) -> list[dict]:
    """The cells of a notebook; a Markdown page is one."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".ipynb":
        return json.loads(text)["cells"]
    return [{"cell_type": "markdown", "source": text}]


def words_of(path: Path) -> str:
    texts = ("".join(c["source"]) for c in cells_of(path) if c["cell_type"] == "markdown")
    return "\n\n".join(texts)


def as_number(words: str) -> int | None:
    """Read a number up to 99 in words or digits; "an", of an hour, is 60.

    >>> [as_number(words) for words in ("forty", "seventy-five", "45", "an", "some")]
    [40, 75, 45, 60, None]
    """
    if words.isdigit():
        return int(words)
    parts = [NUMBERS.get(word) for word in words.split("-")]
    return None if None in parts else sum(parts)


def minutes_to_read(text: str) -> int | None:
    match = TIME.search(text)
    number = match and as_number(match[1])
    return number * 60 if number and match[2] == "hours" else number


def first_goal(text: str) -> str:
    """The first thing that a chapter teaches, as running text."""
    match = GOAL.search(text)
    goal = ROLE.sub(r"\1", " ".join(match[1].split())) if match else ""
    return goal[:1].lower() + goal[1:]


def source_of(docname: str) -> Path:
    paths = [ROOT / f"{docname}{suffix}" for suffix in (".ipynb", ".md")]
    return next(path for path in paths if path.exists())


def page(entry: dict, summaries: dict[str, str]) -> Page:
    path = source_of(entry["file"])
    text = words_of(path)
    exercises = [f"{section['file']}.ipynb" for section in entry.get("sections", [])]
    return Page(
        path=path.relative_to(ROOT / "book").as_posix(),
        title=ROLE.sub(r"\1", HEADING.search(text)[1]).partition(": ")[0],
        summary=summaries.get(path.stem) or first_goal(text),
        minutes=minutes_to_read(text),
        exercises=exercises[0].removeprefix("book/") if exercises else None,
    )


@cache
def parts() -> dict[str, list[Page]]:
    """Every page of `_toc.yml` but the cover, by part."""
    summaries = yaml.safe_load(FRONT.read_text(encoding="utf-8"))["chapters"]
    toc = yaml.safe_load(TOC.read_text(encoding="utf-8"))
    return {
        part["caption"]: [page(entry, summaries) for entry in part["chapters"]]
        for part in toc["parts"]
    }


def chapters() -> list[Page]:
    """The pages to read from start to end."""
    return [page for part, pages in parts().items() if part not in LOOKED_UP for page in pages]


def duration(minutes: int) -> str:
    """
    >>> duration(40), duration(75), duration(535)
    ('40 minutes', '75 minutes', '9 hours')
    """
    return f"{minutes} minutes" if minutes < 100 else f"{round(minutes / 60)} hours"


def line_about(page: Page, folder: str) -> str:
    link = f"[{page.title}]({folder}{page.path})"
    ending = [f"[Exercises]({folder}{page.exercises})"] if page.exercises else []
    ending = [*([duration(page.minutes)] if page.minutes else []), *ending]
    after = f" ({', '.join(ending)})" if ending else ""
    return f"- {link}: {page.summary.rstrip('.')}{after}."


def list_of_pages(folder: str = "") -> str:
    """The parts of the book, each with its pages. `folder` is where the links begin."""
    blocks = []
    for part, pages in parts().items():
        lines = "\n".join(line_about(each, folder) for each in pages)
        blocks.append(f"**{part}**\n\n{lines}\n")
    return "\n".join(blocks)


def output_of(spec: str) -> str:
    """What the cell `chapter/cell` printed."""
    chapter, cell_id = spec.split("/")
    cells = {cell.get("id"): cell for cell in cells_of(ROOT / "book" / f"{chapter}.ipynb")}
    if cell_id not in cells:
        raise ValueError(f"book/front.yml: {chapter} has no cell {cell_id}")
    return "".join("".join(o.get("text", "")) for o in cells[cell_id]["outputs"])


def in_words(match: re.Match[str]) -> tuple[str, str]:
    """A rate as text runs, and its interval: percent, or counts if there are few items.

    >>> in_words(RATE.match("0.820 (0.759 to 0.868, n = 189)"))
    ('82%', '76% to 87%, n = 189')
    >>> in_words(RATE.match("0.925 (0.801 to 0.974, n = 40)"))
    ('37 of 40', '80% to 97%')
    """
    rate, low, high = (float(group) for group in match.groups()[:3])
    n = int(match[4])
    interval = f"{low:.0%} to {high:.0%}"
    if n < FEW:
        return f"{round(rate * n)} of {n}", interval
    return f"{rate:.0%}", f"{interval}, n = {n}"


def measured(value: str) -> tuple[str, str]:
    """The rate that a line of a cell's output begins with, and its interval."""
    spec, _, start = value.partition(": ")
    for line in output_of(spec).splitlines():
        rest = line.strip().removeprefix(start)
        if line.strip().startswith(start) and (match := RATE.match(rest)):
            return in_words(match)
    raise ValueError(f"book/front.yml: {spec} printed no line that is {start!r} and a rate")


@dataclass(frozen=True)
class Claim:
    """A result: its headline, a sentence, the rates behind it, and where they were measured."""

    headline: str
    text: str
    intervals: str
    chapter: Page
    cell: str


@cache
def claims() -> list[Claim]:
    pages = {each.name: each for each in chapters()}
    found = []
    for entry in yaml.safe_load(FRONT.read_text(encoding="utf-8"))["claims"]:
        values = {name: measured(value) for name, value in entry["values"].items()}
        shown = {name: rate for name, (rate, _) in values.items()}
        found.append(
            Claim(
                headline=entry["headline"].format(**shown),
                text=entry["text"].format(**shown),
                intervals=" and ".join(interval for _, interval in values.values()),
                chapter=pages[entry["chapter"]],
                cell=next(iter(entry["values"].values())).partition(":")[0].partition("/")[2],
            )
        )
    return found


def list_of_claims(folder: str = "") -> str:
    return "\n".join(
        f"- **{claim.headline}.** {claim.text} "
        f"([{claim.chapter.title}]({folder}{claim.chapter.path}); 95%: {claim.intervals})"
        for claim in claims()
    )


def cost() -> str:
    """How long the book is, and what it takes to read it."""
    timed = [each.minutes for each in chapters() if each.minutes]
    n_exercises = sum(bool(each.exercises) for each in chapters())
    return (
        "Free, and nothing to install: every page works in your browser, and no chapter takes "
        f"more than {max(timed)} minutes to read. "
        f"All of them together take about {duration(sum(timed))}. "
        f"{n_exercises} of them have exercises with automatic checks."
    )
