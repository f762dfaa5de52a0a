"""Rules for what is stored: outputs that others can reproduce, figures that are described."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterable, Iterator

import nbformat

from tests.notebooks.rules.notebook import ROOT, Finding, Notebook, figures, printed, rule, tags
from tools.execute import STATE, VIEW, normalize, views

# Cells of the whole book whose output nbval may ignore. Raise it only for an output that cannot be
# computed again, with the reason here.
IGNORED_OUTPUTS = 0
IGNORING_TAGS = {"nbval-ignore-output", "nbval-skip"}
IGNORING_COMMENTS = re.compile(
    r"^\s*#+\s*(PYTEST_VALIDATE_IGNORE_OUTPUT|NBVAL_IGNORE_OUTPUT|NBVAL_SKIP)\s*$", re.M
)
# A cell with this tag prints durations that were computed from numbers, not taken from a clock.
COMPUTED_TIME = "computed-time"
ALT_WORDS = 6
CAPTION_WORDS = range(12, 71)

PATH = re.compile(
    rf"(?:{re.escape(str(ROOT))}\b"
    r"|(?<![\w./])/(?:home|Users|tmp|private|root|mnt|opt|usr|var|srv|content|Library)/"
    r"|(?<!\w)~/|\b[A-Z]:\\|site-packages|/ipykernel_)[^\s'\")]*"
)
REPR = re.compile(
    r"\b0x[0-9a-fA-F]{6,}|<[\w.]+ object\b[^>]*>?|<(?:function|bound method|generator) [^>]*>?"
)
TIME = re.compile(
    r"\b\d+(?:\.\d+)? ?(?:ns|[µμ]s|us|ms|sec|secs|seconds?|minutes?|hours?)\b"
    r"|\b\d+(?:\.\d+ ?| )(?:s|min|h)\b"
    r"|\b\d+(?:\.\d+)? ?(?:it|tok|tokens|MB|GB|FLOP|GFLOP|steps)/s\b"
    r"|\b\d{1,2}:\d{2}:\d{2}\b"
)
LONG_FLOAT = re.compile(r"(?<![\w.])\d+\.\d{5,}")


@rule()
def stored_as_make_execute_stores(notebook: Notebook) -> Iterator[Finding]:
    """No versions, times or random ids, so that running the notebook again changes nothing."""
    normalized = copy.deepcopy(notebook.content)
    normalize(normalized)
    for cell, other in zip(notebook.cells, normalized.cells):
        if cell.get("id") != other.id:
            yield cell, f"its id is random, missing or taken; it would be {other.id!r}"
        elif cell != other:
            yield cell, "its metadata or its widget would be stored differently: run `make execute`"
    old, new = notebook.content.metadata, normalized.metadata
    for key in sorted(old.keys() | new.keys()):
        if old.get(key) != new.get(key):
            yield None, f"its metadata {key!r} would be stored differently: run `make execute`"


@rule()
def kernel_is_python3(notebook: Notebook) -> Iterator[Finding]:
    """Any other name is unknown on the reader's machine."""
    name = notebook.content.metadata.get("kernelspec", {}).get("name")
    if name != "python3":
        yield None, f"kernelspec is {name!r}; it must be 'python3'"


@rule()
def every_cell_was_run_in_order(notebook: Notebook) -> Iterator[Finding]:
    """Execution counts are stored and go 1, 2, 3 and so on; there are no empty code cells."""
    expected = 0
    for cell in notebook.code:
        if not cell.source.strip():
            yield cell, "is an empty code cell"
            continue
        expected += 1
        if cell.execution_count != expected:
            yield cell, f"execution count {cell.execution_count}, not {expected}"


@rule()
def nothing_went_wrong(notebook: Notebook) -> Iterator[Finding]:
    """No error and nothing on stderr is stored, except errors that are shown on purpose."""
    for cell in notebook.code:
        for output in cell.outputs:
            if output.output_type == "error" and "raises-exception" not in tags(cell):
                yield cell, f"stored the error {output.ename}"
            if output.get("name") == "stderr":
                yield cell, f"wrote to stderr: {output.text.strip()[:60]!r}"


