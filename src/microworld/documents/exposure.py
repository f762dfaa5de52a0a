"""How often documents mention a fact: the expected number, or the count in a corpus."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator

from microworld.documents.registers import Document, mixture
from microworld.facts.almanac import Almanac, Table
from microworld.facts.sentences import Writer

SAMPLE = 10_000  # documents used to measure the rates of the relations
DEFAULT_DOCUMENTS = 150_000  # about 30 MB


class Mentions:
    """Exact counts of how often a corpus mentions each fact, by fact number."""

    def __init__(self, documents: Iterable[Document] = ()):
        self.n_documents = 0
        self.n_bytes = 0
        self.counts: Counter[int] = Counter()
        for _ in self.watch(documents):
            pass

    def watch(self, documents: Iterable[Document]) -> Iterator[Document]:
        """Yield the documents unchanged and count them, to count while a corpus is written."""
        for document in documents:
            self.n_documents += 1
            self.n_bytes += len(document.text.encode())
            self.counts.update(document.facts)
            yield document

    def __getitem__(self, fact: int) -> int:
        return self.counts[fact]


class Expectation:
    """Expected mentions in the default mixture: rate of the relation times the entity's popularity.

    The rates are measured once, on a sample of the world's own documents. Popularity follows Zipf's
    law, so expected mentions do, too.
    """

    def __init__(self, almanac: Almanac, writer: Writer):
        self.almanac = almanac
        documents = mixture(None, None).documents(writer, almanac.stream("rates"))
        counts = Mentions(next(documents) for _ in range(SAMPLE)).counts
        mentions = Counter(almanac.fact(number)[0].key for number in counts.elements())
        self.per_document = {
            key: mentions[key] / SAMPLE / self._visible(table)
            for key, table in almanac.tables.items()
        }

    def _visible(self, table: Table) -> float:
        """Return the fraction of the popularity that belongs to facts that are not held out."""
        weights = self.almanac.popularity[table.relation.kind].weights
        visible = math.fsum(w for w, h in zip(weights, table.hidden) if not h)
        return visible / math.fsum(weights)

    def of(self, table: Table, index: int, n_documents: float = DEFAULT_DOCUMENTS) -> float:
        """Return how often n documents are expected to mention a fact; 0 if it is held out."""
        if table.hidden[index]:
            return 0.0
        popularity = self.almanac.popularity[table.relation.kind].probability(index)
        return n_documents * self.per_document[table.key] * popularity
