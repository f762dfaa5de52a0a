"""Draw the picture that a shared link shows: ``book/_static/card.png``, 1200 x 630 pixels.

``python tools/draw_card.py`` draws it from the logo, the title and the first sentence of the cover;
run it after a change of one of these.
"""

from __future__ import annotations

import html
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.append(str(ROOT))

from tests.chromium import chromium  # noqa: E402

CARD = ROOT / "book" / "_static" / "card.png"
SIZE = {"width": 1200, "height": 630}
PAGE = """<!DOCTYPE html><meta charset="utf-8"><style>
body {{ align-items: center; background: #fff; box-sizing: border-box; color: #1f2933;
  display: flex;
  font-family: "Palatino Linotype", P052, Georgia, serif; gap: 70px; height: 630px; margin: 0;
  padding: 0 90px; border-bottom: 18px solid #0f5288; }}
svg {{ flex: none; width: 260px; }}
h1 {{ font-size: 74px; line-height: 1.1; margin: 0 0 28px; }}
p {{ color: #52606d; font: 33px/1.4 system-ui, sans-serif; margin: 0; }}
</style>{logo}<main><h1>{title}</h1><p>{sentence}</p></main>"""


def first_lines() -> tuple[str, str]:
    """The title of the cover, and its first paragraph."""
    text = (ROOT / "book" / "index.md").read_text(encoding="utf-8")
    title, sentence = re.match(r"# (.+)\n\n((?:.+\n)+)", text).groups()
    return title, " ".join(sentence.split())


def main() -> None:
    title, sentence = map(html.escape, first_lines())
    logo = (ROOT / "book" / "_static" / "logo-light.svg").read_text(encoding="utf-8")
    with chromium() as browser:
        page = browser.new_page(viewport=SIZE)
        page.set_content(PAGE.format(logo=logo, title=title, sentence=sentence))
        page.screenshot(path=CARD)
        page.close()


if __name__ == "__main__":
    main()
