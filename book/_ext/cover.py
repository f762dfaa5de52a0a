"""The generated parts of the cover: ``{claims}``, ``{cost}``, ``{chapters}`` and ``{cite-book}``.

``front.py`` makes the first three, for the cover and the README; the last is ``CITATION.cff``.
"""

from __future__ import annotations

import html
from datetime import date
from pathlib import Path

import front
import yaml
from docutils import nodes
from docutils.statemachine import StringList
from sphinx.util.docutils import SphinxDirective


class Generated(SphinxDirective):
    """A directive whose content is Markdown that `text` returns."""

    classes: tuple[str, ...] = ()

    def run(self):
        for path in self.sources():
            self.env.note_dependency(str(path))
        block = nodes.container(classes=list(self.classes))
        lines = StringList(self.text().splitlines(), source=str(front.FRONT))
        self.state.nested_parse(lines, self.content_offset, block)
        return [block]

    def text(self) -> str:
        raise NotImplementedError

    def sources(self) -> list[Path]:
        pages = [front.ROOT / "book" / page.path for page in front.chapters()]
        return [front.FRONT, front.TOC, *pages]


class Chapters(Generated):
    """Every page of `_toc.yml`, with a sentence about it."""

    classes = ("chapters",)

    def text(self):
        return front.list_of_pages()


class Cost(Generated):
    """What reading the book takes."""

    def text(self):
        return front.cost()


class Claims(Generated):
    """Three results as cards: the numbers, a sentence, and the cell that measured them."""

    classes = ("claims",)

    def text(self):
        cards = (
            f"::::{{container}} claim\n**{claim.headline}**\n\n{claim.text}\n\n"
            f"[{claim.chapter.title}]({claim.chapter.path}) · 95%: {claim.intervals}\n::::"
            for claim in front.claims()
        )
        return "\n\n".join(cards)


CITATION = front.ROOT / "CITATION.cff"


def bibtex(cff: dict, year: int) -> str:
    authors = " and ".join(f"{{{author['name']}}}" for author in cff["authors"])
    return (
        f"@book{{fmlab,\n  title  = {{{cff['title']}}},\n  author = {{{authors}}},\n"
        f"  year   = {{{year}}},\n  note   = {{Version {cff['version']}}},\n"
        f"  url    = {{{cff['url']}}}\n}}"
    )


class CiteBook(Generated):
    """Authors, version, date, and how to cite, from `CITATION.cff`."""

    def sources(self):
        return [CITATION]

    def text(self):
        cff = yaml.safe_load(CITATION.read_text(encoding="utf-8"))
        released = cff["date-released"]
        day = released if isinstance(released, date) else date.fromisoformat(released)
        authors = ", ".join(author["name"] for author in cff["authors"])
        entry = html.escape(bibtex(cff, day.year))
        return (
            f"By {authors}. Version {cff['version']}, {day:%B} {day.day}, {day.year}. "
            "Text and figures are under CC BY 4.0, code under the MIT License.\n\n"
            f"<details><summary>How to cite</summary>\n<pre>{entry}</pre>\n</details>"
        )


def setup(app):
    app.add_directive("chapters", Chapters)
    app.add_directive("cost", Cost)
    app.add_directive("claims", Claims)
    app.add_directive("cite-book", CiteBook)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
