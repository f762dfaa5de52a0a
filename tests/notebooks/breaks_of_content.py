"""Ways to break the rules for code, outputs and prose."""

import copy

from nbformat.v4 import new_output

from tests.notebooks.breaks import breaks, rewrite
from tests.notebooks.rules.notebook import ROOT
from tests.notebooks.samples import cell, printed, question, view

rewrite("cells_are_short", "31 lines", "count", "x = 1\n" * 31)
rewrite("cells_are_short", "median cell", "count", "x = 1\n" * 20)
for source in (
    "import numpy as np\nnp.random.rand(3)",
    "import numpy as np\nnp.random.default_rng(None)",
    "import numpy as np\nnp.random.seed(1)",
    "from numpy.random import default_rng\ndefault_rng()",
    "import random\nrandom.shuffle(x)",
    "from random import choice\nchoice(x)",
    "import random\nrandom.Random()",
    "import torch\ntorch.randn(3)",
    "import torch\ng = torch.Generator()\ntorch.rand(3, generator=g)",
    "from torch import nn\nnn.Linear(3, 4)",
    "x.normal_()",
    "import uuid\nuuid.uuid4()",
):
    rewrite("randomness_is_seeded", "", "count", source)
for source in (
    "import requests",
    "from urllib.request import urlopen",
    "from urllib import request",
    "import aiohttp as h",
    "AutoModel.from_pretrained('gpt2')",
    "tiktoken.get_encoding('gpt2')",
    "read('https://example.org/a.txt')",
    "!curl example.org",
    "%pip install numpy",
    "%%bash\nls",
    "files = !ls",
):
    rewrite("needs_no_network", "", "count", source)
for source, says in {
    "from fmlab.models.pretrained import load": "fmlab.models.pretrained, which is no room",
    "import fmlab.models.pretrained as p": "fmlab.models.pretrained, which is no room",
    "from fmlab.models import pretrained": "does not offer it",
    "from fmlab import attention": "fmlab.attention, which is no room",
    "from fmlab.alignment.tabular.exact import kl": "which is no room",
    "from fmlab.models import *": "does not offer it",
    "from microworld.truth import Truth": "microworld.truth, which is no room",
    "from fmlab_grading import grading": "fmlab_grading, which is no room",
    "if True:\n    from fmlab.arguments import require": "fmlab.arguments, which is no room",
}.items():
    rewrite("imports_are_from_rooms", says, "count", source)
for source in (
    "from fmlab.models import load\nfrom fmlab.data import read",
    "from fmlab.data import read, Batches",
    "x = 1\nimport torch\nimport numpy as np",
):
    rewrite("imports_are_sorted", "not sorted", "count", source)
rewrite("plot_cells_end_in_show", "plt.show()", "plot", "plt.plot([1])")
rewrite("plot_cells_end_in_show", "plt.show()", "plot", "plt.show()\nplt.plot([1])")
rewrite("plot_cells_end_in_show", "plt.show()", "plot", "with a:\n    plt.plot([1])")
rewrite("no_semicolon_at_the_end", "semicolon", "count", "x = 1\nx;")
rewrite("no_semicolon_at_the_end", "semicolon", "count", "x = 1\nx;  # quiet")
rewrite("outputs_stay_as_they_are", "clear_output", "count", "clear_output(wait=True)")
rewrite("outputs_stay_as_they_are", "display", "count", "h = display(1, display_id=True)")


@breaks("stored_as_make_execute_stores", "language_info")
def exact_version(notebook):
    notebook.content.metadata["language_info"]["version"] = "3.11.7"


@breaks("stored_as_make_execute_stores", "random")
def random_id(notebook):
    notebook.cells[2].id = "8a1f00c3"


@breaks("stored_as_make_execute_stores", "taken")
def same_id_twice(notebook):
    notebook.cells[2].id = notebook.cells[3].id


@breaks("stored_as_make_execute_stores", "differently")
def timing(notebook):
    cell(notebook, "count").metadata["execution"] = {"iopub.status.busy": "2026-01-01T00:00:00Z"}


@breaks("kernel_is_python3", "conda-env")
def other_kernel(notebook):
    notebook.content.metadata["kernelspec"]["name"] = "conda-env"


@breaks("every_cell_was_run_in_order", "execution count None")
def not_run(notebook):
    cell(notebook, "count").execution_count = None


@breaks("every_cell_was_run_in_order", "execution count 7")
def run_out_of_order(notebook):
    cell(notebook, "plot").execution_count = 7


