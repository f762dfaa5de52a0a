"""Run buttons on code cells: Python in the reader's browser, from files of this site alone.

For each chapter this writes ``_static/live/CHAPTER.json``: the cells, which earlier ones each needs
(``slices``), and how long it takes. A cell gets a button if ``book/results/live_cells.json`` says
that it gave the stored output in a browser; ``python tools/try_live_cells.py`` makes that record.
It also writes what the browser unpacks: the packages of this repository, with stand-ins for torch
and others (``src/live``), and the text of ``python_docs``.
"""

from __future__ import annotations

import gzip
import hashlib
import importlib.util
import json
import re
import zipfile
from pathlib import Path

import nbformat
from slices import facts_of, needs

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src"
STANDINS, SCRIPTS = SOURCE / "live" / "standins", SOURCE / "live"
RECORD = ROOT / "book" / "results" / "live_cells.json"
FOLDER = "live"  # in _static
LEFT_OUT = {"weights", "widgets", "checks", "__pycache__"}
INSTALL = re.compile(r"^\s*%pip", re.M)  # the cell for Colab
MODEL = re.compile(r"""["'](nano|micro|small)(-\w+)?["']""")
DOCS_IN_PAGE = '''

@functools.cache
def python_docs() -> str:
    """Return the text that the page has fetched; see book/_ext/live.py."""
    return Path("/home/python_docs.txt").read_text(encoding="utf-8")
'''


def code_cells(path: Path) -> list:
    """Return the code cells of a notebook that are Python, hidden ones too."""
    cells = nbformat.read(path, as_version=4).cells
    return [c for c in cells if c.cell_type == "code" and not INSTALL.search(c.source)]


def digest(cells: list) -> str:
    """Return a checksum of the code of a chapter."""
    text = "\0".join(f"{cell.id}\0{cell.source}" for cell in cells)
    return hashlib.sha256(text.encode()).hexdigest()


def page_cells(path: Path) -> list[dict]:
    """Return what the page knows of each cell; ``seconds`` is None where it cannot run."""
    cells = code_cells(path)
    facts = [facts_of(cell.source) for cell in cells]
    recorded = record().get(path.stem, {})
    seconds = recorded.get("cells", {}) if recorded.get("digest") == digest(cells) else {}
    return [
        {
            "id": cell.id,
            "source": cell.source,
            "needs": needs(facts, i),
            "binds": sorted(facts[i].binds),
            "changes": sorted(facts[i].changes),
            "models": sorted({"".join(match) for match in MODEL.findall(cell.source)}),
            "docs": "python_docs" in cell.source,
            "seconds": seconds.get(cell.id),
        }
        for i, cell in enumerate(cells)
    ]


def record() -> dict:
    """Return which cells were tried in a browser, and gave their stored output."""
    return json.loads(RECORD.read_text(encoding="utf-8")) if RECORD.exists() else {}


def write_package(path: Path) -> None:
    """Write the Python that the browser unpacks: ours, the stand-ins, and the small records."""
    lazy_loader = Path(importlib.util.find_spec("lazy_loader").origin).parent
    sources = [(SOURCE / "fmlab", "fmlab"), (SOURCE / "microworld", "microworld")]
    sources += [(lazy_loader, "lazy_loader"), (STANDINS, "")]
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as package:
        for folder, name in sources:
            for file in sorted(folder.rglob("*")):
                inside = file.relative_to(folder)
                if file.suffix in (".py", ".mplstyle") and LEFT_OUT.isdisjoint(inside.parts):
                    text = file.read_text(encoding="utf-8")
                    if file.name == "corpora.py":
                        text += DOCS_IN_PAGE
                    _add(package, str(Path(name, inside)), text)
        _add(package, "fmlab/widgets/__init__.py", NO_WIDGETS)
        _add(package, "book/concepts.yml", "")  # fmlab looks for it to know that this is the book
        for file in sorted((ROOT / "book" / "results").glob("*.json")):
            if file != RECORD:
                text = json.dumps(json.loads(file.read_text(encoding="utf-8")))
                _add(package, f"book/results/{file.name}", text)


NO_WIDGETS = '''"""The explorers are on the page already."""


def __getattr__(name):
    raise ImportError(f"{name} is on the page already; it does not run in a cell of the page")
'''


def _add(package: zipfile.ZipFile, name: str, text: str) -> None:
    """Add a file with a fixed date, so that the same contents give the same bytes."""
    package.writestr(zipfile.ZipInfo(name), text, zipfile.ZIP_DEFLATED, 9)


def write_docs(path: Path) -> None:
    """Write the text of ``python_docs``, compressed; it takes some seconds, so only once."""
    if not path.exists():
        from fmlab.data import python_docs

        path.write_bytes(gzip.compress(python_docs().encode(), mtime=0))


def has_cells(app, pagename: str) -> bool:
    """Return whether a page has cells that can run in it."""
    recorded = record().get(Path(pagename).name, {})
    is_chapter = Path(pagename).parent == Path("book")
    return is_chapter and bool(recorded.get("cells"))


def add_script(app, pagename, templatename, context, doctree):
    if doctree is not None and has_cells(app, pagename):
        app.add_css_file(f"{FOLDER}/live.css")
        app.add_js_file(f"{FOLDER}/live.js", type="module", **{"data-chapter": Path(pagename).name})


def write_files(app, exception):
    if exception is not None or app.builder.format != "html":
        return
    folder = Path(app.outdir, "_static", FOLDER)
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("live.js", "worker.js", "live.css"):
        (folder / name).write_text((SCRIPTS / name).read_text(encoding="utf-8"), encoding="utf-8")
    write_package(folder / "packages.zip")
    write_docs(folder / "python_docs.txt.gz")
    for page in sorted(app.env.found_docs):
        path = Path(app.srcdir, f"{page}.ipynb")
        if path.exists() and has_cells(app, page):
            text = json.dumps(page_cells(path))
            (folder / f"{path.stem}.json").write_text(text, encoding="utf-8")


def setup(app):
    app.connect("html-page-context", add_script)
    app.connect("build-finished", write_files)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
