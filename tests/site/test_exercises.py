"""Exercise pages spoil nothing: not in the page, the download, the search or the launch links."""

from __future__ import annotations

import json
import re
import sys

import nbformat
import pytest
from bs4 import BeautifulSoup

BLOCK = re.compile(r"### BEGIN ([A-Z ]+)\n(.*?)### END \1", re.S)
TEXT_FILES = {".html", ".ipynb", ".js", ".json", ".md", ".txt", ".xml", ".css", ".svg"}
SOURCE_PAGES = "_modules/fmlab_grading/"  # of the grader, which knows what markers look like
WORD = re.compile(r"[A-Za-z]{5,}")


@pytest.fixture(scope="module")
def single_source(root):
    sys.path.append(str(root / "book" / "_ext"))
    import single_source

    return single_source


@pytest.fixture(scope="module")
def sources(root):
    """The authors' notebooks, by name."""
    notebooks = {
        path.stem: nbformat.read(path, as_version=4)
        for path in sorted((root / "book" / "exercises").glob("*.ipynb"))
    }
    assert notebooks, "there are no exercises"
    return notebooks


def lines_between(sources, name, kinds=("code", "markdown")) -> set[str]:
    """The lines that stand between markers of this name, in all notebooks."""
    cells = [cell for notebook in sources.values() for cell in notebook.cells]
    blocks = [
        block
        for cell in cells
        if cell.cell_type in kinds
        for kind, block in BLOCK.findall(cell.source)
        if kind == name
    ]
    return {line.strip() for block in blocks for line in block.splitlines()} - {""}


def open_lines(sources, root) -> set[str]:
    """The lines that anyone may read: outside the markers, in chapters, in the package."""
    cells = [cell for notebook in sources.values() for cell in notebook.cells]
    texts = [BLOCK.sub("", cell.source) for cell in cells]
    texts += [reading_text(path) for path in (root / "book").glob("*.ipynb")]
    texts += [reading_text(path) for path in (root / "src").rglob("*.py")]
    return {line.strip() for text in texts for line in text.splitlines()}


def reading_text(path) -> str:
    """What a file says: of a page the text without tags, of a notebook the sources of its cells."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".html":
        return BeautifulSoup(text, "html.parser").get_text()
    if path.suffix == ".ipynb":
        return "\n".join("".join(cell["source"]) for cell in json.loads(text)["cells"])
    return text


@pytest.fixture(scope="module")
def published(site):
    """The text of every file of the site, by path."""
    paths = [path for path in site.rglob("*") if path.is_file() and path.suffix in TEXT_FILES]
    ours = [path for path in paths if "_static" not in path.relative_to(site).parts]
    return {path.relative_to(site).as_posix(): reading_text(path) for path in ours}


def test_no_marker_is_published(published):
    marker = re.compile("### (BEGIN|END) ")
    pages = {path: text for path, text in published.items() if not path.startswith(SOURCE_PAGES)}
    assert not [path for path, text in pages.items() if marker.search(text)]


def test_no_hidden_test_is_published(published, sources, root):
    hidden = lines_between(sources, "HIDDEN TESTS")
    # What a check, a chapter or the solution on the page says as well tells nobody anything.
    known = "\n".join(open_lines(sources, root) | lines_between(sources, "SOLUTION"))
    long = {line for line in hidden if len(line) > 12 and not line.endswith("(")}
    telling = {line for line in long if line not in known}
    assert telling, "no hidden test to look for"
    leaks = [(path, line) for path, text in published.items() for line in telling if line in text]
    assert not leaks


def test_solutions_are_only_on_the_page_itself(published, sources, root):
    solutions = lines_between(sources, "SOLUTION") - open_lines(sources, root)
    telling = {line for line in solutions if len(line) > 20}
    assert telling, "no solution to look for"
    elsewhere = {
        path: text for path, text in published.items() if not path.startswith("book/exercises/")
    }
    leaks = [(path, line) for path, text in elsewhere.items() for line in telling if line in text]
    assert not leaks


def test_search_does_not_know_the_solutions(site, soup, sources):
    answers = lines_between(sources, "SOLUTION") | lines_between(sources, "HIDDEN TESTS")
    words = {word.lower() for line in answers for word in WORD.findall(line)}
    for path in site.rglob("*.html"):
        page = BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")
        for fold in page.select(".tag_solution, details.model-answer"):
            fold.decompose()
        words -= {word.lower() for word in WORD.findall(page.get_text())}
    index = (site / "searchindex.js").read_text(encoding="utf-8").lower()
    assert not {word for word in words if f'"{word}"' in index}


def test_stub_stands_above_a_folded_solution(sources, soup):
    for name, notebook in sources.items():
        page = soup(f"book/exercises/{name}.html")
        answers = [
            cell
            for cell in notebook.cells
            if cell.cell_type == "code" and "### BEGIN SOLUTION" in cell.source
        ]
        solutions = page.select(".tag_solution")
        assert len(solutions) == len(answers)
        for solution in solutions:
            assert "tag_stub" in solution.find_previous_sibling("div", class_="cell")["class"]
            assert not solution.find("details").has_attr("open")


def test_model_answers_are_folded(sources, soup):
    for name, notebook in sources.items():
        written = [
            cell
            for cell in notebook.cells
            if cell.cell_type == "markdown" and "### BEGIN SOLUTION" in cell.source
        ]
        folds = soup(f"book/exercises/{name}.html").select("details.model-answer")
        assert len(folds) == len(written)
        assert not any(fold.has_attr("open") for fold in folds)


def test_download_is_a_notebook_to_fill_in_and_hand_in(site, sources):
    for name, author in sources.items():
        student = nbformat.read(site / f"_sources/book/exercises/{name}.ipynb", as_version=4)
        nbformat.validate(student)
        by_id = {cell.id: cell for cell in author.cells}
        for cell in student.cells:
            assert cell.metadata.get("nbgrader") == by_id[cell.id].metadata.get("nbgrader")
            if cell.cell_type == "code":
                assert cell.outputs == []
                assert cell.execution_count is None
        to_fill_in = {cell.id for cell in author.cells if "### BEGIN SOLUTION" in cell.source}
        assert to_fill_in <= {cell.id for cell in student.cells}


def test_students_notebooks_in_the_repository_are_current(single_source):
    assert not single_source.stale_students(), "run `python book/_ext/single_source.py`"


# The conversion itself.


def test_stub_keeps_the_indentation(single_source):
    source = "def f():\n    ### BEGIN SOLUTION\n    return 1\n    ### END SOLUTION\n"
    assert single_source.stub(source) == (
        "def f():\n    # YOUR CODE HERE\n    raise NotImplementedError()\n"
    )
    assert single_source.solution(source) == "def f():\n    return 1\n"


@pytest.mark.parametrize("marker", ["SOLUTION", "HIDDEN TESTS", "MARK SCHEME"])
@pytest.mark.parametrize("edge", ["BEGIN", "END"])
def test_marker_without_a_partner_stops_the_build(single_source, marker, edge):
    cell = {"cell_type": "code", "metadata": {}, "source": f"x = 1\n### {edge} {marker}\ny = 2"}
    for version in (single_source.page_cells, single_source.student_cells):
        with pytest.raises(ValueError, match="no partner"):
            list(version(dict(cell)))
