"""`make execute` stores what the code gives, the same bytes each time, or leaves the file alone."""

import json
import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from tools.execute import (
    STATE,
    VIEW,
    Failure,
    execute,
    name_widgets,
    normalize,
    notebooks,
    record,
)

ROOT = Path(__file__).resolve().parents[2]
EVERYTHING = [
    "import os\nimport anywidget, ipywidgets, traitlets\nimport matplotlib.pyplot as plt\n1 + 1",
    "plt.plot([1, 3, 2])\nplt.show()",
    "class Slider(anywidget.AnyWidget):\n    value = traitlets.Int(3).tag(sync=True)\n"
    "    table = traitlets.Bytes(b'abc').tag(sync=True)\n"
    "    share = traitlets.Float(1.0).tag(sync=True)\n\n"
    "slider, unseen = Slider(), Slider()\nslider",
    "ipywidgets.HBox([ipywidgets.IntSlider(2), ipywidgets.Label('é')])",
    "slider.value = 4\nprint(os.environ['OMP_NUM_THREADS'], os.getcwd() == os.environ['EXPECTED'])",
    "import fmlab\nkept = bytearray(200_000_000)\ndel kept",
]


def stored(path, *sources):
    cells = [new_markdown_cell("# A page"), *map(new_code_cell, sources)]
    nbformat.write(new_notebook(cells=cells), path)
    return path


@pytest.fixture(scope="module")
def twice(tmp_path_factory):
    """A notebook with text, a figure and widgets, as stored by two runs in a row."""
    folder = tmp_path_factory.mktemp("twice")
    path = stored(folder / "page.ipynb", *EVERYTHING)
    os.environ["EXPECTED"] = str(folder)
    runtime = execute(path)
    first = path.read_bytes()
    execute(path)
    return first, path.read_bytes(), runtime


def test_second_run_gives_the_same_bytes(twice):
    assert twice[0] == twice[1]


