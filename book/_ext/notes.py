"""Notes on hovering: a term shows the first sentence of its glossary entry.

The note is the link's ``title``, as that of a citation, which the bibliography writes: it needs no
script, and a reader without a mouse still has the link.
"""

from __future__ import annotations

import html
import re

from docutils import nodes
from search_index import GLOSSARY, squeezed, text_of

LINK = re.compile(r'<a class="[^"]*" href="[^"]*?glossary\.html#([\w-]+)">')
LONGEST = 300  # characters
SENTENCE = re.compile(r"(.+?[.!?])(?: (?=[A-Z(])|$)")


def first_sentence(text: str) -> str:
    """
    >>> first_sentence("A score, e.g. of a token. More about it.")
    'A score, e.g. of a token.'
    """
    match = SENTENCE.match(text)
    sentence = match[1] if match else text
    return sentence if len(sentence) <= LONGEST else sentence[:LONGEST].rsplit(" ", 1)[0] + " …"


def terms(app):
    if GLOSSARY not in app.env.found_docs:
        return
    for item in app.env.get_doctree(GLOSSARY).findall(nodes.definition_list_item):
        definition = next(iter(item.findall(nodes.definition)), None)
        text = squeezed(text_of(definition, deep=True)) if definition is not None else ""
        for term in item.findall(nodes.term):
            for anchor in term["ids"]:
                yield anchor, first_sentence(text)


def add_notes(app, pagename, templatename, context, doctree):
    if "body" not in context or pagename == GLOSSARY:
        return
    if not hasattr(app, "book_terms"):
        app.book_terms = dict(terms(app))

    def titled(match: re.Match[str]) -> str:
        note = app.book_terms.get(match[1])
        return f'{match[0][:-1]} title="{html.escape(note)}">' if note else match[0]

    context["body"] = LINK.sub(titled, context["body"])


def setup(app):
    app.connect("html-page-context", add_notes, priority=890)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
