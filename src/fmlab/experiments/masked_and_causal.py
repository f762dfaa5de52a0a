"""A masked and an autoregressive model, trained on the same short sentences: what is each good for?

The sentences are clauses from reviews of the micro world, such as "The waiter was a delight ." A
sixth of the different sentences is held out. Both models are tiny and train for the same number of
steps on the same rows.

Classification: the noun is masked, and the model says whether it names a person or a thing.
Generation: the model writes sentences, and we count those that the world contains. Only the masked
tokens count in the loss of a masked model, so it may learn more slowly: both also train longer.

    python -m fmlab.experiments masked_and_causal    # about three minutes

Results are written to book/results/masked_and_causal.json.

Shapes: B rows, T tokens of a row, V vocabulary.
"""

from __future__ import annotations

import random
import re
from collections import Counter
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from fmlab.arguments import require
from fmlab.data.batching import IGNORED
from fmlab.models.configs import GPTConfig
from fmlab.models.gpt import GPT
from fmlab.models.masked_lm import MaskedModel, mask_tokens
from microworld import MicroWorld

PADDING, START, MASK = "<pad>", "<start>", "<mask>"
PEOPLE = ("attendant", "baker", "captain", "clown", "guide", "host")
PEOPLE += ("maker", "seller", "singer", "waiter")
NOUN = 2  # the position of the noun: <start> The noun was ...
KINDS = ("masked", "autoregressive")
N_REVIEWS, N_STEPS, BATCH, RATE, MASKED = 6000, 400, 64, 1e-2, 0.3
N_LONGER = 1300  # the masked model then predicts as many tokens as the other one in N_STEPS
WIDTH, LAYERS, HEADS = 32, 2, 4
SPREAD = 5.0  # how much larger the initial matrices are than GPT-2's, since the models are narrow
SEEDS = (0, 1, 2)

Sentence = tuple[str, ...]
CLAUSES = re.compile(r"(?<=[.!?]) |, (?:and |but |although )?(?=the )| and (?=the )")


def sentences(world: MicroWorld | None = None, n_reviews: int = N_REVIEWS) -> Counter[Sentence]:
    """Return the clauses "The ... was ..." of reviews as words, with how often each occurs."""
    counts: Counter[Sentence] = Counter()
    for review in (world or MicroWorld()).documents(n_reviews, "reviews"):
        for clause in CLAUSES.split(review.splitlines()[1].strip()):
            words = clause.rstrip(".!").split()
            if len(words) > 3 and words[0].lower() == "the" and "was" in words:
                counts[("The", *words[1:], ".")] += 1
    return counts


@dataclass(frozen=True)
class Clauses:
    """Different sentences, to train on and held out, as words and as ids (N, T)."""

    training: list[Sentence]
    held_out: list[Sentence]
    words: list[str]  # the vocabulary; the first three are special

    @classmethod
    def of(cls, counts: Counter[Sentence]) -> Clauses:
        every = sorted(counts)
        random.Random(0).shuffle(every)
        n = len(every) // 6
        words = sorted({word for sentence in every[n:] for word in sentence})
        known = [s for s in every[:n] if set(s) <= set(words)]
        return cls(every[n:], known, [PADDING, START, MASK, *words])

    @property
    def length(self) -> int:
        """The number of tokens in the longest row, the start included."""
        return 1 + max(map(len, self.training + self.held_out))

    def encode(self, rows: list[Sentence]) -> Tensor:
        """Return sentences as ids (N, T), each after the start and padded at the end."""
        number = {word: i for i, word in enumerate(self.words)}
        ids = torch.full((len(rows), self.length), number[PADDING])
        for row, sentence in zip(ids, rows):
            row[: len(sentence) + 1] = torch.tensor([number[w] for w in (START, *sentence)])
        return ids

    def decode(self, ids: list[int]) -> Sentence:
        """Return the words of a row after the start, up to the first period."""
        words = [self.words[i] for i in ids[1:]]
        return tuple(words[: words.index(".") + 1] if "." in words else words)


