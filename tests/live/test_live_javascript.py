"""What the page decides before it asks Python: which cells to run, and what to load."""

import os
import subprocess
from pathlib import Path

from tests.widgets.test_javascript import node

HERE = Path(__file__).parent
SCRIPT = HERE.parents[1] / "src" / "live" / "live.js"


def test_the_pure_functions_of_the_page(tmp_path):
    module = tmp_path / "live.mjs"
    module.write_text(SCRIPT.read_text(encoding="utf-8"), encoding="utf-8")
    done = subprocess.run(
        [node(), "--test", "--test-reporter=spec", HERE / "live.test.mjs"],
        env={**os.environ, "LIVE_JS": str(module)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "pass 4" in done.stdout
