"""The response explorer: several models of the book answer the same prompt, side by side."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from functools import cache

from traitlets import Int, List, Unicode, observe, validate

from fmlab.arguments import require, require_count
from fmlab.widgets.base import Widget, utf8
from fmlab.widgets.page_models import checked_text, loaded, model_files, send_model

TITLES = {
    "small": "pre-trained",
    "small-sft": "after supervised finetuning",
    "small-dpo": "after preference finetuning",
}
N_TOKENS = 40  # of a response, at most
STOP, LENGTH = "stop", "length"

FILES = ("engine.js", "responses.js", "responses.css")


class ResponseExplorer(Widget, files=FILES):
    """Show how several models continue the same prompt, by greedy decoding.

    ``prompts`` are texts, and ``notes`` say what one should know about each, such as the right
    answer. ``models`` are names of models that come with the book, or a mapping from names to
    titles: the pre-trained ``small``, and the same model after supervised and after preference
    finetuning, unless others are given. Each reads a prompt in the form that it was trained on:
    ``nano``, ``micro`` and ``small`` as the beginning of a document, the others as a user's turn.

    The page holds the responses to ``prompts``. For an ``own`` prompt of the reader, it loads the
    models and runs them; in a notebook, the kernel computes the same. Set and observe ``prompt``,
    an index, and ``own``, which is shown instead if it is not empty. ``responses`` are what is
    shown: a text for each model.

    Errors: ``ValueError`` for no prompts, notes that do not fit them, an unknown model, an index
    out of range, and a prompt that is too long.

    >>> explorer = ResponseExplorer(["The capital of Veremond is"], ["A town."], ["micro"])
    >>> list(explorer.responses)
    ['micro']
    """

    prompt = Int(help="Index of the prompt.").tag(sync=True)
    own = Unicode(help="The reader's own prompt, or nothing.").tag(sync=True)
    prompts = List(Unicode(), read_only=True, help="The prompts.").tag(sync=True)
    notes = List(Unicode(), read_only=True, help="A note on each prompt.").tag(sync=True)
    models = List(read_only=True, help="Name, title and bytes of each model.").tag(sync=True)
    recorded = List(read_only=True, help="[text, reason] by prompt and model.").tag(sync=True)
    n_tokens = Int(N_TOKENS, read_only=True, help="Tokens at most.").tag(sync=True)

    def __init__(
        self,
        prompts: Sequence[str],
        notes: Sequence[str],
        models: Sequence[str] | Mapping[str, str] = TITLES,
        *,
        prompt: int = 0,
        own: str = "",
        title: str = "Response explorer",
        **layout: object,
    ):
        self.set_trait("prompts", _checked_texts("prompts", prompts))
        self.set_trait("notes", _checked_texts("notes", notes))
        same = len(self.notes) == len(self.prompts)
        require(same, "notes", f"{len(self.prompts)}, one per prompt", len(self.notes))
        titles = _checked_models(models)
        self.set_trait("models", [_entry(*pair) for pair in titles.items()])
        rows = [[list(greedy_response(m, text)) for m in titles] for text in self.prompts]
        self.set_trait("recorded", rows)
        super().__init__(prompt=self._checked(prompt), title=title, **layout)
        self.own = own
        self.on_msg(self._answer)

    @property
    def responses(self) -> dict[str, str]:
        """What each model writes after the prompt that is shown."""
        text = self.own or self.prompts[self.prompt]
        return {model["name"]: greedy_response(model["name"], text)[0] for model in self.models}

    @validate("prompt")
    def _check(self, proposal: dict) -> int:
        return self._checked(proposal["value"])

    @validate("own")
    def _check_own(self, proposal: dict) -> str:
        text = checked_text("own", proposal["value"])
        for model in self.models if text else []:
            prompt_tokens(model["name"], text)
        return text

    @observe("prompt")
    def _show_listed(self, change: dict) -> None:
        self.own = ""

    def _checked(self, value: object) -> int:
        most = len(self.prompts) - 1
        require_count("prompt", value, least=0)
        require(value <= most, "prompt", f"an integer from 0 to {most}", value)
        return int(value)

    def _answer(self, widget: Widget, request: object, buffers: list) -> None:
        send_model(self, request, buffers, [model["name"] for model in self.models])

    def _still(self) -> str:
        text = self.own or self.prompts[self.prompt]
        rows = "".join(
            f"<tr><th>{name}</th><td>{html.escape(response)}</td></tr>"
            for name, response in self.responses.items()
        )
        return (
            f"<figure><p><b>{html.escape(text)}</b></p><table><tbody>{rows}</tbody></table>"
            "<figcaption>What each model writes after the text in bold, by greedy decoding. With "
            "JavaScript, you can choose or type another prompt.</figcaption></figure>"
        )


def prompt_tokens(name: str, text: str) -> list[int]:
    """Return a prompt as a model was trained on it. Errors: ``ValueError`` if it is too long."""
    from fmlab.data import prompt_ids
    from fmlab.tokenization import USER
    from fmlab.tokenization.special_tokens import end_of_text

    model, tokenizer = loaded(name)
    is_chat = USER in tokenizer.special_tokens
    ids = (
        prompt_ids(tokenizer, text)
        if is_chat
        else [end_of_text(tokenizer), *tokenizer.encode(text)]
    )
    longest = model.config.context_length
    require(len(ids) <= longest, "prompt", f"at most {longest} tokens long for {name}", len(ids))
    return ids


@cache
def greedy_response(name: str, text: str, n: int = N_TOKENS) -> tuple[str, str]:
    """Return what a model writes after a prompt, and why it ended: "stop" or "length"."""
    from fmlab.generation import generate
    from fmlab.tokenization.special_tokens import end_of_text

    model, tokenizer = loaded(name)
    end = end_of_text(tokenizer)
    ids = generate(model, prompt_tokens(name, text), n, temperature=0, stop=[end]).ids[0]
    return tokenizer.decode(i for i in ids if i != end), STOP if end in ids else LENGTH


def _entry(name: str, title: str) -> dict[str, str | int]:
    size = sum(path.stat().st_size for path in model_files(name))
    return {"name": name, "title": title, "bytes": size}


def _checked_models(models: object) -> dict[str, str]:
    from fmlab.widgets.playground import MODELS

    known = ("nano", *MODELS)
    valid = isinstance(models, Sequence | Mapping) and not isinstance(models, str) and len(models)
    allowed = f"a sequence of names, or their titles by name: {', '.join(known)}"
    require(valid and all(name in known for name in models), "models", allowed, models)
    if not isinstance(models, Mapping):
        stages = {name: name.replace("micro", "small") for name in models}
        return {name: TITLES.get(stage, name) for name, stage in stages.items()}
    for name, title in models.items():
        require(isinstance(title, str), f"models[{name!r}]", "a title (str)", title)
        utf8(f"models[{name!r}]", title)
    return dict(models)


def _checked_texts(name: str, texts: object) -> list[str]:
    valid = isinstance(texts, Sequence) and not isinstance(texts, str) and len(texts) > 0
    valid = valid and all(isinstance(text, str) for text in texts)
    require(valid, name, "a sequence of at least one text (str)", texts)
    for i, text in enumerate(texts):
        utf8(f"{name}[{i}]", text)
    return list(texts)