def untrained(kind: str, data: Clauses, seed: int = 0) -> nn.Module:
    """Return a model with random weights, "masked" or "autoregressive"."""
    require(kind in KINDS, "kind", f"one of {', '.join(KINDS)}", kind)
    config = GPTConfig(len(data.words), data.length, LAYERS, HEADS, WIDTH)
    model = MaskedModel(config, seed) if kind == "masked" else GPT(config, seed)
    with torch.no_grad():
        for weight in model.parameters():
            if weight.dim() == 2:
                weight *= SPREAD
    return model


def loss_of(model: nn.Module, rows: Tensor, generator: torch.Generator) -> Tensor:
    """Return the loss of a batch (B, T): of masked tokens, or of next tokens."""
    padding, start, mask = 0, 1, 2
    if isinstance(model, GPT):
        targets = rows[:, 1:].masked_fill(rows[:, 1:] == padding, IGNORED)
        return model(rows[:, :-1], targets)[1]
    masked, targets = mask_tokens(rows, mask, model.config.vocab_size, generator, MASKED)
    fixed = (rows == padding) | (rows == start)
    masked = torch.where(fixed, rows, masked)
    return model(masked, targets.masked_fill(fixed, IGNORED), rows == padding)[1]


def train(kind: str, data: Clauses, seed: int = 0, n_steps: int = N_STEPS) -> nn.Module:
    """Return a model of one kind, trained on the training sentences."""
    model, rows = untrained(kind, data, seed), data.encode(data.training)
    optimizer = torch.optim.AdamW(model.parameters(), lr=RATE, fused=True)
    generator = torch.Generator().manual_seed(seed)
    for step in range(n_steps):
        for group in optimizer.param_groups:
            group["lr"] = RATE * min(1, (step + 1) / 20) * max(0.05, 1 - step / n_steps)
        batch = rows[torch.randint(len(rows), (BATCH,), generator=generator)]
        loss = loss_of(model, batch, generator)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return model.eval()


# Classification: does the masked noun name a person?


def with_one_noun(rows: list[Sentence]) -> list[Sentence]:
    """Return the sentences whose subject is one word, so that masking it leaves no part of it."""
    return [sentence for sentence in rows if sentence[2] == "was"]


def names_a_person(sentence: Sentence) -> bool:
    return sentence[1] in PEOPLE


@torch.no_grad()
def noun_logits(model: nn.Module, data: Clauses, rows: list[Sentence], sees: str = "all") -> Tensor:
    """Return the logits for the noun (B, V); ``sees`` "left" takes away what follows the noun."""
    ids = data.encode(rows)
    if isinstance(model, GPT):
        return model(ids[:, :NOUN])[0][:, -1]  # it sees "<start> The" in any case
    ids[:, NOUN] = data.words.index(MASK)
    if sees == "left":
        ids = ids[:, : NOUN + 1]
    return model(ids, padding=ids == 0)[0][:, NOUN]


@torch.no_grad()
def sentence_scores(model: GPT, data: Clauses, rows: list[Sentence]) -> Tensor:
    """Return the log-probability of each sentence with each noun in its place: (B, nouns)."""
    scores = []
    for noun in nouns(data):
        ids = data.encode([(s[0], noun, *s[2:]) for s in rows])
        logp = model(ids[:, :-1])[0].log_softmax(-1)
        each = logp.gather(-1, ids[:, 1:, None])[..., 0]  # (B, T - 1)
        scores.append((each * (ids[:, 1:] != 0)).sum(1))
    return torch.stack(scores, dim=1)


def nouns(data: Clauses) -> list[str]:
    return sorted({s[1] for s in with_one_noun(data.training)})


def person_by_logits(data: Clauses, logits: Tensor) -> np.ndarray:
    """Say for each row whether the nouns for people together are more likely than the others."""
    columns = torch.tensor([data.words.index(noun) for noun in nouns(data)])
    return person_by_scores(data, logits[:, columns])


def person_by_scores(data: Clauses, scores: Tensor) -> np.ndarray:
    people = torch.tensor([noun in PEOPLE for noun in nouns(data)])
    return (scores.softmax(-1)[:, people].sum(1) > 0.5).numpy()


# Generation


