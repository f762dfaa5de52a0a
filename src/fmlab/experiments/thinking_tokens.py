"""Does a model answer better if it writes the first fact first? Questions that take two facts.

``small`` is finetuned in four ways, on the same questions and for the same number of steps. The
response is, after the question in the form that most documents have:

- ``at once``: the answer;
- ``steps``: a question about the first fact with its answer, then one about the second;
- ``filler``: as many tokens as the steps have, without content, and then the answer; the filler is
  given, in finetuning as in the test, so that the loss is that of the answer alone;
- ``steps of another question``: those of a random one, and then the right answer.

The corpus states every fact at least 30 times, and the test is about names that finetuning does not
use. There, the first fact is also written by hand: as it is, and corrupted.

    python -m fmlab.experiments thinking_tokens    # book/results/thinking_tokens.json
"""

from __future__ import annotations

import argparse
import random
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from torch import Tensor

from fmlab.arguments import require
from fmlab.data.batching import Order
from fmlab.data.dialogues import Dialogues
from fmlab.experiments.answer_budgets import prompt_of
from fmlab.experiments.jobs import call_all
from fmlab.experiments.results import record
from fmlab.generation.decoding import generate
from fmlab.models.gpt import GPT
from fmlab.models.pretrained import load
from fmlab.recipes.data import is_held_out
from fmlab.tokenization.special_tokens import END_OF_TEXT
from fmlab.tokenization.tokenizers import BPETokenizer
from fmlab.training.finetuning import train_on
from fmlab.training.loop import Settings
from microworld import MicroWorld
from microworld.words.hops import HOPS

KINDS = ("at once", "steps", "filler", "steps of another question")
FILLER, LEAST = "and", 30  # a word of one token; how often the corpus states each fact
BASE, N_STEPS, SEEDS = "small", 80, (0, 1, 2)
BATCH, RATE = 16, 3e-4
MAX_NEW_TOKENS, N_SAMPLES = 72, 8


@dataclass(frozen=True)
class TwoFacts:
    """A question that takes two facts, and the questions about each.

    ``step`` is the value of the first fact, ``wrong_step`` another one, for which ``wrong_answer``
    is the answer. ``second`` has {} in place of the value.
    """

    text: str
    subject: str
    relation: str
    first: str
    step: str
    second: str
    answer: str
    wrong_step: str
    wrong_answer: str


def questions(world: MicroWorld, mentions: Mapping[int, int]) -> list[TwoFacts]:
    """Return all questions of two facts that the corpus states often, in all its phrasings."""
    tables, rng, found = world.almanac.tables, random.Random(0), []
    for hop in HOPS:
        first, second = tables[hop.first], tables[hop.second]
        often = [
            (i, j)
            for i, j in enumerate(first.targets)
            if not (first.hidden[i] or second.hidden[j])
            and min(mentions[first.base + i], mentions[second.base + j]) >= LEAST
        ]
        form = next(text for text in second.wording.questions if "{0}" in text)
        for i, j in often:
            others = [k for _, k in often if second.values[k][0] != second.values[j][0]]
            if not others:
                continue
            k = rng.choice(others)
            name = first.names[i]
            rest = dict(
                subject=name[0],
                relation=hop.key,
                first=next(text for text in first.wording.questions if "{0}" in text).format(*name),
                step=second.names[j][0],
                second=form.replace("{0}", "{}"),
                answer=second.values[j][0],
                wrong_step=second.names[k][0],
                wrong_answer=second.values[k][0],
            )
            found += [TwoFacts(text=text.format(*name), **rest) for text in hop.questions]
    return found


def split(asked: Sequence[TwoFacts]) -> tuple[list[TwoFacts], list[TwoFacts]]:
    """Return the questions for finetuning, and those of the test: one per pair of facts."""
    train = [question for question in asked if not is_held_out(question.text)]
    train = [question for question in train if not is_held_out(f"about {question.subject}")]
    test: dict[tuple[str, str], TwoFacts] = {}
    for question in asked:
        if is_held_out(f"about {question.subject}"):
            test.setdefault((question.relation, question.subject), question)
    return train, list(test.values())


def first_step(question: TwoFacts, value: str) -> str:
    """Return the question about the first fact with this value as its answer, and a next line."""
    return f"\nQuestion: {question.first}\nAnswer: {value}.\nQuestion:"


def steps(question: TwoFacts, value: str) -> str:
    """Return the first fact, with this value, and the question about the second one."""
    return f"{first_step(question, value)} {question.second.format(value)}\nAnswer:"


def response(
    tokenizer: BPETokenizer, question: TwoFacts, kind: str, other: TwoFacts | None = None
) -> str:
    """Return the response that a model of this kind is taught to give, after "Answer:"."""
    require(kind in KINDS, "kind", f"one of {', '.join(KINDS)}", kind)
    if kind == "at once":
        return f" {question.answer}."
    if kind == "filler":
        return f"{filler(tokenizer, question)} {question.answer}."
    of = question if kind == "steps" else other
    return f"{steps(of, of.step)} {question.answer}."


def filler(tokenizer: BPETokenizer, question: TwoFacts) -> str:
    """Return as many tokens without content as the steps of a question have."""
    return f" {FILLER}" * len(tokenizer.encode(steps(question, question.step)))


