"""The command line of the recipes: ``python -m fmlab.recipes NAME`` makes a shipped model."""

from __future__ import annotations

import argparse
import math
from pathlib import Path

import torch
from safetensors import SafetensorError

from fmlab.recipes.make import RECIPES, make
from fmlab.recipes.pretrain import LADDER, train
from fmlab.training.distributed import Processes


def main(arguments: list[str] | None = None, **settings: object) -> None:
    """Parse the arguments, make the model, and print where it is.

    ``settings`` are passed on to ``train``.
    """
    parser = argparse.ArgumentParser(
        prog="python -m fmlab.recipes",
        description="Make one of the book's models again: its weights, tokenizer and card.",
        epilog="An interrupted training of nano, micro or small resumes with the same command; "
        "torchrun --nproc_per_node N -m fmlab.recipes NAME distributes it over N processes.",
    )
    parser.add_argument("name", choices=[*LADDER, *RECIPES])
    parser.add_argument("--folder", type=Path, help="folder of the model (default: trained/NAME)")
    parser.add_argument(
        "--minutes", type=float, help="pause after this long (nano, micro and small only)"
    )
    options = parser.parse_args(arguments)
    if options.minutes is not None and options.name not in LADDER:
        parser.error(f"--minutes is for {', '.join(LADDER)}, whose training can be resumed")
    folder = options.folder or Path("trained") / options.name
    try:
        if options.name in RECIPES:
            make(options.name, folder)
        else:
            minutes = math.inf if options.minutes is None else options.minutes
            run = train(options.name, folder, minutes=minutes, **settings)[-1]
            if not Processes.joined(torch.device("cpu")).first:
                return
            if not run.finished:
                print(f"stopped after {len(run.steps)} steps; the same command resumes from there")
                return
    except (ValueError, OSError, SafetensorError, FloatingPointError) as error:
        parser.exit(1, f"{error}\n")
    print(f"finished; the model is in {folder}")


if __name__ == "__main__":
    main()
