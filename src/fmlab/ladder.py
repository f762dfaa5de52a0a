"""The book's own models, smallest first, and how each is made from nothing.

All rungs read the same text, the micro world's default corpus, through the same tokenizer. So what
differs between them is size, and how often they read it. ``python -m fmlab.training micro`` makes
one again: it writes the corpus, learns the tokenizer, trains, and leaves a folder with the weights,
the tokenizer and a card that says how they came about.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import os
import platform
import sys
from dataclasses import asdict, dataclass
from datetime import date
from importlib.metadata import version
from pathlib import Path

import torch
from safetensors import SafetensorError
from torch import nn

from fmlab.arguments import require
from fmlab.batches import END_OF_TEXT, Batches
from fmlab.blocks import INITIAL_SPREAD
from fmlab.checkpoints import delete_checkpoints
from fmlab.configs import PUBLISHED, GPTConfig
from fmlab.huggingface import CONFIG, WEIGHTS
from fmlab.processes import Processes
from fmlab.scaling import count_parameters, forward_flops
from fmlab.tokenization import BPETokenizer
from fmlab.training import Run, Settings, pretrain
from fmlab.transformer import GPT
from fmlab.world import DEFAULT_DOCUMENTS, MicroWorld

VOCAB_SIZE, CONTEXT_LENGTH = 2048, 256
CARD, TOKENIZER = "card.json", "bpe.json"
CURVE_POINTS = 200  # losses in a card, each the mean of as many steps as it takes


@dataclass(frozen=True)
class Rung:
    """A model's shape, how many times it reads the corpus, and how it is trained."""

    config: GPTConfig
    n_epochs: int
    learning_rate: float
    batch_size: int = 16


def _config(n_layers: int, n_heads: int, d_model: int) -> GPTConfig:
    return GPTConfig(VOCAB_SIZE, CONTEXT_LENGTH, n_layers, n_heads, d_model)


LADDER = {
    "nano": Rung(_config(n_layers=3, n_heads=2, d_model=32), n_epochs=2, learning_rate=3e-3),
    "micro": Rung(_config(n_layers=4, n_heads=4, d_model=128), n_epochs=3, learning_rate=1.5e-3),
    "small": Rung(_config(n_layers=4, n_heads=4, d_model=256), n_epochs=4, learning_rate=1e-3),
}


def initial_spread(config: GPTConfig) -> float:
    """Return GPT-2's spread of initial weights, 0.02 at its width of 768, for another width.

    A sum of D products grows as sqrt(D), so narrow models need larger weights for the same sums. At
    0.02 they learn much later to look something up in what they have just read.
    """
    return INITIAL_SPREAD * math.sqrt(PUBLISHED["gpt2"].d_model / config.d_model)


def train(
    name: str,
    folder: str | Path | None = None,
    *,
    minutes: float = math.inf,
    device: str | None = None,
    progress: bool = True,
) -> tuple[GPT, BPETokenizer, Run]:
    """Make a model of the ladder from nothing; return it, its tokenizer, and how training went.

    ``folder`` gets checkpoints while it trains, from which the same call goes on, and in the end
    the model with its card. ``minutes`` ends it early, or pauses it if there is a folder.
    Errors: ``ValueError`` for an unknown name or a folder that already holds a finished model;
    others as in ``fmlab.training.pretrain``.
    """
    require(name in LADDER, "name", f"one of {', '.join(LADDER)}", name)
    rung, folder = LADDER[name], None if folder is None else Path(folder)
    is_new = folder is None or not (folder / CARD).exists()
    require(is_new, "folder", "one without a finished model, which would be lost", str(folder))
    own_gpu = f"cuda:{os.environ.get('LOCAL_RANK', 0)}"  # of several, torchrun names the process's
    device = device or (own_gpu if torch.cuda.is_available() else "cpu")
    model = GPT(rung.config, spread=initial_spread(rung.config)).to(device)
    processes = Processes.joined(model.device)

    def say(text: str) -> None:
        if progress and processes.first:
            print(text, file=sys.stderr, flush=True)

    say(f"writing {DEFAULT_DOCUMENTS:,} documents about the micro world")
    texts = list(MicroWorld().documents(DEFAULT_DOCUMENTS))
    say(f"learning {VOCAB_SIZE:,} tokens from them")
    tokenizer = BPETokenizer.train(texts, VOCAB_SIZE, special_tokens=[END_OF_TEXT])
    say("encoding them")
    batches = Batches(texts, tokenizer, rung.batch_size, CONTEXT_LENGTH)
    settings = Settings(rung.n_epochs * batches.per_epoch, learning_rate=rung.learning_rate)
    run = pretrain(model, batches, settings, folder, minutes=minutes, progress=progress)
    if run.finished and folder is not None and processes.first:
        save(folder, model, tokenizer, card(name, batches, settings, run))
    return model, tokenizer, run


