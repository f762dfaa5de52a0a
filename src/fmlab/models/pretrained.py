"""Load the models that come with the book, and others in the same formats."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import nn

from fmlab.arguments import require, require_count
from fmlab.files import download_from_hub, installed_file, write_atomically
from fmlab.models.gpt import GPT
from fmlab.models.huggingface import CONFIG, WEIGHTS, read_settings
from fmlab.models.inference import at_least_float32, inference
from fmlab.models.language_model import LanguageModel
from fmlab.models.llama import Llama
from fmlab.models.lora import corrections, merge_lora
from fmlab.tokenization.gguf import (
    SMOLLM2_FILE,
    SMOLLM2_PACKAGE,
    SMOLLM2_SHA256,
    from_gguf,
)
from fmlab.tokenization.huggingface import from_huggingface
from fmlab.tokenization.special_tokens import ASSISTANT, END_OF_TEXT, USER
from fmlab.tokenization.tokenizers import BPETokenizer

CARD, TOKENIZER = "card.json", "bpe.json"
WEIGHTS_FOLDER = Path(__file__).parent / "weights"
FILES = (WEIGHTS, CONFIG, TOKENIZER)
ADAPTER = "adapter.safetensors"  # the only file of a model that is a base with corrections
SHIPPED = sorted(card.parent.name for card in WEIGHTS_FOLDER.glob(f"*/{CARD}"))
POST_TRAINED = ("micro-sft", "small-sft", "small-dpo", "small-ppo")
REWARD = "small-reward"  # gives scores; ``fmlab.alignment.load_reward`` loads it
SMOLLM2 = "smollm2"  # a real model, in a package of its own


def load(source: str | Path) -> tuple[LanguageModel, BPETokenizer]:
    """Return a model, in evaluation mode, and its tokenizer.

    ``source`` is "nano", "micro" or "small", the book's own models; "micro-sft" or another model
    finetuned from one of them; a folder that ``python -m fmlab.recipes`` made; "smollm2", a real
    model of 135M parameters; or a GPT-2 or a Llama, as a GGUF file or in the format of the Hugging
    Face hub, by folder or by name ("gpt2").
    Errors: ``FileNotFoundError`` for a missing file, which for "smollm2" says how to get it;
    ``ValueError`` for one that is damaged, or a model of another kind.

    >>> model, tokenizer = load("nano")
    >>> model.config.n_layers, tokenizer.vocab_size
    (3, 2048)
    """
    allowed = f"one of {', '.join(SHIPPED)}, a folder, or a name on the Hugging Face hub"
    require(isinstance(source, str | Path), "source", allowed, source)
    use_load_reward = f"a language model ({REWARD} gives scores: use fmlab.alignment.load_reward)"
    require(source != REWARD, "source", use_load_reward, source)
    if source == SMOLLM2:
        source = installed_file(SMOLLM2_PACKAGE, SMOLLM2_FILE, SMOLLM2_SHA256)
    if Path(source).suffix == ".gguf":
        return Llama.from_gguf(source), from_gguf(source)
    if not (folder_of(source) / CARD).is_file():
        require(source not in SHIPPED, "source", "a model that is installed", source)
        return _from_hub(source)
    folder = verified(source)
    if (folder / ADAPTER).is_file():
        return _with_corrections(folder)
    return GPT.load(folder), BPETokenizer.load(folder / TOKENIZER)


def _with_corrections(folder: Path) -> tuple[GPT, BPETokenizer]:
    """Load the model that is the base on a card, with the corrections in the folder added."""
    base = card(folder)["base"]
    actual = card(base["name"])["sha256"][WEIGHTS]
    same = f"the {base['name']} that {folder / ADAPTER} was trained on, {base['sha256'][:12]}…"
    require(actual == base["sha256"], "base", same, f"{actual[:12]}…")
    model, tokenizer = load(base["name"])
    return merge_lora(model, load_file(folder / ADAPTER)), tokenizer


def _from_hub(source: str | Path) -> tuple[LanguageModel, BPETokenizer]:
    """Load a model of the hub, by folder or by name; ``config.json`` names its kind."""
    is_folder = isinstance(source, Path) or Path(source).is_dir()
    folder = source if is_folder else download_from_hub(source, (CONFIG, WEIGHTS))
    kind = Llama if read_settings(folder).get("model_type") == "llama" else GPT
    return kind.load(folder), from_huggingface(source)


def folder_of(source: str | Path) -> Path:
    """Return the folder of a model: one that comes with the book by its name, others by path."""
    return WEIGHTS_FOLDER / source if source in SHIPPED else Path(source)


def verified(source: str | Path) -> Path:
    """Return the folder of a model, after comparing its files with the checksums on its card.

    Errors: ``FileNotFoundError`` for a missing file, ``ValueError`` for a damaged one.
    """
    folder, facts = folder_of(source), card(source)
    for name in files_of(facts):
        if not (folder / name).is_file():
            raise FileNotFoundError(f"{folder / name} is missing; install the package again")
        expected = facts["sha256"][name]
        actual = hashlib.sha256((folder / name).read_bytes()).hexdigest()
        if actual != expected:
            raise ValueError(
                f"{folder / name} is damaged: its sha256 is {actual[:12]}…, and the card beside it "
                f"says {expected[:12]}…; install it again, or make it with {facts['command']!r}"
            )
    return folder


def files_of(facts: Mapping) -> tuple[str, ...]:
    """Return the files that belong to a model with this card."""
    return (ADAPTER,) if ADAPTER in facts["sha256"] else FILES


def next_tokens(
    model: LanguageModel, tokenizer: BPETokenizer, text: str, n: int = 10
) -> list[tuple[str, float]]:
    """Return the n tokens most likely to follow a text, with their probabilities.

    The text is read as the beginning of a document.
    Errors: ``ValueError`` for a text longer than the context, or an n below 1.
    """
    require_count("n", n)
    ids = [tokenizer.special_tokens[END_OF_TEXT], *tokenizer.encode(text)]
    longest = model.config.context_length
    require(len(ids) <= longest, "text", f"at most {longest - 1} tokens long", len(ids) - 1)
    with inference(model):
        logits = model(torch.tensor([ids], device=model.device), last_only=True)[0][0, 0]
    top = at_least_float32(logits).softmax(dim=-1).topk(min(n, len(logits)))
    pairs = zip(top.indices.tolist(), top.values.tolist())
    return [(tokenizer.decode([i]), p) for i, p in pairs]


def card(source: str | Path) -> dict:
    """Return a model's card: data, settings, tokens, FLOPs, loss, versions, checksums.

    Errors: ``FileNotFoundError`` where there is no card, ``ValueError`` for a damaged one.
    """
    folder = folder_of(source)
    try:
        facts = json.loads((folder / CARD).read_text(encoding="utf-8"))
        missing = {"command", *files_of(facts)} - {*facts, *facts["sha256"]}
        if missing:
            raise ValueError(f"it lacks {', '.join(sorted(missing))}")
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{folder / CARD} is damaged: {error}") from error
    return facts


def add_chat_tokens(model: GPT, tokenizer: BPETokenizer) -> tuple[GPT, BPETokenizer]:
    """Return a copy of a model and its tokenizer, with USER and ASSISTANT added.

    Their embeddings start as the mean of all other embeddings.
    Errors: ``ValueError`` for a model that is not a GPT, or a tokenizer that has them already or is
    of another size than the model.
    """
    kind = type(model).__name__
    require(isinstance(model, GPT), "model", "a GPT; others have chat templates", kind)
    special = list(tokenizer.special_tokens)
    require(not {USER, ASSISTANT} & set(special), "tokenizer", "one without chat tokens", special)
    size, expected = tokenizer.vocab_size, model.config.vocab_size
    require(size == expected, "tokenizer", f"one with the model's {expected} tokens", size)
    extended = tokenizer.with_special_tokens([USER, ASSISTANT])
    weights = model.state_dict()
    embedding = weights["transformer.wte.weight"]  # (V, D)
    larger = torch.cat([embedding, embedding.mean(dim=0).expand(2, -1)])  # (V + 2, D)
    weights |= {"transformer.wte.weight": larger, "lm_head.weight": larger}
    copy = GPT(replace(model.config, vocab_size=extended.vocab_size)).to(model.device)
    copy.load_state_dict(weights)
    return copy.train(model.training), extended


def save(
    folder: Path, model: nn.Module, tokenizer: BPETokenizer, contents: Mapping[str, object]
) -> None:
    """Write weights in 16 bits, tokenizer and card; the card comes last, with their checksums.

    Of a model with LoRA, only the corrections are written: its base is on the card.
    """
    if factors := corrections(model):
        halves = {name: factor.half().contiguous() for name, factor in factors.items()}
        folder.mkdir(parents=True, exist_ok=True)
        write_atomically(folder / ADAPTER, lambda path: save_file(halves, path))
    else:
        model.save(folder, torch.float16)
        tokenizer.save(folder / TOKENIZER)
    names = (ADAPTER,) if factors else FILES
    sums = {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in names}
    card = dict(contents) | {"sha256": sums}
    write_atomically(folder / CARD, json.dumps(card, indent=1, ensure_ascii=False) + "\n")
