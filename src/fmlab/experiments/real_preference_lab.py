"""Reading many prompts that begin alike with a real model, for ``real_preference``.

What does not change is computed once: the tokens that all prompts share at their start, and what
enters the first layer that is trained.

Shapes: N prompts, T positions, S of them shared, D model width, G heads of keys and values.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from fmlab.arguments import Ids
from fmlab.models.inference import inference
from fmlab.models.layers import attention_mask
from fmlab.models.llama import Llama

ROWS_AT_ONCE = 40


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
