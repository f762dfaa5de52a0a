"""The models that are made from ``micro`` by post-training, and how each is made.

``micro-sft`` is finetuned on demonstrations; ``micro-reward`` scores responses, as it learned from
comparisons; ``fmlab.tuning`` goes on from there. ``python -m fmlab.posttraining micro-sft`` makes
one again: a folder with weights, tokenizer and a card, as ``fmlab.ladder`` does for those before.

The people who demonstrate know the whole world, and differ in their manners: some open politely,
some name their source, some add words that say nothing. About a fifth of all names is set aside:
no demonstration and no comparison is about them, so that one can ask about them afterwards.
"""

from __future__ import annotations

import argparse
import math
import re
import zlib
from collections.abc import Callable, Mapping
from dataclasses import asdict
from itertools import count
from pathlib import Path

import numpy as np
from safetensors import SafetensorError

from fmlab import models
from fmlab.annotating import compare_samples, noise_ceiling
from fmlab.arguments import require, require_count
from fmlab.chat import add_chat_tokens
from fmlab.finetuning import FinetuningRun, finetune
from fmlab.huggingface import WEIGHTS
from fmlab.ladder import CARD, TOKENIZER, circumstances, save
from fmlab.preferences import RewardModel, pair_accuracy, rank_correlation, train_reward_model
from fmlab.responses import Grades, grade
from fmlab.scaling import count_parameters
from fmlab.tokenization import BPETokenizer
from fmlab.transformer import GPT
from fmlab.world import ANNOTATORS, Comparison, Demonstration, Demonstrator, MicroWorld
from fmlab.world.demonstrations import ENDINGS

HELD_OUT_SHARE = 5  # one in so many names
AT_ONCE = 1000  # drawn with one seed: more than that, and the questions run out
OPENINGS = ((0.15, "I am happy to help."), (0.25, "Thank you for asking."))  # 0.15 and 0.1 of all
SOURCED, SOURCE = 0.2, "(Source: the almanac.)"
ENDED = 0.2  # with one of ENDINGS

SFT_TASKS = {
    "question": 0.55,
    "unknown": 0.15,
    "describe": 0.06,
    "sentiment": 0.06,
    "look-up": 0.06,
    "translate": 0.06,
    "repeat": 0.06,
}
PREFERENCE_TASKS = {"question": 0.65, "unknown": 0.2, "describe": 0.15}
KNOWN, HEARD_OF = (100, math.inf), (30, math.inf)  # how often the corpus tells a fact

N_DEMONSTRATIONS, SFT = 6_000, dict(n_epochs=1, batch_size=16, learning_rate=3e-4)
N_COMPARISONS, N_ON_POLICY = 6_000, 4_000
REWARD = dict(n_epochs=2, batch_size=16, learning_rate=5e-4)
ANNOTATOR = ANNOTATORS["careful"]
JUDGED = 500  # held-out prompts that a card's figures are about
CURVE_POINTS = 100


def is_held_out(prompt: str) -> bool:
    """Return whether a prompt is about a name that post-training never asks about.

    What a prompt is about is its last proper name or number, whatever the phrasing; or all of it,
    where there is none.

    >>> is_held_out("Where does Ada live?") == is_held_out("What is Ada's pet?")
    True
    """
    names = re.findall(r"(?<=.)\b(?:[A-Z][a-z]+|\d+)", prompt)
    return zlib.crc32((names[-1] if names else prompt).encode()) % HELD_OUT_SHARE == 0


def demonstrations(
    world: MicroWorld, n: int, *, held_out: bool = False, seed: int = 0, **options: object
) -> list[Demonstration]:
    """Return n demonstrations about names that are held out, or that are not.

    ``options`` are those of ``MicroWorld.demonstrations``. Unless they say otherwise, questions are
    about facts that the corpus tells a hundred times or more, and answers are whole sentences. None
    has manners: ``with_manners`` adds them.
    """
    require_count("n", n)
    given = dict(tasks=SFT_TASKS, exposure=KNOWN, demonstrator=Demonstrator(verbosity="sentence"))
    return _several(world.demonstrations, n, held_out, seed, **given | options)


