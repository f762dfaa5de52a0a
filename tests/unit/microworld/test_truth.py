"""Entities and facts as a user of the world sees them."""

import pytest

from microworld import MicroWorld
from microworld.words.schema import BY_KEY


def test_the_default_world_holds_more_bits_than_a_million_parameters_can():
    """A model can store about 2 bits per parameter (Allen-Zhu and Li, 2024)."""
    big = MicroWorld()
    assert len(big.people) == 30_000
    assert len(big.facts) > 300_000
    assert big.information()["total"] > 2 * 1_000_000


def test_a_small_world_has_all_kinds():
    small = MicroWorld(seed=3, n_people=100)
    assert {fact.relation for fact in small.facts} == set(BY_KEY)
    assert all(small.entities(kind) for kind in ("town", "river", "species", "work"))


def test_another_seed_is_another_world(world):
    other = MicroWorld(1, n_people=100)
    assert {p.name for p in other.people}.isdisjoint(p.name for p in world.people[:100])


def test_facts_are_a_sequence(world):
    assert world.facts[-1] == world.facts[len(world.facts) - 1]
    assert [f.number for f in world.facts[5:8]] == [5, 6, 7]
    with pytest.raises(IndexError):
        world.facts[len(world.facts)]
    about = world.facts_about(world.people[0].name)
    assert [f.relation.partition(".")[0] for f in about] == ["person"] * 10
    assert world.facts_about("Nobody Atall") == []


@pytest.mark.parametrize(
    ("call", "argument"),
    [
        (lambda world: MicroWorld("zero"), "seed"),
        (lambda world: MicroWorld(n_people=10), "n_people"),
        (lambda world: world.entities("planet"), "kind"),
        (lambda world: world.nonexistent("planet"), "kind"),
        (lambda world: world.translate("A is b.", to="latin"), "to"),
        (lambda world: world.claims("He sings.", "Nobody Atall"), "subject"),
    ],
)
def test_bad_arguments_are_named(world, call, argument):
    with pytest.raises(ValueError, match=rf"^{argument} must be .+; got "):
        call(world)
