"""The concept ledger: what the book must show, where it is shown, and what was measured there.

``book/concepts.yml`` lists the rows. A code cell that shows one carries the tag ``concept:<id>``
and must have run without error; a row of ``kind: discussion`` may also be shown by a section with
an anchor of its name. The measured figure is the last line of text that the cell printed. Below the
concept stands when its assertion fails, as recorded by ``make nulls``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import yaml
from docutils import nodes
from docutils.parsers.rst import directives
from nulls import NULLS, sentences
from sphinx import addnodes
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective
from tables import entry, paragraph, table

log = logging.getLogger(__name__)

CONCEPTS = Path("book", "concepts.yml")
TAG = "concept:"
ABBREVIATIONS = {"ai", "bpe", "dpo", "kl", "kv", "lm", "ml", "rlhf", "sft"}

HEADING = re.compile(r"^#{1,6}\s+(.+?)\s*#*$")
ANCHOR = re.compile(r"^\(([\w-]+)\)=\s*$")
FENCE = re.compile(r"^\s*(`{3,}|~{3,})")
INLINE_MARKS = re.compile(r"[*`]|\$")


@dataclass
class Place:
    """Where a concept is shown: a target to link to, words to name it by, what it measured."""

    target: str
    chapter: str
    section: str
    figure: str = ""
    is_markdown: bool = False


@dataclass
class Chapter:
    """What one document of the book shows."""

    shown: dict[str, list[Place]] = field(default_factory=dict)
    anchors: dict[str, Place] = field(default_factory=dict)
    unrun: list[str] = field(default_factory=list)


def readable(concept: str) -> str:
    words = [word.upper() if word in ABBREVIATIONS else word for word in concept.split("-")]
    text = " ".join(words)
    return text[0].upper() + text[1:]


def read_concepts(path: Path) -> Iterator[tuple[str, list[dict]]]:
    """Yield each part's title, which is the comment beside its key, and its rows."""
    text = path.read_text(encoding="utf-8")
    titles = dict(re.findall(r"^(part_\d+):\s*#\s*(.+?)\s*$", text, re.M))
    for key, rows in yaml.safe_load(text).items():
        yield titles.get(key, key), rows


def target_name(docname: str, concept: str, number: int) -> str:
    """The label of the ``number``-th cell of a document that shows a concept."""
    return f"{docname}:{TAG}{concept}:{number}"


def concepts_of(metadata: dict) -> list[str]:
    return [tag.removeprefix(TAG) for tag in metadata.get("tags", []) if tag.startswith(TAG)]


def measured(cell: dict) -> tuple[str, bool]:
    """The last non-empty line of text the cell put out, and whether it is Markdown."""
    last, is_markdown = "", False
    for output in cell["outputs"]:
        data = output.get("data", {})
        if output.get("name") == "stdout":
            kind, text = "text/plain", output["text"]
        elif all(mime in ("text/plain", "text/markdown") for mime in data) and data:
            kind, text = max(data.items(), key=lambda item: item[0] == "text/markdown")
        else:  # an image, a widget: its text is only a stand-in
            continue
        lines = [line.strip() for line in "".join(text).splitlines() if line.strip()]
        if lines:
            last, is_markdown = lines[-1], kind == "text/markdown"
    return last, is_markdown


def has_run(cell: dict) -> bool:
    failed = any(output["output_type"] == "error" for output in cell["outputs"])
    return cell["execution_count"] is not None and not failed


