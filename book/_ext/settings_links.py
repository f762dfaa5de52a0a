"""Explorers that can be found and set: a heading, a link under the title, and links that set them.

A notebook's cell with a tag such as ``sampling-explorer`` gets a heading on the site, so that it is
in the contents of its page, and the page begins with a link to it.

``[set the temperature to 0.2](#sampling-explorer?temperature=0.2)`` names an explorer by this
heading and says what to set in it, as an address does: names and values, separated by ``&``. It
becomes the address ``?temperature=0.2#sampling-explorer``, which `widget-host.js` understands.
Without scripts, in print and in JupyterLab, it is a sentence that says what to do.
"""

from __future__ import annotations

import re

from docutils import nodes
from sphinx.transforms import SphinxTransform

KIND = re.compile(r"tag_([\w-]+-(?:explorer|calculator|sheet))$")
SECTION = "fm-explorer"  # the class of such a section
HEADING = re.compile(
    rf'<section class="{SECTION}" id="([\w-]+)">\s*<h\d>(.*?)<a class="headerlink"', re.S
)
NAMES = {"kl": "KL"}  # that are not words


def title_of(name: str) -> str:
    """
    >>> title_of("image-text-explorer"), title_of("kl-explorer-2")
    ('Image-text explorer', 'KL explorer 2')
    """
    what, kind, *number = re.split(r"-(?=explorer|calculator|sheet|\d)", name)
    return " ".join([NAMES.get(what, what.capitalize()), kind, *number])


class ExplorerSections(SphinxTransform):
    """Give each explorer of a page a section of its own, with a heading."""

    default_priority = 860

    def apply(self, **options: object) -> None:
        found: dict[str, int] = {}
        for cell in list(self.document.findall(nodes.container)):
            kinds = [match[1] for name in cell["classes"] if (match := KIND.match(name))]
            if "cell" not in cell["classes"] or not kinds:
                continue
            found[kinds[0]] = found.get(kinds[0], 0) + 1
            n = found[kinds[0]]
            name = kinds[0] if n == 1 else f"{kinds[0]}-{n}"
            section = nodes.section(ids=[name], names=[name], classes=[SECTION])
            section += nodes.title("", title_of(name))
            cell.parent.replace(cell, section)
            section += cell
            self.document.note_explicit_target(section)


class SettingsLinks(SphinxTransform):
    """Turn ``#name?settings`` into ``?settings#name`` before MyST looks for that heading."""

    default_priority = 870

    def apply(self, **options: object) -> None:
        for link in self.document.findall(nodes.reference):
            name, mark, settings = link.get("refuri", "").partition("?")
            if link.get("id_link") and mark:
                del link["id_link"]
                link["refuri"] = f"?{settings}{name}"
                link["internal"] = True
                link["classes"].append("fm-set")


def link_to_explorers(app, pagename, templatename, context, doctree):
    """Say under the title of a page which explorers it has."""
    body = context.get("body", "")
    links = [f'<a href="#{name}">{title}</a>' for name, title in HEADING.findall(body)]
    if links:
        line = f'</h1>\n<p class="fm-try">Try it: {", ".join(links)}</p>'
        context["body"] = body.replace("</h1>", line, 1)


def setup(app):
    app.add_transform(ExplorerSections)
    app.add_transform(SettingsLinks)
    app.connect("html-page-context", link_to_explorers, priority=895)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
