"""All registers, their share in the default mixture, and the stream of documents."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from . import (
    arithmetic,
    dialogues,
    encyclopedia,
    lookups,
    patterns,
    quizzes,
    records,
    reviews,
    sholmi_documents,
    stories,
    summaries,
)
from .randomness import Rnd, Weighted
from .telling import Notes, Teller

ENGLISH, SHOLMI = "english", "sholmi"
LANGUAGES = {ENGLISH: 0.95, SHOLMI: 0.05}
"""The languages and their default shares."""


@dataclass(frozen=True)
class Document:
    """A text and what is known about it.

    ``facts`` are the numbers of the true facts that it tells; ``labels`` are what a register knows
    (stars, sentiment) or noise leaves behind; ``noise`` names the kinds of noise in it.
    """

    text: str
    register: str
    language: str
    facts: tuple[int, ...] = ()
    labels: Mapping[str, object] = field(default_factory=dict)
    noise: tuple[str, ...] = ()


@dataclass(frozen=True)
class Register:
    """One kind of document: who writes it, its share of its language, its mean size in bytes."""

    name: str
    language: str
    write: Callable[[Teller, Rnd, Notes], str]
    share: float
    mean_bytes: int


REGISTERS = (
    Register("encyclopedia", ENGLISH, encyclopedia.write, 0.24, 179),
    Register("questions", ENGLISH, quizzes.write, 0.11, 225),
    Register("records", ENGLISH, records.write, 0.06, 137),
    Register("dialogues", ENGLISH, dialogues.write, 0.07, 238),
    Register("stories", ENGLISH, stories.write, 0.09, 333),
    Register("reviews", ENGLISH, reviews.write, 0.04, 197),
    Register("arithmetic", ENGLISH, arithmetic.write, 0.05, 254),
    Register("lookups", ENGLISH, lookups.write, 0.17, 317),
    Register("patterns", ENGLISH, patterns.write, 0.10, 126),
    Register("summaries", ENGLISH, summaries.write, 0.05, 201),
    Register("translations", ENGLISH, sholmi_documents.translations, 0.02, 238),
    Register("encyclopedia", SHOLMI, sholmi_documents.entry, 0.6, 160),
    Register("questions", SHOLMI, sholmi_documents.questions, 0.4, 182),
)


def known(language: str | None = None) -> list[str]:
    """Return the names of the registers, or those that exist in one language."""
    names = (r.name for r in REGISTERS if language in (None, r.language))
    return list(dict.fromkeys(names))


@dataclass(frozen=True)
class Mixture:
    """Registers with their shares of the text, measured in bytes."""

    shares: tuple[tuple[Register, float], ...]

    def documents(self, tell: Teller, rnd: Rnd) -> Iterator[Document]:
        """Documents without end. Shares are of bytes, so short registers are drawn more often."""
        registers = [register for register, _ in self.shares]
        draw = Weighted(share / r.mean_bytes for r, share in self.shares).draw
        while True:
            register = registers[draw(rnd)]
            notes = Notes()
            text = register.write(tell, rnd, notes)
            facts = tuple(notes.facts)
            yield Document(text, register.name, register.language, facts, notes.labels)


def mixture(
    registers: str | Iterable[str] | Mapping[str, float] | None,
    language: str | Mapping[str, float] | None,
) -> Mixture:
    """The mixture for what a caller asks; the shares come from it or from the defaults.

    Raises ValueError for an unknown register or language, a register that the language lacks, or
    shares that are negative or all zero.
    """
    languages = _shares("language", language, LANGUAGES, list(LANGUAGES))
    names = _shares("registers", registers, dict.fromkeys(known(), 1.0), known())
    custom = isinstance(registers, Mapping)
    chosen = []
    for tongue, tongue_share in languages.items():
        there = [r for r in REGISTERS if r.language == tongue and names.get(r.name, 0) > 0]
        if isinstance(language, str) and registers is not None:
            lacking = set(names) - {r.name for r in there if names[r.name] > 0}
            lacking -= {name for name, share in names.items() if share == 0}
            if lacking:
                raise ValueError(
                    f"registers is {registers!r}; {tongue} has only {', '.join(known(tongue))}"
                )
        weights = [names[r.name] if custom else r.share for r in there]
        total = math.fsum(weights)  # sum() differs between Python 3.11 and 3.12
        chosen += [(r, tongue_share * w / total) for r, w in zip(there, weights)]
    if not any(share for _, share in chosen):
        raise ValueError(
            f"registers is {registers!r} and language is {language!r}, which leaves no document; "
            "give at least one register that the language has a positive share"
        )
    return Mixture(tuple((register, share) for register, share in chosen if share > 0))


def _shares(
    argument: str,
    asked: str | Iterable[str] | Mapping[str, float] | None,
    default: Mapping[str, float],
    allowed: list[str],
) -> dict[str, float]:
    if asked is None:
        return dict(default)
    if isinstance(asked, Mapping):
        shares = dict(asked)
    else:
        shares = dict.fromkeys([asked] if isinstance(asked, str) else asked, 1.0)
    for name, share in shares.items():
        if name not in allowed:
            raise ValueError(f"{argument} names {name!r}; known are {', '.join(allowed)}")
        if not share >= 0 or share == float("inf"):
            raise ValueError(f"{argument} gives {name!r} the share {share}; shares are >= 0")
    if not sum(shares.values()):
        raise ValueError(f"{argument} is {asked!r}; at least one share must be above 0")
    return shares