@breaks("every_cell_was_run_in_order", "empty")
def empty_cell(notebook):
    cell(notebook, "count").source = "\n"


@breaks("nothing_went_wrong", "stderr")
def warning(notebook):
    output = new_output("stream", name="stderr", text="UserWarning: no\n")
    cell(notebook, "count").outputs.append(output)


@breaks("nothing_went_wrong", "ZeroDivisionError")
def error(notebook):
    output = new_output("error", ename="ZeroDivisionError", evalue="", traceback=[])
    cell(notebook, "count").outputs.append(output)


for text in (
    "/home/me/fmlab/book",
    f"read {ROOT}",
    "saved to ~/models",
    "/tmp/tmp8k2/x.json",
    "C:\\Users\\me",
    ".venv/lib/site-packages/numpy",
    "<fmlab.tokenization.bpe.Table object at 0x7f12aa>",
    "<function merge at 0x7f00>",
    "0x7f731c2b0b10",
    "took 3.2 s",
    "12 ms a token",
    "1.5ms",
    "480 tok/s",
    "at 12:01:59",
    "2 minutes",
):
    rewrite("outputs_are_the_same_everywhere", "", "count", f"print({text!r})", printed(text))
rewrite("floats_have_at_most_four_decimals", "0.12345", "count", "print(x)", printed("0.12345\n"))
rewrite(
    "floats_have_at_most_four_decimals",
    "1.00001",
    "count",
    "Markdown(f'{x}')",
    new_output("display_data", data={"text/markdown": "It is 1.00001.", "text/plain": "<M>"}),
)


def describe(says, alt):
    def change(notebook):
        cell(notebook, "plot").metadata["mystnb"]["image"]["alt"] = alt

    change.__name__ = f"alt {alt!r}"
    breaks("figures_are_described", says)(change)


describe("without alt", "")
describe("3 words", "A rising line")


@breaks("figures_are_described", "without alt")
def no_metadata(notebook):
    cell(notebook, "plot").metadata = {}


@breaks("figures_are_described", "2 figures")
def two_figures(notebook):
    cell(notebook, "plot").outputs *= 2


@breaks("figures_are_described", "same alt text")
def same_alt(notebook):
    second = copy.deepcopy(cell(notebook, "plot"))
    second.id = "plot-again"
    notebook.cells.append(second)


rewrite("figures_are_described", "without alt", "answer", "![](merges.svg)")


def caption(says, text):
    def change(notebook):
        cell(notebook, "plot").metadata["mystnb"]["figure"] = {"caption": text}

    change.__name__ = f"caption {text!r}"
    breaks("figures_have_captions", says)(change)


caption("without a caption", " ")
caption("3 words", "A rising line.")
caption("90 words", "word " * 90)
caption(
    "typed by hand: 300", "A line that rises from zero to 300. Each step adds as much as the last."
)


@breaks("widgets_have_their_state", "state is not stored")
def lost_widget(notebook):
    cell(notebook, "count").outputs = [view("widget-1")]


rewrite("prose_and_code_are_in_balance", "words of prose", "count", "x = 1\n" * 20)


@breaks("prose_and_code_are_in_balance", "words of prose")
def too_much_prose(notebook):
    cell(notebook, "counting").source += " word" * 200


for number, sentence in {
    "4,096": "The vocabulary has 4,096 entries.",
    "1234": "We trained on 1234 tokens.",
    "0.83": "The accuracy is 0.83 at last.",
    "83%": "In 83% of all cases it is right.",
    "83 percent": "In 83 percent of all cases it is right.",
    "5 million": "There are 5 million letters in it.",
    "7x": "This is 7x faster than that.",
    "128k": "It reads 128k tokens.",
    "2000": "It holds 2000 tokens.",
    "0.91": "A code span hides nothing: `0.91` it is.",
    "0.92": "Nor does a formula: $0.92$ it is.",
    "512": "- a list\n- of 512 merges",
    "640": "| a | b |\n| --- | --- |\n| 1 | 640 |",
    "301": "We draw 301 times.",
    "77.5": "This one is cited {cite:p}`sennrich2016`. This one, 77.5, is not.",
}.items():
    rewrite("numbers_come_from_code", f"'{number}' is typed", "counting", f"## How?\n\n{sentence}")


@breaks("numbers_come_from_code", "'0.31' is typed")
def number_in_explanation(notebook):
    cell(notebook, "quiz-0").source = question(0).replace("No. A word", "No. In 0.31 a word")
