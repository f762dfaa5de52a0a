"""What Python expects of the models that run in the page: of `gpt.js` and `writer.js`."""

from functools import cache

import numpy as np
import torch

from fmlab.data import prompt_ids
from fmlab.generation import generate
from fmlab.models import load
from fmlab.models.inference import inference
from fmlab.models.pretrained import folder_of
from fmlab.sampling import Penalties, restrict, softmax
from fmlab.tokenization import END_OF_TEXT, USER
from fmlab.widgets.base import joined
from fmlab.widgets.page_models import ENGINE
from microworld import MicroWorld
from tests.widgets.sampling_vectors import mulberry32

N_PROMPTS = 50
N_NEW = 40
PLAIN = dict(temperature=1.0, top_k=None, top_p=None, min_p=None)
SETTINGS = [
    (PLAIN | dict(temperature=0.8), {}, 0),
    (PLAIN | dict(temperature=1.5, min_p=0.1), {}, 1),
    (PLAIN | dict(temperature=0.7, top_p=0.9), dict(repetition=1.3), 2**32 - 1),
    (PLAIN | dict(top_k=50), dict(frequency=0.5, presence=-0.25), 7),
    (dict(temperature=1.2, top_k=40, top_p=0.95, min_p=0.02), dict(repetition=0.9), 12345),
    (PLAIN | dict(temperature=0), dict(repetition=1.2, frequency=0.3, presence=0.3), 3),
]
CHAT = ["micro-sft", "small-sft", "small-dpo", "small-ppo"]
QUESTIONS = [
    "Where was Bessava Varinatta born?",
    "What is the capital of Veremond?",
    "",
    "née 雨 🎉",
]


class Widget:
    """The text that the worker of the playground runs, without the worker's own part."""

    _esm = joined(*ENGINE)


class PageNumbers(np.random.Generator):
    """A generator that returns the uniform numbers of the page: those of one seed, in order."""

    def __init__(self, seed):
        super().__init__(np.random.PCG64(0))
        self.seed, self.n = seed, 0

    def spawn(self, n_children):
        return [PageNumbers(self.seed) for _ in range(n_children)]

    def random(self, size=None, dtype=np.float64, out=None):
        count = int(np.prod(size, dtype=int))
        numbers = [mulberry32(self.seed, self.n + i) for i in range(count)]
        self.n += count
        return np.reshape(numbers, size)


@cache
def prompts():
    """Return 50 texts of 0 to 200 tokens: beginnings of documents, and what is hard to split."""
    documents = [d if isinstance(d, str) else d.text for d in MicroWorld().documents(60)]
    awkward = ["", " ", "\n\n", "Naïve café 雨 🎉", "12345 don't", "Zz" * 80]
    beginnings = [text[: 12 + 9 * i] for i, text in enumerate(documents)]
    return (awkward + beginnings)[:N_PROMPTS]


def vectors():
    return {
        "models": [case("micro", prompts()), case("small", prompts()[:8])]
        + [case(name, QUESTIONS) for name in CHAT],
        "sampled": sampled(),
        "candidates": candidates(),
        "full": full(),
    }


def ids_of(tokenizer, text):
    if USER in tokenizer.special_tokens:
        return prompt_ids(tokenizer, text)
    return [tokenizer.special_tokens[END_OF_TEXT], *tokenizer.encode(text)]


def case(name, texts):
    model, tokenizer = load(name)
    return {
        "folder": str(folder_of(name)),
        "prompts": [prompt_case(name, model, tokenizer, text) for text in texts],
    }


@cache
def exact_model(name):
    """Return a model in 64-bit floats, whose rounding cannot be seen."""
    return load(name)[0].double()


def prompt_case(name, model, tokenizer, text):
    ids = ids_of(tokenizer, text)
    assert len(ids) <= 200
    exact = exact_model(name)
    with inference(exact):
        logits = exact(torch.tensor([ids]))[0][0]  # (T, V)
    attention = exact.attention_weights(torch.tensor([ids]))
    middle = len(ids) // 2
    end = [tokenizer.special_tokens[END_OF_TEXT]]
    greedy = generate(model, ids, N_NEW, temperature=0, stop=end)
    return {
        "text": text,
        "ids": ids,
        "logits": logits[-1].tolist(),
        "earlier": [middle, logits[middle].tolist()],
        "attention": [layer[0, :, -1].tolist() for layer in attention],
        "greedy": greedy.ids[0],
        "reason": greedy.finish_reasons[0],
    }


def sampled():
    model, tokenizer = load("micro")
    cases = []
    for options, penalties, seed in SETTINGS:
        for text in prompts()[6:9]:
            row = generate(
                model,
                ids_of(tokenizer, text),
                N_NEW,
                rng=PageNumbers(seed),
                processors=[Penalties(**penalties)],
                **options,
            )
            cases.append(
                {
                    "text": text,
                    "settings": page_settings(options, penalties),
                    "seed": seed,
                    "ids": row.ids[0],
                }
            )
    return cases


def page_settings(options, penalties):
    """Return settings as the page has them: other names, and numbers for what is off."""
    return penalties | {
        "temperature": options["temperature"],
        "topK": options["top_k"] or 0,
        "topP": options["top_p"] or 1,
        "minP": options["min_p"] or 0,
    }


def candidates():
    """Return the distributions before and after the settings at each position of a text."""
    model, tokenizer = load("micro")
    options, penalties, _ = SETTINGS[2]
    text = prompts()[10]
    ids = ids_of(tokenizer, text)
    new = generate(model, ids, 10, temperature=0).ids[0]
    with inference(model):
        logits = model(torch.tensor([ids + new]))[0][0].double().numpy()  # (T, V)
    rows = []
    for position in range(len(ids), len(ids) + len(new) + 1):
        before = logits[position - 1]
        penalized = Penalties(**penalties)(before, ids, new[: position - len(ids)])
        after = softmax(restrict(penalized, **options))
        rows.append([softmax(before).tolist(), after.tolist()])
    return {"text": text, "settings": page_settings(options, penalties), "new": new, "rows": rows}


def full():
    """Return a prompt that almost fills the context, and what is written until it is full."""
    model, tokenizer = load("micro")
    text = " the" * 250
    row = generate(model, ids_of(tokenizer, text), N_NEW, temperature=0)
    return {"text": text, "ids": row.ids[0], "reason": row.finish_reasons[0]}
