"""Run buttons on code cells: Python in the reader's browser, from files of this site alone.

For each chapter this writes ``_static/live/CHAPTER.json``: the cells, which earlier ones each needs
(``slices``), and how long it takes. A cell gets a button if ``book/results/live_cells.json`` says
that it gave its stored output in a browser; ``python tools/try_live_cells.py`` makes that record.
A page of exercises is tried with the solutions; its file has the stubs, which the reader fills in.
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
import single_source
from slices import Facts, facts_of, needs, statements

from fmlab.models.pretrained import CARD, SHIPPED, WEIGHTS_FOLDER, card, files_of

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src"
STANDINS, SCRIPTS = SOURCE / "live" / "standins", SOURCE / "live"
RECORD = ROOT / "book" / "results" / "live_cells.json"
FOLDER = "live"  # in _static
PLAYGROUND = "playground"  # likewise: see playground.py beside this file
FIGURES = ("image/png", "image/svg+xml")
TEXTS = ("text/markdown", "text/html", "text/plain")  # in the order in which the page prefers them
WHEELS = ROOT / "vendor" / "pyodide"
NPM_LOCK = ROOT / "package-lock.json"
LEFT_OUT = {"weights", "widgets", "__pycache__"}
SCRIPT_FILES = ("live.js", "exercises.js", "figures.js", "worker.js", "live.css")
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


def name_of(path: Path) -> str:
    """Return the name of a notebook in the record: ``sampling``, ``exercises/sampling``."""
    return path.relative_to(ROOT / "book").with_suffix("").as_posix()


def notebooks() -> dict[str, Path]:
    """Return the notebooks of the chapters and of their exercises, by name."""
    paths = [*(ROOT / "book").glob("*.ipynb"), *single_source.SOURCES.glob("*.ipynb")]
    return {name_of(path): path for path in sorted(paths)}


def code_cells(path: Path) -> list:
    """Return the code cells of a notebook that are Python, hidden ones too.

    Exercises come with their solutions, and without their hidden tests.
    """
    text = path.read_text(encoding="utf-8")
    if single_source.is_source(text):
        text = single_source.solved_notebook(text)
    cells = nbformat.reads(text, as_version=4).cells
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
    """Return what the page knows of each cell; ``seconds`` is None where it cannot run.

    A cell of a chapter that cannot run is followed by its statements, as cells without a place on
    the page: a later cell may need an import of it, and not the training.
    """
    page, facts = [], []
    tried = record().get(name_of(path), {})
    is_exercise = single_source.is_source(path.read_text(encoding="utf-8"))

    def add(name: str, source: str, number: int, **known: object) -> dict:
        facts.append(facts_of(source))
        entry = {"id": name, "number": number, "source": source, "seconds": None, **known}
        entry["needs"] = needs(facts, len(page))
        entry |= {key: sorted(names) for key, names in vars(facts[-1]).items()}
        entry["models"] = sorted({*map("".join, MODEL.findall(source))} & {*SHIPPED})
        entry["docs"] = "python_docs" in source
        page.append(entry)
        return entry

    for number, cell in enumerate(code_cells(path), 1):
        entry = add(cell.id, cell.source, number, is_part=False)
        sources = [page[i]["source"] for i in entry["needs"]] + [cell.source, stored_text(cell)]
        digest = hashlib.sha256("\0".join([environment(), *sources]).encode()).hexdigest()[:16]
        recorded = tried.get(cell.id, {})
        entry |= {"digest": digest, "is_current": recorded.get("digest") == digest}
        entry["seconds"] = recorded.get("seconds") if entry["is_current"] else None
        if entry["is_current"] and entry["seconds"] is None and not is_exercise:
            facts[-1] = Facts()  # its statements bind its names
            entry |= {"needs": [], **{key: [] for key in vars(facts[-1])}}
            for i, statement in enumerate(statements(cell.source), 1):
                add(f"{cell.id}:{i}", statement, number, is_part=True)
    return page


def published_cells(path: Path) -> list[dict]:
    """Return the cells as the page gets them: each solution is a stub again, with its check.

    The check of an exercise is its next cell, if that can run; without one it has no button.
    """
    cells = page_cells(path)
    text = path.read_text(encoding="utf-8")
    if not single_source.is_source(text):
        return cells
    stubs = single_source.stubs(text)
    for i, cell in enumerate(cells):
        if cell["id"] in stubs:
            check = cells[i + 1] if i + 1 < len(cells) else {"id": "", "seconds": None}
            is_own = check["id"] == cell["id"].removesuffix("-sol") + "-check"
            runs = is_own and check["seconds"] is not None
            cell |= {"check": i + 1 if runs else None, "source": stubs[cell["id"]]}
            facts = facts_of(cell["source"])
            cell |= {name: sorted(names) for name, names in vars(facts).items()}
    facts = [Facts(**{name: set(cell[name]) for name in vars(Facts())}) for cell in cells]
    for i, cell in enumerate(cells):
        cell["needs"] = needs(facts, i)
    return cells


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
        _add(package, "babel/__init__.py", babel_standin())
        slices = Path(__file__).with_name("slices.py").read_text(encoding="utf-8")
        _add(package, "slices.py", slices)  # for cells that the reader has edited
        _add(package, "book/concepts.yml", "")  # fmlab looks for it to know that this is the book
        for file in sorted((ROOT / "book" / "results").glob("*.json")):
            if file != RECORD:
                text = json.dumps(json.loads(file.read_text(encoding="utf-8")))
                _add(package, f"book/results/{file.name}", text)


def babel_standin() -> str:
    """Return a module that has, of Babel, countries and languages, named in some languages."""
    import babel

    locales = {tag: babel.Locale(tag) for tag in LOCALES.split()}
    names = {tag: (dict(its.territories), dict(its.languages)) for tag, its in locales.items()}
    return BABEL.format(names=names)


LOCALES = "en es de vi tr ru el ar hi th ja zh ko am"
BABEL = '''"""A stand-in for Babel in the page: the names of countries and of languages."""

NAMES = {names!r}


class Locale:
    def __init__(self, language):
        if language not in NAMES:
            raise NotImplementedError(f"Babel's {{language!r}} is not in the page.")
        self.territories, self.languages = NAMES[language]
'''

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
        raise AttributeError("The explorer is on the page already; see above or below.")

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
    for name in SHIPPED:
        target = folder / name
        target.mkdir(parents=True, exist_ok=True)
        for file in (CARD, *files_of(card(name))):
            if not (target / file).exists():
                shutil.copyfile(WEIGHTS_FOLDER / name / file, target / file)


def has_cells(app, pagename: str) -> bool:
    """Return whether a page has cells that can run in it."""
    tried = record().get(page_name(pagename), {})
    return any(cell["seconds"] is not None for cell in tried.values())


def page_name(pagename: str) -> str:
    """Return the name under which the record has a page of the site, if it has it."""
    return pagename.removeprefix("book/")


def add_script(app, pagename, templatename, context, doctree):
    if doctree is not None and has_cells(app, pagename):
        app.add_css_file(f"{FOLDER}/live.css")
        name = {"data-chapter": page_name(pagename)}
        app.add_js_file(f"{FOLDER}/live.js", type="module", **name)


def write_files(app, exception):
    if exception is not None or app.builder.format != "html":
        return
    folder = Path(app.outdir, "_static", FOLDER)
    folder.mkdir(parents=True, exist_ok=True)
    for name in SCRIPT_FILES:
        (folder / name).write_text((SCRIPTS / name).read_text(encoding="utf-8"), encoding="utf-8")
    write_package(folder / "packages.zip")
    write_docs(folder / "python_docs.txt.gz")
    write_models(folder.parent / PLAYGROUND / "models")
    for page in sorted(app.env.found_docs):
        path = Path(app.srcdir, f"{page}.ipynb")
        if path.exists() and has_cells(app, page):
            file = folder / f"{page_name(page)}.json"
            file.parent.mkdir(exist_ok=True)
            file.write_text(json.dumps(published_cells(path)), encoding="utf-8")


def setup(app):
    app.connect("html-page-context", add_script)
    app.connect("build-finished", write_files)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
