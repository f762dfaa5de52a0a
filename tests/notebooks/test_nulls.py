"""A null is applied where it should be, and the runner says truly whether an assertion fired."""

import os
import re
import time
from pathlib import Path

import pytest
from nbformat.v4 import new_notebook

from tests.notebooks.nulls import registry
from tests.notebooks.nulls.registry import Null, null
from tests.notebooks.nulls.runner import Broken, run
from tests.notebooks.samples import DOUBLING as CELLS
from tests.notebooks.samples import code, shows


def outcome(change, *, cells=CELLS, before="numbers", folder=".", **options):
    (one,) = run(
        new_notebook(cells=cells),
        [Null("doubling", "It is wrong.", change, before)],
        Path(folder),
        **options,
    )
    return one


def test_null_that_fires_is_reported_with_the_assertion():
    result = outcome(lambda namespace, patch: namespace.update(double=lambda x: x))
    assert result.fired
    assert (result.cell, result.message) == ("last", "got 2")
    assert result.assertion == "assert numbers[2] == 4, f'got {numbers[2]}'"
    assert (result.concept, result.sentence) == ("doubling", "It is wrong.")


@pytest.mark.parametrize(
    ("change", "cell", "says"),
    [
        (lambda namespace, patch: None, "last", "the assertion survives"),
        (
            lambda namespace, patch: namespace.update(double=lambda x: -x),
            "between",
            "a cell without the tag raised ZeroDivisionError",
        ),
        (
            lambda namespace, patch: namespace.update(double=lambda x: 1 / x),
            "numbers",
            "a cell without the tag raised ZeroDivisionError",
        ),
        (
            lambda namespace, patch: namespace.update(double=lambda x: None),
            "between",
            "a cell without the tag raised TypeError",
        ),
        (
            lambda namespace, patch: patch(namespace["math"], "no_such_name", 0),
            "numbers",
            "the null itself raised AttributeError",
        ),
        (lambda namespace, patch: os._exit(1), "numbers", "the process ended"),
        (lambda namespace, patch: time.sleep(9), "numbers", "not over after 0.5 s"),
    ],
)
def test_null_that_does_not_fire_says_why(change, cell, says):
    result = outcome(change, timeout=0.5 if "0.5" in says else 20)
    assert not result.fired
    assert result.cell == cell
    assert says in result.message


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("assert numbers[9] == 4", "raised IndexError instead of AssertionError"),
        ("def check():\n    raise AssertionError\n\n\ncheck()", "outside its assertions"),
        ("x = (", "raised SyntaxError instead of AssertionError"),
    ],
)
def test_only_an_assertion_of_the_cell_counts(source, says):
    cells = [*CELLS[:-1], code("last", source, tags=shows("doubling"))]
    result = outcome(lambda namespace, patch: None, cells=cells)
    assert not result.fired
    assert says in result.message


def test_assertion_of_a_library_counts_if_the_cell_calls_it():
    source = "import numpy as np\nnp.testing.assert_allclose(\n    numbers,\n    [0, 2, 4],\n)"
    cells = [*CELLS[:-1], code("last", source, tags=shows("doubling"))]
    result = outcome(lambda namespace, patch: namespace.update(double=float), cells=cells)
    assert result.fired
    assert result.assertion == "np.testing.assert_allclose(numbers, [0, 2, 4])"


def test_notebook_continues_as_if_no_null_had_been_applied():
    def wrong(namespace, patch):
        namespace["double"] = lambda x: x
        patch(os, "sep", "changed")

    cells = [
        *CELLS,
        code("again", "assert numbers[2] == 4 and os.sep != 'changed'", tags=shows("other")),
    ]
    nulls = [
        Null("doubling", "It is wrong.", wrong),
        Null("doubling", "It is wrong, too.", wrong, "setup"),
        Null("other", "The list is shorter.", lambda namespace, patch: namespace.update(numbers=0)),
    ]
    results = run(new_notebook(cells=cells), nulls, Path())
    assert [result.message for result in results] == [
        "the assertion survives",  # applied after `double` was called
        "the assertion survives",  # the first cell then defines `double` again
        "raised TypeError instead of AssertionError: 'int' object is not subscriptable",
    ]


def test_cells_run_as_in_jupyter(tmp_path):
    """Magics, display, widgets, figures, and the folder of the notebook."""
    source = """
%matplotlib inline
import anywidget
import matplotlib.pyplot as plt
import traitlets
from IPython.display import Markdown, display


class Slider(anywidget.AnyWidget):
    _esm = "export default {}"
    value = traitlets.Int(3).tag(sync=True)


slider = Slider()
display(Markdown("*Hello*"), slider)
plt.plot([1, 2])
plt.show()
slider.value = 4
open("here.txt", "w").write(str(slider.value))
slider
"""
    cells = [code("jupyter", source.strip()), *CELLS]
    here = Path.cwd()
    survived = outcome(lambda namespace, patch: None, cells=cells, folder=tmp_path)
    assert survived.message == "the assertion survives"
    assert (tmp_path / "here.txt").read_text() == "4"
    assert Path.cwd() == here


@pytest.mark.parametrize(
    ("cells", "before", "says"),
    [
        (CELLS[:3], None, "no code cell has the tag concept:doubling"),
        (CELLS, "text", "'text', which is no code cell"),
        (CELLS, "between", "'between', which comes after 'first'"),
        ([code("setup", "1 / 0"), *CELLS[1:]], None, "'setup' fails without any null: ZeroDiv"),
    ],
)
def test_null_that_does_not_fit_the_notebook_is_refused(cells, before, says):
    with pytest.raises(Broken, match=re.escape(says)):
        outcome(lambda namespace, patch: None, cells=cells, before=before)


def test_system_without_fork_gets_a_clear_message(monkeypatch):
    monkeypatch.delattr(os, "fork")
    with pytest.raises(OSError, match=r"os\.fork, which this system lacks"):
        outcome(lambda namespace, patch: None)


# The registry


@pytest.mark.parametrize("text", [None, "no full stop", "Two. Sentences."])
def test_null_needs_a_docstring_of_one_sentence(text):
    def function(namespace, patch):
        pass

    function.__doc__ = text
    with pytest.raises(ValueError, match="must be one sentence"):
        null("doubling")(function)


def test_null_belongs_to_the_chapter_of_its_module(monkeypatch):
    monkeypatch.setattr(registry, "NULLS", {})

    def function(namespace, patch):
        """The numbers
        are wrong."""

    function.__module__ = "tests.notebooks.nulls.two_words"
    null("doubling", before="setup")(function)
    (entry,) = registry.NULLS["two-words"]
    assert (entry.concept, entry.before) == ("doubling", "setup")
    assert entry.sentence == "The numbers are wrong."
