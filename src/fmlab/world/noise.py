"""What real corpora are full of, put in on purpose and labelled, so that cleaning can be scored.

Every noisy document says in ``noise`` which kinds it has; ``labels`` hold what was put in.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, replace
from itertools import islice

from .names import WORDS
from .randomness import Rnd, Weighted, between, pick, sample
from .registers import Document

MEMORY = 500  # a duplicate repeats one of so many earlier documents
TRIES = 100  # some registers tell no facts, and so cannot tell wrong ones
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
    """The share of documents with each kind of noise; 0 by default."""

    exact_duplicates: float = 0.0
    near_duplicates: float = 0.0
    personal_data: float = 0.0
    rude: float = 0.0
    boilerplate: float = 0.0
    encoding_junk: float = 0.0
    scrambled: float = 0.0
    wrong_facts: float = 0.0

    def __post_init__(self):
        for kind, share in self.shares():
            if not 0 <= share <= 1:
                raise ValueError(f"noise has {kind} = {share}; a share is between 0 and 1")
        if math.fsum(share for _, share in self.shares()) > 1:
            raise ValueError(f"noise is {self}; the shares may add up to 1 at most")

    def shares(self) -> list[tuple[str, float]]:
        return [(f.name, getattr(self, f.name)) for f in fields(self)]


def add(
    documents: Iterator[Document], lies: Iterator[Document], noise: Noise, rnd: Rnd
) -> Iterator[Document]:
    """Mix noise into a stream. A document gets one kind at most; ``lies`` tell wrong facts."""
    kinds = [kind for kind, _ in noise.shares()]
    shares = [share for _, share in noise.shares()]
    draw = Weighted([*shares, max(0.0, 1 - math.fsum(shares))]).draw
    past: list[tuple[int, Document]] = []
    number = 0
    while True:
        luck = draw(rnd)
        kind = kinds[luck] if luck < len(kinds) else None
        if kind in ("exact_duplicates", "near_duplicates") and past:
            document = repeat(rnd, kind, *pick(rnd, past))
        elif kind == "wrong_facts":
            lie = next((d for d in islice(lies, TRIES) if d.facts), None)
            document = replace(lie, facts=(), noise=(kind,)) if lie else next(documents)
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
    """An earlier document again, to the letter or with small changes."""
    text = document.text
    if kind == "near_duplicates":
        while text == document.text:
            old, new = pick(rnd, FIXES)
            text = text.replace(old, new, 1) if rnd() < 0.5 else text + pick(rnd, ("\n", " .", "!"))
    labels = {**document.labels, "duplicate_of": number}
    return replace(document, text=text, labels=labels, noise=(kind,))


def _with(document: Document, kind: str, text: str, put_in: object) -> Document:
    return replace(document, text=text, labels={**document.labels, kind: put_in}, noise=(kind,))


def _insert(rnd: Rnd, document: Document, kind: str, line: str, put_in: object) -> Document:
    text = f"{line}\n{document.text}" if rnd() < 0.4 else f"{document.text}\n{line}"
    return _with(document, kind, text, put_in)


def personal_data(rnd: Rnd, document: Document) -> Document:
    """A mail address at a domain that cannot exist, or a number that no telephone has."""
    first = pick(rnd, WORDS["given_she"]).lower()
    last = pick(rnd, WORDS["family"]).lower()
    mail = f"{first}.{last}{between(rnd, 1, 99)}@example.invalid"
    phone = f"000-{between(rnd, 100, 999)}-{between(rnd, 1000, 9999)}"
    form, put_in = pick(
        rnd,
        (
            (f"Write to {mail}.", [mail]),
            (f"Contact: {mail}, phone {phone}", [mail, phone]),
            (f"Call {phone} after six.", [phone]),
        ),
    )
    return _insert(rnd, document, "personal_data", form, put_in)


def rude(rnd: Rnd, document: Document) -> Document:
    line = pick(rnd, RUDE).format(pick(rnd, INSULTS))
    return _insert(rnd, document, "rude", line, line)


def boilerplate(rnd: Rnd, document: Document) -> Document:
    lines = sample(rnd, BOILERPLATE, between(rnd, 2, 4))
    return _insert(rnd, document, "boilerplate", "\n".join(lines), lines)


def encoding_junk(rnd: Rnd, document: Document) -> Document:
    words = document.text.split(" ")
    put_in = [pick(rnd, JUNK) for _ in range(between(rnd, 2, 6))]
    for junk in put_in:
        i = int(rnd() * len(words))
        words[i] = f"{words[i]}{junk}"
    return _with(document, "encoding_junk", " ".join(words), put_in)


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
