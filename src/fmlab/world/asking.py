"""Questions with their answers, chosen by what is known about them: exposure, phrasing, split."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from . import schema
from .almanac import Almanac, Table
from .exposure import Expectation, Mentions
from .hops import HOPS_OF, Hop
from .names import Name
from .phrasing import Phrasing, phrasings_of
from .quizzes import NO, YES, wrong_value
from .randomness import Rnd, Weighted, pick
from .telling import KIND_SHARES, Teller

KINDS = ("direct", "yes-no", "two-hop")
SPLITS = ("seen", "held-out facts", "held-out people", "nonexistent")
PHRASINGS = ("train", "held-out", "any")
USE = {"direct": "question", "yes-no": "yes-no"}


@dataclass(frozen=True)
class Question:
    """A question in English, with all that a test wants to know about it.

    ``answer`` is None where the entity does not exist. ``times_mentioned`` is how often documents
    tell the fact (of two-hop questions: the rarer of the two facts). ``fact`` is its number.
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
        """The question in the form that documents of the register ``questions`` have most often."""
        return f"Question: {self.text}\nAnswer:"


class Asker:
    """Draws questions about an almanac."""

    def __init__(self, teller: Teller, expectation: Expectation):
        self.teller = teller
        self.almanac: Almanac = teller.almanac
        self.expectation = expectation

    def questions(
        self,
        rnd: Rnd,
        *,
        kinds: Collection[str],
        split: str,
        phrasing: str,
        relations: Collection[str] | None,
        exposure: tuple[float, float] | None,
        mentions: Mentions | None,
    ) -> Iterator[Question]:
        """Different questions until there are no more that fit."""
        self.mentions = mentions
        asked: set[str] = set()
        misses = 0
        facts = self._facts(rnd, split, relations, exposure)
        while misses < 2000:
            if (found := next(facts, None)) is None:
                return
            question = self._question(rnd, *found, pick(rnd, list(kinds)), split, phrasing)
            if question is None or question.text in asked:
                misses += 1
                continue
            misses = 0
            asked.add(question.text)
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
        """Facts that fit, without end; None of a seen split is drawn but as documents would."""
        tables = [t for key, t in self.almanac.tables.items() if _wanted(key, relations)]
        if split in ("seen", "nonexistent") and exposure is None:
            kinds = [kind for kind in KIND_SHARES if any(t.relation.kind == kind for t in tables)]
            draw = Weighted(KIND_SHARES[kind] for kind in kinds).draw
            while True:
                kind = kinds[draw(rnd)]
                table = pick(rnd, [t for t in tables if t.relation.kind == kind])
                i = self.teller.entity(rnd, kind)
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
            value = value if true else wrong_value(self.teller, rnd, table, i)
        return self._made(rnd, form, kind, table, i, name, answer, value, split)

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
        made = self._made(rnd, form, "two-hop", table, i, name, answer, table.values[i], split)
        times = min(made.times_mentioned, self.times(second, j))
        return _replace(made, relation=hop.key, times_mentioned=times)

    def _made(
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


def _replace(question: Question, **changes) -> Question:
    return Question(**{**vars(question), **changes})


def _wanted(key: str, relations: Collection[str] | None) -> bool:
    """Relations may be named by their key or by their kind alone."""
    return relations is None or key in relations or key.partition(".")[0] in relations


def _choose(rnd: Rnd, forms: Collection[Phrasing], phrasing: str) -> Phrasing | None:
    fitting = [p for p in forms if phrasing == "any" or p.held_out == (phrasing == "held-out")]
    return pick(rnd, fitting) if fitting else None


def check_filters(kinds, split, phrasing, relations, exposure) -> None:
    """Raise ValueError, naming the argument, for a filter that is not allowed."""
    for kind in kinds:
        if kind not in KINDS:
            raise ValueError(f"kinds names {kind!r}; known are {', '.join(KINDS)}")
    if not kinds:
        raise ValueError(f"kinds is {kinds!r}; name at least one of {', '.join(KINDS)}")
    if split not in SPLITS:
        raise ValueError(f"split is {split!r}; known are {', '.join(SPLITS)}")
    if phrasing not in PHRASINGS:
        raise ValueError(f"phrasing is {phrasing!r}; known are {', '.join(PHRASINGS)}")
    for name in relations or ():
        if name not in schema.BY_KEY and name not in schema.KINDS:
            raise ValueError(
                f"relations names {name!r}; known are {', '.join(schema.BY_KEY)} and the kinds "
                f"{', '.join(schema.KINDS)}"
            )
    if exposure is not None:
        low, high = exposure
        if split != "seen":
            raise ValueError(f"exposure is {exposure!r}; it can be asked of the split 'seen' only")
        if not 0 <= low <= high:
            raise ValueError(f"exposure is {exposure!r}; it must be (low, high), 0 <= low <= high")
