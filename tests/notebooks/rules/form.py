"""Rules for the parts of a chapter, its quiz, and what its words refer to."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

from nbformat import NotebookNode

from tests.notebooks.rules.notebook import (
    BOOK,
    Finding,
    Notebook,
    headings,
    outside_code,
    rule,
    tags,
    visible,
)
from tests.notebooks.rules.prose import plain

# What stands before the first section, in this order, as a sentence, a list or a heading.
PREAMBLE = ("able to", "minute", "builds on")
CLOSING = ["Check yourself", "Exercises", "In short", "Further reading"]
QUESTIONS = (4, 8)
OPTIONS = (3, 5)
EXPLANATION_WORDS = 8
SUMMARY = (5, 8)  # sentences, or points of a list

DETAILS = re.compile(
    r'<details class="(?P<kind>[^"]*)">\s*<summary>(?P<option>.*?)</summary>'
    r"(?P<explanation>.*?)</details>",
    re.S,
)
CITATION = re.compile(r"\{cite(?::\w+)?\}`([^`]+)`")
ABBREVIATION = re.compile(r"\b(?:e\.g|i\.e|cf|etc|vs|al|Fig|Eq)\.", re.I)


@rule("chapter")
def parts_are_there_in_order(notebook: Notebook) -> Iterator[Finding]:
    """Title, what it is about, sections, and the four closing parts."""
    if not notebook.cells or not re.match(r"# \S", notebook.cells[0].source):
        yield None, "the first cell must begin with the title: `# ...`"
    if (titles := sum(level == 1 for cell in notebook.cells for level, _ in headings(cell))) != 1:
        yield None, f"has {titles} headings of level 1; the title is the only one"

    preamble, sections = split_preamble(notebook)
    position = 0
    for part in PREAMBLE:
        place = preamble.find(part, position)
        if place < 0:
            yield None, f"before the first section must stand, in this order: {', '.join(PREAMBLE)}"
            break
        position = place

    closing = [title for title in sections if title in CLOSING]
    if sections[-len(CLOSING) :] != CLOSING or len(closing) != len(CLOSING):
        yield None, f"must close with the sections {', '.join(CLOSING)}; has {sections[-4:]}"
    elif len(sections) == len(CLOSING):
        yield None, "has no section of its own before the closing ones"


def split_preamble(notebook: Notebook) -> tuple[str, list[str]]:
    """What stands before the first section proper, in small letters; the titles from there on."""
    text, titles = "", []
    for section in notebook.sections:
        is_part = any(part in section.title.lower() for part in PREAMBLE)
        if not titles and (section is notebook.sections[0] or is_part):
            text += "\n".join([section.title, *(cell.source for cell in section.cells)]).lower()
        else:
            titles.append(section.title)
    return text, titles


@rule("chapter")
def sections_go_from_question_to_answer(notebook: Notebook) -> Iterator[Finding]:
    """The heading or the first paragraph asks; the last cell is a sentence, not code."""
    _, titles = split_preamble(notebook)
    for section in notebook.sections[1:]:
        if section.title in titles and section.title not in CLOSING:
            first, last = section.cells[0], section.cells[-1]
            if "?" not in first.source:
                yield first, f"section {section.title!r} does not begin with a question"
            if last.cell_type == "code" and visible(last):
                yield (
                    last,
                    f"section {section.title!r} ends in code; end with the answer in a sentence",
                )


@rule("chapter")
def closing_parts_are_complete(notebook: Notebook) -> Iterator[Finding]:
    """Enough questions, a link to the exercises, a summary of the right length, sources."""
    text = {name: section_text(notebook, name) for name in CLOSING}
    quiz = [cell for cell in notebook.cells if "quiz" in tags(cell)]
    check = notebook.section("Check yourself")
    inside = [cell for cell in check.cells if "quiz" in tags(cell)] if check else []
    for cell in quiz:
        if cell not in inside:
            yield cell, "is a quiz question outside the section 'Check yourself'"
    if not QUESTIONS[0] <= len(quiz) <= QUESTIONS[1]:
        yield None, f"{len(quiz)} quiz questions; between {QUESTIONS[0]} and {QUESTIONS[1]}"
    if not re.search(rf"exercises/{re.escape(notebook.stem)}\b", text["Exercises"]):
        yield None, f"the section 'Exercises' must link to exercises/{notebook.stem}.ipynb"
    elif not (BOOK / "exercises" / f"{notebook.stem}.ipynb").exists():
        yield None, f"book/exercises/{notebook.stem}.ipynb is missing"
    points = count_points(text["In short"])
    if not SUMMARY[0] <= points <= SUMMARY[1]:
        yield None, f"'In short' has {points} points; between {SUMMARY[0]} and {SUMMARY[1]}"
    if not CITATION.search(text["Further reading"]):
        yield None, "'Further reading' cites nothing: {cite:t}`key`"


def section_text(notebook: Notebook, title: str) -> str:
    """The Markdown of a section, with the sentences that its hidden cells build."""
    section = notebook.section(title)
    parts = []
    for cell in section.cells if section else []:
        if cell.cell_type == "markdown":
            parts.append(cell.source)
        elif cell.cell_type == "code" and not visible(cell):
            parts += [output.get("data", {}).get("text/markdown", "") for output in cell.outputs]
    return "\n\n".join(parts)


def count_points(text: str) -> int:
    """The points of a list, or else the sentences."""
    if points := re.findall(r"^(?:[-*]|\d+\.) ", text, re.M):
        return len(points)
    body = "\n".join(line for line in text.splitlines() if not line.startswith("#"))
    body = ABBREVIATION.sub("", plain(body, keep_roles=True))
    return len(re.findall(r"[.!?][\"”')*_]*(?=\s|$)", body))


# The quiz


@rule()
def quiz_questions_are_well_formed(notebook: Notebook) -> Iterator[Finding]:
    """One bold question, three to five options, one of them right, an explanation for each."""
    for cell in notebook.cells:
        if "quiz" in tags(cell):
            yield from ((cell, problem) for problem in quiz_problems(cell))
        elif re.search(r'<details class="option', cell.source) and cell.cell_type == "markdown":
            yield cell, "has options but not the tag quiz"


def quiz_problems(cell: NotebookNode) -> Iterator[str]:
    if cell.cell_type != "markdown":
        yield "a quiz question must be a Markdown cell"
        return
    question, _, rest = cell.source.partition("<details")
    if not re.search(r"\*\*[^*]{8,}\*\*", question):
        yield "has no question: **...**"
    options = list(DETAILS.finditer("<details" + rest))
    if cell.source.count("<details") != len(options) or DETAILS.sub("", "<details" + rest).strip():
        yield 'must hold nothing but <details class="option"><summary>...</summary>...</details>'
    if not OPTIONS[0] <= len(options) <= OPTIONS[1]:
        yield f"has {len(options)} options; between {OPTIONS[0]} and {OPTIONS[1]}"
    kinds = [match["kind"] for match in options]
    if unknown := set(kinds) - {"option", "option right"}:
        yield f"has an option of class {unknown.pop()!r}; only 'option' and 'option right'"
    if (right := kinds.count("option right")) != 1:
        yield f"has {right} right options; exactly one"
    seen = set()
    for match in options:
        option = " ".join(match["option"].split())
        if not option or option in seen:
            yield f"has the option {option!r} {'twice' if option else 'without text'}"
        seen.add(option)
        if (words := len(match["explanation"].split())) < EXPLANATION_WORDS:
            yield f"explains {option[:40]!r} in {words} words; at least {EXPLANATION_WORDS}"
        if not re.fullmatch(r"\s*?\n\s*?\n.*\n\s*?\n\s*", match["explanation"], re.S):
            yield f"needs an empty line before and after the explanation of {option[:40]!r}"


@rule("chapter")
def right_options_are_not_in_one_place(notebook: Notebook) -> Iterator[Finding]:
    """Else the quiz can be passed by counting."""
    places = [
        [match["kind"] for match in DETAILS.finditer(cell.source)].index("option right")
        for cell in notebook.cells
        if "quiz" in tags(cell) and "option right" in cell.source
    ]
    if len(places) >= QUESTIONS[0] and len(set(places)) == 1:
        yield None, f"the right option is number {places[0] + 1} in every quiz question"


# References


@cache
def citation_keys() -> frozenset[str]:
    text = (BOOK / "references.bib").read_text(encoding="utf-8")
    return frozenset(re.findall(r"^@\w+\{\s*([^,\s]+)\s*,", text, re.M))


def references(notebook: Notebook) -> Iterator[tuple[NotebookNode, str]]:
    """Yield all Markdown that the page shows, typed or put out by a cell."""
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            yield cell, "\n".join(outside_code(cell.source))
        for output in cell.get("outputs", []):
            yield cell, output.get("data", {}).get("text/markdown", "")


@rule()
def citations_are_in_the_bibliography(notebook: Notebook) -> Iterator[Finding]:
    for cell, text in references(notebook):
        for keys in CITATION.findall(text):
            for key in (key.strip() for key in keys.split(",")):
                if key not in citation_keys():
                    yield cell, f"{{cite}}`{key}` is not in book/references.bib"
