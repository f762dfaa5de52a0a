"""The models that come with the book, and others in the same formats, ready to use."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import torch

from fmlab.arguments import require, require_count
from fmlab.batches import END_OF_TEXT
from fmlab.huggingface import CONFIG, WEIGHTS
from fmlab.ladder import CARD, LADDER, TOKENIZER
from fmlab.tokenization import BPETokenizer
from fmlab.transformer import GPT

WEIGHTS_FOLDER = Path(__file__).parent / "weights"
FILES = (WEIGHTS, CONFIG, TOKENIZER)
POST_TRAINED = ("micro-sft", "micro-dpo", "micro-ppo")  # by ``fmlab.posttraining``
REWARD = "micro-reward"  # gives scores; ``fmlab.posttraining.load_reward`` reads it
SHIPPED = (*LADDER, *POST_TRAINED, REWARD)


def load(source: str | Path) -> tuple[GPT, BPETokenizer]:
    """Return a model, in evaluation mode, and its tokenizer.

    ``source``: "nano", "micro" or "small", the book's own; "micro-sft", one that was finetuned; a
    folder that ``fmlab.training`` or ``fmlab.posttraining`` made; or a GPT-2 as the Hugging Face
    hub has it, by folder or by name ("gpt2").
    Errors: ``FileNotFoundError`` for a missing file; ``ValueError`` for one that is damaged, or a
    model of another kind.

    >>> model, tokenizer = load("nano")
    >>> model.config.n_layers, tokenizer.vocab_size
    (3, 2048)
    """
    if not (folder_of(source) / CARD).is_file():
        require(source not in SHIPPED, "source", "a model that is installed", source)
        return GPT.from_huggingface(source), BPETokenizer.from_huggingface(source)
    folder = verified(source)
    return GPT.load(folder), BPETokenizer.load(folder / TOKENIZER)


def folder_of(source: str | Path) -> Path:
    """Return where a model is that comes with the book; any other name is a folder's."""
    return WEIGHTS_FOLDER / source if source in SHIPPED else Path(source)


def verified(source: str | Path) -> Path:
    """Return the folder of a model whose files are what its card says.

    Errors: ``FileNotFoundError`` for a missing file, ``ValueError`` for a damaged one.
    """
    folder, facts = folder_of(source), card(source)
    for name in FILES:
        if not (folder / name).is_file():
            raise FileNotFoundError(f"{folder / name} is missing; install the package anew")
        expected = facts["sha256"][name]
        found = hashlib.sha256((folder / name).read_bytes()).hexdigest()
        if found != expected:
            raise ValueError(
                f"{folder / name} is damaged: its sha256 is {found[:12]}…, and the card beside it "
                f"says {expected[:12]}…; get it anew, or make it with {facts['command']!r}"
            )
    return folder


def next_tokens(
    model: GPT, tokenizer: BPETokenizer, text: str, n: int = 10
) -> list[tuple[str, float]]:
    """Return the n tokens that the model thinks likeliest after a text, with their probabilities.

    The text is read as the beginning of a document.
    Errors: ``ValueError`` for a text longer than the context, or an n below 1.
    """
    require_count("n", n)
    ids = [tokenizer.special_tokens[END_OF_TEXT], *tokenizer.encode(text)]
    longest = model.config.context_length
    require(len(ids) <= longest, "text", f"at most {longest - 1} tokens long", len(ids) - 1)
    with torch.no_grad():
        logits = model(torch.tensor([ids], device=model.device), last_only=True)[0][0, 0]
    likeliest = logits.float().softmax(dim=-1).topk(min(n, len(logits)))
    pairs = zip(likeliest.indices.tolist(), likeliest.values.tolist())
    return [(tokenizer.decode([i]), p) for i, p in pairs]


def card(source: str | Path) -> dict:
    """Return what is known of a model: data, settings, tokens, FLOPs, loss, versions, sha256.

    Errors: ``FileNotFoundError`` where there is no card, ``ValueError`` for a damaged one.
    """
    folder = folder_of(source)
    try:
        facts = json.loads((folder / CARD).read_text(encoding="utf-8"))
        lacking = {"command", *FILES} - {*facts, *facts["sha256"]}
        if lacking:
            raise ValueError(f"it lacks {', '.join(sorted(lacking))}")
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{folder / CARD} is damaged: {error}") from error
    return facts
