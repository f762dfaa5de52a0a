"""``{playground}`` and ``{whole-model}``: models of the book, running in a page without a kernel.

The directives write what a notebook's cell would: the state of the widget and its place, which
``widget-host.js`` runs. Scripts, style and weights are files of the site, copied when it is built:
a page refers to them and contains none of them, and the weights are in the repository once.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.util.docutils import SphinxDirective

from fmlab.widgets import Playground, WholeModel
from fmlab.widgets.playground import DEFAULTS, MODELS, model_files, worker_script

STATE = "application/vnd.jupyter.widget-state+json"
VIEW = "application/vnd.jupyter.widget-view+json"
FOLDER = "playground"  # in _static, also named in playground.js
WORKER = "worker.js"
TRAITS = (*DEFAULTS, "name", "compare", "text", "title", "models", "examples", "defaults", "sizes")
FILES = {"Playground": "playground", "WholeModel": "whole_model"}  # scripts, styles, in _static


def script(kind: str, content: object) -> str:
    """Return JSON for a script to read; nothing in it can end the element that it is in."""
    text = json.dumps(content).replace("<", "\\u003c")
    return f'<script type="{kind}">{text}</script>'


def page_state(widget: Playground) -> dict:
    """Return the state of a widget whose script and style are files of the site."""
    file = f"{FOLDER}/{FILES[type(widget).__name__]}"
    traits = {name: getattr(widget, name) for name in TRAITS if widget.has_trait(name)}
    return {"_esm": f"{file}.js", "_css": f"{file}.css"} | traits


class PlaygroundDirective(SphinxDirective):
    """Options are traits of the widget: ``:name: micro-sft``, ``:prompt: Where was ...``."""

    option_spec: ClassVar = {"name": directives.unchanged, "prompt": directives.unchanged}
    widget: ClassVar = Playground

    def run(self):
        widget = self.widget(**self.options)
        model_id = f"{self.name}-{self.env.new_serialno(self.name)}"
        state = {model_id: {"state": page_state(widget)}}
        html = (
            f'<div class="{self.name}">'
            + script(STATE, {"version_major": 2, "version_minor": 0, "state": state})
            + script(VIEW, {"version_major": 2, "version_minor": 0, "model_id": model_id})
            + widget.without_script().data
            + "</div>"
        )
        return [nodes.raw("", html, format="html")]


class WholeModelDirective(PlaygroundDirective):
    """The picture of the whole model, with the same options."""

    widget: ClassVar = WholeModel


def write_files(app, exception):
    """Copy scripts, style and models into the built site."""
    if exception is not None or app.builder.format != "html":
        return
    folder = Path(app.outdir, "_static", FOLDER)
    folder.mkdir(parents=True, exist_ok=True)
    texts = {WORKER: worker_script()}
    for widget in (Playground, WholeModel):
        file = FILES[widget.__name__]
        texts |= {f"{file}.js": widget._esm, f"{file}.css": widget._css}
    for name, text in texts.items():
        (folder / name).write_text(str(text), encoding="utf-8")
    for name in MODELS:
        target = folder / "models" / name
        target.mkdir(parents=True, exist_ok=True)
        for path in model_files(name):
            shutil.copyfile(path, target / path.name)


def setup(app):
    app.add_directive("playground", PlaygroundDirective)
    app.add_directive("whole-model", WholeModelDirective)
    app.add_js_file("widget-host.js")  # page.py keeps it where there is a widget
    app.connect("build-finished", write_files)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
