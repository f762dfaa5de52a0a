"""For the API page: ``.. room:: fmlab.models`` documents everything that a room offers.

A room is a package whose ``__init__`` names what it offers. Its docstring comes first, then each of
its modules with the names that the room takes from it, in the order of the ``__init__``. A room
that is a single module offers everything public in it. Options:

``:inherited: module ...``  modules whose classes are shown with what they inherit
``:also: module name ...``  names that the room does not offer but chapters or signatures use,
                            one module per line
``:constants: NAME what``   what a constant is that has no docstring in its module, one per line
"""

from __future__ import annotations

import ast
from importlib import import_module
from inspect import isclass, isroutine
from pathlib import Path
from types import ModuleType

from docutils.parsers.rst import directives
from sphinx.pycode import ModuleAnalyzer
from sphinx.util.docutils import SphinxDirective


def offered(room: str) -> dict[str, list[str]]:
    """Return the names that a room offers, by module; none for a module that is offered itself."""
    package = import_module(room)
    names: dict[str, list[str]] = {}
    for node in ast.walk(ast.parse(Path(package.__file__).read_text(encoding="utf-8"))):
        if isinstance(node, ast.keyword) and node.arg == "submod_attrs":  # of lazy_loader.attach
            names_of = ast.literal_eval(node.value)
            names |= {f"{room}.{module}": list(names_of[module]) for module in names_of}
        elif isinstance(node, ast.ImportFrom) and f"{node.module}.".startswith(f"{room}."):
            names[node.module] = [alias.asname or alias.name for alias in node.names]
    modules = [name for name in package.__all__ if isinstance(getattr(package, name), ModuleType)]
    return names | {f"{room}.{name}": [] for name in modules}


def undocumented(module: str, names: list[str]) -> list[str]:
    """Return those of the names that autodoc would leave out, since nothing says what they are."""
    documented = {name for _, name in ModuleAnalyzer.for_module(module).find_attr_docs()}
    values = {name: getattr(import_module(module), name) for name in names}
    return [
        name
        for name, value in values.items()
        if name not in documented and not (isroutine(value) or isclass(value))
    ]


def text_of(
    room: str,
    inherited: str = "",
    also: dict[str, str] | None = None,
    constants: dict[str, str] | None = None,
) -> str:
    """Return the directives that document a room; the arguments are the directive's options."""
    if not hasattr(import_module(room), "__path__"):
        return f".. automodule:: {room}\n   :members:\n"
    names = offered(room)
    for module, more in (also or {}).items():
        members = names.setdefault(f"{room}.{module}", [])
        members += [name for name in more.split() if name not in members]
    lines = [f".. automodule:: {room}", ""]
    inheriting = {f"{room}.{module}" for module in inherited.split()}
    # Inheriting classes come last: the source page of a base class links to the module that is
    # documented first, and that has to be its own.
    for module in sorted(names, key=inheriting.__contains__):
        members = names[module]
        lines.append(f".. automodule:: {module}")
        if members:
            lines.append(f"   :members: {', '.join(members)}")
        if module in inheriting:
            lines.append("   :inherited-members: object")
        lines.append("")
        for name in undocumented(module, members):
            if what := (constants or {}).get(name):
                lines += [f".. py:data:: {name}", f"   :module: {module}", "", f"   {what}", ""]
    return "\n".join(lines)


def by_first_word(text: str) -> dict[str, str]:
    """Read an option of one entry per line, which begins with its name."""
    return dict(line.strip().split(" ", 1) for line in text.splitlines() if line.strip())


class Room(SphinxDirective):
    required_arguments = 1
    option_spec = {  # noqa: RUF012, as docutils wants it
        "inherited": directives.unchanged_required,
        "also": by_first_word,
        "constants": by_first_word,
    }

    def run(self):
        return self.parse_text_to_nodes(text_of(self.arguments[0], **self.options))


def setup(app):
    app.add_directive("room", Room)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
