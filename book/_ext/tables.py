"""Build a docutils table from rows of cells; shared by the pages made from data."""

from __future__ import annotations

from collections.abc import Sequence

from docutils import nodes

Content = str | nodes.Node | Sequence[nodes.Node]


def paragraph(*parts: str | nodes.Node, classes: Sequence[str] = ()) -> nodes.paragraph:
    inline = [nodes.Text(part) if isinstance(part, str) else part for part in parts]
    return nodes.paragraph("", "", *inline, classes=list(classes))


def entry(content: Content, rows_below: int = 0) -> nodes.entry:
    """One cell; it reaches over as many rows below it as are named."""
    if isinstance(content, str):
        content = paragraph(content)
    children = [content] if isinstance(content, nodes.Node) else list(content)
    spans = {"morerows": rows_below} if rows_below else {}
    return nodes.entry("", *children, **spans)


def table(
    headings: Sequence[str],
    rows: Sequence[Sequence[nodes.entry | Content]],
    widths: Sequence[int],
    classes: Sequence[str] = (),
) -> nodes.table:
    """A table with a heading row; widths are relative. Plain content is put into cells."""

    def row(cells: Sequence[nodes.entry | Content]) -> nodes.row:
        made = [cell if isinstance(cell, nodes.entry) else entry(cell) for cell in cells]
        return nodes.row("", *made)

    columns = [nodes.colspec(colwidth=width) for width in widths]
    head = nodes.thead("", row(headings))
    body = nodes.tbody("", *map(row, rows))
    group = nodes.tgroup("", *columns, head, body, cols=len(widths))
    return nodes.table("", group, classes=list(classes))
