"""Each rule with the ways to break it: changes to one of the good notebooks."""

import re

from tests.notebooks.rules import RULES
from tests.notebooks.samples import cell

BREAKS = {name: [] for name in RULES}


def breaks(rule, says, kind="chapter"):
    def enter(function):
        BREAKS[rule].append((function.__name__, function, says, kind))
        return function

    return enter


def rewrite(rule, says, name, source, output=None, kind="chapter"):
    """Enter a break that replaces the source, and perhaps the output, of one cell."""

    def change(notebook):
        cell(notebook, name).source = source
        if output is not None:
            cell(notebook, name).outputs = [output]

    change.__name__ = re.sub(r"\W+", "-", source)[:40]
    breaks(rule, says, kind)(change)
