"""The index of the book's own search: every section of every page, and what the glossary says.

In Sphinx's own search, a function of the package outranks the chapter that explains it.
``_static/search.js`` ranks with MiniSearch instead. Here, when the site has been built, the text of
each section is written for it, without formulas, code and solutions; and of each glossary entry its
names, its text, and the places that show what it means. Symbols in a sentence stay: "times β".
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

from docutils import nodes
from sphinx import addnodes

INDEX = Path("_static", "search", "index.json")
GLOSSARY = "book/glossary"
# Where a page belongs, by the start of its name; all others are chapters.
KINDS = {
    "book/exercises/": "exercises",
    "book/instructor-guide": "teaching",
    GLOSSARY: "glossary",
    "book/ledger": "reference",
    "book/api": "api",
    "book/benchmarks": "reference",
    "book/bibliography": "reference",
    "book/index": "cover",
}
LEFT_OUT = (
    nodes.comment,
    nodes.literal_block,
    nodes.math_block,
    nodes.raw,
    nodes.system_message,
    nodes.target,
    nodes.substitution_definition,
    addnodes.toctree,
    addnodes.index,
)
LONGEST = 6000  # characters of a section


def kind_of(docname: str) -> str:
    return next((kind for start, kind in KINDS.items() if docname.startswith(start)), "chapter")


GREEK = "alpha beta gamma delta epsilon eta theta lambda mu pi rho sigma tau phi"
SIGNS = dict(zip(GREEK.split(), "αβγδεηθλμπρστφ", strict=True))
SIGNS |= {"times": "\u00d7", "cdot": "·", "le": "≤", "ge": "≥", "log": "log", "max": "max"}
KEY = re.compile(r"([a-z]+)(\d{4})\w*")


def math_text(tex: str) -> str:
    """Return a formula as text, or "" if it has more than letters, numbers, and signs.

    >>> math_text(r"\\beta"), math_text(r"p \\le q"), math_text(r"\\frac{p}{q}")
    ('β', 'p ≤ q', '')
    """
    text = re.sub(r"\\([A-Za-z]+)", lambda match: SIGNS.get(match[1], match[0]), tex)
    return "" if re.search(r"[\\{}^_]", text) else text


def cited(keys: str) -> str:
    """Return citations as a reader knows them.

    >>> cited("ouyang2022,rafailov2023direct")
    'Ouyang 2022, Rafailov 2023'
    """
    return ", ".join(f"{name.capitalize()} {year}" for name, year in KEY.findall(keys))


def text_of(node: nodes.Node, *, deep: bool = False) -> str:
    """The running text below a node; not that of sections below it, unless `deep`."""
    if isinstance(node, nodes.Text):
        return node.astext()
    if isinstance(node, nodes.math):
        return math_text(node.astext())
    if isinstance(node, addnodes.pending_xref) and node.get("refdomain") == "cite":
        return cited(node["reftarget"])
    own = deep or not isinstance(node, (nodes.section, nodes.title))
    if isinstance(node, LEFT_OUT) or not own:
        return ""
    inner = "".join(text_of(child, deep=deep) for child in node.children)
    return inner if isinstance(node, nodes.Inline) else f"{inner} "


def squeezed(text: str) -> str:
    return re.sub(r"\s+([.,;:!?)])", r"\1", " ".join(text.split()))


def sections(doctree: nodes.document) -> Iterator[tuple[str, str, str]]:
    """Yield anchor, heading and text of each section; the page's own title has no anchor."""
    for number, section in enumerate(doctree.findall(nodes.section)):
        title = next(iter(section.findall(nodes.title)), None)
        heading = squeezed(text_of(title, deep=True)) if title is not None else ""
        body = "".join(text_of(child) for child in section.children)
        anchor = section["ids"][0] if section["ids"] and number else ""
        yield anchor, heading, squeezed(body)[:LONGEST]


def glossary_entries(doctree: nodes.document) -> Iterator[dict]:
    """Yield names, definition, anchor and the places of each entry of the resolved glossary."""
    for item in doctree.findall(nodes.definition_list_item):
        terms = [child for child in item.children if isinstance(child, nodes.term)]
        body = next((c for c in item.children if isinstance(c, nodes.definition)), None)
        if not terms or body is None:
            continue
        text = squeezed(text_of(body, deep=True))
        links = [r["refuri"] for r in body.findall(nodes.reference) if r.get("refuri")]
        shown = [uri for uri in links if "://" not in uri and not uri.startswith("#")]
        yield {
            "names": [squeezed(text_of(term, deep=True)) for term in terms],
            "text": text.partition(" Shown in ")[0],
            "anchor": terms[0]["ids"][0] if terms[0]["ids"] else "",
            "shown": [uri for uri in shown if not uri.startswith("bibliography")],
        }


def records(app) -> tuple[list[dict], list[dict]]:
    """Return the sections of all pages, and the entries of the glossary."""
    found, entries = [], []
    for docname in sorted(app.env.found_docs):
        kind, url = kind_of(docname), app.builder.get_target_uri(docname)
        title = app.env.titles[docname].astext() if docname in app.env.titles else docname
        if docname == GLOSSARY:
            doctree = app.env.get_and_resolve_doctree(docname, app.builder)
            entries = list(glossary_entries(doctree))
            for entry in entries:
                entry["url"] = f"{url}#{entry.pop('anchor')}"
                entry["shown"] = [f"book/{uri}" for uri in entry["shown"]]
                names = ", ".join(entry["names"])
                found.append(record(title, kind, entry["url"], names, entry["text"]))
            continue
        doctree = app.env.get_doctree(docname)
        if kind == "api":
            found += api_records(doctree, title, url)
        for anchor, heading, text in sections(doctree):
            address = f"{url}#{anchor}" if anchor else url
            found.append(record(title, kind, address, heading, text))
    return found, entries


def api_records(doctree: nodes.document, title: str, url: str) -> Iterator[dict]:
    """Yield each documented object: its name, and the first paragraph about it."""
    for desc in doctree.findall(addnodes.desc):
        signature = next(iter(desc.findall(addnodes.desc_signature)), None)
        if signature is None or not signature.get("ids"):
            continue
        content = next((c for c in desc.children if isinstance(c, addnodes.desc_content)), None)
        first = next((c for c in content.children if isinstance(c, nodes.paragraph)), None)
        text = squeezed(text_of(first, deep=True)) if first is not None else ""
        name = signature["ids"][0]
        yield record(title, "api", f"{url}#{name}", name.rpartition(".")[2], text)


def record(title: str, kind: str, url: str, heading: str, text: str) -> dict:
    return {"title": title, "kind": kind, "url": url, "heading": heading, "text": text}


def write_index(app, exception):
    if exception is not None or app.builder.format != "html":
        return
    found, entries = records(app)
    path = Path(app.outdir, INDEX)
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {"sections": found, "glossary": entries}
    path.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")


def setup(app):
    app.connect("build-finished", write_index)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
