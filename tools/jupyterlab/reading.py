"""What JupyterLab needs to know of the book: what to hide, what not to store, where links lead."""

from __future__ import annotations

import json
import re
from pathlib import Path

HIDDEN = [
    "_*",
    "*.pyc",
    "*~",
    ".*",
    "*.egg-info",
    "node_modules",
    "*.bib",
    "concepts.yml",
    "front.yml",
]
KERNELSPEC = {"display_name": "Python 3", "language": "python", "name": "python3"}

LABEL = re.compile(r"^\(([^()\s]+)\)=\s*$", re.M)
GLOSSARY = re.compile(r"^```\{glossary\}\n(.*?)^```", re.M | re.S)
ROLE = re.compile(r"\{[\w:]+\}`([^`<]+?)(?:\s*<[^>]+>)?`", re.S)
LINK = re.compile(r"\[([^\]]+)\]\([^)]*\)")
CONCEPT = "concept:"


def normalize_metadata(model: dict, **_: object) -> None:
    """Store the kernel of a notebook as the book does: without the reader's version of Python."""
    if model["type"] != "notebook":
        return
    metadata = model["content"]["metadata"]
    if metadata.get("kernelspec", {}).get("name") == KERNELSPEC["name"]:
        metadata["kernelspec"] = dict(KERNELSPEC)
        metadata.get("language_info", {}).pop("version", None)


def labels(book: Path) -> dict[str, dict[str, str]]:
    """Return where each label of the book stands: a file and, in a notebook, a cell."""
    places = {}
    for path in sorted(book.rglob("*.md")):
        file = {"path": path.relative_to(book.parent).as_posix()}
        places |= dict.fromkeys(LABEL.findall(path.read_text(encoding="utf-8")), file)
    for path in sorted(book.rglob("*.ipynb")):
        if ".ipynb_checkpoints" not in path.parts:
            places |= labels_of_notebook(path, path.relative_to(book.parent).as_posix())
    return places


def labels_of_notebook(path: Path, name: str) -> dict[str, dict[str, str]]:
    """Return the labels in the text of a notebook, and those that the ledger gives its cells."""
    places, seen = {}, {}
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        place = {"path": name, "cell": cell["id"]}
        if cell["cell_type"] == "markdown":
            places |= dict.fromkeys(LABEL.findall("".join(cell["source"])), place)
        for tag in cell["metadata"].get("tags", []):
            if tag.startswith(CONCEPT):
                seen[tag] = seen.get(tag, 0) + 1
                places[f"{name.removesuffix('.ipynb')}:{tag}:{seen[tag]}"] = place
    return places


def terms(glossary: Path) -> dict[str, dict[str, str]]:
    """Return the first name and the definition of each term, by all its names in lower case."""
    found = {}
    for block in GLOSSARY.findall(glossary.read_text(encoding="utf-8")):
        for entry in re.split(r"\n\n(?=\S)", block):
            lines = [line for line in entry.splitlines() if line and not line.startswith(":")]
            names = [line.strip() for line in lines if not line.startswith(" ")]
            text = " ".join(line.strip() for line in lines if line.startswith(" "))
            definition = LINK.sub(r"\1", ROLE.sub(r"\1", text.partition(" Shown in ")[0]))
            shown = re.search(r"Shown in.*?<([^>]+)>", text)
            for name in names:
                found[name.lower()] = {"name": names[0], "text": definition} | (
                    {"shown": shown[1]} if shown else {}
                )
    return found


def write_places(book: Path, file: Path) -> None:
    """Write what `reader.js` asks for, if the folder can be written to."""
    content = {"labels": labels(book), "terms": terms(book / "glossary.md")}
    try:
        file.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
    except OSError as error:
        print(f"Links to the glossary do not work: {error}")