def card(name: str, batches: Batches, settings: Settings, run: Run) -> dict:
    """Return all that there is to say of a finished run."""
    config = LADDER[name].config
    n_tokens, n_params = run.n_tokens, count_parameters(config)
    n_processes = Processes.joined(torch.device("cpu")).n
    launcher = "python" if n_processes == 1 else f"torchrun --nproc_per_node {n_processes}"
    one_batch = forward_flops(config, batches.context_length, batch=batches.batch_size)
    every = math.ceil(len(run.losses) / CURVE_POINTS)
    tokens_per_step = batches.batch_size * batches.context_length
    chunks = [run.losses[i : i + every] for i in range(0, len(run.losses), every)]
    ends = [tokens_per_step * min(len(run.losses), (i + 1) * every) for i in range(len(chunks))]
    return {
        "name": name,
        "command": f"{launcher} -m fmlab.training {name}",
        "data": f"MicroWorld().documents({DEFAULT_DOCUMENTS}), {LADDER[name].n_epochs} times",
        "data_sha256": batches.fingerprint,
        "corpus_tokens": batches.n_tokens,
        "config": asdict(config),
        "settings": asdict(settings) | {"batch_size": batches.batch_size},
        "parameters": n_params,
        "tokens": n_tokens,
        "tokens_per_parameter": round(n_tokens / n_params, 1),
        "flops": 3 * one_batch * len(run.losses),
        "seconds": round(run.seconds),
        "loss": round(math.fsum(run.losses[-every:]) / len(run.losses[-every:]), 4),
        "curve": {
            "tokens": ends,
            "loss": [round(math.fsum(chunk) / len(chunk), 4) for chunk in chunks],
        },
    } | circumstances()


def circumstances() -> dict:
    """Return when and where something is made, and with which versions."""
    return {
        "date": date.today().isoformat(),
        "machine": f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}",
        "versions": {
            "Python": platform.python_version(),
            **{package: version(package) for package in ("torch", "numpy")},
        },
    }


def save(folder: Path, model: nn.Module, tokenizer: BPETokenizer, facts: dict) -> None:
    """Write weights in 16 bits, tokenizer and card; the card comes last, with their checksums."""
    model.save(folder, torch.float16)
    tokenizer.save(folder / TOKENIZER)
    sums = {
        name: hashlib.sha256((folder / name).read_bytes()).hexdigest()
        for name in (WEIGHTS, CONFIG, TOKENIZER)
    }
    text = json.dumps(facts | {"sha256": sums}, indent=1, ensure_ascii=False) + "\n"
    partial = folder / f"{CARD}.partial"
    partial.write_text(text, encoding="utf-8")
    os.replace(partial, folder / CARD)
    delete_checkpoints(folder)


def main(arguments: list[str] | None = None) -> None:
    """The command line of ``python -m fmlab.training``."""
    parser = argparse.ArgumentParser(
        prog="python -m fmlab.training", description="Train a model of the book's ladder."
    )
    parser.add_argument("name", choices=LADDER)
    parser.add_argument("--folder", type=Path, help="where to (default: trained/NAME)")
    parser.add_argument("--minutes", type=float, default=math.inf, help="pause after so many")
    asked = parser.parse_args(arguments)
    folder = asked.folder or Path("trained") / asked.name
    try:
        run = train(asked.name, folder, minutes=asked.minutes)[-1]
    except (ValueError, OSError, SafetensorError, FloatingPointError) as error:
        parser.exit(1, f"{error}\n")
    if not Processes.joined(torch.device("cpu")).first:
        return
    if run.finished:
        print(f"finished; the model is in {folder}")
    else:
        print(f"stopped after {len(run.losses)} steps; the same command goes on from there")
