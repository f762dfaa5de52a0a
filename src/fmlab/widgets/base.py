"""What all widgets share: script and style put together, and a picture where no script runs."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import anywidget
from IPython.display import HTML
from traitlets import Unicode

HERE = Path(__file__).parent


class Widget(anywidget.AnyWidget):
    """A widget whose page side is made of script and style files beside this one.

    A widget's script travels in the page as text and cannot import other files, so they are put one
    after the other, the shared ones first:
    ``class Explorer(Widget, files=("explorer.js", "explorer.css"))``.
    """

    title = Unicode(help="The line above the widget.").tag(sync=True)

    def __init_subclass__(cls, files: Iterable[str] = (), **kwargs: object) -> None:
        if files:
            cls._esm = joined("shared.js", *(name for name in files if name.endswith(".js")))
            cls._css = joined("shared.css", *(name for name in files if name.endswith(".css")))
        super().__init_subclass__(**kwargs)

    def without_script(self) -> HTML:
        """Return a still picture of the widget that shows only where no script runs.

        Put it into the widget's cell: ``display(explorer, explorer.without_script())``. It is
        HTML inside ``<noscript>``, so a browser that runs the widget shows nothing of it.
        """
        return HTML(f"<noscript>{self._still()}</noscript>")

    def _still(self) -> str:
        """Return the HTML of the still picture, styled in place: no style sheet comes with it."""
        raise NotImplementedError


def joined(*names: str) -> str:
    """Return the texts of files of this folder, one after the other."""
    return "\n".join((HERE / name).read_text(encoding="utf-8") for name in names)


def visible(token: bytes) -> str:
    """Return a token's bytes as text to show: white space as signs, what is no text in hex."""
    try:
        return token.decode().replace(" ", "␣").replace("\n", "↵").replace("\t", "⇥")
    except UnicodeDecodeError:
        return f"⟨{token.hex(' ').upper()}⟩"
