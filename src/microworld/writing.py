"""The world as a source of text: documents, passages, exercises, and counts of mentions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from itertools import islice

from microworld.arguments import require, require_count
from microworld.documents import lookups
from microworld.documents.exposure import DEFAULT_DOCUMENTS, Expectation, Mentions
from microworld.documents.held_out import exercise_maker
from microworld.documents.noise import Noise
from microworld.documents.noise import add as add_noise
from microworld.documents.registers import Document, mixture
from microworld.documents.sholmi_documents import pair
from microworld.facts.sentences import Notes, Writer
from microworld.truth import Fact, Truth
from microworld.words.exercises import Exercise


class Writing(Truth):
    """A world with its text: documents, passages and exercises."""

    # --- text ------------------------------------------------------------------------------------

    def documents(
        self,
        n: int,
        registers: str | Iterable[str] | Mapping[str, float] | None = None,
        language: str | Mapping[str, float] | None = None,
        *,
        noise: Noise | None = None,
        stream: str = "train",
    ) -> Iterator[str]:
        """Yield n texts, generated lazily; the first texts are the same for every n.

        ``registers`` and ``language`` are one name, several names, or a mapping of names to their
        fraction of the text in bytes; None means the default mixture, which is 95% English.
        ``noise`` is off by default. Another ``stream``, such as "test", gives other documents about
        the same world.

        Raises ValueError for unknown names, bad weights, or a negative n.
        """
        options = {"noise": noise, "stream": stream}
        return (d.text for d in self.labelled_documents(n, registers, language, **options))

    def labelled_documents(
        self,
        n: int,
        registers: str | Iterable[str] | Mapping[str, float] | None = None,
        language: str | Mapping[str, float] | None = None,
        *,
        noise: Noise | None = None,
        stream: str = "train",
    ) -> Iterator[Document]:
        """Yield what `documents` yields, with its register, language, facts, labels and noise."""
        require_count("n", n)
        chosen = mixture(registers, language)
        path = ("documents", stream)
        documents = chosen.documents(self._writer, self.almanac.stream(*path))
        if noise is not None:
            false = chosen.documents(self._false_writer, self.almanac.stream(*path, "lies"))
            documents = add_noise(documents, false, noise, self.almanac.stream(*path, "noise"))
        return islice(documents, n)

    def count_mentions(self, n: int = DEFAULT_DOCUMENTS, *args, **options) -> Mentions:
        """Count how often ``labelled_documents(n, ...)`` mention each fact; takes its arguments."""
        return Mentions(self.labelled_documents(n, *args, **options))

    def times_mentioned(self, fact: int | Fact, n_documents: int = DEFAULT_DOCUMENTS) -> float:
        """Return the expected number of mentions of a fact in documents of the default mixture."""
        number = fact.number if isinstance(fact, Fact) else fact
        return self._expectation.of(*self.almanac.fact(number), n_documents)

    def passage(self, name: str, *, held_out_too: bool = True, seed: int = 0) -> str:
        """Return all facts about an entity as prose, like a passage that a search returns.

        Raises ValueError if there is no entity of that name.
        """
        entity = self._oracle.reader.entity(name)
        require(entity is not None, "name", "the name of an entity of this world", name)
        rnd = self.almanac.stream("passage", seed, *entity)
        return lookups.passage_for(self._writer, rnd, *entity, held_out_too)

    def exercises(self, n: int, task: str, seed: int = 0) -> list[Exercise]:
        """Return n prompts with one correct continuation each, worded as in the documents.

        Tasks: look-up, counterfactual, repeat, key, labels, capitals, series, story, sentiment,
        sum, held-out sum, translation. Raises ValueError for any other.
        """
        require_count("n", n)
        make = exercise_maker(task)
        rnd = self.almanac.stream("exercises", task, seed)
        return [make(self._writer, rnd) for _ in range(n)]

    def sentence_pairs(self, n: int, seed: int = 0) -> list[tuple[str, str]]:
        """Return n facts, each as a sentence in English and in Šolmi."""
        require_count("n", n)
        rnd = self.almanac.stream("sentence pairs", seed)
        return [pair(self._writer, rnd, Notes()) for _ in range(n)]

    @cached_property
    def _writer(self) -> Writer:
        return Writer(self.almanac)

    @cached_property
    def _false_writer(self) -> Writer:
        return Writer(self.almanac.distorted())

    @cached_property
    def _expectation(self) -> Expectation:
        return Expectation(self.almanac, self._writer)
