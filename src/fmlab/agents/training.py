"""Teach a model to act: finetuning on transcripts of a program that makes the right calls.

The loss counts the lines that the agent writes, its calls and its answer. The question and the
results of the tool are read, never learned: a model that was trained to write results would make
them up.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

import torch

from fmlab.agents.questions import (
    KINDS,
    UNSEEN,
    Task,
    one_fact_tasks,
    plain_kinds,
    plain_tasks,
    two_fact_tasks,
)
from fmlab.data.dialogues import Dialogues
from fmlab.models.gpt import GPT
from fmlab.tokenization.special_tokens import end_of_text
from fmlab.tokenization.tokenizers import BPETokenizer
from fmlab.training.finetuning import finetune_encoded
from fmlab.training.run import Run
from microworld import MicroWorld

N_TWO_FACTS, N_ONE_FACT, N_PLAIN = 1_500, 600, 900
TRAINING = dict(n_epochs=1, learning_rate=1e-3, batch_size=16)
N_NEW_FIELDS, N_NEW_KINDS = 2, 6


def split_plain_kinds(seed: int = 0) -> dict[str, list[str]]:
    """Return the kinds of plain questions, split at random; those in ``UNSEEN`` are left out.

    "trained kinds" are to train on. The fields of "new kinds" occur in training, but never
    together. The last field of "new fields" does not occur in training at all.
    """
    rnd = random.Random(seed)
    kinds = [kind for kind in plain_kinds() if kind not in UNSEEN]
    in_words = {key for kind in KINDS for key in kind.split(" > ")}  # one-fact questions, too
    only_plain = {kind.split(" > ")[1] for kind in kinds} - in_words
    new_fields = rnd.sample(sorted(only_plain), N_NEW_FIELDS)
    known = [kind for kind in kinds if kind.split(" > ")[1] not in new_fields]
    new_kinds = set(rnd.sample(known, N_NEW_KINDS))
    return {
        "trained kinds": [kind for kind in known if kind not in new_kinds],
        "new kinds": [kind for kind in known if kind in new_kinds],
        "new fields": [kind for kind in kinds if kind not in known],
    }


def demonstrations(world: MicroWorld, n_plain: int = N_PLAIN, seed: int = 0) -> list[Task]:
    """Return the questions to train on: two facts as the world words them, one fact, two plainly.

    None starts from a person whom no document mentions, so these people are new to the agent.
    """
    two = two_fact_tasks(world, N_TWO_FACTS, seed=seed)
    one = one_fact_tasks(world, N_ONE_FACT, seed=seed)
    plain = split_plain_kinds()["trained kinds"]
    return [*two, *one, *plain_tasks(world, n_plain, plain, seed=seed)]


def encode_transcripts(tokenizer: BPETokenizer, demonstrated: Sequence[Task]) -> Dialogues:
    """Return transcripts as a batch; ``is_response`` marks the tokens that the agent writes."""
    rows, masks = [], []
    for task in demonstrated:
        ids, mask = [end_of_text(tokenizer)], [False]
        for text, is_written in task.lines:
            new = tokenizer.encode(text)
            ids += new
            mask += [is_written] * len(new)
        rows.append(ids)
        masks.append(mask)
    longest = max(map(len, rows))
    ids = torch.zeros(len(rows), longest, dtype=torch.long)  # padding is never attended to
    written = torch.zeros(len(rows), longest, dtype=torch.bool)
    for i, (row, mask) in enumerate(zip(rows, masks)):
        ids[i, : len(row)] = torch.tensor(row)
        written[i, : len(row)] = torch.tensor(mask)
    return Dialogues(ids, written)


def finetune_agent(
    model: GPT,
    tokenizer: BPETokenizer,
    demonstrated: Sequence[Task],
    *,
    seed: int = 0,
    progress: bool = False,
    n_epochs: int = TRAINING["n_epochs"],
    learning_rate: float = TRAINING["learning_rate"],
    batch_size: int = TRAINING["batch_size"],
) -> Run:
    """Train a model in place on the transcripts of tasks; return how it went."""
    data = encode_transcripts(tokenizer, demonstrated)
    return finetune_encoded(
        model,
        data,
        n_epochs=n_epochs,
        learning_rate=learning_rate,
        batch_size=batch_size,
        seed=seed,
        progress=progress,
    )
