"""What was recorded about the nulls: for each concept, when the assertion of its claim fails.

``make nulls`` writes one file per chapter. See ``tests/notebooks/nulls``.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

NULLS = Path("book", "results", "nulls")


def sentences(paths: Iterable[Path]) -> dict[str, list[str]]:
    """Return the sentences of the nulls that fired, by concept."""
    found: dict[str, list[str]] = {}
    for path in paths:
        for null in json.loads(path.read_text(encoding="utf-8"))["nulls"]:
            found.setdefault(null["concept"], []).append(null["sentence"])
    return found