@rule()
def outputs_are_the_same_everywhere(notebook: Notebook) -> Iterator[Finding]:
    """No file paths, object reprs or times."""
    for cell in notebook.code:
        for text in printed(cell):
            if match := PATH.search(text):
                yield cell, f"prints a path: {match[0]!r}"
            if match := REPR.search(text):
                yield cell, f"prints an object's repr: {match[0]!r}"
            if (match := TIME.search(text)) and COMPUTED_TIME not in tags(cell):
                yield (
                    cell,
                    f"prints a time: {match[0]!r}; print what is robust (a ratio, an assert), or "
                    f"tag the cell {COMPUTED_TIME} if no clock was read",
                )


@rule()
def floats_have_at_most_four_decimals(notebook: Notebook) -> Iterator[Finding]:
    """The fifth may differ between machines. Digits that stand in the cell itself are no result."""
    for cell in notebook.code:
        for text in printed(cell):
            for match in LONG_FLOAT.finditer(text):
                if match[0] not in cell.source:
                    yield cell, f"prints {match[0]}; round it to 4 decimals"


@rule()
def figures_are_described(notebook: Notebook) -> Iterator[Finding]:
    """One figure a cell, with alt text that says what it shows, in words of its own."""
    seen: dict[str, str] = {}
    for cell in notebook.code:
        if not (count := len(figures(cell))):
            continue
        if count > 1:
            yield cell, f"puts out {count} figures under one alt text; make it {count} cells"
        alt = str(cell.metadata.get("mystnb", {}).get("image", {}).get("alt", "")).strip()
        yield from ((cell, problem) for problem in alt_problems(alt, seen, cell.get("id", "?")))
    for cell in notebook.markdown:
        for alt in re.findall(r"!\[([^\]]*)\]\(", cell.source):
            yield from ((cell, problem) for problem in alt_problems(alt, seen, cell.get("id", "?")))


@rule()
def figures_have_captions(notebook: Notebook) -> Iterator[Finding]:
    """A sentence or two that say what is seen and what it shows, without a number."""
    for cell in notebook.code:
        if not figures(cell):
            continue
        caption = str(cell.metadata.get("mystnb", {}).get("figure", {}).get("caption", ""))
        if not caption.strip():
            yield cell, "has a figure without a caption: metadata mystnb.figure.caption"
        elif len(caption.split()) not in CAPTION_WORDS:
            n, least, most = len(caption.split()), CAPTION_WORDS[0], CAPTION_WORDS[-1]
            yield (
                cell,
                f"caption of {n} words; write {least} to {most}, what is seen and what it shows",
            )
        elif number := re.search(r"(?<![A-Za-z])\d[\d.,]*", caption):
            yield cell, f"caption with a number that was typed by hand: {number[0]}"


def alt_problems(alt: str, seen: dict[str, str], cell: str) -> Iterator[str]:
    words = len(alt.split())
    if not words:
        yield "has a figure without alt text: metadata mystnb.image.alt"
    elif words < ALT_WORDS:
        yield f"alt text {alt!r} has {words} words; say what the figure shows ({ALT_WORDS} or more)"
    elif (other := seen.setdefault(alt.lower(), cell)) != cell:
        yield f"has the same alt text as cell {other!r}"


@rule()
def widgets_have_their_state(notebook: Notebook) -> Iterator[Finding]:
    """Without it the page shows nothing where the widget should be."""
    state = notebook.content.metadata.get("widgets", {}).get(STATE, {}).get("state", {})
    for cell in notebook.code:
        for output in views(nbformat.v4.new_notebook(cells=[cell])):
            if output.data[VIEW]["model_id"] not in state:
                yield cell, "shows a widget whose state is not stored: run `make execute`"


def ignored_outputs(notebooks: Iterable[Notebook]) -> list[str]:
    """Name the cells whose output nbval is told to ignore."""
    return [
        f"{notebook.name}, cell {cell.get('id')!r}"
        for notebook in notebooks
        for cell in notebook.code
        if IGNORING_TAGS & {tag.lower() for tag in tags(cell)}
        or IGNORING_COMMENTS.search(cell.source)
    ]
