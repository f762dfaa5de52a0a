"""Questions with their answers, selected by exposure, phrasing and split."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace

from microworld.arguments import require, require_one_of
from microworld.documents.exposure import Expectation, Mentions
from microworld.documents.quizzes import NO, YES, wrong_value
from microworld.facts.almanac import Almanac, Table
from microworld.facts.sentences import KIND_WEIGHTS, Writer
from microworld.words import schema
from microworld.words.hops import HOPS_OF, Hop
from microworld.words.names import Name
from microworld.words.phrasing import Phrasing, phrasings_of
from microworld.words.randomness import Rnd, Weighted, pick

KINDS = ("direct", "yes-no", "two-hop")
SPLITS = ("seen", "held-out facts", "held-out people", "nonexistent")
PHRASINGS = ("train", "held-out", "any")
USE = {"direct": "question", "yes-no": "yes-no"}
MAX_MISSES = 2000  # give up after this many samples in a row without a new question


@dataclass(frozen=True)
class Question:
    """A question in English, with its answer and the metadata that an evaluation needs.

    ``answer`` is None if the entity does not exist. ``times_mentioned`` is how often documents
    state the fact (for two-hop questions: the rarer of the two facts). ``fact`` is its number.
    """

    text: str
    answer: str | None
    kind: str
    relation: str
    entity: str
    entity_kind: str
    fact: int | None
    times_mentioned: float
    held_out_phrasing: bool
    split: str

    @property
    def prompt(self) -> str:
        """The question in the most frequent form of the register ``questions``."""
        return f"Question: {self.text}\nAnswer:"


class QuestionSampler:
    """Samples questions about an almanac; facts have counted mentions, or else expected ones."""

    def __init__(self, writer: Writer, expectation: Expectation, mentions: Mentions | None):
        self.writer = writer
        self.almanac: Almanac = writer.almanac
        self.expectation = expectation
        self.mentions = mentions

    def questions(
        self,
        rnd: Rnd,
        *,
        kinds: Collection[str],
        split: str,
        phrasing: str,
        relations: Collection[str] | None,
        exposure: tuple[float, float] | None,
    ) -> Iterator[Question]:
        """Yield different questions until no more fit the filters."""
        texts: set[str] = set()
        misses = 0
        facts = self._facts(rnd, split, relations, exposure)
        while misses < MAX_MISSES:
            if (fact := next(facts, None)) is None:
                return
            question = self._question(rnd, *fact, pick(rnd, list(kinds)), split, phrasing)
            if question is None or question.text in texts:
                misses += 1
                continue
            misses = 0
            texts.add(question.text)
            yield question

    # --- facts -----------------------------------------------------------------------------------

    def times(self, table: Table, i: int) -> float:
        if self.mentions is not None:
            return self.mentions[table.base + i]
        return self.expectation.of(table, i)

    def _facts(
        self,
        rnd: Rnd,
        split: str,
        relations: Collection[str] | None,
        exposure: tuple[float, float] | None,
    ) -> Iterator[tuple[Table, int]]:
        """Yield facts that fit the filters, endlessly.

        Without an exposure, facts of the split "seen" are sampled as often as documents state them;
        with one, and in held-out splits, uniformly.
        """
        tables = [t for key, t in self.almanac.tables.items() if _is_selected(key, relations)]
        if split in ("seen", "nonexistent") and exposure is None:
            kinds = [kind for kind in KIND_WEIGHTS if any(t.relation.kind == kind for t in tables)]
            sample_kind = Weighted(KIND_WEIGHTS[kind] for kind in kinds).sample
            while True:
                kind = kinds[sample_kind(rnd)]
                table = pick(rnd, [t for t in tables if t.relation.kind == kind])
                i = self.writer.entity(rnd, kind)
                if split == "nonexistent" or not table.hidden[i]:
                    yield table, i
        low, high = exposure or (0, float("inf"))
        people = self.almanac.held_out_people
        fitting = [
            (table, i)
            for table in tables
            for i, hidden in enumerate(table.hidden)
            if bool(hidden) == (split != "seen")
            and (table.relation.kind == "person" and i in people) == (split == "held-out people")
            and (split != "seen" or low <= self.times(table, i) <= high)
        ]
        while fitting:
            yield pick(rnd, fitting)

    # --- questions -------------------------------------------------------------------------------

    def _question(
        self, rnd: Rnd, table: Table, i: int, kind: str, split: str, phrasing: str
    ) -> Question | None:
        if kind == "two-hop":
            return self._two_hop(rnd, table, i, split, phrasing)
        form = _choose(rnd, phrasings_of(table.key, USE[kind]), phrasing)
        if form is None:
            return None
        name, answer, value = table.names[i], table.values[i][0], table.values[i]
        if kind == "yes-no":
            true = rnd() < 0.5
            answer = YES if true else NO
            value = value if true else wrong_value(self.writer, rnd, table, i)
        return self._filled(rnd, form, kind, table, i, name, answer, value, split)

    def _two_hop(
        self, rnd: Rnd, table: Table, i: int, split: str, phrasing: str
    ) -> Question | None:
        hops: list[Hop] = [h for h in HOPS_OF.get(table.relation.kind, ()) if h.first == table.key]
        if not hops:
            return None
        hop = pick(rnd, hops)
        form = _choose(rnd, hop.phrasings, phrasing)
        second, j = self.almanac.tables[hop.second], table.targets[i]
        if form is None or (split == "seen" and second.hidden[j]):
            return None
        answer, name = second.values[j][0], table.names[i]
        first = self._filled(rnd, form, "two-hop", table, i, name, answer, table.values[i], split)
        times = min(first.times_mentioned, self.times(second, j))
        return replace(first, relation=hop.key, times_mentioned=times)

    def _filled(
        self,
        rnd: Rnd,
        form: Phrasing,
        kind: str,
        table: Table,
        i: int,
        name: Name,
        answer: str,
        value: tuple[str, str, str],
        split: str,
    ) -> Question:
        entity_kind = table.relation.kind
        nonexistent = split == "nonexistent"
        if nonexistent:
            name = pick(rnd, self.almanac.names[entity_kind].phantom)
        return Question(
            text=form.filled(2).format(*name, *value),
            answer=None if nonexistent else answer,
            kind=kind,
            relation=table.key,
            entity=name[0],
            entity_kind=entity_kind,
            fact=None if nonexistent else table.base + i,
            times_mentioned=0.0 if nonexistent else self.times(table, i),
            held_out_phrasing=form.held_out,
            split=split,
        )


def _is_selected(key: str, relations: Collection[str] | None) -> bool:
    """Return whether a filter names the relation, by its key or by its kind."""
    return relations is None or key in relations or key.partition(".")[0] in relations


def _choose(rnd: Rnd, forms: Collection[Phrasing], phrasing: str) -> Phrasing | None:
    fitting = [p for p in forms if phrasing == "any" or p.held_out == (phrasing == "held-out")]
    return pick(rnd, fitting) if fitting else None


def check_filters(kinds, split, phrasing, relations, exposure) -> None:
    """Raise ValueError for a filter that is not allowed."""
    some_kinds = f"one or more of {', '.join(KINDS)}"
    require(bool(kinds) and all(kind in KINDS for kind in kinds), "kinds", some_kinds, kinds)
    require_one_of("split", SPLITS, split)
    require_one_of("phrasing", PHRASINGS, phrasing)
    options = (*schema.KINDS, *schema.BY_KEY)
    some_relations = f"None or some of {', '.join(options)}"
    valid = all(name in options for name in relations or ())
    require(valid, "relations", some_relations, relations)
    if exposure is not None:
        low, high = exposure
        require(split == "seen", "exposure", "None unless split is 'seen'", exposure)
        require(0 <= low <= high, "exposure", "(low, high) with 0 <= low <= high", exposure)
