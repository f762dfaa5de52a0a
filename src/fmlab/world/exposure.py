"""How often documents mention a fact: expected for a corpus of some size, or counted in one."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator

from .almanac import Almanac, Table
from .registers import Document, mixture
from .telling import Teller

SAMPLE = 10_000  # documents from which the rates of the relations are measured
DEFAULT_DOCUMENTS = 150_000  # about 30 MB


class Mentions:
    """Exact counts of how often each fact was told in a corpus."""

    def __init__(self, documents: Iterable[Document] = ()):
        self.n_documents = 0
        self.n_bytes = 0
        self.counts: Counter[int] = Counter()
        for _ in self.watch(documents):
            pass

    def watch(self, documents: Iterable[Document]) -> Iterator[Document]:
        """Count the documents that pass: use it around a stream that is being written."""
        for document in documents:
            self.n_documents += 1
            self.n_bytes += len(document.text.encode())
            self.counts.update(document.facts)
            yield document

    def __getitem__(self, fact: int) -> int:
        return self.counts[fact]


class Expectation:
    """Expected mentions in the default mixture: rate of the relation times share of the entity.

    The rates are measured once, on a sample of the world's own documents. The popularity of an
    entity follows Zipf's law in its rank, so expected mentions do as well.
    """

    def __init__(self, almanac: Almanac, teller: Teller):
        self.almanac = almanac
        documents = mixture(None, None).documents(teller, almanac.stream("rates"))
        counts = Mentions(next(documents) for _ in range(SAMPLE)).counts
        told = Counter(almanac.fact(number)[0].key for number in counts.elements())
        self.per_document = {
            key: told[key] / SAMPLE / self._visible(table) for key, table in almanac.tables.items()
        }

    def _visible(self, table: Table) -> float:
        """The share of the popularity that facts not held out have."""
        weights = self.almanac.popularity[table.relation.kind].weights
        visible = math.fsum(w for w, h in zip(weights, table.hidden) if not h)
        return visible / math.fsum(weights)

    def of(self, table: Table, index: int, n_documents: float = DEFAULT_DOCUMENTS) -> float:
        """How often so many documents are expected to tell a fact; 0 if it is held out."""
        if table.hidden[index]:
            return 0.0
        share = self.almanac.popularity[table.relation.kind].share(index)
        return n_documents * self.per_document[table.key] * share
