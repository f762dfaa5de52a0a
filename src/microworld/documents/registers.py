"""All registers, their fraction of the default mixture, and the stream of documents."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from microworld.arguments import as_weights, require
from microworld.documents import (
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
from microworld.facts.sentences import Notes, Writer
from microworld.words.randomness import Rnd, Weighted

ENGLISH, SHOLMI = "english", "sholmi"
LANGUAGES = {ENGLISH: 0.95, SHOLMI: 0.05}
"""The languages and their default fractions of the text, in bytes."""


@dataclass(frozen=True)
class Document:
    """A text and its metadata.

    ``facts`` are the numbers of the true facts that it states. ``labels`` come from the register
    (stars, sentiment) or from noise (what was inserted). ``noise`` names the kinds of noise in it.
    """

    text: str
    register: str
    language: str
    facts: tuple[int, ...] = ()
    labels: Mapping[str, object] = field(default_factory=dict)
    noise: tuple[str, ...] = ()


@dataclass(frozen=True)
class Register:
    """One type of document: its fraction of the text in its language, its mean size in bytes."""

    name: str
    language: str
    write: Callable[[Writer, Rnd, Notes], str]
    fraction: float
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
    """Registers with their weights: proportional to their bytes of text."""

    weights: tuple[tuple[Register, float], ...]

    def documents(self, writer: Writer, rnd: Rnd) -> Iterator[Document]:
        """Yield documents endlessly.

        Weights are in bytes, so a register with shorter documents is sampled more often.
        """
        registers = [register for register, _ in self.weights]
        sample = Weighted(weight / r.mean_bytes for r, weight in self.weights).sample
        while True:
            register = registers[sample(rnd)]
            notes = Notes()
            text = register.write(writer, rnd, notes)
            facts = tuple(notes.facts)
            yield Document(text, register.name, register.language, facts, notes.labels)


def mixture(
    registers: str | Iterable[str] | Mapping[str, float] | None,
    language: str | Mapping[str, float] | None,
) -> Mixture:
    """Return the mixture of the given registers and languages; the rest are defaults.

    Raises ValueError for an unknown register or language, a register that the language lacks, or
    weights that are negative or all zero.
    """
    languages = as_weights("language", language, LANGUAGES, LANGUAGES)
    names = as_weights("registers", registers, known(), dict.fromkeys(known(), 1.0))
    custom = isinstance(registers, Mapping)
    chosen: list[tuple[Register, float]] = []
    for name, fraction in languages.items():
        own = [r for r in REGISTERS if r.language == name and names.get(r.name, 0) > 0]
        if isinstance(language, str) and registers is not None:
            requested = {register for register, weight in names.items() if weight > 0}
            allowed = f"some of {', '.join(known(name))} for {name}"
            require(requested <= {r.name for r in own}, "registers", allowed, registers)
        weights = [names[r.name] if custom else r.fraction for r in own]
        total = math.fsum(weights)  # sum() differs between Python 3.11 and 3.12
        chosen += [(r, fraction * w / total) for r, w in zip(own, weights)]
    weighted = tuple((register, weight) for register, weight in chosen if weight > 0)
    allowed = f"registers of {', '.join(languages)}, one of them with a positive weight"
    require(bool(weighted), "registers", allowed, registers)
    return Mixture(weighted)
