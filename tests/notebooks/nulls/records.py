"""Let a chapter read a changed record: what several nulls do."""

from __future__ import annotations

from collections.abc import Callable

from fmlab.experiments import results
from tests.notebooks.nulls.registry import Patch

Change = Callable[[dict], object]  # of a record, in place


def change_record(namespace: dict, name: str, change: Change) -> None:
    """Change a record for the chapter alone, which reads it with a ``read`` of its own."""
    namespace["read"] = _changed(namespace["read"], name, change)


def change_results(patch: Patch, name: str, change: Change) -> None:
    """Change a record for everyone who reads it with ``results.read``."""
    patch(results, "read", _changed(results.read, name, change))


def _changed(read: Callable[[str], dict], name: str, change: Change) -> Callable[[str], dict]:
    """Return a function that reads what ``read`` does, one record changed; each read is a copy."""

    def changed(wanted: str) -> dict:
        record = read(wanted)
        if wanted == name:
            change(record)
        return record

    return changed
