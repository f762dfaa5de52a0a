"""The noise of real corpora, added on purpose and labeled, so that data cleaning can be scored.

The ``noise`` of a document names the kinds it has; its ``labels`` have what was inserted.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, replace
from itertools import islice

from microworld.arguments import require
from microworld.documents.registers import Document
from microworld.words.names import WORDS
from microworld.words.randomness import Rnd, Weighted, between, pick, sample

MEMORY = 500  # a duplicate repeats one of this many preceding documents
MAX_SKIPPED = 100  # documents to skip in search of one that states facts, to make them wrong
INSULTS = (
    "you turnip", "you soggy biscuit", "you crooked spoon", "you old boot", "you mouldy pumpkin",
    "you leaky bucket", "you grumpy beetroot", "you wobbly cart", "you burnt pancake",
    "you bag of wet socks",
)  # fmt: skip
RUDE = (
    "Go away, {}!", "Nobody asked you, {}.", "What nonsense, {}!", "Be quiet, {}!",
    "Only {} could write this.", "Learn to read, {}.",
)  # fmt: skip
BOILERPLATE = (
    "Click here to subscribe to our newsletter.", "Home | About | Contact | Help",
    "All rights reserved.", "Accept all cookies to continue.", "Share this page with your friends.",
    "Page 1 of 1", "Log in to leave a comment.", "Advertisement", "Read more ...",
    "This page was last changed today.", "Back to top",
)  # fmt: skip
JUNK = ("\ufffd", "&amp;nbsp;", "â€™", "Ã¤", "Â ", "\\u00e9", "<br/>", "%20", "ï»¿")
FIXES = ((".", " ."), (" and ", " & "), (", ", ","), ("is ", "is  "), ("the ", "the the "))


@dataclass(frozen=True)
class Noise:
    """The fraction of documents with each kind of noise; 0 by default."""

    exact_duplicates: float = 0.0
    near_duplicates: float = 0.0
    personal_data: float = 0.0
    rude: float = 0.0
    boilerplate: float = 0.0
    encoding_junk: float = 0.0
    scrambled: float = 0.0
    wrong_facts: float = 0.0

    def __post_init__(self):
        fractions = self.fractions()
        for kind, fraction in fractions.items():
            require(0 <= fraction <= 1, kind, "a fraction from 0 to 1", fraction)
        total = math.fsum(fractions.values())
        require(total <= 1, "noise", "fractions with a sum of at most 1", self)

    def fractions(self) -> dict[str, float]:
        """Return the fraction of every kind of noise."""
        return {f.name: getattr(self, f.name) for f in fields(self)}


def add(
    documents: Iterator[Document], false_documents: Iterator[Document], noise: Noise, rnd: Rnd
) -> Iterator[Document]:
    """Mix noise into a stream; a document gets at most one kind.

    ``false_documents`` supply the documents with wrong facts.
    """
    kinds, fractions = list(noise.fractions()), list(noise.fractions().values())
    sample_kind = Weighted([*fractions, max(0.0, 1 - math.fsum(fractions))]).sample
    past: list[tuple[int, Document]] = []
    number = 0
    while True:
        index = sample_kind(rnd)
        kind = kinds[index] if index < len(kinds) else None
        if kind in ("exact_duplicates", "near_duplicates") and past:
            document = repeat(rnd, kind, *pick(rnd, past))
        elif kind == "wrong_facts":
            false = next((d for d in islice(false_documents, MAX_SKIPPED) if d.facts), None)
            document = replace(false, facts=(), noise=(kind,)) if false else next(documents)
        elif kind in CHANGES:
            document = CHANGES[kind](rnd, next(documents))
        else:
            document = next(documents)
        if not document.noise:
            past.append((number, document))
            if len(past) > MEMORY:
                past.pop(0)
        yield document
        number += 1


def repeat(rnd: Rnd, kind: str, number: int, document: Document) -> Document:
    """Return an earlier document again, exactly or with small changes."""
    text = document.text
    if kind == "near_duplicates":
        while text == document.text:
            old, new = pick(rnd, FIXES)
            text = text.replace(old, new, 1) if rnd() < 0.5 else text + pick(rnd, ("\n", " .", "!"))
    labels = {**document.labels, "duplicate_of": number}
    return replace(document, text=text, labels=labels, noise=(kind,))


def _with(document: Document, kind: str, text: str, label: object) -> Document:
    return replace(document, text=text, labels={**document.labels, kind: label}, noise=(kind,))


def _insert(rnd: Rnd, document: Document, kind: str, line: str, label: object) -> Document:
    text = f"{line}\n{document.text}" if rnd() < 0.4 else f"{document.text}\n{line}"
    return _with(document, kind, text, label)


def personal_data(rnd: Rnd, document: Document) -> Document:
    """Insert an email address at a domain that cannot exist, or an impossible phone number."""
    first = pick(rnd, WORDS["given_she"]).lower()
    last = pick(rnd, WORDS["family"]).lower()
    email = f"{first}.{last}{between(rnd, 1, 99)}@example.invalid"
    phone = f"000-{between(rnd, 100, 999)}-{between(rnd, 1000, 9999)}"
    line, label = pick(
        rnd,
        (
            (f"Write to {email}.", [email]),
            (f"Contact: {email}, phone {phone}", [email, phone]),
            (f"Call {phone} after six.", [phone]),
        ),
    )
    return _insert(rnd, document, "personal_data", line, label)


def rude(rnd: Rnd, document: Document) -> Document:
    line = pick(rnd, RUDE).format(pick(rnd, INSULTS))
    return _insert(rnd, document, "rude", line, line)


def boilerplate(rnd: Rnd, document: Document) -> Document:
    lines = sample(rnd, BOILERPLATE, between(rnd, 2, 4))
    return _insert(rnd, document, "boilerplate", "\n".join(lines), lines)


def encoding_junk(rnd: Rnd, document: Document) -> Document:
    words = document.text.split(" ")
    inserted = [pick(rnd, JUNK) for _ in range(between(rnd, 2, 6))]
    for junk in inserted:
        i = int(rnd() * len(words))
        words[i] = f"{words[i]}{junk}"
    return _with(document, "encoding_junk", " ".join(words), inserted)


def scrambled(rnd: Rnd, document: Document) -> Document:
    words = document.text.split()
    text = " ".join(sample(rnd, words, len(words)))
    return replace(_with(document, "scrambled", text, True), facts=())


CHANGES: dict[str | None, Callable[[Rnd, Document], Document]] = {
    "personal_data": personal_data,
    "rude": rude,
    "boilerplate": boilerplate,
    "encoding_junk": encoding_junk,
    "scrambled": scrambled,
}
