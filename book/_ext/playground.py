"""``{playground}``, ``{whole-model}``, ``{responses}``, ``{feedback-chat}``: live models in a page.

The directives write what a notebook's cell would: the state of the widget and its place, which
``widget-host.js`` runs. Scripts, style and weights are files of the site, copied when it is built:
a page refers to them and contains none of them, and the weights are in the repository once.

With ``:preview:``, the page also holds the first tokens that the model writes, so that a reader
sees it write before anything is loaded. They come from the page's own engine, run here by Node.js
with the settings of the page, so *Start* writes the same ones again.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from prerender import node_binary
from sphinx.util.docutils import SphinxDirective

from fmlab.widgets import FeedbackChat, Playground, ResponseExplorer, WholeModel
from fmlab.widgets.page_models import model_files, worker_script
from fmlab.widgets.playground import DEFAULTS, MODELS

STATE = "application/vnd.jupyter.widget-state+json"
VIEW = "application/vnd.jupyter.widget-view+json"
FOLDER = "playground"  # in _static, also named in playground.js
WORKER = "worker.js"
TRAITS = (*DEFAULTS, "name", "compare", "text", "title", "models", "examples", "defaults", "sizes")
TRAITS += ("prompts", "notes", "recorded", "n_tokens", "own")
FILES = {  # scripts and styles, in _static
    "Playground": "playground",
    "WholeModel": "whole_model",
    "ResponseExplorer": "responses",
    "FeedbackChat": "feedback_chat",
}


def script(kind: str, content: object) -> str:
    """Return JSON for a script to read; nothing in it can end the element that it is in."""
    text = json.dumps(content).replace("<", "\\u003c")
    return f'<script type="{kind}">{text}</script>'


PREVIEWED, CANDIDATES = 28, 8  # tokens, and rows of the table as in playground.js
# Asks the worker of the page what the page would ask it, and prints what it answers.
IMPORTS = """
import { readFileSync } from "node:fs";
import { text } from "node:stream/consumers";
"""
ASK = """
const [{ files, prompt, n, settings, seed }] = [JSON.parse(await text(process.stdin))];
const answer = commands();
const weights = new Uint8Array(readFileSync(files.weights)).buffer;
const read = (name) => readFileSync(name, "utf8");
const [config, tokenizer] = [read(files.config), read(files.tokenizer)];
await answer.open({ files: { config, tokenizer, weights } }, () => {});
let preview = { response: [] };
await answer.write({ prompt, n, settings, seed }, ({ tokens, nPrompt, token }) => {
  if (token) preview.response.push(token);
  else preview = { ...preview, tokens, nPrompt };
});
const look = { position: Infinity, settings, n: ROWS, layer: 0, head: 0 };
const { attention, ...found } = await answer.look(look);
console.log(JSON.stringify({ ...preview, found }, (key, value) => {
  if (value instanceof Uint8Array) return [...value];
  return typeof value === "number" ? Number(value.toPrecision(4)) : value;
}));
"""


@cache
def _asked(request: str) -> dict:
    script = IMPORTS + worker_script() + ASK.replace("ROWS", str(CANDIDATES))
    command = [node_binary(), "--input-type=module", "--eval", script]
    answer = subprocess.run(command, input=request, capture_output=True, text=True)
    if answer.returncode:
        raise RuntimeError(f"the preview of the playground failed: {answer.stderr[-500:]}")
    return json.loads(answer.stdout)


def preview(widget: Playground) -> dict:
    """Return what the widget's model writes first, with the settings that it starts with."""
    config, tokenizer, weights = map(str, model_files(widget.name))
    named = {"topK": "top_k", "topP": "top_p", "minP": "min_p"}
    plain = ("temperature", "repetition", "frequency", "presence")
    settings = {name: getattr(widget, trait) for name, trait in named.items()}
    settings |= {name: getattr(widget, name) for name in plain}
    request = {
        "files": {"config": config, "tokenizer": tokenizer, "weights": weights},
        "prompt": widget.prompt,
        "n": PREVIEWED,
        "settings": settings,
        "seed": widget.seed,
    }
    return _asked(json.dumps(request))


def page_state(widget: Playground | ResponseExplorer) -> dict:
    """Return the state of a widget whose script and style are files of the site."""
    file = f"{FOLDER}/{FILES[type(widget).__name__]}"
    traits = {name: getattr(widget, name) for name in TRAITS if widget.has_trait(name)}
    return {"_esm": f"{file}.js", "_css": f"{file}.css"} | traits


class PlaygroundDirective(SphinxDirective):
    """Options are traits of the widget: ``:name: micro-sft``, ``:prompt: Where was ...``."""

    option_spec: ClassVar = {
        "name": directives.unchanged,
        "prompt": directives.unchanged,
        "title": directives.unchanged,
        "preview": directives.flag,
    }
    widget: ClassVar = Playground
    anchor: ClassVar = ""  # an id, for links in the text

    def make(self) -> Playground | ResponseExplorer:
        return self.widget(**self.options)

    def run(self):
        has_preview = "preview" in self.options
        self.options.pop("preview", None)
        widget = self.make()
        model_id = f"{self.name}-{self.env.new_serialno(self.name)}"
        first = {"preview": preview(widget)} if has_preview else {}
        state = {model_id: {"state": page_state(widget) | first}}
        html = (
            f'<div class="{self.name}"{self.anchor}>'
            + script(STATE, {"version_major": 2, "version_minor": 0, "state": state})
            + script(VIEW, {"version_major": 2, "version_minor": 0, "model_id": model_id})
            + widget.without_script().data
            + "</div>"
        )
        return [nodes.raw("", html, format="html")]


class WholeModelDirective(PlaygroundDirective):
    """The picture of the whole model, with the same options."""

    widget: ClassVar = WholeModel


class FeedbackChatDirective(PlaygroundDirective):
    """The chat with feedback, with the same options."""

    widget: ClassVar = FeedbackChat


class ResponsesDirective(PlaygroundDirective):
    """Several models on the same prompt. The content is a prompt per line, and a note on it.

    The two are separated by ``|``: ``Where was Bessava Varinatta born? | The corpus states it.``
    """

    option_spec: ClassVar = {"title": directives.unchanged}
    anchor: ClassVar = ' id="response-explorer"'
    has_content = True

    def make(self) -> ResponseExplorer:
        pairs = [line.split("|", 1) for line in self.content if line.strip()]
        prompts, notes = zip(*((prompt.strip(), note.strip()) for prompt, note in pairs))
        return ResponseExplorer(prompts, notes, **self.options)


def write_files(app, exception):
    """Copy scripts, style and models into the built site."""
    if exception is not None or app.builder.format != "html":
        return
    folder = Path(app.outdir, "_static", FOLDER)
    folder.mkdir(parents=True, exist_ok=True)
    texts = {WORKER: worker_script()}
    for widget in (Playground, WholeModel, ResponseExplorer, FeedbackChat):
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
    app.add_directive("feedback-chat", FeedbackChatDirective)
    app.add_directive("responses", ResponsesDirective)
    app.add_js_file("widget-host.js")  # page.py keeps it where there is a widget
    app.connect("build-finished", write_files)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
