"""Fix what the stack writes into every page, and require what it leaves out.

- Scripts that Sphinx 7 writes twice are written once; those that a page has no use for, not at all.
- Figures get their size, so that the text below does not jump, and load when they come near.
- A figure without alt text is a warning, which fails the build.
- The front page, which leads to the cover, gets a title and an icon.
"""

from __future__ import annotations

import html
import re
from pathlib import Path

from docutils import nodes
from PIL import Image
from sphinx.util import logging

log = logging.getLogger(__name__)

CSS_DPI = 96  # CSS pixels to an inch
IMAGE = re.compile(r"<img\b[^>]*>")
ATTRIBUTE = re.compile(r'([\w-]+)="([^"]*)"')

# Files that only some pages need, each with what is then found in the page (a regular expression).
NEEDED_BY = {
    "vendor/katex/katex.min.css": 'class="katex"',
    "katex-math.css": 'class="katex"',
    "quiz.js": '<details class="option|tag_stub',  # exercises: answers are kept, as in a quiz
    "sphinx-design.min.css": 'class="sd-',
    "design-tabs.js": 'class="sd-tab',
    "widget-host.js": r'type="application/vnd\.jupyter\.widget-view\+json"',
}
# sphinx-thebe and sphinx-comments serve buttons that this book does not have.
NEVER_NEEDED = re.compile(r"sphinx-thebe\.|comments-config|THEBE_|thebe_selector|thebe-config")
# The label that myst-nb gives to every fold hides the fold's own words from a screen reader.
FOLD_LABEL = ' aria-label="Toggle hidden content"'
# The theme makes what scrolls sideways reachable by keyboard; it knows wide tables by this class.
FORMULA = '<span class="katex-display'
SCROLLS = " pst-scrollable-table-container"
# sphinxcontrib-bibtex announces a list, but its entries do not say that they are items of one.
BIBLIOGRAPHY = '<div role="list" class="citation-list">'
# Part of the thebe button, in the text of every notebook.
THEBE = re.compile(
    r'<script type="text/x-thebe-config">.*?</script>\s*<script>kernelName = [^<]*</script>', re.S
)


def require_alt(app, doctree):
    """Warn of figures without alt text; myst-nb would pass off the file's name as one."""
    for image in doctree.findall(nodes.image):
        if not image.get("alt", "").strip():
            log.warning(
                "figure without alt text (in a notebook: cell metadata mystnb.image.alt): %s",
                image["uri"],
                location=image,
                type="book",
                subtype="alt",
            )


def identity(asset):
    """What an asset is: its file name, or the code it carries."""
    body = getattr(asset, "attributes", {}).get("body")
    return body or str(getattr(asset, "filename", asset) or asset)


def fix_assets(context):
    """Keep each stylesheet and script once, and only where the page needs it."""
    body = context.get("body", "")
    for kind in ("css_files", "script_files"):
        kept = {}
        for asset in context[kind]:
            name = identity(asset).removeprefix("_static/")
            marker = NEEDED_BY.get(name.split("?")[0], "")
            if re.search(marker, body) and not NEVER_NEEDED.search(name):
                kept.setdefault(name, asset)
        context[kind][:] = kept.values()


def size(path: Path) -> tuple[int, int]:
    """Width and height in CSS pixels: the figure's inches, but never beyond its own pixels."""
    with Image.open(path) as image:
        dpi = float(image.info.get("dpi", (CSS_DPI,))[0])
        scale = min(1.0, CSS_DPI / dpi)
        return round(image.width * scale), round(image.height * scale)


def sized(tag: str, images: dict[str, Path]) -> str:
    """The image tag with its size, loading lazily; unknown and sized images stay as they are."""
    attributes = dict(ATTRIBUTE.findall(tag))
    source = images.get(Path(html.unescape(attributes.get("src", ""))).name)
    if source is None or source.suffix == ".svg" or {"width", "height"} & attributes.keys():
        return tag
    width, height = size(source)
    return f'<img width="{width}" height="{height}" loading="lazy"{tag.removeprefix("<img")}'


def fix_page(app, pagename, templatename, context, doctree):
    fix_assets(context)
    if "body" in context:
        images = {name: Path(app.srcdir, uri) for uri, name in app.builder.images.items()}
        body = IMAGE.sub(lambda match: sized(match[0], images), context["body"])
        body = THEBE.sub("", body.replace(FOLD_LABEL, ""))
        body = body.replace(FORMULA, FORMULA + SCROLLS)
        context["body"] = body.replace(BIBLIOGRAPHY, BIBLIOGRAPHY.replace(' role="list"', ""))


FRONT = """<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<title>{title}</title>
<meta http-equiv="refresh" content="0; url={cover}">
<link rel="canonical" href="{base}{cover}">
<link rel="icon" href="_static/favicon.svg">
<a href="{cover}">{title}</a>
</html>
"""


def write_front(app, exception):
    """Replace the bare forwarding page of sphinx-external-toc, which has no icon."""
    if exception is None and app.builder.format == "html":
        cover = app.builder.get_target_uri(app.config.root_doc)
        text = FRONT.format(title=app.config.html_title, cover=cover, base=app.config.html_baseurl)
        Path(app.outdir, "index.html").write_text(text, encoding="utf-8")


def setup(app):
    app.connect("doctree-read", require_alt)
    app.connect("html-page-context", fix_page, priority=900)
    app.connect("build-finished", write_front, priority=900)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
