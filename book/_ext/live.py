"""Run buttons on code cells: Python in the reader's browser, from files of this site alone.

For each chapter this writes ``_static/live/CHAPTER.json``: the cells, which earlier ones each needs
(``slices``), and how long it takes. A cell gets a button if ``book/results/live_cells.json`` says
that it gave its stored output in a browser; ``python tools/try_live_cells.py`` makes that record.
It also writes what the browser unpacks: the packages of this repository, with stand-ins for torch
and others (``src/live``), and the text of ``python_docs``.
"""

from __future__ import annotations

import functools
import gzip
import hashlib
import importlib.util
import json
import re
import shutil
import zipfile
from pathlib import Path

import nbformat
from slices import facts_of, needs

from fmlab.models.pretrained import CARD, FILES, REWARD, WEIGHTS_FOLDER
from fmlab.widgets import playground

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src"
STANDINS, SCRIPTS = SOURCE / "live" / "standins", SOURCE / "live"
RECORD = ROOT / "book" / "results" / "live_cells.json"
FOLDER = "live"  # in _static
PLAYGROUND = "playground"  # likewise: see playground.py beside this file
MODELS = ("nano", *playground.MODELS, REWARD)
FIGURES = ("image/png", "image/svg+xml")
TEXTS = ("text/markdown", "text/html", "text/plain")  # in the order in which the page prefers them
MODEL_FILES = (CARD, *FILES)
WHEELS = ROOT / "vendor" / "pyodide"
NPM_LOCK = ROOT / "package-lock.json"
LEFT_OUT = {"weights", "widgets", "checks", "__pycache__"}
INSTALL = re.compile(r"^\s*%pip", re.M)  # the cell for Colab
MODEL = re.compile(r"""["'](nano|micro|small)(-\w+)?["']""")
DOCS_IN_PAGE = '''

@functools.cache
def python_docs() -> str:
    """Return the text that the page has fetched; see book/_ext/live.py."""
    import live

    path = Path("/home/python_docs.txt")
    live.provide_docs(path)
    return path.read_text(encoding="utf-8")
'''
MODELS_IN_PAGE = '''

_compared = verified


def verified(source: str | Path) -> Path:
    """Return the folder of a model, fetched if it is not in the page yet; see book/_ext/live.py."""
    import live

    if source in SHIPPED:
        live.provide_model(folder_of(source))
    return _compared(source)
'''
ADDED = {"data/corpora.py": DOCS_IN_PAGE, "models/pretrained.py": MODELS_IN_PAGE}  # in fmlab


def code_cells(path: Path) -> list:
    """Return the code cells of a notebook that are Python, hidden ones too."""
    cells = nbformat.read(path, as_version=4).cells
    return [c for c in cells if c.cell_type == "code" and not INSTALL.search(c.source)]


def stored_text(cell) -> str:
    """Return the text of a cell's stored output."""
    texts = []
    for output in cell.outputs:
        data = output.get("data", {})
        if output.output_type == "stream":
            texts.append(output.text)
        elif not any(kind in data for kind in FIGURES):
            texts.append(next((data[kind] for kind in TEXTS if kind in data), ""))
    return "".join(texts).strip()


@functools.cache
def environment() -> str:
    """Return a digest of the Python that cells run in: stand-ins, worker, Pyodide and its wheels.

    What a cell gave in one of these says nothing about another.
    """
    locked = json.loads(NPM_LOCK.read_text(encoding="utf-8"))["packages"]["node_modules/pyodide"]
    digest = hashlib.sha256(json.dumps(locked, sort_keys=True).encode())
    files = [SCRIPTS / "worker.js", *STANDINS.rglob("*.py"), *WHEELS.glob("*.whl")]
    for file in sorted(files):
        digest.update(f"\0{file.relative_to(ROOT).as_posix()}\0".encode())
        digest.update(file.read_bytes())
    return digest.hexdigest()


