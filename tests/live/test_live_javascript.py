"""What the page decides before it asks Python: which cells to run, and what to load."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np

from tests.widgets.test_javascript import node

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
SCRIPTS = ROOT / "src" / "live"
sys.path.append(str(ROOT / "book" / "_ext"))

import figures  # noqa: E402

import live  # noqa: E402


def run_node_tests(script, folder, **environment):
    """Run the tests of a script of the page under Node; return what it reports."""
    module = folder / f"{script}.mjs"
    module.write_text((SCRIPTS / f"{script}.js").read_text(encoding="utf-8"), encoding="utf-8")
    done = subprocess.run(
        [node(), "--test", "--test-reporter=spec", HERE / f"{script}.test.mjs"],
        env={**os.environ, "LIVE_JS": str(module), **environment},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_pure_functions_of_the_page(tmp_path):
    pages = []
    for name in ("sampling", "self-check", "ai-stack"):
        cells = live.page_cells(ROOT / "book" / f"{name}.ipynb")
        page = [{k: c[k] for k in ("binds", "reads", "changes", "sure", "inner")} for c in cells]
        pages.append({"page": page, "needed": [cell["needs"] for cell in cells]})
    assert "pass 10" in run_node_tests("live", tmp_path, LIVE_PAGES=json.dumps(pages))


def test_what_an_exercise_says_of_an_error(tmp_path):
    assert "pass 5" in run_node_tests("exercises", tmp_path)


def test_a_figure_of_the_reader_gets_the_dark_colors_of_the_book(tmp_path):
    rng = np.random.default_rng(0)
    mixed = ["#" + bytes(color).hex() for color in rng.integers(0, 256, (500, 3), np.uint8)]
    grays = [f"#{shade:02x}{shade:02x}{shade:02x}" for shade in range(256)]
    blues = [f"#{shade:02x}{shade:02x}ff" for shade in range(0, 256, 5)]
    pairs = {color: figures.dark_color(color) for color in mixed + grays + blues}
    values = [[int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)] for color in blues]
    assert figures.is_one_hue(values)
    vectors = {"colors": figures.COLORS, "pairs": pairs, "oneHue": blues, "mixed": mixed}
    assert "pass 4" in run_node_tests("figures", tmp_path, LIVE_COLORS=json.dumps(vectors))
