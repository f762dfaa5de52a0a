"""Make nbval strict, let tests read the ledger as the site does, and print what they counted."""

import sys
from pathlib import Path

from tests.notebooks.stored_outputs import pytest_configure  # noqa: F401, a hook of pytest

sys.path.append(str(Path(__file__).resolve().parents[2] / "book" / "_ext"))


def pytest_terminal_summary(terminalreporter):
    passed = terminalreporter.stats.get("passed", [])
    counted = [
        text for report in passed for name, text in report.user_properties if name == "counted"
    ]
    for line in sorted(set(counted)):
        terminalreporter.write_line(line)


# These modules are named after chapters, and one chapter begins with "test".
collect_ignore_glob = ["nulls/*"]