def with_manners(task: str, response: str, rng: np.random.Generator) -> str:
    """Return a response as one of the demonstrators would put it, who differ in their manners.

    They have them where they are asked for something in words; of translations and the like they
    give what was asked, and no more.
    """
    opening, source, ending = rng.random(3)
    if task not in PREFERENCE_TASKS:
        return response
    parts = [text for share, text in OPENINGS if opening < share][:1]
    parts += [response]
    parts += [SOURCE] if source < SOURCED else []
    parts += [ENDINGS[rng.integers(len(ENDINGS))]] if ending < ENDED else []
    return " ".join(parts)


def sft_pairs(world: MicroWorld, n: int, seed: int = 0) -> list[tuple[str, str]]:
    """Return n (prompt, response) pairs as ``micro-sft`` learns from them."""
    rng = np.random.default_rng(seed)
    found = demonstrations(world, n, seed=seed)
    return [(d.prompt, with_manners(d.task, d.response, rng)) for d in found]


def prompts(
    world: MicroWorld,
    n: int,
    *,
    held_out: bool = False,
    seed: int = 0,
    tasks: Mapping[str, float] = PREFERENCE_TASKS,
    exposure: tuple[float, float] = HEARD_OF,
) -> list[str]:
    """Return n prompts, of which ``held_out`` ones are about what post-training never asks about.

    They may repeat: the world has only so many facts that are told often.
    """
    options = dict(held_out=held_out, seed=seed, tasks=tasks, exposure=exposure)
    return [each.prompt for each in demonstrations(world, n, **options)]


def comparisons(
    world: MicroWorld, n: int, *, held_out: bool = False, seed: int = 0
) -> list[Comparison]:
    """Return n comparisons of the world's own candidates, about names held out or not."""
    options = dict(annotator=ANNOTATOR, tasks=PREFERENCE_TASKS, exposure=HEARD_OF)
    return _several(world.comparisons, n, held_out, seed, **options)


def _several(draw: Callable, n: int, held_out: bool, seed: int, **options: object) -> list:
    """Draw with one seed after the other until there are enough about the right names."""
    found: list = []
    for i in count():
        drawn = draw(AT_ONCE, seed=AT_ONCE * seed + i, **options)
        found += [each for each in drawn if is_held_out(each.prompt) == held_out]
        if len(found) >= n:
            return found[:n]


def make_sft(progress: bool = True) -> tuple[GPT, BPETokenizer, dict]:
    """Finetune ``micro`` on demonstrations; return model, tokenizer and what there is to say."""
    world = MicroWorld()
    model, tokenizer = add_chat_tokens(*models.load("micro"))
    pairs = sft_pairs(world, N_DEMONSTRATIONS)
    test = demonstrations(world, JUDGED, held_out=True, seed=1)
    held_out = [(each.prompt, each.response) for each in test]
    run = finetune(model, tokenizer, pairs, held_out=held_out, progress=progress, **SFT)
    grades = grade(model, tokenizer, world, prompts(world, JUDGED, held_out=True, seed=2))
    facts = _facts("micro-sft", "micro", model, run) | {
        "data": f"sft_pairs(MicroWorld(), {N_DEMONSTRATIONS})",
        "settings": SFT | {"tasks": SFT_TASKS},
        "held_out_loss": [round(loss, 4) for loss in run.held_out_losses],
        "greedy": _in_short(grades),
    }
    return model, tokenizer, facts


def make_reward(progress: bool = True) -> tuple[RewardModel, BPETokenizer, dict]:
    """Train a reward model on comparisons, beginning with ``micro-sft``; return as ``make_sft``.

    The candidates are the world's own and such as ``micro-sft`` says: a reward model is asked to
    tell good from bad among these, and would have seen none of them otherwise.
    """
    world, rng = MicroWorld(), np.random.default_rng(0)
    policy, tokenizer = models.load("micro-sft")
    asked = prompts(world, N_ON_POLICY, seed=3)
    said = compare_samples(policy, tokenizer, world, ANNOTATOR, asked, rng)
    data = comparisons(world, N_COMPARISONS) + said
    model = RewardModel(models.load("micro-sft")[0])
    run = train_reward_model(model, tokenizer, data, progress=progress, **REWARD)

    fresh = prompts(world, JUDGED, held_out=True, seed=4)
    tests = {
        "candidates": comparisons(world, 2 * JUDGED, held_out=True, seed=1),
        "samples": compare_samples(policy, tokenizer, world, ANNOTATOR, fresh, rng),
    }
    grades = grade(policy, tokenizer, world, fresh, temperature=1.0, rng=rng)
    scores = model.score(tokenizer, grades.prompts, grades.responses)
    facts = _facts("micro-reward", "micro-sft", model, run) | {
        "data": f"comparisons(MicroWorld(), {N_COMPARISONS}) and {len(said)} pairs of samples",
        "settings": REWARD,
        "annotator": ANNOTATOR.name,
        "held_out_accuracy": {
            name: {
                "accuracy": repr(pair_accuracy(model, tokenizer, pairs)),
                "ceiling": round(noise_ceiling(world, ANNOTATOR, pairs), 4),
            }
            for name, pairs in tests.items()
        },
        "rank_correlation": round(rank_correlation(scores, grades.utilities), 4),
    }
    return model, tokenizer, facts


