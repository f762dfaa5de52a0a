"""The JavaScript of the widgets, under ``node --test``, against `fmlab` on the same vectors.

Two files test a widget. ``<name>_vectors.py`` names the class ``Widget`` and has a function
``vectors()`` that returns what Python expects. ``<name>.test.mjs`` finds, in the folder that
FMLAB_WIDGETS names, ``<name>.mjs``, the very text that the page gets, and ``<name>.json``, the
vectors.
"""

import json
import os
import shutil
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

HERE = Path(__file__).parent
NAMES = sorted(path.name.removesuffix(".test.mjs") for path in HERE.glob("*.test.mjs"))


@pytest.mark.parametrize("name", NAMES)
def test_javascript_does_what_python_does(name, tmp_path):
    given = import_module(f"tests.widgets.{name}_vectors")
    (tmp_path / f"{name}.mjs").write_text(given.Widget._esm, encoding="utf-8")
    (tmp_path / f"{name}.json").write_text(json.dumps(given.vectors()), encoding="utf-8")
    done = subprocess.run(
        [node(), "--test", "--test-reporter=spec", HERE / f"{name}.test.mjs"],
        env={**os.environ, "FMLAB_WIDGETS": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    if done.returncode:
        pytest.fail(f"node --test {name}.test.mjs:\n{done.stdout}{done.stderr}", pytrace=False)
    assert "pass 0" not in done.stdout


def node():
    """Return the path of node: the one beside this Python, else the first on the PATH."""
    beside = str(Path(sys.executable).parent)
    found = shutil.which("node", path=beside) or shutil.which("node")
    if not found:
        pytest.fail(
            f"node was found neither in {beside} nor on the PATH; the widgets' JavaScript "
            "is tested with Node.js 22 or later (https://nodejs.org)",
            pytrace=False,
        )
    return found
