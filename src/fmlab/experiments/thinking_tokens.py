"""Does a model answer better if it writes the first fact first? Questions that take two facts.

``small`` is finetuned in four ways, on the same questions and for the same number of steps. The
response is, after the question in the form that most documents have:

- ``at once``: the answer;
- ``steps``: a question about the first fact with its answer, then one about the second;
- ``filler``: as many tokens as the steps have, without content, and then the answer;
- ``steps of another question``: those of a random one, and then the right answer.

Filler and the steps of another question are given, in finetuning as in the test, so that the loss
is that of the answer alone. In the test of ``steps``, the first fact is also written by hand: as it
is, and corrupted. ``small-thinking``, which comes with the book, takes the same test.

    python -m fmlab.experiments thinking_tokens    # book/results/thinking_tokens.json
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np

from fmlab.experiments.jobs import call_all
from fmlab.experiments.results import record
from fmlab.models.gpt import GPT
from fmlab.models.pretrained import load
from fmlab.recipes.thinking import FIRST_FACTS, follows, is_right, responses, think
from fmlab.recipes.two_facts import (
    KINDS,
    TwoFacts,
    answer_part,
    encoded,
    given,
    split,
    steps,
    two_fact_questions,
)
from fmlab.tokenization.tokenizers import BPETokenizer
from fmlab.training.finetuning import finetune_encoded
from microworld import MicroWorld

BASE, SHIPPED, SEEDS = "small", "small-thinking", (0, 1, 2)
TRAINING = dict(n_steps=80, batch_size=16, learning_rate=3e-4)
N_SAMPLES = 8
TEST_SEED = 1000  # of the steps of other questions in the test


def taught(
    kind: str, train: Sequence[TwoFacts], seed: int, n_steps: int = TRAINING["n_steps"]
) -> tuple[GPT, BPETokenizer]:
    """Return ``small``, finetuned on responses of this kind."""
    model, tokenizer = load(BASE)
    data = encoded(tokenizer, train, kind, seed)
    options = TRAINING | dict(n_steps=n_steps, seed=seed, progress=False)
    finetune_encoded(model, data, **options).whole()
    return model, tokenizer


def outcomes(
    world: MicroWorld, test: Sequence[TwoFacts], texts: Sequence[str], n_tokens: Sequence[int]
) -> dict:
    """Return, for each question, whether its response is right, and the tokens of all."""
    right = [int(is_right(world, question, text)) for question, text in zip(test, texts)]
    return {"right": right, "tokens": round(float(np.mean(n_tokens)), 2)}


def voted(world: MicroWorld, model: GPT, tokenizer: BPETokenizer, test: Sequence[TwoFacts]) -> dict:
    """Return the outcome of the most frequent of several answers at once, to each question."""
    options = dict(n=N_SAMPLES, temperature=1.0, rng=np.random.default_rng(0))
    texts, n_tokens = responses(model, tokenizer, test, **options)
    winners = []
    for i in range(len(test)):
        parts = [answer_part(text) for text in texts[N_SAMPLES * i : N_SAMPLES * (i + 1)]]
        winners.append(Counter(parts).most_common(1)[0][0])  # of equal counts, the first
    return outcomes(world, test, winners, N_SAMPLES * np.array(n_tokens))


def with_steps(
    world: MicroWorld, model: GPT, tokenizer: BPETokenizer, test: Sequence[TwoFacts]
) -> dict:
    """Return the outcomes with the first fact as the model writes it, given, and corrupted."""
    found = {}
    for name, first_fact in zip(
        ("steps", "first fact by hand", "first fact corrupted"), FIRST_FACTS
    ):
        texts, n_tokens = think(model, tokenizer, test, first_fact)
        found[name] = outcomes(world, test, texts, n_tokens)
        if first_fact == "corrupted":
            found[name]["follows"] = [int(follows(q, text)) for q, text in zip(test, texts)]
    return found


def job(kind: str, seed: int) -> dict:
    """Teach one model, and return what it answers, as right or not, in all conditions."""
    world = MicroWorld()
    train, test = split(two_fact_questions(world, world.count_mentions()))
    model, tokenizer = taught(kind, train, seed)
    if kind == "steps":
        return with_steps(world, model, tokenizer, test)
    begun = given(tokenizer, test, kind, TEST_SEED + seed)
    found = {kind: outcomes(world, test, *responses(model, tokenizer, test, begun))}
    if kind == "at once":
        found[f"at once, vote of {N_SAMPLES}"] = voted(world, model, tokenizer, test)
    return found


def by_program(
    world: MicroWorld, model: GPT, tokenizer: BPETokenizer, asked: Sequence[TwoFacts]
) -> dict:
    """Return the outcomes if a program asks for the first fact, then for the second one."""
    begun = [f"\nQuestion: {question.first}\nAnswer:" for question in asked]
    firsts, _ = responses(model, tokenizer, asked, begun, max_new_tokens=12)
    values = [text.partition("\n")[0].strip(" .") for text in firsts]
    begun = [steps(question, value) for question, value in zip(asked, values)]
    texts, n_tokens = responses(model, tokenizer, asked, begun, max_new_tokens=12)
    return outcomes(world, asked, [text.partition("\n")[0] for text in texts], n_tokens)


def untaught() -> dict:
    """Return what needs no finetuning here: the baselines, and the model of the book."""
    world, (model, tokenizer) = MicroWorld(), load(BASE)
    train, test = split(two_fact_questions(world, world.count_mentions()))
    found = {"taught on": len(train), "questions": [asdict(question) for question in test]}
    texts, n_tokens = responses(model, tokenizer, test, max_new_tokens=12)
    found["untaught"] = outcomes(world, test, [t.partition("\n")[0] for t in texts], n_tokens)
    found["two questions by a program"] = by_program(world, model, tokenizer, test)
    guess = Counter((question.relation, question.answer) for question in train)
    common = {relation: answer for (relation, answer), _ in reversed(guess.most_common())}
    majority = [f" {common.get(question.relation, '')}" for question in test]
    found |= {"majority answer": outcomes(world, test, majority, [0])}
    found |= {"shipped": with_steps(world, *load(SHIPPED), test)}
    return found


def call(task: tuple) -> dict:
    return job(*task) if task else untaught()


def main(arguments: list[str] | None = None) -> None:
    """Run all parts, one after the other; ``--resume FILE`` keeps those that are finished."""
    parser = argparse.ArgumentParser(prog="python -m fmlab.experiments thinking_tokens")
    parser.add_argument("--resume", type=Path, help="a file for the outcomes of finished parts")
    options = parser.parse_args(arguments)
    started = time.perf_counter()
    tasks = [(), *((kind, seed) for seed in SEEDS for kind in KINDS)]
    plain, *runs = call_all(call, tasks, 1, options.resume)
    merged: dict[str, list] = {}
    for found in runs:
        for name, outcome in found.items():
            merged.setdefault(name, []).append(outcome)
    contents = plain | {
        "steps of finetuning": TRAINING["n_steps"],
        "seeds": list(SEEDS),
        "runs": merged,
    }
    seconds = time.perf_counter() - started
    print(record("thinking_tokens", contents, command=parser.prog, seconds=seconds))