@torch.no_grad()
def write(model: nn.Module, data: Clauses, n: int = 300, seed: int = 0) -> list[Sentence]:
    """Sample n sentences, one word after the other.

    The masked model gets a mask where the next word belongs.
    """
    generator = torch.Generator().manual_seed(seed)
    ids = torch.full((n, 1), data.words.index(START))
    while ids.shape[1] < data.length:
        if isinstance(model, GPT):
            logits = model(ids)[0][:, -1]
        else:
            mask = torch.full((n, 1), data.words.index(MASK))
            logits = model(torch.cat([ids, mask], dim=1))[0][:, -1]
        logits[:, :3] = -torch.inf  # no special tokens
        chosen = torch.multinomial(logits.softmax(-1), 1, generator=generator)
        ids = torch.cat([ids, chosen], dim=1)
    return [data.decode(row) for row in ids.tolist()]


@torch.no_grad()
def fill_in(model: MaskedModel, data: Clauses, n: int = 300, seed: int = 0) -> list[Sentence]:
    """Sample n sentences from a masked model that is given the length of each.

    It gets the start, one mask per word, and the final period, and fills in one mask at a time, in
    random order: its best chance, since this is closest to what it was trained on.
    """
    generator, rng = torch.Generator().manual_seed(seed), np.random.default_rng(seed)
    lengths = rng.choice([len(s) for s in data.training], n)
    texts = []
    for length in sorted(set(lengths.tolist())):
        count = int((lengths == length).sum())
        ids = torch.full((count, length + 1), data.words.index(MASK))
        ids[:, 0], ids[:, -1] = data.words.index(START), data.words.index(".")
        for place in 1 + rng.permutation(length - 1):
            logits = model(ids)[0][:, place]
            logits[:, :3] = -torch.inf
            ids[:, place] = torch.multinomial(logits.softmax(-1), 1, generator=generator)[:, 0]
        texts += [data.decode(row) for row in ids.tolist()]
    return texts


def random_words(data: Clauses, n: int = 300, seed: int = 0) -> list[Sentence]:
    """Return n sentences whose words are drawn one by one, as often as they occur."""
    words, rng = [word for s in data.training for word in s[:-1]], random.Random(seed)
    lengths = [len(rng.choice(data.training)) - 1 for _ in range(n)]
    return [(*rng.choices(words, k=length), ".") for length in lengths]


def run() -> dict:
    """Train both models with each seed; return what each got right, and wrote."""
    torch.set_num_threads(1)  # as in the chapter, so that sums are added in the same order
    counts = sentences()
    data = Clauses.of(counts)
    known, test, points = set(data.training), with_one_noun(data.held_out), []
    truth = np.array([names_a_person(s) for s in test])
    for seed in SEEDS:
        masked, causal = (train(kind, data, seed) for kind in KINDS)
        answers = {
            "masked": person_by_logits(data, noun_logits(masked, data, test)),
            "masked, left only": person_by_logits(data, noun_logits(masked, data, test, "left")),
            "untrained": person_by_logits(
                data, noun_logits(untrained("masked", data, seed), data, test)
            ),
            "autoregressive": person_by_logits(data, noun_logits(causal, data, test)),
            "autoregressive, all nouns": person_by_scores(
                data, sentence_scores(causal, data, test)
            ),
        }
        written = {
            "autoregressive": write(causal, data, seed=seed),
            "masked": write(masked, data, seed=seed),
            "masked, given the length": fill_in(masked, data, seed=seed),
            "random words": random_words(data, seed=seed),
        }
        longer = {kind: train(kind, data, seed, N_LONGER) for kind in KINDS}
        written |= {f"{kind}, longer": write(longer[kind], data, seed=seed) for kind in KINDS}
        points.append(
            {
                "seed": seed,
                "right": {name: int((said == truth).sum()) for name, said in answers.items()},
                "in_world": {
                    name: sum(s in counts for s in texts) for name, texts in written.items()
                },
                "new": {  # not in training, but in the world
                    name: sum(s in counts and s not in known for s in texts)
                    for name, texts in written.items()
                },
            }
        )
        print(points[-1], flush=True)
    majority = max(int(truth.sum()), int((~truth).sum()))
    steps = {"short": N_STEPS, "longer": N_LONGER}
    result = {"n": len(test), "majority": majority, "n_written": 300, "steps": steps}
    return {**result, "points": points}
