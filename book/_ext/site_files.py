"""What a host and a search engine look for: ``sitemap.xml``, ``robots.txt`` and ``404.html``.

A host shows ``404.html`` at whatever address is missing, so its links begin at the site's root.
"""

from __future__ import annotations

import html
from pathlib import Path
from urllib.parse import urlsplit

MISSING = """<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="robots" content="noindex">
<title>Page not found: {title}</title>
<link rel="icon" href="{root}_static/favicon.svg">
<style>
body {{ font: 1.1rem/1.6 system-ui, sans-serif; margin: 15vh auto; max-width: 34rem; }}
main {{ padding: 0 1rem; }}
</style>
<main>
<h1>There is no page at this address</h1>
<p>It may have moved. These lead on:</p>
<ul>
<li><a href="{root}{cover}">The cover</a>, with all chapters</li>
<li><a href="{root}search.html">Search</a></li>
<li><a href="{root}book/glossary.html">Glossary</a></li>
</ul>
</main>
</html>
"""


def pages(app) -> list[str]:
    """The addresses of all pages of the book, the cover first."""
    uris = sorted(app.builder.get_target_uri(name) for name in app.env.found_docs)
    cover = app.builder.get_target_uri(app.config.root_doc)
    return [cover, *(uri for uri in uris if uri != cover)]


def sitemap(base: str, uris: list[str]) -> str:
    lines = "\n".join(f"<url><loc>{html.escape(base + uri)}</loc></url>" for uri in uris)
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">\n{lines}\n</urlset>\n'
    )


def write_files(app, exception):
    if exception is not None or app.builder.format != "html":
        return
    base, uris = app.config.html_baseurl, pages(app)
    missing = MISSING.format(title=app.config.html_title, root=urlsplit(base).path, cover=uris[0])
    texts = {
        "sitemap.xml": sitemap(base, uris),
        "robots.txt": f"User-agent: *\nAllow: /\nSitemap: {base}sitemap.xml\n",
        "404.html": missing,
    }
    for name, text in texts.items():
        Path(app.outdir, name).write_text(text, encoding="utf-8")


def setup(app):
    app.connect("build-finished", write_files)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
