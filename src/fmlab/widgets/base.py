"""The base class of all widgets: script and style, and a static picture where no script runs."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import anywidget
import numpy as np
from IPython.display import HTML
from traitlets import Unicode

from fmlab.arguments import require

HERE = Path(__file__).parent


class Widget(anywidget.AnyWidget):
    """A widget whose script and style come from files in this folder.

    A widget's script is embedded in the page as text and cannot import other files, so the files
    are concatenated, the shared ones first:
    ``class Explorer(Widget, files=("explorer.js", "explorer.css"))``.
    """

    title = Unicode(help="The line above the widget.").tag(sync=True)

    def __init_subclass__(cls, files: Iterable[str] = (), **kwargs: object) -> None:
        if files:
            cls._esm = joined("shared.js", *(name for name in files if name.endswith(".js")))
            cls._css = joined("shared.css", *(name for name in files if name.endswith(".css")))
        super().__init_subclass__(**kwargs)

    def without_script(self) -> HTML:
        """Return a static picture of the widget for pages on which no script runs.

        Put it into the widget's cell: ``display(explorer, explorer.without_script())``. It is HTML
        inside ``<noscript>``, so a browser that runs the widget does not show it.
        """
        return HTML(f"<noscript>{self._still()}</noscript>")

    def _still(self) -> str:
        """Return the HTML of the static picture, with inline styles: it has no style sheet."""
        raise NotImplementedError


def joined(*names: str) -> str:
    """Return the concatenated texts of files in this folder."""
    return "\n".join((HERE / name).read_text(encoding="utf-8") for name in names)


def utf8(name: str, text: str) -> bytes:
    """Return the text as UTF-8. Errors: ``ValueError`` for lone surrogates, which UTF-8 lacks."""
    try:
        return text.encode()
    except UnicodeEncodeError:
        message = f"{name} must be without lone surrogates; got {text[:40]!r}"
        raise ValueError(message) from None


def checked_text(name: str, text: object, longest: int) -> str:
    """Return a text. Errors: ``ValueError`` if it is none, too long, or has lone surrogates."""
    require(isinstance(text, str), name, "text (str)", type(text))
    require(len(text) <= longest, name, f"at most {longest} characters long", len(text))
    utf8(name, text)
    return text


def three_bytes(integers: np.ndarray) -> bytes:
    """Pack integers, little-endian, without the byte that only repeats the sign."""
    return integers.ravel().view(np.uint8).reshape(-1, 4)[:, :3].tobytes()


def visible(token: bytes) -> str:
    """Return a token's bytes as visible text: white space as symbols, invalid UTF-8 in hex."""
    try:
        return token.decode().replace(" ", "␣").replace("\n", "↵").replace("\t", "⇥")
    except UnicodeDecodeError:
        return f"⟨{token.hex(' ').upper()}⟩"
