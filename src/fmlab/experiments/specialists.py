"""One pre-trained model against models that were trained for one task each.

``micro`` was pre-trained on documents about the micro world. A specialist has the same shape and
starts from random weights. There are two comparisons.

``as is``      tasks in the form of the documents: ``micro`` without further training, and
               specialists that were trained on examples of one task each; all take all tasks
``by amount``  tasks in a form that no document has, so that ``micro`` has to be finetuned, too: the
               accuracy of both after the same number of examples

The learning rates of the second comparison were chosen among ``RATES`` for each task and way, by
the accuracy on a validation set, with 100 examples and a seed that is not used again. A seed
determines the initial weights, the examples and their order.

    python -m fmlab.experiments specialists                   # book/results/specialists.json
    python -m fmlab.experiments specialists --only "as is"    # the other stays as recorded

With ``--resume FILE``, finished runs are added to a file, and those in it are not repeated.
"""

from __future__ import annotations

import argparse
import random
import time
from collections.abc import Sequence
from functools import cache
from itertools import product
from pathlib import Path

import torch

from fmlab.data.dialogues import Dialogues
from fmlab.evaluation.questions import chance, exercise_accuracy
from fmlab.evaluation.responses import grade
from fmlab.evaluation.statistics import Rate
from fmlab.experiments.jobs import call_all
from fmlab.experiments.ladder import as_dict
from fmlab.experiments.results import read, record
from fmlab.models.gpt import GPT
from fmlab.models.pretrained import add_chat_tokens, card, load
from fmlab.recipes.pretrain import LADDER, initial_spread
from fmlab.tokenization.special_tokens import end_of_text
from fmlab.tokenization.tokenizers import BPETokenizer
from fmlab.training.finetuning import finetune, finetune_encoded
from fmlab.training.run import Run
from microworld import Exercise, MicroWorld

NAME, BASE = "specialists", "micro"
SEEDS, TUNING_SEED, BATCH = (0, 1, 2), 9, 8
N_TEST, N_OTHER_TEST, N_VALIDATION = 200, 50, 100

AS_IS = ("sentiment", "labels", "look-up", "story", "translation")
STEPS_AS_IS = {1000: 800}  # of a specialist, by the number of examples
RATE_AS_IS = 3e-3

AMOUNTS = {"sentiment": (10, 30, 100, 300), "repeat": (100, 300, 1000)}
STEPS = {10: 30, 30: 40, 100: 80, 300: 150, 1000: 300}
RATES = {"finetuned": (3e-4, 1e-3, 3e-3), "from scratch": (1e-3, 3e-3, 1e-2)}
MORE_STEPS = {"finetuned": 1, "from scratch": 2}  # the specialist may train twice as long
TUNED_WITH = 100


@cache
def world() -> MicroWorld:
    """Return the world; making it takes a second."""
    return MicroWorld()


def new_model(seed: int = 0) -> tuple[GPT, BPETokenizer]:
    """Return a model of the base's shape with random weights, and the base's tokenizer."""
    _, tokenizer = load(BASE)
    config = LADDER[BASE].config
    return GPT(config, seed, initial_spread(config)), tokenizer


# --- tasks in the form of the documents -----------------------------------------------------------


def exercises(task: str, n: int, seed: int) -> list[Exercise]:
    """Return n exercises of a task; seed 1 is the test."""
    return world().exercises(n, task, seed)


def train_specialist(
    model: GPT, tokenizer: BPETokenizer, examples: Sequence[Exercise], n_steps: int, seed: int
) -> Run:
    """Train a model in place on exercises; the loss counts their answers."""
    end = end_of_text(tokenizer)
    prompts = [[end, *tokenizer.encode(each.prompt)] for each in examples]
    answers = [[*tokenizer.encode(each.answer), end] for each in examples]
    data = Dialogues.from_ids(prompts, answers)
    options = dict(n_steps=n_steps, learning_rate=RATE_AS_IS, batch_size=BATCH, seed=seed)
    return finetune_encoded(model, data, **options, progress=False).whole()


