"""JupyterLab as `make lab` and Binder start it: what a reader sees, and where links lead.

The settings in `tools/jupyterlab` are used as they are, on a copy of a part of the book.
"""

import os
import re
import shutil
import subprocess
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from playwright.sync_api import expect

from tests.jupyterlab_server import SECONDS, jupyterlab_in
from tools.execute import normalize

ROOT = Path(__file__).resolve().parents[2]
CHAPTER = "book/planning.ipynb"  # with the state of a widget
FIRST = """# A page

Read the {term}`logits`, then {term}`probabilities <softmax>`, {ref}`the section below <below>`,
[another chapter](other.ipynb), and {ref}`a part of it <elsewhere>`. But `{term}` is code.
"""
BELOW = "(below)=\n## Below\n\nHere."
OTHER = "(elsewhere)=\n## Elsewhere\n\nThere."
EXERCISE = """## An exercise

<details><summary>Hint (click to open)</summary>

Compare $\\exp(x)$ with [the chapter](../book/page.ipynb).

</details>
"""
CURRENT = "jupyterapp.shell.currentWidget?.context"
# JupyterLab draws a cell again while it starts, which closes what was opened.
OPENED = """() => {
  const hint = document.querySelector(".jp-MarkdownCell details");
  if (hint && !hint.open) hint.querySelector("summary").click();
  return Boolean(hint?.querySelector("mjx-container")?.checkVisibility());
}"""


def store(path: Path, *cells) -> None:
    notebook = new_notebook(cells=list(cells))
    normalize(notebook)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(nbformat.writes(notebook).rstrip("\n") + "\n", encoding="utf-8")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A part of the book, laid out as in the repository."""
    folder = tmp_path_factory.mktemp("reader")
    shutil.copytree(ROOT / "tools/jupyterlab", folder / "tools/jupyterlab")
    for name in ("book/_ext/page.py", "book/concepts.yml", "book/glossary.md", CHAPTER):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    store(folder / "book/page.ipynb", *map(new_markdown_cell, (FIRST, BELOW)), new_code_cell("1"))
    store(folder / "book/other.ipynb", new_markdown_cell("# Other"), new_markdown_cell(OTHER))
    store(folder / "exercises/page.ipynb", new_markdown_cell(EXERCISE))
    return folder


@pytest.fixture(scope="module")
def lab(folder):
    with jupyterlab_in(folder, folder / "tools/jupyterlab") as address:
        yield address


@pytest.fixture
def opened(browser, lab):
    """Open a notebook; return its page when its first cell shows."""
    contexts = []

    def opener(path: str):
        contexts.append(browser.new_context(viewport={"width": 1280, "height": 900}))
        contexts[-1].set_default_timeout(1000 * SECONDS)
        page = contexts[-1].new_page()
        page.goto(f"{lab}/lab/tree/{path}?reset")
        page.locator(".jp-MarkdownCell .myst").first.wait_for()
        return page

    yield opener
    for context in contexts:
        context.close()


def follow(page, name: str, **options) -> None:
    """Click on a link. A script does: JupyterLab draws cells again while it starts."""
    page.get_by_role("link", name=name, **options).first.dispatch_event("click")


def wait_for_path(page, path: str) -> None:
    page.wait_for_function(f"(path) => {CURRENT}?.path === path", arg=path)


def test_a_reader_sees_chapters_and_no_panels_of_the_instructor(opened):
    page = opened("book/page.ipynb")
    names = page.locator(".jp-DirListing-itemName")
    expect(names.filter(has_text="page.ipynb")).to_be_visible()
    assert not {"_ext", "concepts.yml"} & set(names.all_inner_texts())
    expect(page.get_by_text(re.compile("Nbgrader|Create Assignment|Validate"))).to_have_count(0)
    expect(page.get_by_text("Jupyter news")).to_have_count(0)


def test_a_term_shows_its_definition_and_leads_to_the_glossary(opened):
    page = opened("book/page.ipynb")
    follow(page, "logits")
    note = page.locator(".fmlab-note")
    expect(note).to_contain_text("The scores that a model outputs")
    page.keyboard.press("Escape")
    expect(note).to_be_hidden()
    follow(page, "probabilities")
    expect(note.locator("strong")).to_have_text("softmax")
    note.get_by_role("button", name="Glossary").click()
    wait_for_path(page, "book/glossary.md")


def test_a_link_to_a_section_selects_its_cell(opened):
    page = opened("book/page.ipynb")
    follow(page, "the section below")
    page.wait_for_function("jupyterapp.shell.currentWidget?.content.activeCellIndex === 1")


@pytest.mark.parametrize("name", ["another chapter", "a part of it"])
def test_a_link_to_a_chapter_opens_it(opened, name):
    page = opened("book/page.ipynb")
    follow(page, name)
    wait_for_path(page, "book/other.ipynb")


def test_a_hint_looks_like_something_that_opens_and_has_its_math(opened):
    page = opened("exercises/page.ipynb")
    hint = page.locator(".jp-MarkdownCell details")
    expect(hint.locator("summary")).to_have_css("cursor", "pointer")
    expect(hint.locator("summary")).to_have_css("list-style-type", "disclosure-closed")
    page.wait_for_function(OPENED)
    expect(hint).not_to_contain_text("\\exp")
    follow(page, "the chapter", include_hidden=True)
    wait_for_path(page, "book/page.ipynb")


def test_a_chapter_that_was_only_opened_is_not_unsaved_and_saving_changes_nothing(opened, folder):
    page = opened(CHAPTER)
    page.wait_for_function(f"{CURRENT}?.model.getMetadata('language_info')?.version")
    page.wait_for_function(f"{CURRENT}?.model.dirty === false")
    page.evaluate(f"{CURRENT}.save()")
    assert (folder / CHAPTER).read_bytes() == (ROOT / CHAPTER).read_bytes()


def test_binder_and_make_lab_use_these_settings():
    command = subprocess.run(
        ["make", "--dry-run", "lab"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    assert f'JUPYTER_CONFIG_PATH="{ROOT}/tools/jupyterlab"' in command
    started = subprocess.run(
        [ROOT / "binder/start", "printenv", "JUPYTER_CONFIG_PATH"],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert Path(started.strip()) == ROOT / "tools/jupyterlab"
