"""A student's answers, copied into the instructor's notebook; nothing else of a submission counts.

An answer is identified by nbgrader's id, else by the id of its cell, else by the names it defines,
or, if it is written, by its place. So lost metadata doesn't matter, and neither do deleted, split,
duplicated, changed or merged cells; each such repair is noted. Code cells that the student added
stay in place.
"""

from __future__ import annotations

import ast
import builtins
import copy
import re
from collections.abc import Iterator

import nbformat
from IPython.core.inputtransformer2 import TransformerManager
from nbformat import NotebookNode

from fmlab_grading.exercises import grade_id, is_answer, nbgrader_metadata
from fmlab_grading.two_kernels import CLASSES_KEY, NAMES_KEY, STUDENT

# Code that an answer rarely needs: a note for the instructor, without any effect on the score.
SUSPICIOUS = re.compile(
    r"get_ipython|input_transformer|sys\.modules|ctypes|gc\.get_\w+|gradebook|os\.(?:kill|_exit|fork)"
    r"|\bapply_merges\b|fmlab\.(?:alignment|checks)\b|\bexact\.\w++"  # compute answers
    r"|/proc/|\bsocket\b|subprocess|__reduce__"
    r"|\b(?:np|torch)\.\w++\s*+=[^=]|\bcheck_\w++\s*+=[^=]"  # linear: ++ and *+ never go back
)
REMOTE_IMAGE = re.compile(r"!\[(?![^\]]*\]\((?:data:image/|attachment:))")
UNKNOWN_LINK = re.compile(  # of any other kind, such as javascript:, however it is spelled
    r"\]([(:])(?!\s*(?:https?://|mailto:|#|data:image/(?:png|jpeg|gif);|attachment:))", re.I
)
TAG = re.compile(r"<(?=[A-Za-z/!?])")
ACTIVE_TEX = re.compile(r"\\(href|url|require|class|cssId|style|data|unicode|includegraphics)\b")
OWN_SCOPE = (ast.Lambda, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
DEFINITION = re.compile(r"^(?:(?:def|class)\s+(\w+)|(\w+)\s*=(?!=))", re.M)


def merge_answers(
    submitted: NotebookNode, source: NotebookNode, released: NotebookNode
) -> tuple[NotebookNode, list[str]]:
    """Return the source notebook with the student's answers, and notes on what was repaired.

    ``source`` is the instructor's notebook, ``released`` the one that students got; a missing
    answer is replaced by the released stub. The metadata of an answer lists the names that it
    should define.
    """
    answers, used, earlier, skipped, notes = _answers(submitted, source, released)
    extra = _extra_cells(submitted, released, used - skipped, earlier, skipped)
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
                cell.metadata[CLASSES_KEY] = sorted(defined_classes(original.source))
            cell.source = answers.get(name, stubs[name].source)
            if cell.cell_type != "code":
                cell.source = inert(cell.source)
            # nbgrader recognizes an untouched answer by the checksum of its stub.
            cell.metadata.nbgrader["checksum"] = nbgrader_metadata(stubs[name]).get("checksum")
        cells += [cell, *extra.pop(name or cell.get("id"), [])]
    for remaining in extra.values():
        cells += remaining
    notes += _suspicious(cells)
    notebook = nbformat.v4.new_notebook(cells=cells, metadata=copy.deepcopy(source.metadata))
    return notebook, notes


def inert(markdown: str) -> str:
    """Return a written answer that no page can run: formgrader shows it as Markdown, with HTML.

    >>> inert("a < b, <b onclick=x>c</b>, $\\\\href{javascript:x}{y}$")
    'a < b, &lt;b onclick=x>c&lt;/b>, $\\\\text{href}{javascript:x}{y}$'
    """
    markdown = UNKNOWN_LINK.sub(r"]\\\1", REMOTE_IMAGE.sub(r"!\\[", markdown))
    return TAG.sub("&lt;", ACTIVE_TEX.sub(r"\\text{\1}", markdown))


def _answers(
    submitted: NotebookNode, source: NotebookNode, released: NotebookNode
) -> tuple[dict[str, str], set[int], set[int], set[int], list[str]]:
    """Return the text of each answer by grade id, the positions of its cells, and notes.

    Of code that is in several cells, the last one is the answer; the third result has the others
    that the student changed, the fourth those without a change, which do not count.
    """
    answers, used, earlier, skipped, notes = {}, set(), set(), set(), []
    stubs = {grade_id(cell): cell.source.strip() for cell in released.cells}
    for cell in source.cells:
        if not is_answer(cell):
            continue
        name = grade_id(cell)
        positions, criterion = _positions(submitted, cell)
        written = cell.cell_type != "code"
        if written and all(submitted.cells[i].source.strip() == stubs[name] for i in positions):
            beside = _at_the_place(submitted, released, name)
            positions, criterion = (beside, "place") if beside else (positions, criterion)
        if not positions:
            notes.append(f"{name}: no answer found")
            continue
        if criterion != "grade_id":
            notes.append(f"{name}: the cell's metadata is lost, found by its {criterion}")
        texts = {i: submitted.cells[i].source for i in positions}
        changed = [i for i in positions if texts[i].strip() not in ("", stubs[name])]
        if len(positions) > 1:
            notes.append(f"{name}: {len(positions)} cells, {len(changed)} changed; these count")
        used.update(positions)
        if written:
            answers[name] = "\n\n".join(texts[i] for i in changed or positions[-1:])
        else:  # a split cell, or a second try: the earlier ones run before it, even if one fails
            answers[name] = texts[(changed or positions)[-1]]
            used.difference_update(changed[:-1])
            earlier.update(changed[:-1])
            skipped.update(set(positions[:-1]) - set(changed))  # stubs that were left beside it
    return answers, used, earlier, skipped, notes


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


def _at_the_place(submitted: NotebookNode, released: NotebookNode, name: str) -> list[int]:
    """Return the Markdown cells that the student wrote where an answer belongs.

    They stand between the last cell before the answer and the first one after it that are still
    there, and no cell that was released has their text.
    """
    texts = [cell.source.strip() for cell in submitted.cells]
    sources = [cell.source.strip() for cell in released.cells]
    place = [grade_id(cell) for cell in released.cells].index(name)
    before = [texts.index(text) for text in sources[:place] if text in texts]
    after = [texts.index(text) for text in sources[place + 1 :] if text in texts]
    start = max(before, default=-1) + 1
    end = min((i for i in after if i >= start), default=len(texts))
    return [
        i
        for i in range(start, end)
        if submitted.cells[i].cell_type == "markdown" and texts[i] not in ("", *sources)
    ]


def _extra_cells(
    submitted: NotebookNode,
    released: NotebookNode,
    used: set[int],
    earlier: set[int],
    skipped: set[int],
) -> dict[str | None, list[NotebookNode]]:
    """Return the code cells that the student added, by the id of the cell they follow.

    Among them are the ``earlier`` cells of an answer; those that are ``skipped`` do not count.
    """
    ids = {grade_id(cell) for cell in released.cells} - {None}
    released_names = {
        cell.source.strip(): grade_id(cell) or cell.get("id") for cell in released.cells
    }
    extra, previous = {}, None
    for i, cell in enumerate(submitted.cells):
        if i in skipped:
            continue
        name = grade_id(cell) if grade_id(cell) in ids else released_names.get(cell.source.strip())
        if i not in earlier and (i in used or name is not None):
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
    """Return the names that a cell binds outside of functions and classes.

    IPython's own syntax is understood. A cell that is not valid Python is searched for lines that
    look like definitions.

    >>> sorted(defined_names("def f():\\n    x = 1\\nif f:\\n    a, b = f(), 2\\n%time c = 1"))
    ['a', 'b', 'f']
    """
    source = re.sub(r"\A\s*%%.*\n", "", source)  # %%time and the like are about the whole cell
    try:
        names = set(_bound(ast.parse(TransformerManager().transform_cell(source)).body))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        names = {first or second for first, second in DEFINITION.findall(source)}
    return {name for name in names if not name.startswith("_") and not hasattr(builtins, name)}


def defined_classes(source: str) -> set[str]:
    """Return the names of all classes that an answer defines, also those in functions."""
    try:
        nodes = ast.walk(ast.parse(TransformerManager().transform_cell(source)))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return set()
    return {node.name for node in nodes if isinstance(node, ast.ClassDef)}


def _bound(body: list[ast.stmt]) -> Iterator[str]:
    """Yield the names that statements bind, also those in the blocks of if, for, with and try."""
    for node in body:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            yield node.name
            continue
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            continue
        for part in ast.iter_child_nodes(node):
            if isinstance(part, ast.stmt):
                yield from _bound([part])
            elif isinstance(part, (ast.ExceptHandler, ast.match_case)):
                yield from _bound(part.body)
            else:
                yield from _assigned(part)


def _assigned(node: ast.AST) -> Iterator[str]:
    """Yield the names that an expression binds, except inside lambdas and comprehensions."""
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
        yield node.id
    if not isinstance(node, OWN_SCOPE):
        for part in ast.iter_child_nodes(node):
            yield from _assigned(part)
