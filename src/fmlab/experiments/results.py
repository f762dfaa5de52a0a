"""Write and read the results of experiments: JSON files that also record how they were made."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from fmlab.arguments import is_number, require
from fmlab.data.corpora import read as read_text
from fmlab.files import book_folder, write_atomically
from fmlab.provenance import circumstances

# If the package is installed without the book, as on Colab, results come from the repository.
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
    """Write results to ``<name>.json``, after the command, date, seconds, machine and versions.

    An interrupt leaves the old file or the new one, never half of one. ``folder`` is
    ``book/results`` unless given. Returns the path.
    Errors: ``ValueError`` for a name that is not one word, results that JSON cannot hold (such as
    NaN) or that contain one of these keys, or seconds below 0.
    """
    _require_name(name)
    path = Path(folder or book_folder() / "results") / f"{name}.json"
    require(is_number(seconds) and seconds >= 0, "seconds", "a number >= 0", seconds)
    reserved = sorted(set(results) & set(PROVENANCE))
    require(not reserved, "results", f"without {', '.join(PROVENANCE)}", reserved)
    made = circumstances(packages)
    made |= {"command": command, "seconds": round(seconds, 1)}
    content = {name: made[name] for name in PROVENANCE} | dict(results)
    try:
        text = json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    except (TypeError, ValueError) as error:
        raise ValueError(f"results must be what JSON can hold: {error}") from error
    write_atomically(path, text)
    return path


def read(name: str, folder: str | Path | None = None) -> dict:
    """Return what ``record`` wrote.

    Without a ``folder``, and if the package is installed without the book, the file is downloaded.
    Errors: ``FileNotFoundError`` for results that are not recorded; ``ValueError`` for a damaged
    file; ``ConnectionError`` for a failed download.
    """
    _require_name(name)
    try:
        path = Path(folder or book_folder() / "results") / f"{name}.json"
    except FileNotFoundError:  # the package is installed without the book
        path = Path(f"{ELSEWHERE}/{name}.json")
        text = read_text(f"{ELSEWHERE}/{name}.json", cache=False)
    else:
        if not path.is_file():
            command = f"python -m fmlab.experiments {name}"
            raise FileNotFoundError(f"{path} is missing: {command} makes it")
        text = path.read_text(encoding="utf-8")
    try:
        content = json.loads(text)
        missing = sorted(set(PROVENANCE) - set(content))
        require(not missing, "content", f"JSON with {', '.join(PROVENANCE)}", f"none of {missing}")
    except (TypeError, ValueError) as error:
        raise ValueError(f"{path} is damaged: {error}") from error
    return content


def _require_name(name: object) -> None:
    require(isinstance(name, str) and name.isidentifier(), "name", "one word, such as ladder", name)
