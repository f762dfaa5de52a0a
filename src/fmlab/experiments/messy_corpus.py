"""A messy corpus whose every flaw is planted and known, and what cleaning it does to a model.

The flaws are those of ``microworld.Noise``, and four that are harder: duplicates with every tenth
word replaced, addresses that are spelled out, part numbers that look like phone numbers, and
harmless sentences with a word from the list of rude words.

All models have the same shape and take the same number of steps with the same number of tokens.
They differ in the corpus: as it is; cleaned; without as many documents, chosen at random; and
without every document that has a planted flaw, which only the makers of the corpus can do.

    python -m fmlab.experiments messy_corpus    # about two minutes

Results are written to book/results/messy_corpus.json.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from fmlab.data.cleaning import (
    Familiarity,
    duplicates,
    personal_data,
    redact,
    repeated_lines,
    without_lines,
)
from fmlab.experiments import mixture_lab as lab
from fmlab.generation.decoding import generate
from fmlab.tokenization.special_tokens import end_of_text
from microworld import Document, Noise

N_DOCUMENTS = 3000
NOISE = Noise(
    exact_duplicates=0.06,
    near_duplicates=0.06,
    personal_data=0.08,
    rude=0.05,
    boilerplate=0.08,
    encoding_junk=0.08,
    scrambled=0.08,
)
JUNK = "encoding_junk"
KINDS = {"exact_duplicates": "duplicate", "near_duplicates": "duplicate"}
RUDE_WORDS = {"turnip", "biscuit", "spoon", "boot", "bucket", "nonsense", "socks"}  # our list
HARMLESS = ("The soup has turnip in it.", "There is a spoon in the bucket.", "I need a new boot.")
LEAST_LINES = 20  # texts that share a line, from which on it is boilerplate
QUANTILE = 0.05  # of trusted texts that the quality filter would reject
CORPORA = ("messy", "cleaned", "random", "undamaged")
N_WRITTEN = 200  # documents that each model writes


@dataclass(frozen=True)
class Messy:
    """A document, and the kind of its flaw: None for none."""

    text: str
    flaw: str | None


@functools.cache
def _source(seed: int) -> tuple[Document, ...]:
    stream = f"messy {seed}"
    return tuple(
        lab.world().labelled_documents(N_DOCUMENTS, None, "english", stream=stream, noise=NOISE)
    )


@functools.cache
def planted_junk(seed: int = 0) -> frozenset[str]:
    """Return the pieces of broken text that a corpus contains, by its labels.

    Without the replacement character, which also stands for bytes that are no character, as a
    model writes that is hardly trained.
    """
    pieces = {piece for document in _source(seed) for piece in document.labels.get(JUNK, ())}
    return frozenset(pieces - {"\ufffd"})


@functools.cache
def corpus(seed: int = 0) -> tuple[Messy, ...]:
    """Return the messy corpus of a seed."""
    rng = np.random.default_rng(seed)
    made: list[Messy] = []
    for document in _source(seed):
        kind = document.noise[0] if document.noise else None
        made.append(_harder(Messy(document.text, KINDS.get(kind, kind)), made, rng))
    return tuple(made)


def _harder(document: Messy, earlier: Sequence[Messy], rng: np.random.Generator) -> Messy:
    """Return a document, or one with a flaw or a decoy that is harder to recognize."""
    u = rng.random()
    if document.flaw == "personal_data" and u < 0.25:
        plain = re.sub(
            r"(\w+)\.(\w+)@example\.invalid", r"\1 dot \2 at example dot invalid", document.text
        )
        return Messy(plain, document.flaw)
    if document.flaw is not None:
        return document
    if u < 0.06 and len(earlier) > 50:
        other = earlier[int(rng.integers(len(earlier)))]
        if other.flaw is None and len(other.text.split()) > 11:
            return Messy(_reworded(other.text, rng), "duplicate")
    if u < 0.08:
        number = "-".join(str(rng.integers(10**n - 1)).zfill(n) for n in (3, 3, 4))
        return Messy(f"{document.text}\nPart number {number}.", None)
    if u < 0.10:
        return Messy(f"{document.text}\n{HARMLESS[int(rng.integers(len(HARMLESS)))]}", None)
    return document


def _reworded(text: str, rng: np.random.Generator) -> str:
    """Replace every tenth word or so by a word from elsewhere in the text."""
    words = text.split(" ")
    return " ".join(str(rng.choice(words)) if rng.random() < 0.1 else word for word in words)


@functools.cache
def familiarity() -> tuple[Familiarity, float]:
    """Return the score of the quality filter, and the least score that it accepts."""
    trusted = Familiarity(_clean("trusted", 2000))
    return trusted, float(np.quantile([trusted(text) for text in _clean("held", 500)], QUANTILE))


def _clean(stream: str, n: int) -> list[str]:
    return list(lab.world().documents(n, None, "english", stream=stream))


@functools.cache
def usual_characters() -> frozenset[str]:
    """Return the characters of the trusted texts."""
    return frozenset("".join(_clean("trusted", 2000)))


def is_junk(text: str) -> bool:
    """Whether a text has characters that no trusted text has, or remains of HTML."""
    return not usual_characters() >= {*text} or bool(re.search(r"&\w+;|<\w+/?>|%\d\d|\\u", text))


def is_rude(text: str) -> bool:
    """Whether a text has a word from the list."""
    return not RUDE_WORDS.isdisjoint(re.findall(r"\w+", text.lower()))


def is_unfamiliar(text: str) -> bool:
    """Whether the quality filter rejects a text."""
    score, least = familiarity()
    return score(text) < least


def flagged(texts: Sequence[str], threshold: float = 0.8) -> dict[str, set[int]]:
    """Return which texts each step of the pipeline flags, by the flaw that it looks for."""
    lines = repeated_lines(texts, LEAST_LINES)

    def where(test: Callable[[str], object]) -> set[int]:
        return {i for i, text in enumerate(texts) if test(text)}

    return {
        "duplicate": duplicates(texts, threshold),
        "personal_data": where(personal_data),
        "boilerplate": where(lambda text: without_lines(text, lines) != text),
        "rude": where(is_rude),
        JUNK: where(is_junk),
        "scrambled": where(is_unfamiliar),
    }


def kept(texts: Sequence[str]) -> list[int]:
    """Return which texts the pipeline keeps: those without flaws, and those that it can edit."""
    found = flagged(texts)
    dropped = found["duplicate"] | found["rude"] | found[JUNK] | found["scrambled"]
    return sorted(set(range(len(texts))) - dropped)


def cleaned(texts: Sequence[str]) -> list[str]:
    """Run the pipeline: drop what is flagged, but only edit personal data and boilerplate."""
    lines = repeated_lines(texts, LEAST_LINES)
    return [redact(without_lines(texts[i], lines)) for i in kept(texts)]


def precision_recall(found: set[int], truth: set[int]) -> tuple[int, int, int]:
    """Return how many are right, how many were flagged, and how many there are."""
    return len(found & truth), len(found), len(truth)


def texts_of(name: str, seed: int) -> list[str]:
    """Return one of the corpora to train on."""
    documents = corpus(seed)
    texts = [document.text for document in documents]
    if name == "messy":
        return texts
    if name == "cleaned":
        return cleaned(texts)
    if name == "undamaged":
        return [document.text for document in documents if document.flaw is None]
    chosen = np.random.default_rng(seed).permutation(len(texts))[: len(cleaned(texts))]
    return [texts[i] for i in sorted(chosen)]


def written(model: object, seed: int) -> list[str]:
    """Return the beginnings of documents that a model writes."""
    start, rng = [end_of_text(lab.tokenizer())], np.random.default_rng(seed)
    rows = generate(model, [start], 60, temperature=1.0, n=N_WRITTEN, rng=rng, stop=start).ids
    return [lab.tokenizer().decode([i for i in ids if i != start[0]]) for ids in rows]


def measure(name: str, seed: int) -> dict:
    """Train on one corpus; return the loss on clean text, and what the model writes."""
    texts = texts_of(name, seed)
    model = lab.train(texts, seed=seed)
    samples = written(model, seed)
    return {
        "corpus": name,
        "seed": seed,
        "documents": len(texts),
        "characters": sum(map(len, texts)),
        "bits": lab.bits(model, lab.held_out()),
        "personal": sum(bool(personal_data(text)) for text in samples),
        "junk": sum(is_junk(text) for text in samples),
        "invalid": sum("\ufffd" in text for text in samples),
        "planted junk": sum(any(piece in text for piece in planted_junk()) for text in samples),
    }


def run() -> dict:
    """Train on every corpus with every seed."""
    torch.set_num_threads(1)  # as in the chapter
    points = []
    for seed in lab.SEEDS:
        for name in CORPORA:
            points.append(measure(name, seed))
            print(points[-1], flush=True)
    return {"training tokens": lab.TOKENS, "written": N_WRITTEN, "points": points}
