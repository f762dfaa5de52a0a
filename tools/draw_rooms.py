"""Draw the rooms of the packages in CONTRIBUTING.md, from the contracts in pyproject.toml.

``python tools/draw_rooms.py`` writes the diagram between the two markers; run it after a change of
the layers. A test checks that the diagram is current.
"""

from __future__ import annotations

import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "CONTRIBUTING.md"
START, END = "<!-- rooms, by tools/draw_rooms.py -->\n", "<!-- end of rooms -->"


def layers() -> dict[str, list[list[str]]]:
    """Return the layers of each package, topmost first, each with its rooms."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    return {
        contract["containers"][0]: [
            [room.strip() for room in layer.split("|")] for layer in contract["layers"]
        ]
        for contract in project["tool"]["importlinter"]["contracts"]
        if contract["type"] == "layers"
    }


def draw(package: str, rooms: list[list[str]]) -> str:
    """Draw a package as a stack of layers; rooms side by side do not import each other."""
    width = max(len(room) for layer in rooms for room in layer) + 2
    columns = max(map(len, rooms))
    rows = ["".join(f" {room}".ljust(width) for room in layer) for layer in rooms]
    line = "─" * (columns * width)
    body = f"\n├{line}┤\n".join(f"│{row.ljust(columns * width)}│" for row in rows)
    return f"{package}\n┌{line}┐\n{body}\n└{line}┘\n"


def diagram() -> str:
    """Return the diagrams of all packages as a block of Markdown."""
    pictures = "\n".join(draw(package, rooms) for package, rooms in layers().items())
    return f"```text\n{pictures}```\n"


def drawn(page: str) -> str:
    """Return the diagrams that a page has now: the text between its markers."""
    return page.partition(START)[2].partition(END)[0]


def main() -> None:
    page = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(page.replace(START + drawn(page), START + diagram()), encoding="utf-8")


if __name__ == "__main__":
    main()
