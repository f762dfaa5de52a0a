"""Two-hop questions, which combine two facts: the river of the town where a person lives."""

from __future__ import annotations

import re
from dataclasses import dataclass

from microworld.words.english import IT
from microworld.words.phrasing import Phrasing

TEXT = """
[person.home town.river]
? On which river does the town where {S} lives stand?
? Which river flows through the home town of {S}?
?- {S} lives in a town on which river?

[person.home town.region]
? In which region does {S} live?
? Which region is the home town of {S} in?
?- In which region is the house of {S}?

[person.home town.product]
? What is the home town of {S} known for?
? What is the town where {S} lives famous for?
?- What do the neighbours of {S} make?

[person.home town.mayor]
? Who is the mayor of the town where {S} lives?
? Who is mayor in the home town of {S}?
?- Which mayor governs the home town of {S}?

[person.birthplace town.region]
? In which region was {S} born?
? Which region does {S} come from?
?- In what region did {S} come into the world?

[person.birthplace town.river]
? On which river does the birthplace of {S} stand?
? Which river flows through the town where {S} was born?
?- {S} was born beside which river?

[person.friend person.profession]
? What is the profession of {S}'s best friend?
? What does the best friend of {S} do for a living?
?- What kind of work does {S}'s best friend do?

[person.friend person.home]
? Where does the best friend of {S} live?
? In which town does {S}'s best friend live?
?- To which town must {S} go to see a best friend?

[person.friend person.food]
? What is the favourite food of {S}'s best friend?
? What does the best friend of {S} like to eat?
?- What should {S} cook for a best friend?

[work.author person.birthplace]
? Where was the author of {S} born?
? In which town was the author of {S} born?
?- Which town does the author of {S} come from?

[work.author person.profession]
? What is the profession of the author of {S}?
? What does the author of {S} do for a living?
?- What kind of work does the author of {S} do?

[invention.inventor person.home]
? Where does the inventor of {S} live?
? In which town does the inventor of {S} live?
?- Where is the home of the person who thought of {S}?

[festival.town town.region]
? In which region does {S} take place?
? Which region is the home of {S}?
?- In which region do people celebrate {S}?

[town.region region.capital]
? What is the capital of the region of {S}?
? Which town is the capital of the region around {S}?
?- From which capital is {S} governed?
"""


@dataclass(frozen=True)
class Hop:
    """A question about relation ``second`` of the entity that is the value of ``first``."""

    first: str
    second: str
    phrasings: tuple[Phrasing, ...]

    @property
    def key(self) -> str:
        return f"{self.first} > {self.second}"

    @property
    def questions(self) -> tuple[str, ...]:
        return tuple(p.filled(IT) for p in self.phrasings if not p.held_out)


def _read() -> tuple[Hop, ...]:
    hops = []
    for block in re.split(r"\n\n", TEXT.strip()):
        head, *lines = block.splitlines()
        first, second = head.strip("[]").split()
        key = (f"{first} > {second}",)
        phrasings = tuple(
            Phrasing(1000 + 10 * len(hops) + i, key, "two-hop", line[2:].strip(), line[1] == "-")
            for i, line in enumerate(lines)
        )
        hops.append(Hop(first, second, phrasings))
    return tuple(hops)


HOPS = _read()
HOPS_OF = {}
for _hop in HOPS:
    HOPS_OF.setdefault(_hop.first.partition(".")[0], []).append(_hop)
