"""The record of a chapter's nulls: what it contains, and whether it is fresh."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

import nbformat
import yaml
from nbformat import NotebookNode

from fmlab.files import write_atomically
from fmlab.provenance import circumstances
from tests.notebooks.nulls.registry import module_of, nulls_of
from tests.notebooks.nulls.runner import Outcome, code_cells, concepts_of

ROOT = Path(__file__).resolve().parents[3]
BOOK = ROOT / "book"
COMMAND = "python -m tests.notebooks.nulls"


def read_notebook(chapter: str, book: Path = BOOK) -> NotebookNode:
    return nbformat.read(book / f"{chapter}.ipynb", as_version=4)


def required(notebook: NotebookNode, book: Path = BOOK) -> list[str]:
    """Return the concepts that need a null: all that a notebook has a tag for, but discussions."""
    parts = yaml.safe_load((book / "concepts.yml").read_text(encoding="utf-8")).values()
    kinds = {row["id"]: row.get("kind") for rows in parts for row in rows}
    tagged = (concept for cell in code_cells(notebook) for concept in concepts_of(cell))
    return [concept for concept in dict.fromkeys(tagged) if kinds.get(concept) != "discussion"]


def hashes(notebook: NotebookNode, module: Path) -> dict[str, str]:
    """Return the sha256 of a notebook's code (ids, tags, sources) and of a module of nulls."""
    code = [[cell.id, cell.metadata.get("tags", []), cell.source] for cell in code_cells(notebook)]
    return {
        "code": hashlib.sha256(json.dumps(code).encode()).hexdigest(),
        "nulls": hashlib.sha256(module.read_bytes()).hexdigest(),
    }


def path_of(chapter: str, book: Path = BOOK) -> Path:
    return book / "results" / "nulls" / f"{chapter}.json"


def write(
    path: Path, chapter: str, sha256: dict[str, str], outcomes: Sequence[Outcome], seconds: float
) -> None:
    """Write the record of a chapter whose nulls have all fired."""
    made = circumstances(("numpy", "torch"))
    content = {
        "command": f"{COMMAND} {chapter}",
        "date": made["date"],
        "seconds": round(seconds, 1),
        "machine": made["machine"],
        "versions": made["versions"],
        "sha256": sha256,
        "nulls": [
            {
                "concept": outcome.concept,
                "sentence": outcome.sentence,
                "cell": outcome.cell,
                "assertion": outcome.assertion,
                "message": outcome.message,
                "seconds": outcome.seconds,
            }
            for outcome in outcomes
        ],
    }
    write_atomically(path, json.dumps(content, indent=1, ensure_ascii=False) + "\n")


def problems(chapter: str, book: Path = BOOK) -> str | None:
    """Say in one sentence why the record of a chapter does not count, or return None."""
    notebook = read_notebook(chapter, book)
    concepts = required(notebook, book)
    if not concepts:
        return None
    module = module_of(chapter)
    name = f"tests/notebooks/nulls/{module.name}"
    covered = {null.concept for null in nulls_of(chapter)}
    if missing := [concept for concept in concepts if concept not in covered]:
        return f"{name} has no null for {', '.join(missing)}: write it, then run `make nulls`."
    path = path_of(chapter, book)
    again = f"run `make nulls CHAPTERS={chapter}`."
    if not path.is_file():
        return f"The nulls of {chapter} were never run: {again}"
    stored = json.loads(path.read_text(encoding="utf-8"))
    now = hashes(notebook, module)
    if stored["sha256"]["code"] != now["code"]:
        return f"The code of {chapter} has changed since its nulls were run: {again}"
    if stored["sha256"]["nulls"] != now["nulls"]:
        return f"{name} has changed since it was run: {again}"
    return None
