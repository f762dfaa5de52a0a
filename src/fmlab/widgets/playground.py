"""The playground: the book's own models write in the page, without a kernel."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from functools import cache

import numpy as np
import torch
from traitlets import Dict, Float, Int, List, Unicode, validate

from fmlab.arguments import is_number, require, require_count
from fmlab.data import prompt_ids
from fmlab.generation import generate
from fmlab.models import card, inference, load
from fmlab.sampling import softmax
from fmlab.tokenization import USER
from fmlab.tokenization.special_tokens import end_of_text
from fmlab.widgets.base import Widget, utf8, visible
from fmlab.widgets.page_models import model_files, send_model

DISPLAY = ("distributions.js", "engine.js", "playground.js", "playground_parts.js")
DISPLAY += ("playground.css",)

MODELS = {
    "micro": "continues documents",
    "micro-sft": "answers questions",
    "small": "continues documents, larger",
    "small-sft": "answers questions, larger",
    "small-dpo": "answers, tuned by DPO",
    "small-ppo": "answers, tuned by PPO",
}
STORY = "Velique could not find the basket. At last she looked in the"
EXAMPLES = [
    {"label": "A story", "prompt": STORY, "name": "micro"},
    {"label": "A fact", "prompt": "Bessava Varinatta was born in", "name": "micro"},
    {"label": "A person from our world", "prompt": "Ada Lovelace was born in", "name": "micro"},
    {"label": "A review", "prompt": "Review of the inn by", "name": "micro"},
    {
        "label": "A question",
        "prompt": "Where was Bessava Varinatta born?",
        "name": "micro-sft",
    },
    {
        "label": "A question about a person who does not exist",
        "prompt": "Where was Hildulo Malandell born?",
        "name": "micro-sft",
    },
]

# The ranges of the settings. The same in playground.js.
RANGES = {
    "temperature": (0, 2),
    "top_p": (0.05, 1),
    "min_p": (0, 0.5),
    "repetition": (0.5, 2),
    "frequency": (-2, 2),
    "presence": (-2, 2),
    "speed": (0, 1000),
}
COUNTS = {"top_k": (0, 10**6), "max_new_tokens": (1, 255), "seed": (0, 2**32 - 1)}
DEFAULTS = {
    "prompt": STORY,
    "temperature": 0.8,
    "top_k": 0,
    "top_p": 1.0,
    "min_p": 0.0,
    "repetition": 1.0,
    "frequency": 0.0,
    "presence": 0.0,
    "max_new_tokens": 60,
    "seed": 0,
    "speed": 30.0,
}
MAX_CHARACTERS = 5000
STILL_TOKENS, STILL_ROWS = 30, 6  # of the static picture


class Playground(Widget, files=DISPLAY):
    """Write with the book's own models, which run in the page, in JavaScript.

    On the book's site the page fetches a model when its reader starts it; in a notebook the kernel
    sends it. Tokens, logits, attention weights and sampling are those of `fmlab`, up to rounding.

    ``models`` are names of models that come with the book, all but the reward model. Set and
    observe ``name`` (the model that writes), ``compare`` (another one that writes beside it, or
    ""), ``prompt``, and the settings: ``temperature`` (0 is greedy), ``top_k`` (0 is off),
    ``top_p`` (1 is off), ``min_p`` (0 is off), the penalties ``repetition`` (1 is off),
    ``frequency`` and ``presence`` (0 is off), ``max_new_tokens``, ``seed``, and ``speed``, in
    tokens per second (0 is as fast as possible). ``options`` are the same as arguments of
    `fmlab.generation.generate`. Observe ``text``, what the model wrote last.

    Errors: ``ValueError`` for an unknown model, a lone surrogate in a text, and settings out of
    range; from ``without_script``, for a prompt that is longer than the model's context. (On the
    page, such a prompt is refused with a sentence.)

    >>> playground = Playground(["micro", "micro-sft"], temperature=0.5)
    >>> playground.name, playground.options["temperature"], playground.options["top_k"]
    ('micro', 0.5, None)
    """

    name = Unicode(help="The model that writes.").tag(sync=True)
    compare = Unicode(help="A model that writes beside it, or nothing.").tag(sync=True)
    prompt = Unicode(help="What the model continues, or answers.").tag(sync=True)
    temperature = Float(help="The divisor of the logits; 0 is greedy.").tag(sync=True)
    top_k = Int(help="How many tokens top-k keeps; 0 is off.").tag(sync=True)
    top_p = Float(help="The probability that the nucleus reaches; 1 is off.").tag(sync=True)
    min_p = Float(help="The smallest fraction of the largest probability; 0 is off.").tag(sync=True)
    repetition = Float(help="The divisor of logits of tokens that occurred.").tag(sync=True)
    frequency = Float(help="What each occurrence in the response subtracts.").tag(sync=True)
    presence = Float(help="What an occurrence in the response subtracts, once.").tag(sync=True)
    max_new_tokens = Int(help="How many tokens to write at most.").tag(sync=True)
    seed = Int(help="The seed of the page's random numbers.").tag(sync=True)
    speed = Float(help="Tokens per second; 0 is as fast as possible.").tag(sync=True)
    text = Unicode(help="What the model wrote last.").tag(sync=True)

    models = List(read_only=True, help="Name, title, size and shape of each.").tag(sync=True)
    examples = List(read_only=True, help="Prompts to choose from.").tag(sync=True)
    defaults = Dict(read_only=True, help="The settings that a reset restores.").tag(sync=True)

    def __init__(
        self,
        models: Sequence[str] = tuple(MODELS),
        *,
        name: str | None = None,
        compare: str = "",
        examples: Sequence[Mapping[str, str]] = tuple(EXAMPLES),
        title: str = "Playground",
        **settings: object,
    ):
        names = _checked_models(models)
        self.set_trait("models", [_entry(model) for model in names])
        self.set_trait("examples", [dict(e) for e in examples if e.get("name", "") in ("", *names)])
        layout = {key: settings.pop(key) for key in list(settings) if key not in DEFAULTS}
        start = {key: self._checked(key, value) for key, value in (DEFAULTS | settings).items()}
        self.set_trait("defaults", start)
        chosen = {"name": names[0] if name is None else name, "compare": compare}
        chosen = {key: self._checked(key, value) for key, value in chosen.items()}
        super().__init__(**start, **chosen, title=title, **layout)
        self.on_msg(self._answer)

    @property
    def options(self) -> dict[str, float | int | None]:
        """The settings as arguments of `fmlab.generation.generate`: None for a step that is off."""
        return {
            "max_new_tokens": self.max_new_tokens,
            "temperature": self.temperature,
            "top_k": self.top_k or None,
            "top_p": self.top_p if self.top_p < 1 else None,
            "min_p": self.min_p or None,
        }

    @validate("name", "compare", *DEFAULTS)
    def _check(self, proposal: dict) -> object:
        return self._checked(proposal["trait"].name, proposal["value"])

    def _checked(self, name: str, value: object) -> object:
        if name in ("name", "compare"):
            allowed = [entry["name"] for entry in self.models]
            allowed += [""] if name == "compare" else []
            require(value in allowed, name, f"one of {', '.join(map(repr, allowed))}", value)
            return value
        if name == "prompt":
            return _checked_prompt(value)
        if name in RANGES:
            least, most = RANGES[name]
            valid = is_number(value) and least <= value <= most
            require(valid, name, f"a number from {least} to {most}", value)
            return float(value)
        least, most = COUNTS[name]
        require_count(name, value, least=least)
        require(value <= most, name, f"an integer from {least} to {most}", value)
        return int(value)

    def _answer(self, widget: Widget, request: object, buffers: list) -> None:
        """Send the page what it has no site to fetch from."""
        send_model(self, request, buffers, tuple(MODELS))

    def _still(self) -> str:
        written, rows = _still_text(self.name, self.prompt)
        lines = "".join(
            f"<tr><th>{html.escape(visible(token))}</th><td>{p:.1%}</td></tr>" for token, p in rows
        )
        return (
            f"<figure><p><b>{html.escape(self.prompt)}</b>{html.escape(written)}</p>"
            "<table><thead><tr><th>Next token</th><th>Probability</th></tr></thead>"
            f"<tbody>{lines}</tbody></table><figcaption>What the model {self.name} writes after "
            "the text in bold, with greedy decoding, and the most likely tokens right after it. "
            "With JavaScript, the model runs here, and you type the prompt."
            "</figcaption></figure>"
        )


@cache
def _still_text(name: str, prompt: str) -> tuple[str, list[tuple[bytes, float]]]:
    """Return what a model writes, greedily, and the most likely first tokens."""
    model, tokenizer = load(name)
    is_chat = USER in tokenizer.special_tokens
    end = end_of_text(tokenizer)
    ids = prompt_ids(tokenizer, prompt) if is_chat else [end, *tokenizer.encode(prompt)]
    longest = model.config.context_length
    fits = len(ids) <= longest
    require(fits, "prompt", f"at most {longest} tokens, the context of {name}", len(ids))
    with inference(model):
        logits = model(torch.tensor([ids]), last_only=True)[0][0, 0]  # (1, 1, V) -> (V,)
    probs = softmax(logits.numpy())
    likeliest = np.argsort(-probs, kind="stable")[:STILL_ROWS]
    written = generate(model, ids, STILL_TOKENS, temperature=0, stop=[end]).ids[0]
    rows = [(tokenizer.vocab[i], float(probs[i])) for i in likeliest]
    return tokenizer.decode(i for i in written if i != end), rows


def _entry(name: str) -> dict:
    facts = card(name)
    return {
        "name": name,
        "title": MODELS[name],
        "bytes": sum(path.stat().st_size for path in model_files(name)),
        "layers": facts["config"]["n_layers"],
        "heads": facts["config"]["n_heads"],
    }


def _checked_models(models: object) -> list[str]:
    allowed = f"a sequence of names: {', '.join(MODELS)}"
    valid = isinstance(models, Sequence) and not isinstance(models, str) and len(models) > 0
    require(valid and all(name in MODELS for name in models), "models", allowed, models)
    return list(models)


def _checked_prompt(text: object) -> str:
    require(isinstance(text, str), "prompt", "text (str)", type(text))
    fits = len(text) <= MAX_CHARACTERS
    require(fits, "prompt", f"at most {MAX_CHARACTERS} characters long", len(text))
    utf8("prompt", text)
    return text
