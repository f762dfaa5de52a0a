"""When, where and with which versions a result or a model was made."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from datetime import date
from importlib.metadata import version


def circumstances(packages: Sequence[str] = ("torch", "numpy")) -> dict:
    """Return the date, the machine (without its name), and the versions of Python and packages."""
    return {
        "date": date.today().isoformat(),
        "machine": f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}",
        "versions": {
            "Python": platform.python_version(),
            **{package: version(package) for package in packages},
        },
    }
