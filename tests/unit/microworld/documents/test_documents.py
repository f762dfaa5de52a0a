"""Documents: repeatable, lazy and fast."""

import time
from itertools import islice

import pytest

from microworld import REGISTERS, Noise

PROSE = ["encyclopedia", "dialogues", "stories", "reviews", "summaries"]


def test_first_documents_do_not_depend_on_the_number(texts):
    assert texts(300)[:100] == texts(100)
    noise = Noise(exact_duplicates=0.2, rude=0.2)
    assert texts(300, noise=noise)[:100] == texts(100, noise=noise)


def test_documents_are_generated_lazily(world, texts):
    start = time.perf_counter()
    assert len(list(islice(world.documents(10**12), 3))) == 3
    assert texts(0) == []
    assert time.perf_counter() - start < 5


def test_another_stream_has_other_documents(texts):
    train, test = set(texts(500, PROSE)), set(texts(500, PROSE, stream="test"))
    assert len(train & test) < 25  # a few short ones may coincide


@pytest.mark.parametrize("register", REGISTERS, ids=lambda r: f"{r.name}-{r.language}")
def test_every_register_is_written_at_more_than_one_megabyte_per_second(texts, register):
    """The target is 5 MB/s on one free core; the bound leaves room for a slow and busy machine."""
    texts(50, register.name, register.language)
    best = 0.0
    for _ in range(3):
        start = time.process_time()
        size = sum(len(t.encode()) for t in texts(1500, register.name, register.language))
        best = max(best, size / 1e6 / (time.process_time() - start))
    assert best > 1
