"""One menu at the top of each page: run it here, its notebook, Binder, Colab, PDF.

The theme has a menu for opening the page elsewhere and another for downloads. Here they are one.
"""

from __future__ import annotations

from live import has_cells

PDF = "foundation-model-lab.pdf"  # at the root of the site: tools/print_book.py
TO_FIRST_BUTTON = "runHere()"  # in `slim.py`, which takes scripts out of the pages


def button(text: str, icon: str, tooltip: str, label: str, **where: str) -> dict:
    kind = "javascript" if "javascript" in where else "link"
    return {"type": kind, "text": text, "icon": icon, "tooltip": tooltip, "label": label} | where


def pdf_address(app) -> str:
    """Where the printed book is; `make pdf` makes the links of a local copy lead to its own."""
    return app.config.html_baseurl + PDF


def one_menu(app, pagename, templatename, context, doctree):
    groups = {group["label"]: group for group in context.get("header_buttons", [])}
    downloads, launch = groups.get("download-buttons"), groups.get("launch-buttons")
    if downloads is None:
        return
    buttons = []
    if has_cells(app, pagename):
        tooltip = "Run cells on this page, without installing anything"
        buttons.append(
            button("Run here", "fas fa-play", tooltip, "run-here", javascript=TO_FIRST_BUTTON)
        )
    [source] = [b for b in downloads["buttons"] if b["label"] == "download-source-button"]
    is_notebook = source["url"].endswith(".ipynb")
    if is_notebook:
        buttons.append(source | {"text": "Notebook", "tooltip": "Download this page's notebook"})
    buttons += launch["buttons"] if launch else []
    print_it = "window.print()"
    buttons.append(
        button("PDF of this page", "fas fa-print", "Print it", "print", javascript=print_it)
    )
    url = pdf_address(app)
    buttons.append(button("PDF of the book", "fas fa-file-pdf", "Download it", "book-pdf", url=url))
    menu = {
        "type": "group",
        "label": "launch-buttons" if is_notebook else "download-buttons",
        "tooltip": "Run or download this page",
        "icon": "fas fa-rocket" if is_notebook else "fas fa-download",
        "buttons": buttons,
    }
    kept = [group for group in groups.values() if group not in (downloads, launch)]
    context["header_buttons"][:] = [menu, *kept]


def setup(app):
    app.connect("html-page-context", one_menu, priority=950)  # after exercises.py
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
