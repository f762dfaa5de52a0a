"""Say in a sentence that an answer is still empty, where a notebook would show a traceback.

An empty answer is a bare ``raise NotImplementedError()``, as nbgrader writes it. IPython asks the
handler below what to show for such an error, whether a check has called the answer or the reader
has run its cell.
"""

from __future__ import annotations

import sys
import traceback
from types import TracebackType


def sentence(error: NotImplementedError, trace: TracebackType | None) -> str:
    """Return what is empty: the function that raised the error, or a cell that is not in one."""
    name = traceback.extract_tb(trace)[-1].name if trace is not None else "<module>"
    what = f"{name} is" if name.isidentifier() else "your answer is"
    return f"{what} still empty. Write it in place of the line `raise NotImplementedError()`."


def _show(shell: object, kind: type, error: NotImplementedError, trace: object, tb_offset=None):
    if not error.args:
        line = f"\x1b[31mNot yet:\x1b[0m {sentence(error, trace)}"
        error._render_traceback_ = lambda: [line]  # IPython shows these lines instead
    return shell.showtraceback((kind, error, trace), tb_offset=tb_offset)


def explain_in_notebooks() -> None:
    """Let IPython, if this is running in it, say the sentence."""
    get_shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)
    if shell := get_shell():
        shell.set_custom_exc((NotImplementedError,), _show)
