"""Take the state of large widgets out of the text of a page, into a file that is loaded after it.

A notebook's widgets carry their script and their data in the page: half of its bytes, in front of
most of its text. ``widget-host.js`` loads the file when the page is there. It is a script, since a
page that was opened as a file may load no other kind: one statement, which gives the state to the
element that loads it.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

KIND = "application/vnd.jupyter.widget-state+json"
TAG = re.compile(rf'<script type="{re.escape(KIND)}">(.*?)</script>', re.S)
FOLDER = Path("_static", "state")
START, END = "document.currentScript.state = ", ";\n"
LEAST = 20_000  # characters; less stays in the page


def apart(text: str, page: Path, out: Path) -> str:
    """Return the text of a page below ``out`` with its large states in files."""
    up = "../" * (len(page.parts) - 1)

    def move(match: re.Match) -> str:
        state = match[1].strip()
        if len(state) < LEAST:
            return match[0]
        digest = hashlib.sha256(state.encode()).hexdigest()[:12]
        name = FOLDER / f"{page.stem}-{digest}.js"
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        (out / name).write_text(f"{START}{state}{END}", encoding="utf-8")
        return f'<script type="{KIND}" data-state="{up}{name.as_posix()}"></script>'

    return TAG.sub(move, text)


def inlined(text: str, page: Path, out: Path) -> str:
    """Return the text of a page with its states in it again: the inverse of `apart`."""

    def put(match: re.Match) -> str:
        script = (out / page.parent / match[1]).read_text(encoding="utf-8")
        state = script.removeprefix(START).removesuffix(END)
        return f'<script type="{KIND}">{state}</script>'

    tag = rf'<script type="{re.escape(KIND)}" data-state="([^"]+)"></script>'
    return re.sub(tag, put, text)


def on_finish(app, exception):
    if exception is not None or app.builder.format != "html":
        return
    out = Path(app.outdir)
    for path in sorted(out.rglob("*.html")):
        if "_static" in path.relative_to(out).parts:
            continue
        text = path.read_text(encoding="utf-8")
        changed = apart(text, path.relative_to(out), out)
        if changed != text:
            path.write_text(changed, encoding="utf-8")


def setup(app):
    app.connect("build-finished", on_finish, priority=960)  # when the page is finished otherwise
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
