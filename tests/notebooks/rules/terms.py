"""Rules for the words of the glossary: each is linked where a chapter first uses it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

from nbformat import NotebookNode

from tests.notebooks.rules.notebook import BOOK, Finding, Notebook, outside_code, rule, tags

TERM = re.compile(r"\{term\}`(?:[^`<]*<([^`>]+)>|([^`<>]+))`", re.S)
NO_SENTENCE = re.compile(  # headings, tables, anchors, options and titles of directives
    r"^#+ .*$|^\s*\|.*$|^\([\w-]+\)=\s*$|^\s*:[\w-]+:.*$|^\s*(?:`{3,}|:{3,}).*$", re.M
)
NOT_PROSE = re.compile(r"\{[\w:.-]+\}`[^`]*`|`[^`]*`|!?\[[^\]]*\]\([^)]*\)|\$[^$]*\$", re.S)

# Terms that are everyday words, too: only a reader can tell which is meant.
EVERYDAY = {
    *("decode", "exposure", "key", "merge", "null", "policy", "probe", "query", "sampling"),
    *("state", "surprise", "value", "attention", "context", "baseline", "bit", "block"),
    *("comparison", "layer", "precision", "recall", "reward", "weight", "width"),
}


@cache
def entries() -> tuple[tuple[str, ...], ...]:
    """The entries of book/glossary.md, each with all its names."""
    text = (BOOK / "glossary.md").read_text(encoding="utf-8")
    found: list[tuple[str, ...]] = []
    for _, block in re.findall(r"^(`{3,})\{glossary\}\n(.*?)^\1", text, re.S | re.M):
        for names in re.findall(r"((?:^[^\s:].*\n)+)(?=^ )", block, re.M):
            found.append(tuple(name.strip() for name in names.splitlines()))
    return tuple(found)


def glossary_terms() -> frozenset[str]:
    """All terms, in small letters: Sphinx looks them up so."""
    return frozenset(name.lower() for names in entries() for name in names)


def linked(text: str) -> Iterator[tuple[int, str]]:
    """Yield each link to the glossary: where it is, and the term in small letters."""
    for match in TERM.finditer(text):
        yield match.start(), " ".join((match[1] or match[2]).split()).lower()


def unlinked(text: str, names: tuple[str, ...]) -> re.Match[str] | None:
    """Return the first use of a term, by any of its names, that is plain text."""

    def blank(match: re.Match[str]) -> str:
        return " " * len(match[0])

    text = NO_SENTENCE.sub(blank, NOT_PROSE.sub(blank, text))
    for longer in glossary_terms():  # the finetuning in "supervised finetuning"
        if any(name in longer and longer not in names for name in names):
            text = re.sub(rf"(?<![\w-]){spaced(longer)}", blank, text, flags=re.I)
    found = [
        match
        for name in names
        if name.lower() not in EVERYDAY
        for spelled in {name, name[0].upper() + name[1:]}
        if (match := re.search(rf"(?<![\w-]){spaced(spelled)}s?(?![\w-])", text))
        and (spelled == name or begins_a_sentence(text, match.start()))
    ]
    return min(found, key=lambda match: match.start(), default=None)


def spaced(term: str) -> str:
    """A pattern for a term that may run over the end of a line."""
    return r"\s+".join(map(re.escape, term.split()))


def begins_a_sentence(text: str, at: int) -> bool:
    """Whether a capital is due to the place, not part of a name such as "Byte Transformer"."""
    return re.search(r"(?:^|[.!?:*(]|\n\s*\n|- )\s*\**$", text[:at]) is not None


def first_uses(notebook: Notebook) -> Iterator[tuple[NotebookNode, re.Match[str], str]]:
    """Yield the first use of each term, where it is not a link: its cell, the words, the entry."""
    sections = [part for part in notebook.sections[1:] if part.title != "Further reading"]
    in_sections = [cell for part in sections for cell in part.cells]
    prose = [c for c in in_sections if c.cell_type == "markdown" and "quiz" not in tags(c)]
    for names in entries():
        for cell in prose:
            text = "\n".join(outside_code(cell.source))
            links = [at for at, term in linked(text) if term in {name.lower() for name in names}]
            use = unlinked(text, names)
            if use is not None and use.start() < min(links, default=len(text)):
                yield cell, use, names[0]
            if use is not None or links:
                break


@rule("chapter", "front")
def terms_are_linked_where_they_first_occur(notebook: Notebook) -> Iterator[Finding]:
    for cell, use, entry in first_uses(notebook):
        yield cell, f"{use[0]!r} is used here first: write {{term}}`{use[0]} <{entry}>`"


@rule()
def terms_are_in_the_glossary(notebook: Notebook) -> Iterator[Finding]:
    for cell in notebook.cells:
        outputs = cell.get("outputs", [])
        shown = [output.get("data", {}).get("text/markdown", "") for output in outputs]
        typed = ["\n".join(outside_code(cell.source))] if cell.cell_type == "markdown" else []
        for _, term in (link for text in typed + shown for link in linked(text)):
            if term not in glossary_terms():
                yield cell, f"{{term}}`{term}` is not in book/glossary.md"
