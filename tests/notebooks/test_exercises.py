"""What every exercise says: how hard it is, how long it takes, a hint, and sections that exist."""

import ast
import re

import nbformat
import pytest

from tests.notebooks.rules.exercises import exercises, family
from tests.notebooks.rules.notebook import BOOK, ROOT, Notebook, outside_code

NOTEBOOKS = sorted((BOOK / "exercises").glob("*.ipynb"))
CHECKS = sorted((ROOT / "src" / "fmlab" / "checks").glob("*.py"))
EFFORT = re.compile(r"\*(Warm-up|Medium|Hard) · (\d+) minutes( · evidence)?\*")
TARGET = re.compile(r"^\(([\w-]+)\)=\s*$", re.M)
LINK = re.compile(r"\]\(#([\w-]+)\)")
LABEL = re.compile(r"(?<![\w&])#([a-z][a-z-]+)")


@pytest.fixture(scope="module")
def labels():
    """The labels of all sections of the book, by notebook."""
    found = {}
    for path in BOOK.glob("*.ipynb"):
        cells = nbformat.read(path, as_version=4).cells
        texts = [cell.source for cell in cells if cell.cell_type == "markdown"]
        found[path.stem] = {label for text in texts for label in TARGET.findall(text)}
    return found


def efforts(path):
    """The effort line of each exercise of a notebook, by its name; None without one."""
    notebook = Notebook.read(path)
    found = {}
    for name in exercises(notebook):
        heading, _, effort = family(notebook, name)[0].source.splitlines()[:3]
        assert heading.startswith("## ")
        found[name] = EFFORT.fullmatch(effort)
    return found


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_each_says_under_its_title_how_hard_it_is_and_how_long_it_takes(path):
    assert not [name for name, effort in efforts(path).items() if effort is None]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_each_has_a_hint_that_opens(path):
    for name, exercise in exercises(Notebook.read(path)).items():
        source = exercise["text"].source
        assert source.count("<details><summary>Hint</summary>\n\n") == 1, name
        assert source.endswith("\n\n</details>"), name


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_students_read_that_a_hint_opens(path):
    text = (path.parents[2] / "exercises" / path.name).read_text(encoding="utf-8")
    hints = path.read_text(encoding="utf-8").count("<summary>Hint</summary>")
    assert text.count("<summary>Hint (click to open)</summary>") == hints > 0


def test_one_in_three_asks_for_evidence_and_each_chapter_has_some():
    by_chapter = {path.stem: list(efforts(path).values()) for path in NOTEBOOKS}
    with_evidence = {
        chapter: sum(bool(effort[3]) for effort in found) for chapter, found in by_chapter.items()
    }
    assert all(with_evidence.values()), with_evidence
    assert 3 * sum(with_evidence.values()) >= sum(map(len, by_chapter.values()))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_linked_sections_exist(path, labels):
    known = set.union(*labels.values())
    texts = ["\n".join(outside_code(cell.source)) for cell in Notebook.read(path).markdown]
    linked = {label for text in texts for label in LINK.findall(text)}
    assert linked
    assert not linked - known
    example = LABEL.search(texts[0].replace("`", " "))
    assert example[1] in labels[path.stem], "the introduction's example of a label"


@pytest.mark.parametrize("path", CHECKS, ids=lambda path: path.stem)
def test_sections_named_in_messages_exist(path, labels):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    texts = [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)]
    named = {label for text in texts if isinstance(text, str) for label in LABEL.findall(text)}
    assert not named - set.union(*labels.values())
