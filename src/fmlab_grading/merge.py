"""A student's answers, copied into the instructor's notebook; nothing else of a submission counts.

An answer is identified by nbgrader's id, else by the id of its cell, else by the names it defines.
So lost metadata doesn't matter, and neither do deleted, duplicated, changed or merged cells; each
such repair is noted. Code cells that the student added stay in place.
"""

from __future__ import annotations

import ast
import builtins
import copy
import re

import nbformat
from nbformat import NotebookNode

from fmlab_grading.exercises import grade_id, is_answer, nbgrader_metadata
from fmlab_grading.two_kernels import NAMES_KEY, STUDENT

# Code that an answer rarely needs: a note for the instructor, without any effect on the score.
SUSPICIOUS = re.compile(
    r"get_ipython|input_transformer|sys\.modules|ctypes|gc\.get_\w+|gradebook|os\.(?:kill|_exit|fork)"
    r"|/proc/|\bsocket\b|subprocess|__reduce__|\b(?:np|torch)\.\w+\s*=[^=]|check_\w+\s*=[^=]"
)


def merge_answers(
    submitted: NotebookNode, source: NotebookNode, released: NotebookNode
) -> tuple[NotebookNode, list[str]]:
    """Return the source notebook with the student's answers, and notes on what was repaired.

    ``source`` is the instructor's notebook, ``released`` the one that students got; a missing
    answer is replaced by the released stub. The metadata of an answer lists the names that it
    should define.
    """
    answers, used, notes = _answers(submitted, source, released)
    extra = _extra_cells(submitted, released, used)
    notes += _changed_tests(submitted, source, released)
    stubs = {grade_id(cell): cell for cell in released.cells}
    cells = extra.pop(None, [])
    for original in source.cells:
        cell = copy.deepcopy(original)
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
        name = grade_id(cell)
        if is_answer(cell):
            if cell.cell_type == "code":
                cell.metadata[NAMES_KEY] = sorted(defined_names(original.source))
            cell.source = answers.get(name, stubs[name].source)
            # nbgrader recognizes an untouched answer by the checksum of its stub.
            cell.metadata.nbgrader["checksum"] = nbgrader_metadata(stubs[name]).get("checksum")
        cells += [cell, *extra.pop(name or cell.get("id"), [])]
    for remaining in extra.values():
        cells += remaining
    notes += _suspicious(cells)
    notebook = nbformat.v4.new_notebook(cells=cells, metadata=copy.deepcopy(source.metadata))
    return notebook, notes


def _answers(
    submitted: NotebookNode, source: NotebookNode, released: NotebookNode
) -> tuple[dict[str, str], set[int], list[str]]:
    """Return the text of each answer by grade id, the positions of their cells, and notes."""
    answers, used, notes = {}, set(), []
    stubs = {grade_id(cell): cell.source.strip() for cell in released.cells}
    for cell in source.cells:
        if not is_answer(cell):
            continue
        name = grade_id(cell)
        positions, criterion = _positions(submitted, cell)
        if not positions:
            notes.append(f"{name}: no answer found")
            continue
        if criterion != "grade_id":
            notes.append(f"{name}: the cell's metadata is lost, found by its {criterion}")
        changed = [i for i in positions if submitted.cells[i].source.strip() != stubs[name]]
        if len(positions) > 1:
            notes.append(f"{name}: {len(positions)} copies, the last changed one counts")
        answers[name] = submitted.cells[(changed or positions)[-1]].source
        used.update(positions)
    return answers, used, notes


def _positions(submitted: NotebookNode, answer_cell: NotebookNode) -> tuple[list[int], str]:
    """Return the positions of an answer's cells, and the criterion by which they were found."""
    names = defined_names(answer_cell.source) if answer_cell.cell_type == "code" else set()
    criteria = {
        "grade_id": lambda cell: grade_id(cell) == grade_id(answer_cell),
        "cell id": lambda cell: cell.get("id") == answer_cell.get("id"),
        "names": lambda cell: not grade_id(cell) and bool(defined_names(cell.source) & names),
    }
    for criterion, matches in criteria.items():
        positions = [
            i
            for i, cell in enumerate(submitted.cells)
            if cell.cell_type == answer_cell.cell_type and matches(cell)
        ]
        if positions:
            return positions, criterion
    return [], ""


def _extra_cells(
    submitted: NotebookNode, released: NotebookNode, used: set[int]
) -> dict[str | None, list[NotebookNode]]:
    """Return the code cells that the student added, by the id of the cell they follow."""
    ids = {grade_id(cell) for cell in released.cells} - {None}
    released_names = {
        cell.source.strip(): grade_id(cell) or cell.get("id") for cell in released.cells
    }
    extra, previous = {}, None
    for i, cell in enumerate(submitted.cells):
        name = grade_id(cell) if grade_id(cell) in ids else released_names.get(cell.source.strip())
        if i in used or name is not None:
            previous = name or previous
        elif cell.cell_type == "code" and cell.source.strip():
            new_cell = nbformat.v4.new_code_cell(cell.source, metadata={"tags": [STUDENT]})
            extra.setdefault(previous, []).append(new_cell)
    return extra


def _changed_tests(
    submitted: NotebookNode, source: NotebookNode, released: NotebookNode
) -> list[str]:
    notes = []
    stubs = {grade_id(cell): cell.source.strip() for cell in released.cells}
    for cell in source.cells:
        name = grade_id(cell)
        if name in stubs and nbgrader_metadata(cell).get("locked"):
            sources = [other.source.strip() for other in submitted.cells if grade_id(other) == name]
            if not sources and stubs[name]:  # a stub is empty if the cell has only hidden tests
                notes.append(f"{name}: the cell was missing, restored")
            elif set(sources) - {stubs[name]}:
                notes.append(f"{name}: the cell was changed, restored")
    return notes


def _suspicious(cells: list[NotebookNode]) -> list[str]:
    student_cells = [
        cell for cell in cells if is_answer(cell) or STUDENT in cell.metadata.get("tags", [])
    ]
    code = [cell.source for cell in student_cells if cell.cell_type == "code"]
    snippets = sorted({match[0] for source in code for match in SUSPICIOUS.finditer(source)})
    return [f"look at: {', '.join(snippets)}"[:120]] if snippets else []


def defined_names(source: str) -> set[str]:
    """Return the names that a cell binds at its top level, as far as they can be parsed.

    >>> sorted(defined_names("def f():\\n    x = 1\\na, b = f(), 2"))
    ['a', 'b', 'f']
    """
    lines = source.splitlines()
    python = "\n".join("" if line.lstrip().startswith(("%", "!")) else line for line in lines)
    try:
        body = ast.parse(python).body
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