def read_chapter(path: Path, docname: str) -> Chapter:
    """Collect the tagged cells and the anchors of a notebook or a Markdown page."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".ipynb":
        cells = json.loads(text)["cells"]
    else:
        cells = [{"cell_type": "markdown", "source": text, "metadata": {}}]
    chapter, headings = Chapter(), []
    for cell in cells:
        if cell["cell_type"] == "markdown":
            anchors = []
            for line in lines_outside_code("".join(cell["source"])):
                if match := ANCHOR.match(line):
                    anchors.append(match[1])
                elif match := HEADING.match(line):
                    headings.append(INLINE_MARKS.sub("", match[1]))
                    for name in anchors:
                        chapter.anchors[name] = Place(name, headings[0], headings[-1])
                    anchors = []
        for concept in concepts_of(cell["metadata"]):
            if cell["cell_type"] != "code" or not has_run(cell):
                chapter.unrun.append(f"{cell.get('id')} ({TAG}{concept})")
                continue
            places = chapter.shown.setdefault(concept, [])
            target = target_name(docname, concept, len(places) + 1)
            title, section = (headings[0], headings[-1]) if headings else (docname, docname)
            places.append(Place(target, title, section, *measured(cell)))
    return chapter


def lines_outside_code(text: str) -> Iterator[str]:
    fence = None
    for line in text.splitlines():
        match = FENCE.match(line)
        if match and fence is None:
            fence = match[1]
        elif match and match[1].startswith(fence):
            fence = None
        elif fence is None:
            yield line


class Ledger(SphinxDirective):
    """``{ledger}``: a section for each part of the book, with its concepts in a table.

    With the option ``:summary:`` only the count.
    """

    option_spec: ClassVar = {"summary": directives.flag}

    def run(self):
        parts = list(read_concepts(self.source(CONCEPTS)))
        chapters = {name: self.read(name) for name in sorted(self.env.found_docs)}
        all_rows = [row for _, rows in parts for row in rows]
        self.places = {row["id"]: self.places_of(row, chapters) for row in all_rows}
        total = self.count(all_rows)
        if "summary" in self.options:
            return [paragraph(f"Concepts in the plan: {total}")]
        self.warn(chapters)
        records = sorted(Path(self.env.srcdir, NULLS).glob("*.json"))
        self.nulls = sentences(map(self.source, records))
        return [
            paragraph("The whole book: ", total),
            *(self.part(title, rows) for title, rows in parts),
        ]

    def warn(self, chapters: dict[str, Chapter]) -> None:
        """Say which tags cannot count."""
        for docname, chapter in chapters.items():
            if unknown := chapter.shown.keys() - self.places.keys():
                names = ", ".join(sorted(unknown))
                log.warning("%s: no concept is called %s", docname, names, type="book")
            if chapter.unrun:
                names = ", ".join(chapter.unrun)
                log.warning(
                    "%s: tagged, but not code that has run: %s", docname, names, type="book"
                )

    def source(self, path: str | Path) -> Path:
        """A file of the project; the page is made again when it changes."""
        full = Path(self.env.srcdir, path)
        self.env.note_dependency(str(full))
        return full

    def read(self, docname: str) -> Chapter:
        path = Path(self.env.doc2path(docname))
        if docname == self.env.docname:
            return Chapter()
        return read_chapter(self.source(path), docname)

    def places_of(self, row: dict, chapters: dict[str, Chapter]) -> list[Place]:
        cells = [
            place for chapter in chapters.values() for place in chapter.shown.get(row["id"], [])
        ]
        if cells or row.get("kind") != "discussion":
            return cells
        chapter = chapters.get(f"book/{row['chapter']}", Chapter())
        return [place for name, place in chapter.anchors.items() if name == row["id"]]

    def count(self, rows: list[dict]) -> str:
        shown = sum(bool(self.places[row["id"]]) for row in rows)
        return f"{shown} of {len(rows)} shown, {len(rows) - shown} pending."

    def part(self, title: str, rows: list[dict]) -> nodes.section:
        section = nodes.section("", nodes.title("", title), ids=[nodes.make_id(f"part-{title}")])
        section += paragraph(self.count(rows))

        def is_current(row):
            return f"book/{row['chapter']}" in self.env.found_docs or self.places[row["id"]]

        current = [cells for row in rows if is_current(row) for cells in self.rows_of(row)]
        later = [row for row in rows if not is_current(row)]
        if current:
            headings = ["Concept, and what must be seen", "Where it is shown", "Result"]
            section += table(headings, current, [5, 3, 3], classes=["ledger"])
        if later:
            section += nodes.raw("", "<details class='pending'>", format="html")
            summary = f"<summary>{len(later)} in chapters that are not written yet</summary>"
            section += nodes.raw("", summary, format="html")
            cells = [[self.concept(row), readable(row["chapter"])] for row in later]
            headings = ["Concept, and what must be seen", "Planned for the chapter"]
            section += table(headings, cells, [7, 3], classes=["ledger"])
            section += nodes.raw("", "</details>", format="html")
        return section

    def rows_of(self, row: dict) -> list[list]:
        """One table row for each place; the concept's own cell reaches over all of them."""
        places = self.places[row["id"]]
        if not places:
            return [[self.concept(row), paragraph("pending", classes=["pending"]), ""]]
        rows = [[self.link(place), self.figure(place, row)] for place in places]
        rows[0].insert(0, entry(self.concept(row), rows_below=len(places) - 1))
        return rows

    def concept(self, row: dict) -> list[nodes.Node]:
        """What a row is about, and when the assertion of its claim fails."""
        name = nodes.strong("", readable(row["id"]))
        nulls = [
            paragraph(nodes.emphasis("", "Fails when:"), f" {sentence}", classes=["must-show"])
            for sentence in self.nulls.get(row["id"], [])
        ]
        return [paragraph(name), paragraph(row["show"], classes=["must-show"]), *nulls]

    def link(self, place: Place) -> nodes.paragraph:
        words = place.chapter
        if place.section != place.chapter:
            words += f": {place.section}"
        reference = addnodes.pending_xref(
            "",
            nodes.inline(words, words),
            refdomain="std",
            reftype="ref",
            reftarget=place.target,
            refdoc=self.env.docname,
            refexplicit=True,
            refwarn=True,
        )
        return paragraph(reference)

    def figure(self, place: Place, row: dict) -> nodes.paragraph:
        if row.get("kind") == "discussion" and not place.figure:
            return paragraph("a discussion")
        if place.is_markdown:
            inline, messages = self.state.inline_text(place.figure, self.lineno)
            return nodes.paragraph("", "", *inline, *messages)
        # Verbatim, or quotes and dashes would be typeset.
        return paragraph(nodes.literal("", place.figure) if place.figure else "a picture")


def label_cells(app, doctree):
    """Give each tagged cell an id and a label, so that the ledger can link to the very cell."""
    docname, seen = app.env.docname, {}
    labels = app.env.get_domain("std").anonlabels
    for cell in doctree.findall(nodes.container):
        if cell.get("nb_element") != "cell_code":
            continue
        for concept in concepts_of(cell["cell_metadata"]):
            number = seen[concept] = seen.get(concept, 0) + 1
            anchor = f"concept-{concept}" + (f"-{number}" if number > 1 else "")
            cell["ids"].append(anchor)
            labels[target_name(docname, concept, number)] = docname, anchor


def setup(app):
    app.add_directive("ledger", Ledger)
    app.connect("doctree-read", label_cells)
    app.add_css_file("ledger.css", priority=900)  # after the book's own
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
