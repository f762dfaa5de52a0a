"""Loops of greedy decoding in a real model, and how certain it is after open and closed questions.

Loops: SmolLM2 continues 40 openings, without its chat template, by 120 tokens or up to its end
token. The measure is the fraction of runs of six tokens that occurred before in the same text. Each
setting is paired with greedy decoding, and both texts are cut to the shorter length. Certainty: the
entropy of the first token of the response, in the chat template, to 40 closed questions, which have
one answer, and to 40 open ones, which have many.

    python -m fmlab.experiments real_sampling    # minutes; writes real_sampling.json
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch

from fmlab import models
from fmlab.arguments import Ids
from fmlab.data.dialogues import prompt_ids
from fmlab.experiments.chat_templates import QUESTIONS
from fmlab.experiments.sampling_penalties import cut_to_shorter, repeated
from fmlab.generation.decoding import generate
from fmlab.models.inference import inference
from fmlab.models.language_model import LanguageModel
from fmlab.models.pretrained import SMOLLM2, SMOLLM2_FILE, SMOLLM2_SHA256
from fmlab.sampling import Penalties, entropy, softmax
from fmlab.tokenization.huggingface import HubTokenizer
from fmlab.tokenization.special_tokens import end_of_response, end_of_text

NEW_TOKENS, N_LIVE, N_SHUFFLES = 120, 4, 2000
OPENINGS = """Once upon a time, there was a cat who; The history of the village begins; When I woke
up that morning,; The most important thing about cooking is; Dear Anna, thank you for your letter.;
The old lighthouse stood; In this article, we will discuss; The king had three daughters.; My first
day at school was; Water is essential because; The train was late, so; Scientists have discovered
that; The book tells the story of; On the other side of the river,; A good teacher should; The city
of Rome was; She opened the box and; There are many reasons why people; The robot looked at its
hands and; During the winter, the bears; He had never seen the sea before.; To plant a tree, you
need; The museum has a large collection of; Music has always been; The detective looked at the
letter.; In the middle of the forest,; Learning a language is; The two brothers decided to; Many
people believe that; The garden behind the house; Our company was founded; It was a dark and stormy
night.; The recipe is simple:; Computers have changed the way; The old sailor told us about; The
sun was setting when; Bees are important because; The first thing I noticed was; Friendship means;
The soldiers walked through"""
OPENINGS = [" ".join(opening.split()) for opening in OPENINGS.split(";")]
SETTINGS: dict[str, dict] = {
    "T 0.7": dict(temperature=0.7),
    "repetition 1.1": dict(temperature=0, processors=[Penalties(repetition=1.1)]),
}
CLOSED = list(QUESTIONS)[:40]
OPEN = """What would you do on a free day?; What makes a good friend?; What should I cook tonight?;
What is your favorite season?; What should I read next?; What makes people happy?; What is a good
name for a cat?; What should I paint today?; What would you take to an island?; What makes a good
teacher?; Who is your favorite writer?; Who would you like to meet?; Who inspires you the most?;
Who should I invite to dinner?; Which city should I visit?; Which hobby should I start?; Which film
should I watch tonight?; Which pet suits a family?; Which sport should I try?; Which song should I
learn?; How should I spend my weekend?; How can I make new friends?; How would you describe the
sea?; How should I begin my speech?; How could we make cities better?; Where should we take the
children?; Where would you like to live?; Where do good ideas come from?; When is the best time to
travel?; When do you feel most creative?; Why do people like music?; Why do we tell stories?; Why
is the sea beautiful?; Why do people travel?; What is a good gift for a child?; What should my poem
be about?; What is a nice way to end a letter?; What would be a fun party game?; What makes a story
exciting?; What should I plant in my garden?"""
OPEN = [" ".join(question.split()) for question in OPEN.split(";")]


def continuations(
    model: LanguageModel, tokenizer: HubTokenizer, settings: dict, openings: Sequence[str]
) -> list[Ids]:
    """Return the new ids of each opening, without the token that ends the text."""
    start = end_of_text(tokenizer)
    ends = [start, end_of_response(tokenizer)]
    prompts = [[start, *tokenizer.encode(opening)] for opening in openings]
    rng = np.random.default_rng(0)
    rows = generate(model, prompts, NEW_TOKENS, stop=ends, rng=rng, **settings)
    return [[i for i in ids if i not in ends] for ids in rows.ids]


def compare(greedy: Sequence[Ids], others: Sequence[Ids]) -> dict[str, list[float]]:
    """Return how much each text repeats itself, greedy and other, cut to the shorter length."""
    pairs = {"greedy": cut_to_shorter(greedy, others), "other": cut_to_shorter(others, greedy)}
    return {name: [round(repeated(ids), 4) for ids in rows] for name, rows in pairs.items()}


def first_entropies(
    model: LanguageModel, tokenizer: HubTokenizer, prompts: Sequence[str]
) -> list[float]:
    """Return the entropy, in bits, of the distribution of the first token of each response."""
    bits = []
    for prompt in prompts:
        ids = torch.tensor([prompt_ids(tokenizer, prompt)])
        with inference(model):
            logits = model(ids, last_only=True)[0][0, 0].double().numpy()
        bits.append(float(entropy(softmax(logits))))
    return bits


def agrees(
    model: LanguageModel, tokenizer: HubTokenizer, bits: Mapping[str, Sequence[float]]
) -> bool:
    """Return whether the first entropies of each kind are the recorded ones, up to rounding."""
    prompts = {"closed": CLOSED[:N_LIVE], "open": OPEN[:N_LIVE]}
    live = {kind: first_entropies(model, tokenizer, prompts[kind]) for kind in prompts}
    return all(np.allclose(live[kind], bits[kind][:N_LIVE], atol=0.05) for kind in live)


def shuffled_range(first: Sequence[float], second: Sequence[float]) -> tuple[float, float]:
    """Return the range of 95% of the differences of means, second minus first, by chance.

    The numbers are divided at random into two groups, again and again.
    """
    rng, n = np.random.default_rng(0), len(first)
    shuffled = [rng.permutation([*first, *second]) for _ in range(N_SHUFFLES)]
    low, high = np.quantile([row[n:].mean() - row[:n].mean() for row in shuffled], [0.025, 0.975])
    return float(low), float(high)


def run() -> dict:
    """Measure the loops at all settings, and the entropies."""
    torch.set_num_threads(1)
    model, tokenizer = models.load(SMOLLM2)
    bits = {
        name: [round(b, 3) for b in first_entropies(model, tokenizer, prompts)]
        for name, prompts in {"closed": CLOSED, "open": OPEN}.items()
    }
    print({name: f"{np.mean(values):.2f} bits" for name, values in bits.items()}, flush=True)
    greedy = continuations(model, tokenizer, dict(temperature=0), OPENINGS)
    loops = {}
    for name, settings in SETTINGS.items():
        loops[name] = compare(greedy, continuations(model, tokenizer, settings, OPENINGS))
        means = {key: round(float(np.mean(values)), 3) for key, values in loops[name].items()}
        print(name, "repeated", means, flush=True)
    model_file = {"file": SMOLLM2_FILE, "sha256": SMOLLM2_SHA256}
    return {"model": model_file, "bits": bits, "repeated": loops}
