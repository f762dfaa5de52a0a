"""The answers, put into the instructor's own notebook; nothing else of what was handed in counts.

An answer is found by nbgrader's id, else by the id of its cell, else by the names that it defines.
So neither lost metadata nor deleted, doubled, changed or merged cells matter; each such repair is
noted. Code cells that the student added stay where they were.
"""

from __future__ import annotations

import ast
import builtins
import copy
import re

import nbformat
from nbformat import NotebookNode

from fmlab.grading.exercises import facts, grade_id, is_answer
from fmlab.grading.two_kernels import NAMES_KEY, STUDENT

# For the instructor's eye, never a verdict: what an answer has little reason to mention.
LOOK_AT = re.compile(
    r"get_ipython|input_transformer|sys\.modules|ctypes|gc\.get_\w+|gradebook|os\.(?:kill|_exit|fork)"
    r"|/proc/|\bsocket\b|subprocess|__reduce__|\b(?:np|torch)\.\w+\s*=[^=]|check_\w+\s*=[^=]"
)


def graft(
    handed_in: NotebookNode, source: NotebookNode, released: NotebookNode
) -> tuple[NotebookNode, list[str]]:
    """Return the source notebook with the answers in it, and notes on what was repaired.

    ``source`` is the instructor's, ``released`` what the students got; where there is no answer,
    the released stub stands. The metadata of an answer says which names it is to define.
    """
    answers, used, notes = _answers(handed_in, source, released)
    extra = _extra_cells(handed_in, released, used)
    notes += _changed_tests(handed_in, source, released)
    stubs = {grade_id(cell): cell for cell in released.cells}
    cells = extra.pop(None, [])
    for original in source.cells:
        cell = copy.deepcopy(original)
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
        name = grade_id(cell)
        if is_answer(cell):
            if cell.cell_type == "code":
                cell.metadata[NAMES_KEY] = sorted(defined(original.source))
            cell.source = answers.get(name, stubs[name].source)
            # An answer with the checksum of its stub is one that nobody has touched.
            cell.metadata.nbgrader["checksum"] = facts(stubs[name]).get("checksum")
        cells += [cell, *extra.pop(name or cell.get("id"), [])]
    for rest in extra.values():
        cells += rest
    notes += _remarkable(cells)
    notebook = nbformat.v4.new_notebook(cells=cells, metadata=copy.deepcopy(source.metadata))
    return notebook, notes


def _answers(
    handed_in: NotebookNode, source: NotebookNode, released: NotebookNode
) -> tuple[dict[str, str], set[int], list[str]]:
    """The text of each answer that was found, which cells these are, and notes."""
    answers, used, notes = {}, set(), []
    stubs = {grade_id(cell): cell.source.strip() for cell in released.cells}
    for cell in source.cells:
        if not is_answer(cell):
            continue
        name = grade_id(cell)
        places, how = _places(handed_in, cell)
        if not places:
            notes.append(f"{name}: no answer found")
            continue
        if how != "grade_id":
            notes.append(f"{name}: the cell's metadata is lost, found by its {how}")
        touched = [i for i in places if handed_in.cells[i].source.strip() != stubs[name]]
        if len(places) > 1:
            notes.append(f"{name}: {len(places)} copies, the last changed one counts")
        answers[name] = handed_in.cells[(touched or places)[-1]].source
        used.update(places)
    return answers, used, notes


def _places(handed_in: NotebookNode, wanted: NotebookNode) -> tuple[list[int], str]:
    """Where an answer stands among the cells handed in, and by what it was found."""
    names = defined(wanted.source) if wanted.cell_type == "code" else set()
    tests = {
        "grade_id": lambda cell: grade_id(cell) == grade_id(wanted),
        "cell id": lambda cell: cell.get("id") == wanted.get("id"),
        "names": lambda cell: not grade_id(cell) and bool(defined(cell.source) & names),
    }
    for how, fits in tests.items():
        places = [
            i
            for i, cell in enumerate(handed_in.cells)
            if cell.cell_type == wanted.cell_type and fits(cell)
        ]
        if places:
            return places, how
    return [], ""


def _extra_cells(
    handed_in: NotebookNode, released: NotebookNode, used: set[int]
) -> dict[str | None, list[NotebookNode]]:
    """The student's own code cells, each list by the id of the cell that it came after."""
    ids = {grade_id(cell) for cell in released.cells} - {None}
    known = {cell.source.strip(): grade_id(cell) or cell.get("id") for cell in released.cells}
    extra, last = {}, None
    for i, cell in enumerate(handed_in.cells):
        name = grade_id(cell) if grade_id(cell) in ids else known.get(cell.source.strip())
        if i in used or name is not None:
            last = name or last
        elif cell.cell_type == "code" and cell.source.strip():
            own = nbformat.v4.new_code_cell(cell.source, metadata={"tags": [STUDENT]})
            extra.setdefault(last, []).append(own)
    return extra


def _changed_tests(
    handed_in: NotebookNode, source: NotebookNode, released: NotebookNode
) -> list[str]:
    notes = []
    stubs = {grade_id(cell): cell.source.strip() for cell in released.cells}
    for cell in source.cells:
        name = grade_id(cell)
        if name in stubs and facts(cell).get("locked"):
            theirs = [other.source.strip() for other in handed_in.cells if grade_id(other) == name]
            if not theirs and stubs[name]:  # a cell of nothing but hidden tests may be left out
                notes.append(f"{name}: the cell was missing, put back")
            elif set(theirs) - {stubs[name]}:
                notes.append(f"{name}: the cell was changed, put back")
    return notes


def _remarkable(cells: list[NotebookNode]) -> list[str]:
    own = [cell for cell in cells if is_answer(cell) or STUDENT in cell.metadata.get("tags", [])]
    code = [cell.source for cell in own if cell.cell_type == "code"]
    found = sorted({match[0] for source in code for match in LOOK_AT.finditer(source)})
    return [f"look at: {', '.join(found)}"[:120]] if found else []


def defined(source: str) -> set[str]:
    """Return the names that a cell binds at its top level, as well as they can be told.

    >>> sorted(defined("def f():\\n    x = 1\\na, b = f(), 2"))
    ['a', 'b', 'f']
    """
    lines = source.splitlines()
    plain = "\n".join("" if line.lstrip().startswith(("%", "!")) else line for line in lines)
    try:
        body = ast.parse(plain).body
    except (SyntaxError, ValueError, RecursionError):
        return set(re.findall(r"^(?:def|class)\s+(\w+)", source, re.M))
    names = set()
    for node in body:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            names.add(node.name)
        elif isinstance(node, (ast.Assign, ast.AnnAssign, ast.AugAssign)):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            parts = [part for target in targets for part in ast.walk(target)]
            names |= {part.id for part in parts if isinstance(part, ast.Name)}
    return {name for name in names if not name.startswith("_") and not hasattr(builtins, name)}
