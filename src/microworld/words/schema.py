"""The schema of the world: the kinds of entities, and their relations with the type of value."""

from __future__ import annotations

from dataclasses import dataclass

YEAR, LENGTH, FLAG = "year", "length", "flag"  # values that are neither words nor entities
NUMERIC = frozenset((YEAR, LENGTH))


@dataclass(frozen=True)
class Relation:
    """A typed relation: ``values`` is a pool of `microworld.words.vocabulary`, a kind, or a number.

    ``label`` is the name of the field in records and lists; ``weight`` sets how early a document
    mentions it. ``an`` means that the value takes "a" or "an".
    """

    kind: str
    name: str
    values: str
    label: str
    weight: float = 1.0
    an: bool = False

    @property
    def key(self) -> str:
        return f"{self.kind}.{self.name}"


def _relations(kind: str, *rows: tuple) -> tuple[Relation, ...]:
    return tuple(Relation(kind, *row) for row in rows)


RELATIONS = (
    *_relations(
        "person",
        ("birthplace", "town", "birthplace", 1.3),
        ("birth_year", YEAR, "birth year", 1.2),
        ("home", "town", "home", 1.5),
        ("profession", "professions", "profession", 1.5, True),
        ("food", "foods", "favourite food"),
        ("hobby", "hobbies", "hobby"),
        ("instrument", "instruments", "instrument", 0.7),
        ("pet", "pets", "pet", 1.0, True),
        ("collection", "collections", "collection", 0.7),
        ("friend", "person", "best friend", 0.8),
    ),
    *_relations(
        "town",
        ("region", "region", "region", 1.5),
        ("river", "river", "river", 1.4),
        ("founded", YEAR, "founded"),
        ("product", "products", "product", 1.2),
        ("landmark", "landmarks", "landmark", 1.0, True),
        ("mayor", "person", "mayor", 0.8),
    ),
    *_relations(
        "river",
        ("region", "region", "region", 1.2),
        ("mouth", "water", "mouth"),
        ("length", LENGTH, "length in km"),
        ("fish", "fish", "fish"),
    ),
    *_relations(
        "region",
        ("capital", "town", "capital", 1.4),
        ("crop", "crops", "main crop"),
        ("flag", FLAG, "flag"),
        ("emblem", "species", "emblem"),
    ),
    *_relations(
        "species",
        ("type", "beasts", "type", 1.2, True),
        ("region", "region", "region"),
        ("habitat", "habitats", "habitat"),
        ("diet", "diets", "food"),
        ("marking", "markings", "marking"),
    ),
    *_relations(
        "festival",
        ("town", "town", "town", 1.5),
        ("month", "months", "month", 1.2),
        ("dish", "foods", "dish"),
        ("since", YEAR, "since"),
        ("custom", "customs", "custom"),
    ),
    *_relations(
        "expedition",
        ("leader", "person", "leader", 1.4),
        ("year", YEAR, "year", 1.2),
        ("river", "river", "river"),
        ("find", "finds", "discovery"),
    ),
    *_relations(
        "invention",
        ("inventor", "person", "inventor", 1.5),
        ("year", YEAR, "year"),
        ("use", "uses", "use"),
    ),
    *_relations(
        "work",
        ("author", "person", "author", 1.6),
        ("year", YEAR, "year"),
        ("genre", "genres", "genre", 1.0, True),
        ("subject", "subjects", "subject"),
    ),
)
# Types of value that are names
NAMED = frozenset(("person", "town", "river", "region", "water", "species"))
KINDS = tuple(dict.fromkeys(relation.kind for relation in RELATIONS))
BY_KEY = {relation.key: relation for relation in RELATIONS}


def sizes(n_people: int) -> dict[str, int]:
    """Return the number of entities of each kind in a world of ``n_people`` people."""

    def one_per(n: int, least: int, most: int) -> int:
        return min(most, max(least, n_people // n))

    return {
        "person": n_people,
        "town": one_per(40, 24, 500),
        "river": one_per(400, 8, 60),
        "region": one_per(2000, 4, 12),
        "water": one_per(2000, 4, 12),
        "species": one_per(100, 20, 200),
        "festival": one_per(100, 20, 250),
        "expedition": one_per(100, 20, 250),
        "invention": one_per(75, 24, 300),
        "work": one_per(20, 40, 1500),
    }
