"""What the page decides before it asks Python: which cells to run, and what to load."""

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.widgets.test_javascript import node

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
SCRIPT = ROOT / "src" / "live" / "live.js"
sys.path.append(str(ROOT / "book" / "_ext"))

import live  # noqa: E402


def test_the_pure_functions_of_the_page(tmp_path):
    module = tmp_path / "live.mjs"
    module.write_text(SCRIPT.read_text(encoding="utf-8"), encoding="utf-8")
    pages = []
    for name in ("sampling", "self-check"):
        cells = live.page_cells(ROOT / "book" / f"{name}.ipynb")
        page = [{k: c[k] for k in ("binds", "reads", "changes", "sure", "inner")} for c in cells]
        pages.append({"page": page, "needed": [cell["needs"] for cell in cells]})
    done = subprocess.run(
        [node(), "--test", "--test-reporter=spec", HERE / "live.test.mjs"],
        env={**os.environ, "LIVE_JS": str(module), "LIVE_PAGES": json.dumps(pages)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "pass 8" in done.stdout