def answer_part(text: str) -> str:
    """Return the answer in a response, without steps or filler before it."""
    words = text.rpartition("Answer:")[2].split()
    while words[:1] == [FILLER]:
        words.pop(0)
    return " ".join(words)


def taught(
    kind: str, train: Sequence[TwoFacts], seed: int, n_steps: int = N_STEPS
) -> tuple[GPT, BPETokenizer]:
    """Return ``small``, finetuned on responses of this kind."""
    model, tokenizer = load(BASE)
    end, rng = tokenizer.special_tokens[END_OF_TEXT], random.Random(seed)
    others = [rng.choice(train) for _ in train]
    given = [filler(tokenizer, question) if kind == "filler" else "" for question in train]
    texts = [
        response(tokenizer, question, kind, other).removeprefix(start)
        for question, other, start in zip(train, others, given)
    ]
    data = Dialogues.from_ids(  # the loss is that of the responses, so not of what is given
        [prompt_of(tokenizer, q.text) + tokenizer.encode(start) for q, start in zip(train, given)],
        [[*tokenizer.encode(text), end] for text in texts],
    )
    lengths = (data.last + 1).tolist()
    order = Order(lengths, BATCH, seed)

    def batch(number: int) -> tuple[Tensor, Tensor]:
        rows = data.rows(order[number])
        return rows.ids, rows.targets

    def count_tokens(number: int) -> int:
        return sum(lengths[i] for i in order[number])

    settings = Settings(n_steps, RATE, warmup_steps=n_steps // 20, final_share=0.0, seed=seed)
    train_on(model, batch, settings, progress=False, count_tokens=count_tokens).whole()
    return model, tokenizer


def responses(
    model: GPT,
    tokenizer: BPETokenizer,
    asked: Sequence[TwoFacts],
    by_hand: Sequence[str] = (),
    max_new_tokens: int = MAX_NEW_TOKENS,
    **options: object,
) -> tuple[list[str], list[int]]:
    """Return responses, and how many tokens each has; ``by_hand`` are texts that they begin with.

    Tokens that were written by hand are counted, too.
    """
    begun = [tokenizer.encode(text) for text in by_hand] or [[]] * len(asked)
    rows = [prompt_of(tokenizer, question.text) + new for question, new in zip(asked, begun)]
    end = tokenizer.special_tokens[END_OF_TEXT]
    options = dict(temperature=0, stop=[end]) | options
    new = generate(model, rows, max_new_tokens, **options).ids
    n = len(new) // len(asked)
    texts = [tokenizer.decode(i for i in ids if i != end) for ids in new]
    return texts, [len(ids) + len(begun[i // n]) for i, ids in enumerate(new)]


def is_right(world: MicroWorld, question: TwoFacts, text: str) -> bool:
    """Return whether the answer in a response is right, whatever its steps are."""
    return bool(world.is_correct(question.text, answer_part(text)))


def follows(question: TwoFacts, text: str) -> bool:
    """Return whether a response ends in what follows from the wrong step."""
    return question.wrong_answer.lower() in answer_part(text).lower()


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


def job(kind: str, seed: int) -> dict:
    """Teach one model, and return what it answers, as right or not, in all conditions."""
    world = MicroWorld()
    train, test = split(questions(world, world.count_mentions()))
    model, tokenizer = taught(kind, train, seed)
    begun = [filler(tokenizer, question) for question in test] if kind == "filler" else ()
    found = {kind: outcomes(world, test, *responses(model, tokenizer, test, begun))}
    if kind == "at once":
        found[f"at once, vote of {N_SAMPLES}"] = voted(world, model, tokenizer, test)
    if kind == "steps":
        right, wrong = [q.step for q in test], [q.wrong_step for q in test]
        for name, values in {"first fact by hand": right, "first fact corrupted": wrong}.items():
            begun = [first_step(question, value) for question, value in zip(test, values)]
            texts, n_tokens = responses(model, tokenizer, test, begun)
            found[name] = outcomes(world, test, texts, n_tokens)
            found[name]["follows"] = [int(follows(q, text)) for q, text in zip(test, texts)]
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
    """Return what ``small`` answers without finetuning: at once, and to each question by itself."""
    world, (model, tokenizer) = MicroWorld(), load(BASE)
    train, test = split(questions(world, world.count_mentions()))
    found = {"taught on": len(train), "questions": [asdict(question) for question in test]}
    texts, n_tokens = responses(model, tokenizer, test, max_new_tokens=12)
    found["untaught"] = outcomes(world, test, [t.partition("\n")[0] for t in texts], n_tokens)
    found["two questions by a program"] = by_program(world, model, tokenizer, test)
    guess = Counter((question.relation, question.answer) for question in train)
    common = {relation: answer for (relation, answer), _ in reversed(guess.most_common())}
    majority = [f" {common.get(question.relation, '')}" for question in test]
    found |= {"majority answer": outcomes(world, test, majority, [0])}
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
    contents = plain | {"steps of finetuning": N_STEPS, "seeds": list(SEEDS), "runs": merged}
    seconds = time.perf_counter() - started
    print(record("thinking_tokens", contents, command=parser.prog, seconds=seconds))
