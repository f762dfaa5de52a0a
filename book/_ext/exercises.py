"""Exercise pages: the stub above the folded solution, and no spoilers anywhere else.

What a page and a student may see is decided in `single_source`; this extension applies it to the
page before it is parsed, to the download after it is written, and to the links that open the
notebook elsewhere. Solutions stay out of the search index.
"""

from __future__ import annotations

from pathlib import Path

import single_source
from docutils import nodes
from sphinx.util.docutils import SphinxDirective

FOLDER = "book/exercises/"


class Unsearched(nodes.comment):
    """A part of the page that the search index skips, as it skips every comment."""


class ModelAnswer(SphinxDirective):
    """A written answer, folded. Made by `single_source` only."""

    has_content = True

    def run(self):
        answer = Unsearched()
        self.state.nested_parse(self.content, self.content_offset, answer)
        return [
            nodes.raw("", '<details class="model-answer">', format="html"),
            nodes.raw("", "<summary>Show a model answer</summary>", format="html"),
            answer,
            nodes.raw("", "</details>", format="html"),
        ]


def use_page_version(app, docname, source):
    """Parse the version of the notebook that is made for the page."""
    is_notebook = Path(app.env.doc2path(docname)).suffix == ".ipynb"
    if is_notebook and single_source.is_source(source[0]):
        source[0] = single_source.page_notebook(source[0])


def hide_from_search(app, doctree):
    solutions = [
        cell
        for cell in doctree.findall(nodes.container)
        if cell.get("nb_element") == "cell_code" and "tag_solution" in cell["classes"]
    ]
    for cell in solutions:
        for block in list(cell.findall(nodes.literal_block)):
            wrapped = Unsearched()
            block.replace_self(wrapped)
            wrapped += block


def launch_student_version(app, pagename, templatename, context, doctree):
    """Let Binder and Colab open the student's notebook instead of the author's."""
    if pagename.startswith(FOLDER):
        for group in context.get("header_buttons", []):
            if group.get("label") == "launch-buttons":
                for button in group["buttons"]:
                    button["url"] = button["url"].replace(FOLDER, "exercises/")


def clean_downloads(app, exception):
    """Replace the author's notebooks among the downloads, even after a failed build."""
    if app.builder.format == "html":
        for path in (Path(app.outdir) / "_sources").rglob("*.ipynb"):
            text = path.read_text(encoding="utf-8")
            if single_source.is_source(text):
                path.write_text(single_source.student_notebook(text), encoding="utf-8")


def setup(app):
    passes_through = (lambda self, node: None,) * 2
    app.add_node(Unsearched, html=passes_through)
    app.add_directive("model-answer", ModelAnswer)
    app.connect("source-read", use_page_version)
    app.connect("doctree-read", hide_from_search)
    app.connect("html-page-context", launch_student_version, priority=900)
    app.connect("build-finished", clean_downloads)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