def test_layout_is_the_one_jupyter_saves(twice):
    text = twice[0].decode()
    content = json.loads(text)
    assert text == json.dumps(content, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
    assert content["metadata"]["kernelspec"]["name"] == "python3"
    assert "version" not in content["metadata"]["language_info"]
    counts = [cell["execution_count"] for cell in content["cells"][1:]]
    assert counts == [1, 2, 3, 4, 5, 6]


def test_kernel_has_one_thread_and_starts_beside_the_notebook(twice):
    output = json.loads(twice[0])["cells"][5]["outputs"][0]
    assert output["text"] == ["1 True\n"]


def test_widgets_are_stored_as_they_are_in_the_end_and_only_those_shown(twice):
    content = json.loads(twice[0])
    models = content["metadata"]["widgets"][STATE]["state"]
    sliders = [model for model in models.values() if model["model_name"] == "AnyModel"]
    assert len(sliders) == 1
    assert sliders[0]["state"]["value"] == 4
    assert repr(sliders[0]["state"]["share"]) == "1"  # as JupyterLab would save it
    assert sliders[0]["buffers"] == [{"data": "YWJj", "encoding": "base64", "path": ["table"]}]
    shown = content["cells"][3]["outputs"][0]["data"]
    assert models[shown[VIEW]["model_id"]] == sliders[0]
    assert "0x" not in "".join(shown["text/plain"])


def test_peak_memory_is_that_of_the_kernel(twice):
    assert 250 < twice[2]["peak_mb"] < 1000
    assert twice[2]["seconds"] > 0


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("1 / 0", "ZeroDivisionError"),
        ("import time\ntime.sleep(600)", "longer than 10 s"),
        ("import os\nos._exit(1)", "ended the kernel"),
    ],
)
def test_failing_notebook_is_left_alone(tmp_path, source, says):
    path = stored(tmp_path / "page.ipynb", "1", source, "2")
    before = path.read_bytes()
    with pytest.raises(Failure, match=says) as error:
        execute(path, timeout=10 if "10 s" in says else 60)
    assert nbformat.read(path, as_version=4).cells[2].id in str(error.value)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_command_runs_the_others_and_fails_with_a_clear_message(tmp_path):
    bad, good = stored(tmp_path / "bad.ipynb", "1 / 0"), stored(tmp_path / "good.ipynb", "print(2)")
    done = subprocess.run(
        [sys.executable, ROOT / "tools/execute.py", bad, good, tmp_path / "none.ipynb"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "bad.ipynb: cell" in done.stderr
    assert "ZeroDivisionError: division by zero" in done.stderr
    assert "\x1b" not in done.stderr
    assert "none.ipynb" in done.stderr
    assert "good.ipynb: 1/1 cells" in done.stdout
    assert nbformat.read(good, as_version=4).cells[1].outputs[0].text == "2\n"


def test_file_that_was_saved_meanwhile_is_not_overwritten(tmp_path):
    path = stored(tmp_path / "page.ipynb", "open('page.ipynb', 'a').write(' ')")
    with pytest.raises(Failure, match="changed while it ran"):
        execute(path)
    assert path.read_text().endswith(" ")


def ids_after(*cells):
    notebook = new_notebook(cells=list(cells))
    normalize(notebook)
    return [cell.id for cell in notebook.cells]


def test_random_ids_are_replaced_by_the_heading_and_others_kept():
    assert ids_after(
        new_code_cell("1", id="8a1f00c3"),
        new_markdown_cell(
            "(anchor)=\n## Why *not* words?", id="b7f2c4d1-0d0e-4f3a-9d5e-0a1b2c3d4e5f"
        ),
        new_code_cell("2", id="chosen-name"),
        new_code_cell("3", id="kQ3xbYz_9abc"),
        new_markdown_cell("## 2 < 3", id="1f00c3aa"),
    ) == ["start", "why-not-words", "chosen-name", "why-not-words-2", "section-2-3"]


def test_ids_are_unique_and_stay_when_cells_are_added():
    notebook = new_notebook(cells=[new_markdown_cell("## Why?"), *map(new_code_cell, "123")])
    for cell, name in zip(notebook.cells, ["why", "why", "why-2", "3f00c3aa"]):
        cell["id"] = name
    normalize(notebook)
    assert [cell.id for cell in notebook.cells] == ["why", "why-3", "why-2", "why-4"]


def test_timing_is_dropped_and_other_metadata_kept():
    cell = new_code_cell("1", metadata={"execution": {"iopub.status.busy": "now"}, "tags": ["a"]})
    notebook = new_notebook(cells=[cell], metadata={"jupytext": {}, "authors": ["us"]})
    normalize(notebook)
    assert notebook.cells[0].metadata == {"tags": ["a"]}
    assert notebook.metadata.keys() == {"authors", "kernelspec", "language_info"}


def test_widgets_are_numbered_as_they_appear_and_follow_each_other():
    outputs = [new_output("display_data", data={VIEW: {"model_id": name}}) for name in "bad"]
    models = {
        name: {"state": {"children": [f"IPY_MODEL_{other}" for other in others], "text": name}}
        for name, others in {"a": "", "b": "ca", "c": "b", "unseen": ""}.items()
    }
    notebook = new_notebook(cells=[new_code_cell(outputs=outputs)])
    notebook.metadata["widgets"] = {STATE: {"state": models}}
    name_widgets(notebook)
    state = notebook.metadata["widgets"][STATE]["state"]
    assert [output.data[VIEW]["model_id"] for output in outputs] == ["widget-1", "widget-3", "lost"]
    assert {name: model["state"]["text"] for name, model in state.items()} == {
        "widget-1": "b",
        "widget-2": "c",
        "widget-3": "a",
    }
    assert state["widget-1"]["state"]["children"] == ["IPY_MODEL_widget-2", "IPY_MODEL_widget-3"]


def test_run_times_change_only_when_they_differ(tmp_path):
    file, here = tmp_path / "results" / "runtimes.json", "tools/execute.py"  # any file that exists
    record({here: {"seconds": 10.0, "peak_mb": 100}, "book/gone.ipynb": {"seconds": 1}}, file)
    first = file.read_text()
    assert json.loads(first) == {here: {"seconds": 10.0, "peak_mb": 100}}
    record({here: {"seconds": 11.9, "peak_mb": 85}}, file)
    assert file.read_text() == first
    record({here: {"seconds": 10.0, "peak_mb": 121}}, file)
    assert json.loads(file.read_text())[here]["peak_mb"] == 121


def test_backups_of_the_editor_are_not_run(tmp_path):
    (tmp_path / ".ipynb_checkpoints").mkdir()
    for name in ("b.ipynb", "a.ipynb", ".ipynb_checkpoints/a-checkpoint.ipynb"):
        (tmp_path / name).touch()
    assert [path.name for path in notebooks(tmp_path)] == ["a.ipynb", "b.ipynb"]
