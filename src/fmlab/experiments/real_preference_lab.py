"""Faster reading and answering for ``real_preference``: few layers are trained.

What does not change is computed once: the tokens that all prompts share at their start, and what
enters the first layer that is trained.

Shapes: N rows, T positions, S of them shared, D model width, G heads of keys and values.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from fmlab.arguments import Ids
from fmlab.data.dialogues import Dialogues
from fmlab.models.inference import inference
from fmlab.models.layers import attention_mask
from fmlab.models.llama import Llama
from fmlab.models.logprobs import logprobs_at

ROWS_AT_ONCE = 40


def greedy(
    model: Llama, prompts: Sequence[Ids], n_new: int, end: int
) -> tuple[list[Ids], list[float]]:
    """Return greedy continuations up to their end token, and their log-probabilities.

    The tokens that all prompts share at their start are read once; the rest in groups of equal
    length.
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


def shared_length(rows: Sequence[Ids]) -> int:
    """Return how many tokens all rows begin with; at least one token of each is left.

    >>> shared_length([[1, 2, 3], [1, 2, 4, 5]])
    2
    """
    least = min(map(len, rows)) - 1
    columns = zip(*(row[:least] for row in rows))
    return sum(1 for _ in itertools.takewhile(lambda column: len(set(column)) == 1, columns))


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
    """Rows of tokens, ready for the last layers of a model, which are the trained ones.

    ``shared`` (1, S, D) and ``x`` (N, T, D) are what enters the first of these layers.
    """

    dialogues: Dialogues
    shared: Tensor
    x: Tensor
    n_trained: int

    @classmethod
    def of(
        cls, model: Llama, prompts: Sequence[Ids], responses: Sequence[Ids], n_trained: int
    ) -> UpperRows:
        """Read prompts, which begin alike, with a response each."""
        n_shared = shared_length(prompts)
        dialogues = Dialogues.from_ids([prompt[n_shared:] for prompt in prompts], responses)
        embed, lower = model.model.embed_tokens, model.model.layers[:-n_trained]
        shared = torch.tensor([prompts[0][:n_shared]])
        with torch.no_grad():
            parts = [
                through(model, lower, embed(shared), embed(ids))
                for ids in dialogues.ids.split(ROWS_AT_ONCE)
            ]
        return cls(dialogues, parts[0][0], torch.cat([x for _, x in parts]), n_trained)

    def last_states(self, model: Llama, rows: Sequence[int]) -> tuple[Dialogues, Tensor]:
        """Return some of the rows, and what enters the output layer: (len(rows), T, D)."""
        batch = self.dialogues.rows(rows)
        last = model.model.layers[-self.n_trained :]
        _, x = through(model, last, self.shared, self.x[rows, : batch.ids.shape[1]])
        return batch, model.model.norm(x)

    def logprobs(self, model: Llama, rows: Sequence[int]) -> Tensor:
        """Return the log-probability of each of these rows' responses. Gradients flow."""
        batch, x = self.last_states(model, rows)
        targets, mask = batch.ids[:, 1:], batch.is_response[:, 1:]
        return logprobs_at(model, x[:, :-1], targets, mask).sum(dim=1)

    def evaluate(self, model: Llama) -> tuple[Tensor, Tensor]:
        """Return each response's log-probability, and whether greedy decoding would give it: (N,).

        It would if every token of the response is the likeliest one after those before it.
        """
        logprobs, is_greedy = [], []
        with torch.no_grad():
            for part in torch.arange(len(self.dialogues)).split(ROWS_AT_ONCE):
                batch, x = self.last_states(model, part.tolist())
                mask, targets = batch.is_response[:, 1:], batch.ids[:, 1:]
                logits = model.lm_head(x[:, :-1][mask]).log_softmax(dim=-1)  # (tokens, V)
                own = logits.gather(1, targets[mask][:, None])[:, 0]
                wrong = (logits.argmax(dim=-1) != targets[mask]).float()
                zeros = torch.zeros(mask.shape)
                logprobs.append(zeros.masked_scatter(mask, own).sum(dim=1))
                is_greedy.append(zeros.masked_scatter(mask, wrong).sum(dim=1) == 0)
        return torch.cat(logprobs), torch.cat(is_greedy)
