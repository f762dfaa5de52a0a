"""The parts of ``real_preference``: reading prompts that begin alike, and grading abstentions.

What does not change is computed once: the tokens that all prompts share at their start, and what
enters the first layer that is trained.

Shapes: N prompts, T positions, S of them shared, D model width, G heads of keys and values.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from fmlab.arguments import Floats, Ids
from fmlab.evaluation.statistics import Mean
from fmlab.models.inference import inference
from fmlab.models.layers import attention_mask
from fmlab.models.llama import Llama
from microworld import HELPFUL

ROWS_AT_ONCE = 40
KINDS = ("known", "unknown", "invented")


def shared_length(rows: Sequence[Ids]) -> int:
    """Return how many tokens all rows begin with; at least one token of each is left.

    >>> shared_length([[1, 2, 3], [1, 2, 4, 5]])
    2
    """
    least = min(map(len, rows)) - 1
    columns = zip(*(row[:least] for row in rows))
    return sum(1 for _ in itertools.takewhile(lambda column: len(set(column)) == 1, columns))


def greedy(
    model: Llama, prompts: Sequence[Ids], n_new: int, end: int
) -> tuple[list[Ids], list[float]]:
    """Return greedy continuations up to their end token, and their log-probabilities.

    Prompts of equal length are read together, after what all prompts share.
    """
    n_shared = shared_length(prompts)
    by_length: dict[int, list[int]] = {}
    for i, prompt in enumerate(prompts):
        by_length.setdefault(len(prompt), []).append(i)
    ids: list[Ids] = [[] for _ in prompts]
    logprobs = [0.0] * len(prompts)
    for group in by_length.values():
        with inference(model):
            cache = model.make_cache()
            if n_shared:
                model.hidden_states(torch.tensor([prompts[0][:n_shared]]), cache)
            cache.select([0] * len(group))
            new = torch.tensor([prompts[i][n_shared:] for i in group])
            for _ in range(n_new):
                logits = model(new, cache=cache, last_only=True)[0][:, 0]  # (N, 1, V) -> (N, V)
                best, new = logits.log_softmax(dim=-1).max(dim=-1, keepdim=True)
                unfinished = [j for j, i in enumerate(group) if not ids[i] or ids[i][-1] != end]
                for j in unfinished:
                    ids[group[j]].append(int(new[j]))
                    logprobs[group[j]] += float(best[j])
                if not unfinished:
                    break
    return ids, logprobs


def through(
    model: Llama, blocks: nn.ModuleList, shared: Tensor, x: Tensor
) -> tuple[Tensor, Tensor]:
    """Send rows through some layers: shared (1, S, D), which comes before all of them, x (N, T, D).

    Every row attends to the shared positions, which are computed once. Gradients flow.
    """
    n_shared, n_new = shared.shape[1], x.shape[1]
    first, rest = slice(0, n_shared), slice(n_shared, n_shared + n_new)
    rotations = model.rotary(first), model.rotary(rest)
    mask = attention_mask(n_shared, n_new, None, x.device)

    for block in blocks:
        kept = []

        def keep(k: Tensor, v: Tensor, kept: list = kept) -> tuple[Tensor, Tensor]:
            kept.extend((k, v))
            return k, v

        def extend(k: Tensor, v: Tensor, kept: list = kept) -> tuple[Tensor, Tensor]:
            return tuple(
                torch.cat([old.expand(len(new), -1, -1, -1), new], dim=2)  # (N, G, S + T, d)
                for old, new in zip(kept, (k, v))
            )

        shared = block(shared, rotations[0], None, keep)
        x = block(x, rotations[1], mask, extend)
    return shared, x


@dataclass(frozen=True)
class UpperRows:
    """Prompts, ready for the last layers of a model, which are the ones to train.

    ``shared`` (1, S, D) and ``x`` (N, T, D) are what enters the first of these layers, and ``last``
    (N,) is the position of each prompt's last token in x.
    """

    shared: Tensor
    x: Tensor
    last: Tensor
    n_trained: int

    @classmethod
    def of(cls, model: Llama, prompts: Sequence[Ids], n_trained: int) -> UpperRows:
        """Read prompts of any lengths, which should begin alike."""
        n_shared = shared_length(prompts)
        rest = [torch.tensor(prompt[n_shared:]) for prompt in prompts]
        ids = nn.utils.rnn.pad_sequence(rest, batch_first=True)  # (N, T); nothing attends to 0s
        embed, lower = model.model.embed_tokens, model.model.layers[:-n_trained]
        shared = embed(torch.tensor([prompts[0][:n_shared]]).long())
        with torch.no_grad():
            parts = [through(model, lower, shared, embed(rows)) for rows in ids.split(ROWS_AT_ONCE)]
        last = torch.tensor([len(row) - 1 for row in rest])
        return cls(parts[0][0].detach(), torch.cat([x for _, x in parts]), last, n_trained)

    def logprobs(self, model: Llama, tokens: Ids, rows: Sequence[int] | slice) -> Tensor:
        """Return how likely these tokens are right after some of the prompts: (rows, tokens).

        Gradients flow.
        """
        last = self.last[rows]
        x = self.x[rows][:, : int(last.max()) + 1]
        _, x = through(model, model.model.layers[-self.n_trained :], self.shared, x)
        logits = model.lm_head(model.model.norm(x[torch.arange(len(x)), last]))  # (rows, V)
        return logits.log_softmax(dim=-1)[:, tokens]


# --- grading --------------------------------------------------------------------------------------


def utilities(kinds: Sequence[str], abstains: Sequence[bool]) -> Floats:
    """Return the points under the chapter's revised guidelines; known answers are right.

    Whoever abstains on a question whose answer the model knows loses as much as a right answer
    earns, and abstaining is right on every other question.
    """
    known = np.array([kind == "known" for kind in kinds])
    if_silent = np.where(known, HELPFUL.abstains_answerable, HELPFUL.abstains_unanswerable)
    return np.where(abstains, if_silent, np.where(known, HELPFUL.right, HELPFUL.wrong))


def best_threshold(kinds: Sequence[str], scores: Sequence[float]) -> float:
    """Return the score below which abstaining is best, on average over these items."""
    candidates = [min(scores) - 1, *(score + 1e-6 for score in scores)]
    means = [utilities(kinds, np.array(scores) < cut).mean() for cut in candidates]
    return float(candidates[int(np.argmax(means))])


def separation(kinds: Sequence[str], scores: Floats) -> dict[str, float]:
    """Return how often a known item has a higher score than an item of another kind."""
    by_kind = {kind: scores[[k == kind for k in kinds]] for kind in KINDS}
    return {
        kind: round(float((by_kind["known"][:, None] > by_kind[kind]).mean()), 3)
        for kind in KINDS[1:]
    }


def graded(kinds: Sequence[str], abstains: Sequence[bool]) -> dict:
    """Return how often each kind of item is abstained on, and the utility of each item."""
    counts = {
        kind: sum(bool(silent) for k, silent in zip(kinds, abstains) if k == kind) for kind in KINDS
    }
    return {"abstained": counts, "utilities": utilities(kinds, abstains).tolist()}


def summary(row: dict) -> str:
    """Return the mean utility of a row of the record and its abstentions, for the log."""
    return f"utility {np.mean(row['utilities']):.2f}, abstained {row['abstained']}"


def runs_by_name(record: dict) -> dict[str, list[dict]]:
    """Return the rows of the record; trained models appear again with their threshold."""
    rows = dict(record["rows"])
    for name, runs in record["rows"].items():
        if "with a threshold" in runs[0]:
            rows[f"{name}, threshold"] = [run["with a threshold"] for run in runs]
    return rows


def table(record: dict) -> str:
    """Return a table: the rates of abstention, all seeds together, and the utility of each."""
    sizes = {kind: record["kinds"]["test"].count(kind) for kind in KINDS}
    head = "".join(f"{f'{kind} ({n})':>15}" for kind, n in sizes.items())
    lines = [f"{'abstains on':26}{head}   utility"]
    for name, runs in runs_by_name(record).items():
        counts = {kind: sum(run["abstained"][kind] for run in runs) for kind in KINDS}
        rates = "".join(f"{counts[kind] / len(runs) / n:15.2f}" for kind, n in sizes.items())
        utility = ", ".join(f"{np.mean(run['utilities']):.2f}" for run in runs)
        lines.append(f"{name:26}{rates}   {utility}")
    return "\n".join(lines)


def lead(record: dict, first: str, second: str) -> Mean:
    """Return the difference of two mean utilities, over seeds, paired by country."""
    rows = runs_by_name(record)
    means = [np.mean([run["utilities"] for run in rows[name]], axis=0) for name in (first, second)]
    return Mean.of((means[0] - means[1]).tolist())
