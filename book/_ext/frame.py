"""Around the article: the logo, the list of pages, the contents. Fixed in the finished pages.

- The logo is in a landmark, so that a screen reader finds it.
- The list of pages is folded by parts, except for the part of the page itself: with a keyboard, the
  text is a dozen steps away instead of fifty.
- ``contents.js`` lights the section in view; the theme's own script, which lags, finds no list.
- A table whose corner is empty has no header there.
"""

from __future__ import annotations

import re
from pathlib import Path

LOGO = re.compile(r'(<a class="navbar-brand logo".*?</a>)', re.S)
CONTENTS = 'id="pst-page-toc-nav"'
CORNER = re.compile(r'<th class="head"><p></p></th>|<th[^>]*></th>')
SIDEBAR = re.compile(r'(<nav class="bd-links bd-docs-nav".*?</nav>)', re.S)
CAPTION = '<p aria-level="2" class="caption" role="heading"><span class="caption-text">'
PART = re.compile(
    rf"{CAPTION}(.*?)</span></p>\n"
    r"(.*?)(?=<p aria-level|\n\s*</div>\s*</nav>)",
    re.S,
)


def fold(match: re.Match) -> str:
    """A part of the list of pages, open if it has the page itself."""
    title, pages = match.groups()
    state = " open" if "current active" in pages else ""
    return (
        f'<details class="nav-part"{state}><summary><span class="caption-text">{title}</span>'
        f"</summary>\n{pages.rstrip()}\n</details>\n"
    )


def framed(text: str) -> str:
    text = LOGO.sub(r'<div role="navigation" aria-label="Home">\1</div>', text)
    text = text.replace(CONTENTS, 'id="contents-of-page"')
    text = SIDEBAR.sub(lambda match: PART.sub(fold, match[1]), text)
    return CORNER.sub("<td></td>", text)


def on_finish(app, exception):
    if exception is None and app.builder.format == "html":
        for path in Path(app.outdir).rglob("*.html"):
            if "_static" not in path.parts:
                text = path.read_text(encoding="utf-8")
                path.write_text(framed(text), encoding="utf-8")


def setup(app):
    app.connect("build-finished", on_finish, priority=940)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