def on_all_tasks(model: GPT, tokenizer: BPETokenizer, own: str | None = None) -> dict[str, dict]:
    """Return the accuracy of a model on all tasks; the tests of tasks other than ``own`` are short.

    Without ``own``, all tests are long.
    """
    sizes = {task: N_TEST if own in (None, task) else N_OTHER_TEST for task in AS_IS}
    tests = {task: exercises(task, n, 1) for task, n in sizes.items()}
    return {task: as_dict(exercise_accuracy(model, tokenizer, t)) for task, t in tests.items()}


def specialist(task: str, n: int, seed: int) -> dict:
    """Train a specialist on n exercises of a task; return its accuracy on all tasks."""
    model, tokenizer = new_model(seed)
    examples = exercises(task, n, 10 + seed)
    run = train_specialist(model, tokenizer, examples, STEPS_AS_IS[n], seed)
    accuracy = on_all_tasks(model, tokenizer, task)
    return dict(task=task, n=n, seed=seed, flops=run.flops, accuracy=accuracy)


# --- tasks in a new form --------------------------------------------------------------------------


@cache
def pairs(task: str, n: int, seed: int) -> list[tuple[str, str]]:
    """Return n prompts of a task with their correct responses."""
    found = world().demonstrations(n, tasks=[task], seed=seed)
    return [(each.prompt, each.response) for each in found]


@cache
def prompts(task: str, n: int, seed: int) -> list[str]:
    """Return n prompts of a test or validation set, without those of any training set."""
    seen = {prompt for s in SEEDS for prompt, _ in pairs(task, max(STEPS), 10 + s)}
    fresh = dict.fromkeys(prompt for prompt, _ in pairs(task, 20 * n, seed))
    return [prompt for prompt in fresh if prompt not in seen][:n]


def majority(task: str) -> Rate:
    """Return the accuracy of always giving the most frequent response of the training sets."""
    responses = [response for _, response in pairs(task, max(STEPS), 10)]
    guess, test = max(set(responses), key=responses.count), prompts(task, N_TEST, 1)
    return Rate.of(world().features(prompt, guess).correct == 1 for prompt in test)


def train(
    way: str, task: str, n: int, seed: int, rate: float, shuffled: bool = False
) -> tuple[GPT, BPETokenizer, Run]:
    """Train on n examples, from the base's weights ("finetuned") or from random ones."""
    model, tokenizer = add_chat_tokens(*(load(BASE) if way == "finetuned" else new_model(seed)))
    examples = pairs(task, max(STEPS), 10 + seed)[:n]
    if shuffled:
        responses = [response for _, response in examples]
        random.Random(seed).shuffle(responses)
        examples = [(prompt, response) for (prompt, _), response in zip(examples, responses)]
    steps = MORE_STEPS[way] * STEPS[n]
    options = dict(n_steps=steps, learning_rate=rate, batch_size=BATCH, seed=seed, progress=False)
    return model, tokenizer, finetune(model, tokenizer, examples, **options).whole()


def accuracy(model: GPT, tokenizer: BPETokenizer, task: str, validation: bool = False) -> Rate:
    """Return how often a model's response is correct, on the test or on the validation set."""
    test = prompts(task, N_VALIDATION, 2) if validation else prompts(task, N_TEST, 1)
    return grade(model, tokenizer, world(), test, max_new_tokens=24).correct


def tuned(way: str, task: str, rate: float) -> dict:
    """Return the validation accuracy of a learning rate."""
    model, tokenizer, _ = train(way, task, TUNED_WITH, TUNING_SEED, rate)
    correct = accuracy(model, tokenizer, task, validation=True)
    return dict(way=way, task=task, rate=rate, accuracy=as_dict(correct))


def point(way: str, task: str, n: int, seed: int, rate: float, shuffled: bool = False) -> dict:
    """Train once; return the test accuracy and what the training took."""
    started = time.perf_counter()
    model, tokenizer, run = train(way, task, n, seed, rate, shuffled)
    seconds = time.perf_counter() - started
    return dict(
        way=way,
        task=task,
        n=n,
        seed=seed,
        rate=rate,
        shuffled=shuffled,
        steps=len(run.steps),
        tokens=run.n_tokens,
        flops=run.flops,
        seconds=round(seconds, 1),
        accuracy=as_dict(accuracy(model, tokenizer, task)),
    )


