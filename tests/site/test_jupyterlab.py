"""The explorers in JupyterLab, connected to a kernel: Python sees what a reader changes.

A notebook with all explorers runs in JupyterLab. Below each explorer and in its title, Python
writes what changed on the page. Both can be right only if the change reached the kernel, and the
title only if what Python sets comes back.
"""

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook
from playwright.sync_api import expect

from tests.jupyterlab_server import SECONDS, jupyterlab_in
from tools.execute import KERNELSPEC

MAKE = {
    "sampling": """
        from fmlab.widgets import SamplingExplorer

        explorer = SamplingExplorer(["It"], np.log([[0.2, 0.5, 0.3]]), [" is", " was", " has"])
        trait = "top_p"
    """,
    "attention": """
        from fmlab.models import load
        from fmlab.widgets import AttentionExplorer

        explorer = AttentionExplorer.of(*load("nano"), ["A town on a river."])
        trait = "layer"
    """,
    "tokenizer": """
        from fmlab.tokenization import BPETokenizer
        from fmlab.widgets import TokenizerExplorer

        explorer = TokenizerExplorer(BPETokenizer.train("low lower lowest", 262))
        trait = "text"
    """,
    "vocabulary": """
        explorer = TokenizerExplorer(BPETokenizer(), text="low")
        trait = "ids"
    """,
    "logits": """
        explorer = SamplingExplorer(["It"], np.log([[0.2, 0.5, 0.3]]), [" is", " was", " has"])
        trait = "n_kept"
    """,
    "kl": """
        from fmlab.widgets import KLExplorer

        explorer = KLExplorer(["long", "short"], [0.9, 0.1], [0.0, 1.0])
        trait = "n"
    """,
    "playground": """
        from fmlab.widgets import Playground

        explorer = Playground(["micro"], temperature=0, max_new_tokens=3, speed=0)
        trait = "text"
    """,
}
ECHO = """
from IPython.display import HTML
handle = display(HTML(f"<p>nothing yet from {name}</p>"), display_id=True)

def echo(change, name=name, handle=handle, explorer=explorer):
    explorer.title = f"{name} is at {change.new}"
    handle.update(HTML(f"<p>{explorer.title}</p>"))

explorer.observe(echo, trait)
explorer
"""
RUN_ALL = """async () => {
  const { sessionContext } = jupyterapp.shell.currentWidget;
  await sessionContext.ready;
  await sessionContext.session.kernel.info;
  await jupyterapp.commands.execute("notebook:run-all-cells");
}"""


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """The address of a JupyterLab on a folder with the notebook."""
    folder = tmp_path_factory.mktemp("lab")
    cells = [new_code_cell("import numpy as np")]
    for name, source in MAKE.items():
        lines = [line.removeprefix(" " * 8) for line in source.strip("\n").splitlines()]
        cells.append(new_code_cell("\n".join([f"name = {name!r}", *lines]) + ECHO))
    metadata = {"kernelspec": KERNELSPEC}  # without it Lab asks which kernel to take
    nbformat.write(new_notebook(cells=cells, metadata=metadata), folder / "explorers.ipynb")
    with jupyterlab_in(folder) as address:
        yield address


@pytest.fixture(scope="module")
def notebook(browser, lab):
    """The page of JupyterLab, all cells run."""
    context = browser.new_context(viewport={"width": 1280, "height": 2400})
    context.set_default_timeout(1000 * SECONDS)
    page = context.new_page()
    page.goto(f"{lab}/lab/tree/explorers.ipynb")
    page.locator(".jp-Notebook .jp-CodeCell").nth(len(MAKE)).wait_for()
    page.wait_for_function("globalThis.jupyterapp?.shell.currentWidget?.sessionContext")
    page.evaluate(RUN_ALL)
    yield page
    context.close()


@pytest.fixture
def cell(notebook):
    """Return the cell of an explorer, scrolled into view: Lab renders no output before."""

    def of(name: str):
        cell = notebook.locator(".jp-CodeCell").nth(1 + list(MAKE).index(name))
        cell.scroll_into_view_if_needed()
        cell.locator(".fml").first.wait_for()
        expect(cell.locator(".jp-OutputArea p").first).to_contain_text("nothing yet")
        return cell

    return of


def wait_until_shown(cell, text: str) -> None:
    """Wait until Python has printed a text, and the title shows it too."""
    cell.locator(".jp-OutputArea p:not(.fml p)", has_text=text).wait_for()
    cell.locator(".fml-title", has_text=text).wait_for()


def test_a_slider_reaches_python(cell):
    explorer = cell("sampling")
    explorer.get_by_role("slider", name="Top-p").press("ArrowLeft")
    wait_until_shown(explorer, "sampling is at 0.9")


def test_a_choice_of_head_reaches_python(cell):
    explorer = cell("attention")
    explorer.get_by_role("button", name="head 1").nth(1).press("Enter")
    wait_until_shown(explorer, "attention is at 1")


def test_a_slider_of_whole_numbers_reaches_python(cell):
    explorer = cell("kl")
    explorer.get_by_role("slider", name="N of best-of-N").press("End")
    wait_until_shown(explorer, "kl is at 64")


def test_typed_text_reaches_python(cell):
    explorer = cell("tokenizer")
    explorer.get_by_role("textbox").last.fill("slow")
    wait_until_shown(explorer, "tokenizer is at slow")


def test_the_kernel_sends_a_tokenizer_when_it_is_chosen(cell):
    explorer = cell("vocabulary")
    explorer.get_by_role("combobox", name="Tokenizer").select_option("smollm2")
    wait_until_shown(explorer, "vocabulary is at [683]")
    explorer.get_by_text("SmolLM2 is loaded").wait_for()


def test_the_kernel_sends_logits_when_they_are_chosen(cell):
    explorer = cell("logits")
    explorer.get_by_role("combobox", name="Model").select_option("smollm2")
    wait_until_shown(explorer, "logits is at 49152")
    explorer.get_by_text("SmolLM2 is loaded").wait_for()


def test_the_kernel_sends_a_model_and_gets_the_text_that_it_wrote_on_the_page(cell):
    explorer = cell("playground")
    explorer.get_by_role("button", name="Start").click()
    wait_until_shown(explorer, "playground is at  kitchen, and")
