"""Write the parts of README.md that the cover has, too: chapters, results, and what reading costs.

``python tools/write_readme.py`` writes each between its two markers; run it after a change of
``_toc.yml``, ``book/front.yml`` or a result. A test checks that they are current.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "book" / "_ext"))

import front  # noqa: E402

PAGE = ROOT / "README.md"
FOLDER = "book/"


def generated() -> dict[str, str]:
    """Return the Markdown of each part."""
    return {
        "claims": front.list_of_claims(FOLDER),
        "cost": front.cost(),
        "chapters": front.list_of_pages(FOLDER),
    }


def written(page: str) -> str:
    """Return the page with its parts as they should be."""
    for name, text in generated().items():
        start, end = f"<!-- {name}, by tools/write_readme.py -->\n", f"<!-- end of {name} -->"
        pattern = re.compile(re.escape(start) + ".*?" + re.escape(end), re.S)
        part = f"{start}\n{text.strip()}\n\n{end}"
        page, count = pattern.subn(part.replace("\\", r"\\"), page)
        if count != 1:
            raise SystemExit(f"README.md must have the markers of {name!r} once; it has {count}.")
    return page


def main() -> None:
    PAGE.write_text(written(PAGE.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
