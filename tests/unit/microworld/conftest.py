"""A world of 3000 people, shared by all tests of the micro world."""

import pytest

from microworld import MicroWorld


@pytest.fixture(scope="session")
def world():
    return MicroWorld(n_people=3000)


@pytest.fixture(scope="session")
def almanac(world):
    return world.almanac


@pytest.fixture(scope="session")
def tables(almanac):
    return almanac.tables


@pytest.fixture(scope="session")
def grader(world):
    return world._grader


@pytest.fixture(scope="session")
def mentions(world):
    return world.count_mentions(20_000)


@pytest.fixture(scope="session")
def texts(world):
    """A function that returns documents of the world as a list."""
    return lambda n, *args, **options: list(world.documents(n, *args, **options))