def page_cells(path: Path) -> list[dict]:
    """Return what the page knows of each cell; ``seconds`` is None where it cannot run."""
    cells = code_cells(path)
    facts = [facts_of(cell.source) for cell in cells]
    tried = record().get(path.stem, {})
    page = []
    for i, cell in enumerate(cells):
        needed = needs(facts, i)
        sources = [cells[earlier].source for earlier in needed] + [cell.source, stored_text(cell)]
        parts = [environment(), *sources]
        digest = hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]
        recorded = tried.get(cell.id, {})
        page.append(
            {
                "id": cell.id,
                "source": cell.source,
                "needs": needed,
                **{name: sorted(names) for name, names in vars(facts[i]).items()},
                "models": sorted({*map("".join, MODEL.findall(cell.source))} & {*MODELS}),
                "docs": "python_docs" in cell.source,
                "digest": digest,
                "is_current": recorded.get("digest") == digest,
                "seconds": recorded.get("seconds") if recorded.get("digest") == digest else None,
            }
        )
    return page


def record() -> dict:
    """Return the cells that were tried in a browser, by chapter and id.

    Each has the digest of what it was tried with (the Python of the page, its code, that of the
    cells that it needs, and its stored output), and the seconds that it took, or None if it did not
    give that output.
    """
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
                    if name == "fmlab":
                        text += ADDED.get(inside.as_posix(), "")
                    _add(package, str(Path(name, inside)), text)
        for card in sorted(WEIGHTS_FOLDER.glob(f"*/{CARD}")):  # which models there are
            text = card.read_text(encoding="utf-8")
            _add(package, f"fmlab/models/weights/{card.parent.name}/{CARD}", text)
        _add(package, "fmlab/widgets/__init__.py", NO_WIDGETS)
        slices = Path(__file__).with_name("slices.py").read_text(encoding="utf-8")
        _add(package, "slices.py", slices)  # for cells that the reader has edited
        _add(package, "book/concepts.yml", "")  # fmlab looks for it to know that this is the book
        for file in sorted((ROOT / "book" / "results").glob("*.json")):
            if file != RECORD:
                text = json.dumps(json.loads(file.read_text(encoding="utf-8")))
                _add(package, f"book/results/{file.name}", text)


NO_WIDGETS = '''"""Explorers in a cell of the page: placeholders, as the page has them already."""


class Placeholder:
    """Stands where a cell makes an explorer; it can be displayed, and nothing else."""

    def __init__(self, *_, **__):
        pass

    @classmethod
    def of(cls, *_, **__):
        return cls()

    def without_script(self):
        return self

    def __getattr__(self, name):
        raise NotImplementedError("The explorer is on the page already; see above or below.")

    def __repr__(self):
        return "The explorer is on the page already; see above or below."


def __getattr__(name):
    if not name[:1].isupper():
        raise AttributeError(name)
    return type(name, (Placeholder,), {})
'''


def _add(package: zipfile.ZipFile, name: str, text: str) -> None:
    """Add a file with a fixed date, so that the same contents give the same bytes."""
    package.writestr(zipfile.ZipInfo(name), text, zipfile.ZIP_DEFLATED, 9)


def write_docs(path: Path) -> None:
    """Write the text of ``python_docs``, compressed; it takes some seconds, so only once."""
    if not path.exists():
        from fmlab.data import python_docs

        path.write_bytes(gzip.compress(python_docs().encode(), mtime=0))


def write_models(folder: Path) -> None:
    """Copy the models that cells load, beside those of the playground, which are the same files."""
    for name in MODELS:
        target = folder / name
        target.mkdir(parents=True, exist_ok=True)
        for file in MODEL_FILES:
            if not (target / file).exists():
                shutil.copyfile(WEIGHTS_FOLDER / name / file, target / file)


def has_cells(app, pagename: str) -> bool:
    """Return whether a page has cells that can run in it."""
    tried = record().get(Path(pagename).name, {})
    is_chapter = Path(pagename).parent == Path("book")
    return is_chapter and any(cell["seconds"] is not None for cell in tried.values())


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
    write_models(folder.parent / PLAYGROUND / "models")
    for page in sorted(app.env.found_docs):
        path = Path(app.srcdir, f"{page}.ipynb")
        if path.exists() and has_cells(app, page):
            text = json.dumps(page_cells(path))
            (folder / f"{path.stem}.json").write_text(text, encoding="utf-8")


def setup(app):
    app.connect("html-page-context", add_script)
    app.connect("build-finished", write_files)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
