"""Store the current script and style of the widgets in notebooks, without running them.

``python tools/refresh_widgets.py [notebook ...]`` does so for the named notebooks, or all of the
book. A notebook contains the script of each of its widgets. When only a script or a style has
changed, this writes what running the notebook would. Traits that are new get their default value;
a trait whose value would be another one needs ``make execute``. ``make test-notebooks`` tells.
"""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path

import nbformat
from nbformat import NotebookNode

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tools.execute import STATE, notebooks, write


def refresh(notebook: NotebookNode) -> bool:
    """Set script, style and new traits of all widgets, in place; return whether any changed."""
    models = notebook.metadata.get("widgets", {}).get(STATE, {}).get("state", {})
    has_changed = False
    for model in models.values():
        state = model["state"]
        if "_anywidget_id" not in state:
            continue
        module, name = state["_anywidget_id"].rsplit(".", 1)
        kind = getattr(import_module(module), name)
        stored = {*state, *(buffer["path"][0] for buffer in model.get("buffers", []))}
        traits = kind.class_traits(sync=True).items()
        current = {key: trait.default() for key, trait in traits if key not in stored}
        current |= {"_esm": str(kind._esm), "_css": str(kind._css)}
        has_changed |= any(state.get(key) != value for key, value in current.items())
        state.update(current)
    return has_changed


def main() -> None:
    paths = [Path(name) for name in sys.argv[1:]] or notebooks()
    for path in paths:
        notebook = nbformat.read(path, as_version=4)
        if refresh(notebook):
            write(path, nbformat.writes(notebook).rstrip("\n") + "\n")
            print(f"{path}: refreshed")


if __name__ == "__main__":
    main()
