"""Properties of fmlab.experiments.sampling_variety: what is counted, and its intervals."""

import math

import pytest

from fmlab.experiments import results
from fmlab.experiments import sampling_variety as experiment
from fmlab.sampling import keep_top_p
from microworld import MicroWorld


def test_openings_are_first_sentences_each_with_its_rest():
    world = MicroWorld(n_people=100)
    parts = experiment.openings(world, 5)
    assert len(parts) == 5
    texts = set(world.documents(150, language="english", stream="test"))
    for first, rest in parts:
        assert first.endswith(".")
        assert ". " not in first
        assert first + rest in texts


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("The pear, and a DOOR", ["pear", "and"]),
        ("x9 half-way", ["half", "way"]),
        ("gőpőläg", ["gőpőläg"]),
        ("", []),
    ],
)
def test_words_are_in_lower_case_and_have_two_letters(text, words):
    assert experiment.words_of(text) == words


def test_variety_is_1_without_repeats_and_falls_with_copies():
    rows = [[1, 2, 3, 4, 5], [6, 7, 8, 9, 10]]
    assert experiment.variety(rows) == 1
    assert experiment.variety([rows[0]] * 4) == pytest.approx(1 / 4)


@pytest.mark.parametrize("count", [0, 1, 4, 30, 200])
def test_interval_has_the_tails_of_the_poisson_distribution(count):
    """Each end leaves 2.5% of the probability beyond the count."""

    def at_most(k, mean):
        return sum(math.exp(-mean + i * math.log(mean) - math.lgamma(i + 1)) for i in range(k + 1))

    low, high = experiment.poisson_interval(count)
    assert at_most(count, high) == pytest.approx(0.025)
    if count:
        assert 1 - at_most(count - 1, low) == pytest.approx(0.025)


@pytest.mark.parametrize("count", [-1, 2.0, None, True])
def test_interval_needs_a_count(count):
    with pytest.raises(ValueError, match="count must be an integer >= 0"):
        experiment.poisson_interval(count)


def test_unknown_words_of_a_continuation_are_counted(model, tokenizer):
    starts = ["The pear is", "He has"]
    found = experiment.point(model, tokenizer, starts, set(), seed=0)
    assert found["words"] == len(found["invented"].split()) > 0
    known = set(found["invented"].split())
    again = experiment.point(model, tokenizer, starts, known, seed=0)
    assert again == found | {"invented": ""}
    assert experiment.point(model, tokenizer, starts, known, seed=1) != again


def test_pooling_adds_up():
    points = [
        {"variety": 0.5, "words": 10, "invented": "a b"},
        {"variety": 0.7, "words": 30, "invented": ""},
    ]
    pooled = experiment.pool(points)
    assert (pooled.variety, pooled.invented, pooled.words) == (pytest.approx(0.6), 2, 40)
    rate, low, high = pooled.per_thousand
    assert low < rate == 50 < high


def test_nucleus_as_a_processor_is_top_p_at_temperature_1():
    logits = [3.0, 2.0, -1.0, 0.5]
    assert (experiment.nucleus(logits, [], []) == keep_top_p(logits, 0.9)).all()


def test_the_recorded_results_have_these_settings():
    content = results.read("sampling_variety")
    assert list(content["points"]) == list(experiment.SETTINGS)
    assert all(len(points) == len(experiment.SEEDS) for points in content["points"].values())
    known = set(content["known"].split())
    invented = {
        word
        for points in content["points"].values()
        for point in points
        for word in point["invented"].split()
    }
    assert not known & invented
