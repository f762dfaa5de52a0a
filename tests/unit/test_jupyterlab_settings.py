"""What JupyterLab is told about the book: where links lead, what a saved notebook keeps."""

import importlib.util
import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
spec = importlib.util.spec_from_file_location("reading", ROOT / "tools/jupyterlab/reading.py")
reading = importlib.util.module_from_spec(spec)
spec.loader.exec_module(reading)
ROLE = re.compile(r"\{(term|ref)\}`([^`<]*?)(?:\s*<([^>`]+)>)?`")


@pytest.fixture(scope="module")
def known():
    return reading.labels(ROOT / "book"), reading.terms(ROOT / "book/glossary.md")


def test_every_link_of_the_notebooks_leads_somewhere_in_jupyterlab(known):
    labels, terms = known
    folders = [ROOT / "book", ROOT / "exercises"]
    lost, count = [], 0
    for path in (path for folder in folders for path in folder.rglob("*.ipynb")):
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        text = "\n".join("".join(c["source"]) for c in cells if c["cell_type"] == "markdown")
        for kind, shown, target in ROLE.findall(text):
            name = " ".join((target or shown).split())
            count += 1
            if name not in labels if kind == "ref" else name.lower() not in terms:
                lost.append(f"{path.name}: {name}")
    assert count > 500
    assert not lost


def test_a_definition_is_plain_text_and_knows_where_the_book_shows_it(known):
    labels, terms = known
    cache = terms["kv cache"]
    assert cache["name"] == "KV cache"
    assert labels[cache["shown"]]["path"] == "book/attention.ipynb"
    texts = [term["text"] for term in terms.values()]
    assert not [text for text in texts if re.search(r"\{\w+\}`|Shown in|\]\(", text)]
    assert all(texts)


def test_labels_lead_to_the_cell_that_carries_them(known):
    place = known[0]["temperature"]
    cells = json.loads((ROOT / place["path"]).read_text(encoding="utf-8"))["cells"]
    [cell] = [cell for cell in cells if cell["id"] == place["cell"]]
    assert "(temperature)=\n" in cell["source"]


def test_a_saved_notebook_keeps_no_version_of_python():
    metadata = {
        "kernelspec": {"name": "python3", "display_name": "Python 3 (ipykernel)"},
        "language_info": {"name": "python", "version": "3.12.1"},
        "widgets": {},
    }
    model = {"type": "notebook", "content": {"metadata": metadata}}
    reading.normalize_metadata(model=model, path="book/page.ipynb", contents_manager=None)
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    expected = {"kernelspec": kernel, "language_info": {"name": "python"}, "widgets": {}}
    assert model["content"]["metadata"] == expected


def test_another_kernel_and_other_files_stay_as_they_are():
    metadata = {"kernelspec": {"name": "ir"}, "language_info": {"version": "4.4"}}
    model = {"type": "notebook", "content": {"metadata": metadata}}
    reading.normalize_metadata(model=model)
    assert metadata == {"kernelspec": {"name": "ir"}, "language_info": {"version": "4.4"}}
    reading.normalize_metadata(model={"type": "file", "content": "text"})