# --- all of it ------------------------------------------------------------------------------------


def call(job: tuple) -> dict:
    """Call a function of this module: (name, arguments)."""
    torch.set_num_threads(1)
    name, arguments = job
    outcome = globals()[name](**arguments)
    print(name, outcome, flush=True)
    return outcome


def best_rate(tunings: Sequence[dict], way: str, task: str) -> float:
    """Return the learning rate with the best validation accuracy; of several, the largest."""
    candidates = [each for each in tunings if (each["way"], each["task"]) == (way, task)]
    return max(candidates, key=lambda each: (each["accuracy"]["rate"], each["rate"]))["rate"]


def by_amount(tunings: Sequence[dict]) -> list[dict]:
    """Return the settings of all runs of the second comparison, the longest first."""
    grid = []
    for task, way in product(AMOUNTS, RATES):
        rate = best_rate(tunings, way, task)
        for n, seed in product(AMOUNTS[task], SEEDS):
            settings = dict(way=way, task=task, n=n, seed=seed, rate=rate)
            grid.append(settings)
            if way == "finetuned" and n == TUNED_WITH:
                grid.append(settings | {"shuffled": True})
    return sorted(grid, key=lambda settings: -MORE_STEPS[settings["way"]] * STEPS[settings["n"]])


def compare_as_is(workers: int = 2, finished: Path | None = None) -> dict:
    """Run the first comparison; return its results."""
    jobs = [
        ("specialist", dict(task=task, n=n, seed=seed))
        for n in reversed(STEPS_AS_IS)
        for task in AS_IS
        for seed in SEEDS
    ]
    tests = {task: exercises(task, N_TEST, 1) for task in AS_IS}
    return {
        "chance": {task: round(chance(test), 4) for task, test in tests.items()},
        "general": on_all_tasks(*load(BASE)),
        "untrained": on_all_tasks(*new_model()),
        "steps": {str(n): steps for n, steps in STEPS_AS_IS.items()},
        "specialists": call_all(call, jobs, workers, finished),
    }


def compare_by_amount(workers: int = 2, finished: Path | None = None) -> dict:
    """Run the second comparison; return its results."""
    tuning = [
        ("tuned", dict(way=way, task=task, rate=rate))
        for way, rates in RATES.items()
        for task in AMOUNTS
        for rate in rates
    ]
    tunings = call_all(call, tuning, workers, finished)
    grid = [("point", settings) for settings in by_amount(tunings)]
    return {
        "majority": {task: as_dict(majority(task)) for task in AMOUNTS},
        "tuning": tunings,
        "runs": call_all(call, grid, workers, finished),
    }


COMPARISONS = {"as is": compare_as_is, "by amount": compare_by_amount}


def main(arguments: list[str] | None = None) -> None:
    """The command line of ``python -m fmlab.experiments specialists``."""
    prog = f"python -m fmlab.experiments {NAME}"
    parser = argparse.ArgumentParser(prog=prog, description="General models and specialists.")
    parser.add_argument("--workers", type=int, default=2, help="processes (default: 2)")
    parser.add_argument("--only", choices=COMPARISONS, help="one comparison; keep the other")
    parser.add_argument("--resume", type=Path, metavar="FILE", help="add finished runs to a file")
    options = parser.parse_args(arguments)
    for name in [options.only] if options.only else COMPARISONS:
        started = time.perf_counter()
        comparison = COMPARISONS[name](options.workers, options.resume)
        comparison["seconds"] = round(time.perf_counter() - started, 1)
        try:
            recorded = read(NAME)
        except FileNotFoundError:
            recorded = {}
        both = {key: recorded[key] for key in COMPARISONS if key in recorded} | {name: comparison}
        both = {key: both[key] for key in COMPARISONS if key in both}
        seconds = sum(each.get("seconds", 0) for each in both.values())
        contents = {"base": BASE, "pre-training FLOPs": card(BASE)["flops"], **both}
        print(record(NAME, contents, command=prog, seconds=seconds), flush=True)
