"""Rules for what a notebook imports from the book's packages."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from importlib import import_module

from nbformat import NotebookNode

from tests.notebooks.rules.notebook import ROOT, Finding, Notebook, parse, rule

SOURCE = ROOT / "src"
PACKAGES = ("fmlab", "microworld", "fmlab_grading")
SINGLE_FILES = ("plotting", "files")  # rooms that are one module each
BELOW_A_ROOM = "fmlab.alignment.tabular"  # a laboratory of its own


@cache
def rooms() -> frozenset[str]:
    """What a notebook may import from: the rooms, each experiment, and the micro world."""
    packages = {path.parent.name for path in SOURCE.glob("fmlab/*/__init__.py")}
    experiments = {path.stem for path in SOURCE.glob("fmlab/experiments/[a-z]*.py")}
    return frozenset(
        {"microworld", BELOW_A_ROOM}
        | {f"fmlab.{room}" for room in packages | set(SINGLE_FILES)}
        | {f"fmlab.experiments.{name}" for name in experiments}
    )


@cache
def public_names(module: str) -> frozenset[str] | None:
    """The names that a room offers; None if it is a single module, which offers all it has."""
    names = getattr(import_module(module), "__all__", None)
    return None if names is None else frozenset(names)


@rule()
def imports_are_from_rooms(notebook: Notebook) -> Iterator[Finding]:
    """A chapter uses what a room offers, so that modules can move within a room."""
    for cell in notebook.code:
        for node in ast.walk(parse(cell)):
            yield from ((cell, problem) for problem in import_problems(node))


def import_problems(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Import):
        for alias in node.names:
            if is_ours(alias.name) and alias.name not in rooms() | {"fmlab"}:
                yield f"imports {alias.name}, which is no room"
    elif isinstance(node, ast.ImportFrom) and is_ours(node.module or ""):
        for alias in node.names:
            if node.module == "fmlab":
                if f"fmlab.{alias.name}" not in rooms():
                    yield f"imports fmlab.{alias.name}, which is no room"
            elif node.module not in rooms():
                yield f"imports from {node.module}, which is no room"
            else:
                names = public_names(node.module)
                if names is not None and alias.name not in names:
                    yield f"imports {alias.name} from {node.module}, which does not offer it"


def is_ours(module: str) -> bool:
    return module.partition(".")[0] in PACKAGES


@rule()
def imports_are_sorted(notebook: Notebook) -> Iterator[Finding]:
    """In each cell, in the order that ruff gives them in a module."""
    blocks = [(cell, block) for cell in notebook.code if (block := import_block(cell))]
    if not blocks:
        return
    first_lines, source = [], ""
    for _, block in blocks:
        first_lines.append(source.count("\n") + 1)
        source += block + "\n\npass\n"
    command = [sys.executable, "-m", "ruff", "check", "--select", "I001", "--ignore-noqa"]
    command += ["--output-format", "json", "--stdin-filename", "cells.py", "-"]
    done = subprocess.run(
        command, cwd=ROOT, input=source, capture_output=True, text=True, check=False
    )
    for finding in json.loads(done.stdout):
        row = finding["location"]["row"]
        number = max(i for i, line in enumerate(first_lines) if line <= row)
        yield blocks[number][0], "its imports are not sorted"


def import_block(cell: NotebookNode) -> str:
    """The first imports of a cell that follow each other, as they are written."""
    block: list[ast.stmt] = []
    for node in parse(cell).body:
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            block.append(node)
        elif block:
            break
    lines = cell.source.splitlines()
    return "\n".join(lines[block[0].lineno - 1 : block[-1].end_lineno]) if block else ""