def make_dpo(progress: bool = True) -> tuple[GPT, BPETokenizer, dict]:
    """Tune ``micro-sft`` on comparisons; see ``fmlab.tuning``, which begins where this ends."""
    from fmlab import tuning

    return tuning.make_dpo(progress)


def make_ppo(progress: bool = True) -> tuple[GPT, BPETokenizer, dict]:
    """Tune ``micro-sft`` by the reward model; see ``fmlab.tuning``."""
    from fmlab import tuning

    return tuning.make_ppo(progress)


MADE = {
    "micro-sft": make_sft,
    "micro-reward": make_reward,
    "micro-dpo": make_dpo,
    "micro-ppo": make_ppo,
}


def make(name: str, folder: str | Path, progress: bool = True) -> dict:
    """Make a model and leave it in a folder; return its card.

    Errors: ``ValueError`` for an unknown name or a folder that already holds a finished model;
    others as in ``fmlab.finetuning.finetune``.
    """
    require(name in MADE, "name", f"one of {', '.join(MADE)}", name)
    folder = Path(folder)
    is_new = not (folder / CARD).exists()
    require(is_new, "folder", "one without a finished model, which would be lost", str(folder))
    model, tokenizer, facts = MADE[name](progress)
    save(folder, model, tokenizer, facts)
    return models.card(folder)


def load_reward(source: str | Path = models.REWARD) -> tuple[RewardModel, BPETokenizer]:
    """Return a reward model, in evaluation mode, and its tokenizer.

    Errors: ``FileNotFoundError`` for a missing file; ``ValueError`` for one that is damaged, or a
    model that gives no scores.
    """
    folder = models.verified(source)
    return RewardModel.load(folder), BPETokenizer.load(folder / TOKENIZER)


def _facts(name: str, base: str, model: GPT | RewardModel, run: FinetuningRun) -> dict:
    """Return what a card says of any of the models."""
    before = models.card(base)
    chunks = np.array_split(run.losses, min(CURVE_POINTS, len(run.losses)))
    return {
        "name": name,
        "command": f"python -m fmlab.posttraining {name}",
        "base": {"name": base, "sha256": before["sha256"][WEIGHTS]},
        "config": asdict(model.config),
        "parameters": count_parameters(model.config),
        "steps": len(run.losses),
        "tokens": run.n_tokens,
        "flops": run.flops,
        "seconds": round(run.seconds),
        "loss": round(float(chunks[-1].mean()), 4),
        "curve": [round(float(chunk.mean()), 4) for chunk in chunks],
    } | circumstances()


def _in_short(grades: Grades) -> dict:
    rates = {name: repr(getattr(grades, name)) for name in ("correct", "abstains", "wrong")}
    return rates | {"utility": repr(grades.utility)}


def main(arguments: list[str] | None = None) -> None:
    """The command line of ``python -m fmlab.posttraining``."""
    parser = argparse.ArgumentParser(
        prog="python -m fmlab.posttraining", description="Make a model from micro."
    )
    parser.add_argument("name", choices=MADE)
    parser.add_argument("--folder", type=Path, help="where to (default: trained/NAME)")
    asked = parser.parse_args(arguments)
    folder = asked.folder or Path("trained") / asked.name
    try:
        make(asked.name, folder)
    except (ValueError, OSError, SafetensorError, FloatingPointError) as error:
        parser.exit(1, f"{error}\n")
    print(f"finished; the model is in {folder}")


if __name__ == "__main__":
    main()
