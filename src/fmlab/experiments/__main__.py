"""The command line of the experiments: ``python -m fmlab.experiments NAME`` runs one.

Its results go to ``book/results/NAME.json``. Options after the name are the experiment's own.
"""

from __future__ import annotations

import argparse
import time
from importlib import import_module

from fmlab.experiments import EXPERIMENTS
from fmlab.experiments.results import record


def main(arguments: list[str] | None = None) -> None:
    """Run an experiment and record its results."""
    prog = "python -m fmlab.experiments"
    parser = argparse.ArgumentParser(prog=prog, description="Run an experiment of the book.")
    parser.add_argument("name", choices=EXPERIMENTS)
    options, rest = parser.parse_known_args(arguments)
    experiment = import_module(f"fmlab.experiments.{options.name}")
    if hasattr(experiment, "main"):
        experiment.main(rest)
        return
    if rest:
        parser.error(f"{options.name} takes no options; got {' '.join(rest)}")
    started = time.perf_counter()
    contents = experiment.run()
    seconds = time.perf_counter() - started
    print(record(options.name, contents, command=f"{prog} {options.name}", seconds=seconds))


if __name__ == "__main__":
    main()
