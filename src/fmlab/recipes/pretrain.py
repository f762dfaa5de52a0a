"""The book's pre-trained models, smallest first, and how each is trained from scratch.

All of them are trained on the same text, the micro world's default corpus, with the same tokenizer.
They differ in size and in the number of epochs. ``python -m fmlab.recipes micro`` makes one again:
it writes the corpus, learns the tokenizer, trains the model, and saves weights, tokenizer and card
in a folder.
"""

from __future__ import annotations

import math
import os
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import fmean

import torch

from fmlab.arguments import require
from fmlab.data.packing import Batches
from fmlab.models.configs import PUBLISHED, GPTConfig
from fmlab.models.gpt import GPT
from fmlab.models.layers import INITIAL_SPREAD
from fmlab.models.pretrained import CARD, save
from fmlab.recipes.card import card
from fmlab.scaling.costs import count_parameters
from fmlab.tokenization.special_tokens import END_OF_TEXT
from fmlab.tokenization.tokenizers import BPETokenizer
from fmlab.training.checkpoints import delete_checkpoints
from fmlab.training.distributed import Processes
from fmlab.training.loop import Settings
from fmlab.training.pretraining import pretrain
from fmlab.training.run import Run
from microworld import DEFAULT_DOCUMENTS, MicroWorld

VOCAB_SIZE, CONTEXT_LENGTH = 2048, 256
CURVE_POINTS = 200  # at most, on a card: means over windows of steps


@dataclass(frozen=True)
class Rung:
    """A model's shape, its number of epochs, and how it is trained."""

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
    """Return the standard deviation of initial weights: GPT-2's 0.02 at width 768, rescaled.

    A sum of D products grows as sqrt(D), so narrow models need larger weights for the same sums.
    With 0.02, they take much longer to learn to copy from the context.
    """
    return INITIAL_SPREAD * math.sqrt(PUBLISHED["gpt2"].d_model / config.d_model)


def train(
    name: str,
    folder: str | Path | None = None,
    *,
    minutes: float = math.inf,
    device: str | None = None,
    progress: bool = True,
    rung: Rung | None = None,
    world: MicroWorld | None = None,
    n_documents: int = DEFAULT_DOCUMENTS,
    **options: object,
) -> tuple[GPT, BPETokenizer, Run]:
    """Train a model of the ladder from scratch; return it, its tokenizer, and the run.

    Checkpoints are written to the ``folder``, from which the same call resumes; in the end, it has
    the model with its card. ``minutes`` ends training early, or pauses it if there is a folder.
    Another ``rung``, ``world`` or ``n_documents`` makes another model; ``options`` are those of
    ``fmlab.training.pretrain``.
    Errors: ``ValueError`` for an unknown name or a folder that already holds a finished model;
    others as in ``fmlab.training.pretrain``.
    """
    require(name in LADDER, "name", f"one of {', '.join(LADDER)}", name)
    rung, folder = rung or LADDER[name], None if folder is None else Path(folder)
    is_new = folder is None or not (folder / CARD).exists()
    require(is_new, "folder", "one without a finished model, such as a new one", str(folder))
    own_gpu = f"cuda:{os.environ.get('LOCAL_RANK', 0)}"  # torchrun numbers the processes
    device = device or (own_gpu if torch.cuda.is_available() else "cpu")
    model = GPT(rung.config, spread=initial_spread(rung.config)).to(device)
    processes = Processes.joined(model.device)

    def report(text: str) -> None:
        if progress and processes.first:
            print(text, file=sys.stderr, flush=True)

    report(f"writing {n_documents:,} documents about the micro world")
    source, world = _described(world)
    texts = list(world.documents(n_documents))
    vocab_size, context_length = rung.config.vocab_size, rung.config.context_length
    report(f"training a tokenizer with {vocab_size:,} tokens on them")
    tokenizer = BPETokenizer.train(texts, vocab_size, special_tokens=[END_OF_TEXT])
    report("encoding the documents")
    batches = Batches(texts, tokenizer, rung.batch_size, context_length)
    settings = Settings(rung.n_epochs * batches.per_epoch, learning_rate=rung.learning_rate)
    options |= dict(minutes=minutes, progress=progress)
    run = pretrain(model, batches, settings, folder, **options)
    if run.finished and folder is not None and processes.first:
        data = f"{source}.documents({n_documents}), {rung.n_epochs} times"
        save(folder, model, tokenizer, ladder_card(name, model, batches, settings, run, data))
        delete_checkpoints(folder)
    return model, tokenizer, run


def _described(world: MicroWorld | None) -> tuple[str, MicroWorld]:
    """Return the code that makes a world, and the world: the default one unless given."""
    if world is None:
        return "MicroWorld()", MicroWorld()
    return f"MicroWorld({world.seed}, n_people={len(world.people)})", world


def ladder_card(
    name: str, model: GPT, batches: Batches, settings: Settings, run: Run, data: str
) -> dict:
    """Return the card of a model that was trained from scratch."""
    n_processes = Processes.joined(torch.device("cpu")).n
    launcher = "python" if n_processes == 1 else f"torchrun --nproc_per_node {n_processes}"
    n_steps, tokens_per_step = len(run.losses), batches.batch_size * batches.context_length
    window = math.ceil(n_steps / CURVE_POINTS)
    starts = range(0, n_steps, window)
    curve = [round(fmean(run.losses[start : start + window]), 4) for start in starts]
    ends = [min(n_steps, start + window) for start in starts]
    return card(
        name,
        model,
        run,
        command=f"{launcher} -m fmlab.recipes {name}",
        data=data,
        data_sha256=batches.fingerprint,
        corpus_tokens=batches.n_tokens,
        settings=asdict(settings) | {"batch_size": batches.batch_size},
        tokens_per_parameter=round(run.n_tokens / count_parameters(model.config), 1),
        loss=curve[-1],
        curve={"tokens": [tokens_per_step * end for end in ends], "loss": curve},
    )
