"""Rules for the exercise notebooks: one file that is page, test and nbgrader source at once."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from nbformat import NotebookNode

from tests.notebooks.rules.notebook import Finding, Notebook, headings, is_colab, rule, tags

FEWEST_EXERCISES = 4
PARTS = (
    "text",
    "sol",
    "check",
    "hidden",
)  # of an exercise; the answer to a written one has no test
NAME = re.compile(r"(?P<name>[a-z][a-z0-9]*(?:[-_][a-z0-9]+)*)-(?P<part>text|sol|check|hidden)")
TAGS = {"sol": {"hide-input", "exercise"}, "check": {"check"}, "hidden": {"remove-cell"}}
MARKER = re.compile(r"^[ \t]*### (BEGIN|END) (SOLUTION|HIDDEN TESTS|MARK SCHEME)[ \t]*$", re.M)
SOLUTION = re.compile(r"^([ \t]*)### BEGIN SOLUTION.*?^[ \t]*### END SOLUTION[ \t]*$", re.S | re.M)
NBGRADER = {  # what the metadata of each part must say; a written answer is graded by hand
    "sol": {"grade": False, "solution": True, "locked": False, "task": False},
    "written": {"grade": True, "solution": True, "locked": False, "task": False},
    "check": {"grade": True, "solution": False, "locked": True, "task": False},
    "hidden": {"grade": True, "solution": False, "locked": True, "task": False},
}
GRADE_ID = {"sol": "{}", "check": "{}-visible", "hidden": "{}-hidden"}

Exercise = dict[str, NotebookNode]


def exercises(notebook: Notebook) -> dict[str, Exercise]:
    """The exercises of a notebook by name, each with its cells by part."""
    by_name: dict[str, Exercise] = {}
    for cell in notebook.cells:
        if match := NAME.fullmatch(cell.get("id", "")):
            by_name.setdefault(match["name"], {})[match["part"]] = cell
    return by_name


def family(notebook: Notebook, name: str) -> list[NotebookNode]:
    """All cells of an exercise: those of its parts, and others that stand between them."""
    return [cell for cell in notebook.cells if cell.get("id", "").startswith(f"{name}-")]


def is_written(exercise: Exercise) -> bool:
    return "sol" in exercise and exercise["sol"].cell_type == "markdown"


@rule("exercises")
def exercises_have_their_parts(notebook: Notebook) -> Iterator[Finding]:
    """A setup, then exercises of text, answer, check and hidden test, in this order."""
    ids = [cell.get("id", "") for cell in notebook.cells]
    own = [cell for cell in notebook.code if not is_colab(cell)]
    if not own or "setup" not in tags(own[0]):
        yield None, "the first code cell must have the tag setup"
    for name, exercise in exercises(notebook).items():
        parts = [part for part in PARTS if part in ("text", "sol") or not is_written(exercise)]
        for part in parts:
            if part not in exercise:
                yield None, f"exercise {name!r} has no cell {name}-{part}"
        places = [ids.index(f"{name}-{part}") for part in parts if part in exercise]
        if places != sorted(places):
            yield None, f"the cells of exercise {name!r} must be in the order {', '.join(parts)}"
        first = family(notebook, name)[0]
        if 2 not in [level for level, _ in headings(first)]:
            yield first, f"begins exercise {name!r}, but not with a heading of level 2"
        if "text" in exercise and exercise["text"].cell_type != "markdown":
            yield exercise["text"], "must be Markdown"
    begun = False
    for cell in notebook.cells:
        named = NAME.fullmatch(cell.get("id", ""))
        begun = begun or bool(named)
        inside = any(cell in family(notebook, name) for name in exercises(notebook))
        if begun and cell.cell_type == "code" and not inside:
            yield cell, "belongs to no exercise: its id must begin with the name of one"


@rule("exercises")
def there_are_enough_exercises(notebook: Notebook) -> Iterator[Finding]:
    """At least four, and a bug hunt."""
    names = exercises(notebook)
    if len(names) < FEWEST_EXERCISES:
        yield None, f"{len(names)} exercises; at least {FEWEST_EXERCISES}"
    texts = [
        cell.source.lower()
        for name in names
        for cell in family(notebook, name)
        if cell.cell_type == "markdown"
    ]
    if not any("bug hunt" in text for text in texts):
        yield None, "no exercise is a bug hunt; one must be, and say so"


@rule("exercises")
def nbgrader_knows_what_is_what(notebook: Notebook) -> Iterator[Finding]:
    """Tags, grade ids, points and roles are those of the single-source format."""
    seen = set()
    for name, exercise in exercises(notebook).items():
        for part, cell in exercise.items():
            metadata = cell.metadata.get("nbgrader")
            if part == "text":
                if metadata:
                    yield cell, "the text of an exercise has no nbgrader metadata"
                continue
            if not metadata:
                yield cell, "has no nbgrader metadata"
                continue
            role = "written" if part == "sol" and is_written(exercise) else part
            if role != "written" and (missing := TAGS[part] - set(tags(cell))):
                yield cell, f"lacks the tag {', '.join(sorted(missing))}"
            if metadata.get("schema_version") != 3:
                yield cell, f"nbgrader schema_version {metadata.get('schema_version')}, not 3"
            for key, expected in NBGRADER[role].items():
                if metadata.get(key) is not expected:
                    yield cell, f"nbgrader {key} is {metadata.get(key)}; it must be {expected}"
            if metadata.get("grade_id") != (expected := GRADE_ID[part].format(name)):
                yield cell, f"nbgrader grade_id is {metadata.get('grade_id')!r}, not {expected!r}"
            if metadata.get("grade_id") in seen:
                yield cell, f"nbgrader grade_id {metadata['grade_id']!r} is taken"
            seen.add(metadata.get("grade_id"))
            points = metadata.get("points")
            if NBGRADER[role]["grade"] and not (isinstance(points, int) and points > 0):
                yield cell, f"nbgrader points {points!r}; a whole number above 0"
    for cell in notebook.cells:
        if "nbgrader" in cell.metadata and not NAME.fullmatch(cell.get("id", "")):
            yield cell, "has nbgrader metadata but not the id of an exercise's cell"


@rule("exercises")
def solutions_and_hidden_tests_are_marked(notebook: Notebook) -> Iterator[Finding]:
    """Markers come in pairs and stand where they belong; the rest is still Python."""
    for cell in notebook.cells:
        match = NAME.fullmatch(cell.get("id", ""))
        part = match["part"] if match else ""
        marks = MARKER.findall(cell.source)
        if cell.source.count("### BEGIN") + cell.source.count("### END") != len(marks):
            yield cell, "has a misspelt marker, or one that is not alone on its line"
        pairs = list(zip(marks[::2], marks[1::2]))
        if len(marks) % 2 or any(
            (begin[0], end[0]) != ("BEGIN", "END") or begin[1] != end[1] for begin, end in pairs
        ):
            yield cell, "each ### BEGIN needs its ### END, one after the other"
        kinds = {kind for _, kind in marks}
        allowed = {"sol": {"SOLUTION", "MARK SCHEME"}, "hidden": {"HIDDEN TESTS"}}
        if extra := kinds - allowed.get(part, set()):
            yield cell, f"a cell of this kind cannot have ### BEGIN {sorted(extra)[0]}"
        if part in allowed and not kinds:
            yield cell, f"has no ### BEGIN {'SOLUTION' if part == 'sol' else 'HIDDEN TESTS'}"
        if part == "hidden" and not re.search(r"\bassert\b|require_catches\(", cell.source):
            yield cell, "a hidden test without an assert tests nothing"
        if part == "sol" and cell.cell_type == "code" and not parses(cell.source):
            yield cell, "without the solution it is no longer Python: keep the stub around it"


def parses(source: str) -> bool:
    """Whether what the student gets, the solution replaced, is Python."""
    try:
        ast.parse(SOLUTION.sub(r"\1raise NotImplementedError()", source))
    except SyntaxError:
        return False
    return True
