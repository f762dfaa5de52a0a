"""The world as a source of text: documents, passages, exercises, and how often facts are told."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from itertools import islice

from . import lookups
from .evaluating import exercise_maker
from .exercises import Exercise
from .exposure import DEFAULT_DOCUMENTS, Expectation, Mentions
from .noise import Noise
from .noise import add as add_noise
from .registers import Document, mixture
from .sholmi_documents import pair
from .telling import Notes, Teller
from .truth import Fact, Truth


class Writing(Truth):
    """A world that can be asked, and that writes."""

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
        """Yield n texts, made while you read; a longer run starts with the texts of a shorter one.

        ``registers`` and ``language`` each name one, several, or give shares of the text in bytes;
        None means the default mixture, 95% English. ``noise`` is off unless given. Another
        ``stream``, say "test", gives other documents about the same world.

        Raises ValueError for unknown names, bad shares, or a negative n.
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
        """The same documents with their register, language, facts told, labels and noise."""
        self._check_n(n)
        chosen = mixture(registers, language)
        path = ("documents", stream)
        found = chosen.documents(self._teller, self.almanac.stream(*path))
        if noise is not None:
            lies = chosen.documents(self._liar, self.almanac.stream(*path, "lies"))
            found = add_noise(found, lies, noise, self.almanac.stream(*path, "noise"))
        return islice(found, n)

    def count_mentions(self, n: int = DEFAULT_DOCUMENTS, *args, **options) -> Mentions:
        """Exact counts of the facts told in ``labelled_documents(n, ...)``; takes its arguments."""
        return Mentions(self.labelled_documents(n, *args, **options))

    def times_mentioned(self, fact: int | Fact, n_documents: int = DEFAULT_DOCUMENTS) -> float:
        """How often so many documents of the default mixture are expected to tell a fact."""
        number = fact.number if isinstance(fact, Fact) else fact
        return self._expectation.of(*self.almanac.fact(number), n_documents)

    def passage(self, name: str, *, held_out_too: bool = True, seed: int = 0) -> str:
        """All facts about an entity in running text: what a search engine would find.

        Raises ValueError if there is no entity of that name.
        """
        found = self._oracle.reader.entity(name)
        if found is None:
            raise ValueError(f"name is {name!r}, which is not an entity of this world")
        rnd = self.almanac.stream("passage", seed, *found)
        return lookups.passage_for(self._teller, rnd, *found, held_out_too)

    def exercises(self, n: int, task: str, seed: int = 0) -> list[Exercise]:
        """n prompts with one right continuation each, in the form in which documents have them.

        Tasks: look-up, counterfactual, repeat, key, labels, capitals, series, story, sentiment,
        sum, held-out sum, translation. Raises ValueError for another.
        """
        self._check_n(n)
        make = exercise_maker(task)
        rnd = self.almanac.stream("exercises", task, seed)
        return [make(self._teller, rnd) for _ in range(n)]

    def sentence_pairs(self, n: int, seed: int = 0) -> list[tuple[str, str]]:
        """n facts as a sentence in English and the same in Šolmi."""
        self._check_n(n)
        rnd = self.almanac.stream("sentence pairs", seed)
        return [pair(self._teller, rnd, Notes()) for _ in range(n)]

    def _check_n(self, n: int) -> None:
        if not isinstance(n, int) or n < 0:
            raise ValueError(f"n is {n!r}; it must be a whole number, 0 or more")

    @cached_property
    def _teller(self) -> Teller:
        return Teller(self.almanac)

    @cached_property
    def _liar(self) -> Teller:
        return Teller(self.almanac.distorted())

    @cached_property
    def _expectation(self) -> Expectation:
        return Expectation(self.almanac, self._teller)
