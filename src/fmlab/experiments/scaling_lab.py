"""What the experiments about model size share: endless text, tiny models, training, and resuming.

The text is the micro world's, one token per character, and it is generated as it is needed, so no
character is repeated in training. The models are GPTs of two layers. Parameters are counted without
the position embedding, and FLOPs exactly, three times those of the forward pass.

Shapes: B rows of a batch, T characters of a row, N characters of a text.
"""

from __future__ import annotations

import functools
import hashlib
import json
import math
import multiprocessing
import time
from collections.abc import Callable, Iterable, Sequence

import torch
from torch import Tensor, nn

from fmlab.files import cache_folder, write_atomically
from fmlab.models.configs import GPTConfig
from fmlab.models.gpt import GPT
from fmlab.models.layers import initialize
from fmlab.scaling.costs import count_parameters, forward_flops
from microworld import MicroWorld

CONTEXT, BATCH, N_LAYERS = 64, 8, 2
PER_STEP = BATCH * CONTEXT
ALPHABET_TEXTS = 4_000  # their characters are the vocabulary; the rare others are left out
TEST_TEXTS, TEST_ROWS = 800, 256


@functools.cache
def alphabet() -> str:
    """Return the characters of the first texts, sorted."""
    return "".join(sorted(set("\n\n".join(MicroWorld().documents(ALPHABET_TEXTS)))))


def encode(text: str) -> Tensor:
    """Return the ids of a text's characters, (N,); characters outside the alphabet are left out."""
    places = {character: i for i, character in enumerate(alphabet())}
    return torch.tensor([places[c] for c in text if c in places])


def decode(ids: Iterable[int]) -> str:
    """Return the text of ids."""
    letters = alphabet()
    return "".join(letters[i] for i in ids)


def training_text(n: int) -> Tensor:
    """Return the first n characters of the world's endless text: (n,). The longest is kept."""
    if n > len(_longest[0]):
        parts, size = [], 0
        for document in MicroWorld().documents(10**9):
            parts.append(encode(document + "\n\n"))
            size += len(parts[-1])
            if size >= n:
                break
        _longest[0] = torch.cat(parts)
    return _longest[0][:n]


_longest = [torch.empty(0, dtype=torch.long)]


@functools.cache
def test_rows() -> tuple[Tensor, Tensor]:
    """Return rows of held-out text and their targets: (``TEST_ROWS``, T) each."""
    texts = MicroWorld().documents(TEST_TEXTS, stream="test")
    ids = encode("\n\n".join(texts))[: TEST_ROWS * (CONTEXT + 1)]
    rows = ids.view(TEST_ROWS, CONTEXT + 1)
    return rows[:, :-1], rows[:, 1:]


def config_of(width: int) -> GPTConfig:
    """Return the shape of a model: two layers, and heads about 16 wide."""
    return GPTConfig(len(alphabet()), CONTEXT, N_LAYERS, max(1, width // 16), width)


def n_parameters(width: int) -> int:
    """Return the parameters of a model, without its position embedding."""
    return count_parameters(config_of(width)) - CONTEXT * width


def step_flops(width: int) -> int:
    """Return the FLOPs of one training step on ``PER_STEP`` characters."""
    return 3 * forward_flops(config_of(width), CONTEXT, batch=BATCH)


def new_model(width: int, seed: int) -> GPT:
    """Return a model with random weights: the wider, the smaller they are."""
    model = GPT(config_of(width), seed)
    initialize(model, N_LAYERS, seed, spread=0.5 / math.sqrt(width))
    return model


def learning_rate(step: int, n_steps: int, peak: float) -> float:
    """Return a step's learning rate: linear warm-up for a tenth, then a cosine down to a tenth."""
    warm_up = max(1, n_steps // 10)
    if step < warm_up:
        return peak * (step + 1) / warm_up
    progress = (step + 1 - warm_up) / max(1, n_steps - warm_up)
    return peak * (0.1 + 0.45 * (1 + math.cos(math.pi * progress)))


def train(
    model: nn.Module,
    ids: Tensor,
    n_steps: int,
    rate: float,
    *,
    loss: Callable[[Tensor, Tensor], Tensor] | None = None,
    groups: Sequence[dict] | None = None,
) -> None:
    """Train in place on the text from its start, each character once; it starts over at its end.

    ``groups`` are the optimizer's parameters, each with a ``scale`` of the learning rate.
    """
    groups = groups or [{"params": list(model.parameters()), "scale": 1.0}]
    optimizer = torch.optim.AdamW(groups, lr=rate, betas=(0.9, 0.95), weight_decay=0.0, fused=True)
    loss = loss or model.loss
    rows = ids[: len(ids) // (CONTEXT + 1) * (CONTEXT + 1)].view(-1, CONTEXT + 1)
    model.train()
    for step in range(n_steps):
        places = (step * BATCH + torch.arange(BATCH)) % len(rows)
        value = loss(rows[places, :-1], rows[places, 1:])
        optimizer.zero_grad()
        value.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for group in optimizer.param_groups:
            group["lr"] = group["scale"] * learning_rate(step, n_steps, rate)
        optimizer.step()
    model.eval()


@torch.no_grad()
def test_loss(model: nn.Module) -> float:
    """Return the loss on held-out text, in nats per character; infinite if training diverged."""
    inputs, targets = test_rows()
    parts = zip(inputs.split(64), targets.split(64))
    value = sum(float(model.loss(x, y)) for x, y in parts) / (TEST_ROWS / 64)
    return value if math.isfinite(value) else math.inf


def resumed(
    name: str,
    tasks: Sequence[tuple],
    do: Callable[..., dict],
    *,
    workers: int = 2,
    minutes: float = math.inf,
) -> list[dict] | None:
    """Do every task that an earlier call did not do; return all results, None if time ran out.

    Results are kept in the user's cache folder, by the name and the arguments of the task.
    """
    path = cache_folder() / "experiments" / f"{name}.json"
    done = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    missing = [task for task in dict.fromkeys(tasks) if _key(do, task) not in done]
    end = time.monotonic() + 60 * minutes
    with multiprocessing.get_context("fork").Pool(workers, torch.set_num_threads, (1,)) as pool:
        for task, result in pool.imap_unordered(functools.partial(_timed, do), missing):
            done[_key(do, task)] = result
            write_atomically(path, json.dumps(done, indent=1))
            print(name, *task, result, flush=True)
            if time.monotonic() > end:
                pool.terminate()
                break
    if any(_key(do, task) not in done for task in tasks):
        return None
    return [done[_key(do, task)] for task in tasks]


def _timed(do: Callable[..., dict], task: tuple) -> tuple[tuple, dict]:
    started = time.perf_counter()
    result = do(*task)
    return task, result | {"seconds": round(time.perf_counter() - started, 1)}


def _key(do: Callable, task: tuple) -> str:
    return hashlib.sha256(repr((do.__name__, task)).encode()).hexdigest()[:16]
