"""Every notebook of the book follows the rules of CONTRIBUTING.md; see `rules` for each of them."""

import json

import pytest

from tests.notebooks.rules import RULES, Notebook
from tests.notebooks.rules.code import median_cell
from tests.notebooks.rules.notebook import BOOK, kind_of
from tests.notebooks.rules.outputs import IGNORED_OUTPUTS, ignored_outputs
from tests.notebooks.rules.prose import words_per_line
from tools.execute import RUNTIMES, notebooks

LONGEST_RUN = 60  # seconds, for a notebook
MOST_MEMORY = 1000  # MB, for a notebook
MOST_WITH_REAL_MODEL = 1500  # MB, for one that loads a model of requirements-models.txt

PATHS = {path.relative_to(BOOK).as_posix(): path for path in notebooks()}


@pytest.fixture(scope="module")
def read():
    return {name: Notebook.read(path) for name, path in PATHS.items()}


def test_there_are_notebooks_to_check():
    assert any("/" not in name for name in PATHS)
    assert any(name.startswith("exercises/") for name in PATHS)


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        (name, rule)
        for name, path in PATHS.items()
        for rule, (_, kinds) in RULES.items()
        if kind_of(path) in kinds
    ],
)
def test_notebook_follows(name, rule, read):
    if findings := read[name].check(rule):
        pytest.fail("\n".join(findings), pytrace=False)


def test_hardly_any_output_is_ignored(read):
    ignored = ignored_outputs(read.values())
    assert len(ignored) <= IGNORED_OUTPUTS, ignored


def test_run_times_are_recorded_and_within_limits(read):
    """As `make execute` measured them: the benchmarks page shows them."""
    runtimes = json.loads(RUNTIMES.read_text(encoding="utf-8"))
    assert set(runtimes) == {f"book/{name}" for name in PATHS}
    for name, runtime in runtimes.items():
        assert runtime["seconds"] <= LONGEST_RUN, name
        is_real = loads_real_model(read[name.removeprefix("book/")])
        assert runtime["peak_mb"] <= (MOST_WITH_REAL_MODEL if is_real else MOST_MEMORY), name


def loads_real_model(notebook):
    return any('load("smollm2")' in cell.source for cell in notebook.code)


def test_shape_of_the_chapters(read, record_property):
    for notebook in read.values():
        if notebook.kind == "chapter":
            ratio, median = words_per_line(notebook), median_cell(notebook)
            counted = f"{ratio:.1f} words of prose for a line of code, {median:g} lines in a cell"
            record_property("counted", f"{notebook.stem}: {counted}")
            assert ratio
            assert median
