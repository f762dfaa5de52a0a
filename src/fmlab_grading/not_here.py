"""What an answer sees in place of a module that computes answers, while it is being graded.

``stand_in`` puts it there in a program that may not read such a module.

A check that a student's cell calls does nothing, so a cell that has both an answer and its check
runs to the end; the grader runs the checks elsewhere. Whatever else is used raises an error.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_file_location

CHECKS = "fmlab.checks."
SENTENCE = (
    "an answer can't use the checks of the exercises while it is being graded, since they compute "
    "the right answers; the data that an exercise needs is in fmlab.checks.material"
)


def _check(*args: object, **options: object) -> None:
    print("The grader runs this check elsewhere.")


def _attribute(name: str) -> object:
    if name.startswith("check_"):
        return _check
    if name.startswith("__"):
        raise AttributeError(name)
    raise ImportError(SENTENCE)


class Finder:
    """Finds this module in place of a check that may not be read."""

    @staticmethod
    def find_spec(
        name: str, path: Sequence[str] | None, target: object = None
    ) -> ModuleSpec | None:
        if name.startswith(CHECKS):
            for folder in path or ():
                file = os.path.join(folder, f"{name.removeprefix(CHECKS)}.py")
                if os.path.exists(file) and not os.access(file, os.R_OK):
                    return spec_from_file_location(name, __file__)
        return None


def stand_in() -> None:
    """Let imports of checks that may not be read find this module."""
    sys.meta_path.insert(0, Finder)


if __name__.startswith(CHECKS):  # in a sandbox
    __getattr__ = _attribute
