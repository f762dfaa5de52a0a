"""One exercise notebook, three readers: the page, the student and the grader.

The author's notebook in ``book/exercises`` is nbgrader's source and a test at once; its format is
described in CONTRIBUTING.md. From it two others are made here, by moving text only:

- what the *page* shows: the stub to fill in, the solution folded below it, no hidden test;
- what the *student* gets (the download, Binder, Colab): the stub, no solution, no hidden test.

Run as a program it writes the students' notebooks to ``exercises/``, where the launch buttons find
them in the repository. ``--check`` only says whether they are up to date.
"""

from __future__ import annotations

import argparse
import copy
import json
import re
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ROOT / "book" / "exercises"
STUDENTS = ROOT / "exercises"

PLACEHOLDER = "# YOUR CODE HERE\nraise NotImplementedError()\n"  # as nbgrader writes it
PAGE_ONLY_TAGS = {"hide-input", "hide-cell", "remove-cell"}  # how a cell looks in the book


def _region(name: str) -> re.Pattern[str]:
    return re.compile(
        rf"^([ \t]*)### BEGIN {name}[ \t]*\n(.*?)^[ \t]*### END {name}[ \t]*(?:\n|\Z)", re.S | re.M
    )


SOLUTION, HIDDEN, MARKS = map(_region, ("SOLUTION", "HIDDEN TESTS", "MARK SCHEME"))
# A link to a section of the chapter: on the page, a label; for students, the chapter's notebook.
SECTION_LINK = re.compile(r"\[([^\]]+)\]\(#([\w-]+)\)")
CHAPTER_LINK = re.compile(r"\]\(\.\./([\w-]+\.ipynb)\)")
# JupyterLab shows a fold without its triangle, so there the words must say what a click does.
HINT = re.compile("<summary>Hint</summary>")
MARKER = re.compile(r"^[ \t]*### (?:BEGIN|END) (?:SOLUTION|HIDDEN TESTS|MARK SCHEME)", re.M)


def is_source(text: str) -> bool:
    """Whether a notebook, as text, is written in the single-source format."""
    return '"nbgrader"' in text or "### BEGIN " in text


def stub(source: str) -> str:
    """The source with every solution replaced by a placeholder at the same indentation."""

    def placeholder(match: re.Match[str]) -> str:
        return "".join(match[1] + line for line in PLACEHOLDER.splitlines(keepends=True))

    return SOLUTION.sub(placeholder, source)


def solution(source: str) -> str:
    """The source with the solutions in place and the markers gone."""
    return SOLUTION.sub(lambda match: match[2], source)


def _public(cell: dict) -> str:
    """The source of a cell without what only the grader may see."""
    source = "".join(cell["source"])
    if not source.endswith("\n"):
        source += "\n"
    return MARKS.sub("", HIDDEN.sub("", source))


def _set_source(cell: dict, source: str) -> dict:
    if MARKER.search(source):
        raise ValueError(
            f"cell {cell.get('id')!r}: a ### BEGIN or ### END line has no partner, so a solution "
            "or a hidden test would be published; every BEGIN needs its END on a line of its own"
        )
    cell["source"] = source.rstrip("\n").splitlines(keepends=True)
    return cell


def _answers(cell: dict) -> bool:
    """Whether the cell holds an answer: a solution that the reader is to replace."""
    return bool(SOLUTION.search(_public(cell)))


def page_cells(cell: dict) -> Iterable[dict]:
    """The cells that one cell of the source becomes on the page."""
    source = _public(cell)
    if not source.strip() and "".join(cell["source"]).strip():
        return  # nothing but hidden tests
    if not _answers(cell):
        yield _set_source(cell, source)
    elif cell["cell_type"] == "markdown":
        cell["metadata"].pop("tags", None)
        fence = ":" * 12
        yield _set_source(cell, f"{fence}{{model-answer}}\n{solution(source)}\n{fence}\n")
    else:
        first = copy.deepcopy(cell)
        first |= {"id": f"{cell.get('id', '')}-stub", "outputs": [], "execution_count": None}
        first["metadata"] = {"tags": ["stub"]}
        yield _set_source(first, stub(source))
        show = {"code_prompt_show": "Show the solution", "code_prompt_hide": "Hide the solution"}
        tags = [tag for tag in cell["metadata"].get("tags", []) if tag not in PAGE_ONLY_TAGS]
        cell["metadata"]["mystnb"] = show | cell["metadata"].get("mystnb", {})
        cell["metadata"]["tags"] = [*tags, "solution", "hide-input"]
        yield _set_source(cell, solution(source))


