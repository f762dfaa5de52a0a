"""Make the finished pages light: one small stylesheet, no font of icons, no script in the way.

The theme's stylesheets hold 500 kB, and this book uses a fifth of them. Its icons are fonts of
275 kB for twenty signs. When the site has been built, ``slim_css`` keeps what some page or script
uses. All scripts wait until the page is shown, but for two lines that choose the theme. None is in
the text of a page, so a host may forbid that (Content-Security-Policy).
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import pydata_sphinx_theme
import slim_css
from sphinx.errors import ExtensionError

ICONS = Path("theme", "pydata_sphinx_theme", "static", "scripts", "fontawesome.js")
# The stylesheets that every page loads, in this order; what only some need stays by itself.
SHARED = (
    "basic.css",
    "styles/theme.css",
    "styles/pydata-sphinx-theme.css",
    "pygments.css",
    "styles/sphinx-book-theme.css",
    "togglebutton.css",
    "copybutton.css",
    "mystnb.",
)
OWN = ("sphinx-design.min.css",)  # thinned out, but only some pages load it
STYLE = "site.css"
EARLY = "early.js"  # before the page is shown, or else it flashes
SETTINGS = "settings.js"

# The scripts in the text of every page, and the file that they are moved to.
CHOOSE_THEME = re.compile(r'<script data-cfasync="false">(.*?)</script>', re.S)
INLINE = re.compile(r"[ \t]*<script>(.*?)</script>\n?", re.S)
SETTING = re.compile(r"let toggle\w+ = '[^']*';|var togglebuttonSelector = '[^']*';")
PER_PAGE = re.compile(r"DOCUMENTATION_OPTIONS\.\w+ = [^;]*;")  # nothing in this book reads them
STYLESHEET = re.compile(r'[ \t]*<link [^>]*href="((?:\.\./)*)_static/([^"?]+)[^"]*"[^>]*/>\n?')
SCRIPT = re.compile(r'<script (?=src=)(?![^>]*\b(?:defer|type="module"))')
PRELOAD = re.compile(r'[ \t]*<link rel="preload" as="script"[^>]*/>\n?')
NO_ICONS = re.compile(r'[ \t]*<script defer src="[^"]*scripts/fontawesome\.js[^"]*"></script>\n?')
ON_CLICK = re.compile(r'\bonclick="([\w.]+)\(\)"')
ANY_HANDLER = re.compile(r"<[a-z]+ [^>]*\bonclick=")
DO = """
document.addEventListener("click", (event) => {
  const action = event.target.closest?.("[data-do]")?.dataset.do;
  if (action === "window.print") window.print();
  if (action === "toggleFullScreen") window.toggleFullScreen();
  if (action === "runHere") {
    const first = document.querySelector(".live-run");
    first.scrollIntoView({ block: "center" });
    first.focus({ preventScroll: true });
  }
});
"""


def is_shared(name: str) -> bool:
    return name.startswith(SHARED)


def version(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def pages_of(out: Path) -> dict[Path, str]:
    pages = (path for path in sorted(out.rglob("*.html")) if "_static" not in path.parts)
    return {path: path.read_text(encoding="utf-8") for path in pages}


def scripts_of(out: Path) -> str:
    """All scripts whose words may be names of classes."""
    paths = [*(out / "_static").glob("*.js"), *(out / "_static" / "scripts").glob("*.js")]
    paths += [*(out / "_static" / "live").glob("*.js"), *(out / "_static" / "search").glob("*.js")]
    return "\n".join(path.read_text(encoding="utf-8") for path in sorted(paths))


class Site:
    """The files that all pages share, collected while the pages are rewritten."""

    def __init__(self, out: Path, pages: dict[Path, str]):
        self.out, self.static = out, out / "_static"
        text = "\n".join(pages.values())
        self.used = slim_css.used_names(text, scripts_of(out))
        names = dict.fromkeys(name for _, name in STYLESHEET.findall(text) if is_shared(name))
        order = sorted(["basic.css", *names], key=lambda name: position(name))
        script = (Path(pydata_sphinx_theme.__file__).parent / ICONS).read_text(encoding="utf-8")
        icons = slim_css.icon_paths(script)
        sheets = slim_css.draw_signs("\n".join(self.slimmed(name) for name in order), icons)
        self.style = f"{sheets}\n{slim_css.icon_rules(icons, self.used)}"
        self.early = self.settings = ""

    def slimmed(self, name: str) -> str:
        return slim_css.slim((self.static / name).read_text(encoding="utf-8"), self.used)

    def rewrite(self, text: str) -> str:
        """Return a page that uses the shared files."""
        [choice] = CHOOSE_THEME.findall(text)
        self.early = choice
        [root] = {root for root, name in STYLESHEET.findall(text) if name == "styles/theme.css"}
        early = f'<script src="{root}_static/{EARLY}?v={version(choice)}"></script>'
        text = CHOOSE_THEME.sub(early.replace("<script ", "<script data-early "), text)
        text = PRELOAD.sub("", NO_ICONS.sub("", text))
        settings = []
        text = INLINE.sub(lambda match: settings.append(match[1].strip()) or "", text)
        kept = [setting for setting in settings if not PER_PAGE.fullmatch(setting)]
        if unknown := [setting for setting in kept if not SETTING.fullmatch(setting)]:
            raise ExtensionError(f"a script in the text of a page: {unknown[0][:80]}")
        self.settings = "\n".join([*kept, DO])
        text = ON_CLICK.sub(r'data-do="\1"', text)
        if handler := ANY_HANDLER.search(text):
            raise ExtensionError(f"a script in a tag of a page: {handler[0][:80]}")
        link = f'<link rel="stylesheet" href="{root}_static/{STYLE}?v={version(self.style)}" />\n'
        written = []

        def sheet(match: re.Match) -> str:
            if not is_shared(match[2]):
                return match[0]
            written.append(match[2])
            return link if len(written) == 1 else ""

        text = STYLESHEET.sub(sheet, text)
        script = f'<script src="{root}_static/{SETTINGS}?v={version(self.settings)}"></script>\n'
        text = text.replace("<script src=", f"{script}<script src=", 1)
        return SCRIPT.sub("<script defer ", text).replace("<script data-early ", "<script ")

    def write(self) -> None:
        for name, text in ((STYLE, self.style), (EARLY, self.early), (SETTINGS, self.settings)):
            (self.static / name).write_text(text.strip() + "\n", encoding="utf-8")
        for name in OWN:
            if (self.static / name).exists():
                (self.static / name).write_text(self.slimmed(name), encoding="utf-8")


def position(name: str) -> int:
    return next(number for number, start in enumerate(SHARED) if name.startswith(start))


def slim_site(out: Path) -> None:
    """Rewrite the pages that this build has written; the stylesheet is for all there are."""
    pages = pages_of(out)
    new = {path: text for path, text in pages.items() if "styles/theme.css" in text}
    if not new:
        return
    site = Site(out, pages)
    for path, text in new.items():
        path.write_text(site.rewrite(text), encoding="utf-8")
    site.write()


def on_finish(app, exception):
    if exception is None and app.builder.format == "html":
        slim_site(Path(app.outdir))


def setup(app):
    app.connect("build-finished", on_finish, priority=950)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
