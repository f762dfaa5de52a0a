"""Results of experiments as JSON files: written whole, and never without how they came about."""

from __future__ import annotations

import json
import os
import platform
import tempfile
from collections.abc import Mapping, Sequence
from datetime import date
from importlib.metadata import version
from pathlib import Path

from fmlab.arguments import is_number, require
from fmlab.corpora import read as read_text

RESULTS = Path(__file__).resolve().parents[3] / "book" / "results"
# Where the package is installed without the book, as on Colab, results come from the repository.
ELSEWHERE = "https://raw.githubusercontent.com/foundation-model-lab/fmlab/main/book/results"
PROVENANCE = ("command", "date", "seconds", "machine", "versions")


def record(
    name: str,
    results: Mapping[str, object],
    *,
    command: str,
    seconds: float,
    packages: Sequence[str] = ("torch", "numpy"),
    folder: str | Path | None = None,
) -> Path:
    """Write results to ``<name>.json``, beneath the command, date, versions and seconds it took.

    An interrupt leaves the old file or the new one, never half of one. ``folder`` is
    ``book/results`` unless given. Returns the path.
    Errors: ``ValueError`` for a name that is a path, results that JSON cannot hold (NaN, say) or
    that use a name of the provenance, or seconds below 0.
    """
    path = _path(name, folder)
    require(is_number(seconds) and seconds >= 0, "seconds", "a number >= 0", seconds)
    taken = sorted(set(results) & set(PROVENANCE))
    require(not taken, "results", f"without {', '.join(PROVENANCE)}", taken)
    values = (command, date.today().isoformat(), round(seconds, 1), machine(), versions(packages))
    content = dict(zip(PROVENANCE, values)) | dict(results)
    try:
        text = json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    except (TypeError, ValueError) as error:
        raise ValueError(f"results must be what JSON can hold: {error}") from error
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent) as place:
        part = Path(place, path.name)
        part.write_text(text, encoding="utf-8")
        os.replace(part, path)
    return path


def read(name: str, folder: str | Path | None = None) -> dict:
    """Return what ``record`` wrote.

    Without a ``folder``, and where the package is installed without the book, it is downloaded.
    Errors: ``FileNotFoundError`` if nothing is recorded; ``ValueError`` for a damaged file;
    ``ConnectionError`` for a failed download.
    """
    path = _path(name, folder)
    if folder is None and not path.parent.is_dir():
        text = read_text(f"{ELSEWHERE}/{path.name}", cache=False)
    elif path.is_file():
        text = path.read_text(encoding="utf-8")
    else:
        raise FileNotFoundError(f"{path} is missing: python -m fmlab.experiments.{name} makes it")
    try:
        content = json.loads(text)
        lacking = sorted(set(PROVENANCE) - set(content))
        require(not lacking, "content", f"JSON with {', '.join(PROVENANCE)}", f"none of {lacking}")
    except (TypeError, ValueError) as error:
        raise ValueError(f"{path} is damaged: {error}") from error
    return content


def versions(packages: Sequence[str] = ()) -> dict[str, str]:
    """Return the version of Python and of each package, by name."""
    return {"Python": platform.python_version(), **{name: version(name) for name in packages}}


def machine() -> str:
    """Return the number of cores, the system and the architecture, without the machine's name."""
    return f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}"


def _path(name: str, folder: str | Path | None) -> Path:
    valid = isinstance(name, str) and name.isidentifier()
    require(valid, "name", "one word, as ladder", name)
    return Path(RESULTS if folder is None else folder) / f"{name}.json"