def student_cells(cell: dict) -> Iterable[dict]:
    """The cells that one cell of the source becomes for the student.

    Ids and nbgrader's metadata stay, so that a notebook that was filled in can be handed in.
    """
    source = _public(cell)
    if not source.strip() and "".join(cell["source"]).strip():
        return
    if cell["cell_type"] == "code":
        source = stub(source)
        cell |= {"outputs": [], "execution_count": None}
    elif _answers(cell):
        source = "YOUR ANSWER HERE"
    tags = [tag for tag in cell["metadata"].get("tags", []) if tag not in PAGE_ONLY_TAGS]
    cell["metadata"] = {
        key: value for key, value in cell["metadata"].items() if key not in ("tags", "mystnb")
    } | ({"tags": tags} if tags else {})
    yield _set_source(cell, source)


def page_notebook(text: str) -> str:
    """The notebook, as JSON text, that the book's page is made from."""
    notebook = json.loads(text)
    notebook["cells"] = [new for cell in notebook["cells"] for new in page_cells(cell)]
    return _dump(_replace_links(notebook, SECTION_LINK, r"{ref}`\1 <\2>`"))


def solved_notebook(text: str) -> str:
    """The notebook, as JSON text, with the solutions in place: what is tried in a browser."""
    notebook = json.loads(page_notebook(text))
    tags = [cell["metadata"].get("tags", []) for cell in notebook["cells"]]
    notebook["cells"] = [c for c, its in zip(notebook["cells"], tags) if "stub" not in its]
    return _dump(notebook)


def stubs(text: str) -> dict[str, str]:
    """The code that the page gives to fill in, by the id of the answer."""
    cells = json.loads(page_notebook(text))["cells"]
    answers = [cell for cell in cells if "stub" in cell["metadata"].get("tags", [])]
    return {cell["id"].removesuffix("-stub"): "".join(cell["source"]) for cell in answers}


def student_notebook(text: str) -> str:
    """The notebook, as JSON text, that a student fills in: no outputs, no solutions."""
    notebook = json.loads(text)
    notebook["cells"] = [new for cell in notebook["cells"] for new in student_cells(cell)]
    _replace_links(notebook, CHAPTER_LINK, r"](../book/\1)")
    _replace_links(notebook, HINT, "<summary>Hint (click to open)</summary>")
    if chapter := CHAPTER_LINK.search(text):
        _replace_links(notebook, SECTION_LINK, rf"[\1](../book/{chapter[1]})")
    notebook["metadata"].pop("widgets", None)  # the state of outputs that are gone
    return _dump(notebook)


def _replace_links(notebook: dict, link: re.Pattern[str], target: str) -> dict:
    for cell in notebook["cells"]:
        if cell["cell_type"] == "markdown":
            source = link.sub(target, "".join(cell["source"]))
            cell["source"] = source.splitlines(keepends=True)
    return notebook


def _dump(notebook: dict) -> str:
    """The layout in which Jupyter saves, so that opening and saving changes nothing."""
    return json.dumps(notebook, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def stale_students() -> list[tuple[Path, str]]:
    """The students' notebooks that are missing or outdated, each with the text it should have."""
    students = {
        STUDENTS / path.name: student_notebook(path.read_text(encoding="utf-8"))
        for path in sorted(SOURCES.glob("*.ipynb"))
    }
    return [
        (path, text)
        for path, text in students.items()
        if not path.exists() or path.read_text(encoding="utf-8") != text
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description="Write the students' notebooks to exercises/.")
    parser.add_argument("--check", action="store_true", help="change nothing; fail if any is old")
    check = parser.parse_args().check
    for path, text in (stale := stale_students()):
        if not check:
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
        print(f"{path.relative_to(ROOT)} {'is out of date' if check else 'written'}")
    if check and stale:
        raise SystemExit("Run `python book/_ext/single_source.py` to bring them up to date.")


if __name__ == "__main__":
    main()
