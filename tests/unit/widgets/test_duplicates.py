"""The duplicate explorer, Python side: results are those of `fmlab.data`, errors name the field."""

import re

import numpy as np
import pytest
from traitlets import TraitError

from fmlab.data import chance_of_candidate, jaccard, minhashes, shingles, similar_pairs
from fmlab.widgets import DuplicateExplorer

FIRST = "Ada lives in Torn and plays the cello every day, and she sings in the evening."
COPY = FIRST.replace("cello", "tuba")
OTHER = "Bo repairs clocks."
PAIRS = {"one word": (FIRST, COPY), "nothing": (FIRST, OTHER)}


@pytest.fixture
def explorer():
    return DuplicateExplorer(PAIRS)


@pytest.mark.parametrize("n", [1, 3, 6])
def test_the_similarity_is_that_of_the_shingles(explorer, n):
    explorer.n = n
    assert explorer.similarity == jaccard(shingles(FIRST, n), shingles(COPY, n))


def test_the_signatures_are_those_that_the_package_compares(explorer):
    signatures = minhashes([shingles(FIRST), shingles(COPY)])
    agreement = (signatures[0] == signatures[1]).reshape(16, 4)
    np.testing.assert_array_equal(explorer.agreement, agreement)
    assert explorer.estimate.successes == agreement.sum()
    assert explorer.estimate.n == 64


@pytest.mark.parametrize("threshold", [0.3, 0.6, 0.7, 0.9])
@pytest.mark.parametrize("second", [FIRST, COPY, OTHER])
def test_it_flags_what_the_package_flags(explorer, second, threshold):
    explorer.second, explorer.threshold = second, threshold
    assert explorer.is_flagged == bool(similar_pairs([FIRST, second], threshold))


def test_more_bands_find_more_and_more_rows_fewer(explorer):
    chances = {}
    for bands, rows in ((8, 4), (16, 4), (16, 8)):
        explorer.bands, explorer.rows = bands, rows
        chances[bands, rows] = explorer.chance
        assert explorer.chance == chance_of_candidate(explorer.similarity, bands, rows)
    assert chances[16, 8] < chances[8, 4] < chances[16, 4]


def test_results_follow_what_the_page_sends(explorer):
    explorer.set_state({"second": FIRST, "bands": 2, "rows": 3, "n": 2, "threshold": 1.0})
    assert (explorer.similarity, explorer.is_flagged) == (1.0, True)
    assert explorer.agreement.shape == (2, 3)


BAD = [
    ("n", 7, "n must be an integer from 1 to 6; got 7"),
    ("n", 0, "n must be an integer >= 1; got 0"),
    ("bands", 33, "bands must be an integer from 1 to 32; got 33"),
    ("rows", 9, "rows must be an integer from 1 to 8; got 9"),
    ("threshold", 0.0, r"threshold must be a number in \(0, 1\]; got 0\.0"),
    ("threshold", float("nan"), "threshold must be a number"),
]


@pytest.mark.parametrize(("name", "value", "message"), BAD)
def test_settings_that_the_page_cannot_show_are_refused(explorer, name, value, message):
    before = getattr(explorer, name)
    with pytest.raises((ValueError, TraitError)):
        setattr(explorer, name, value)
    assert getattr(explorer, name) == before
    with pytest.raises(ValueError, match=f"^{message}"):
        DuplicateExplorer(PAIRS, **{name: value})


@pytest.mark.parametrize(
    ("pairs", "message"),
    [
        ({}, "pairs must be two texts"),
        ({"a": ("x",)}, "pairs must be two texts"),
        ({"a": ("x", 3)}, r"pairs\['a'\] must be text"),
        ({"a": ("x", "\ud83d")}, r"pairs\['a'\] must be without lone surrogates"),
        ({"a": ("x", "y" * 2001)}, r"pairs\['a'\] must be at most 2000 characters long; got 2001"),
    ],
)
def test_bad_pairs_are_refused(pairs, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        DuplicateExplorer(pairs)


def test_a_text_that_is_too_long_is_refused_and_changes_nothing(explorer):
    with pytest.raises(ValueError, match=r"^second must be at most 2000 characters long"):
        explorer.second = "y" * 2001
    assert explorer.second == COPY


def test_without_script_there_is_a_table_and_no_markup_from_the_texts():
    picture = DuplicateExplorer({"markup": ("<b>a b c", "a b c")}).without_script().data
    assert picture.startswith("<noscript>")
    assert "<b>" not in picture
    rows = dict(re.findall(r"<tr><th>([^<]*)</th><td>([^<]*)", picture))
    assert rows["Jaccard similarity"] == "0.50"
    assert rows["Texts equal"] == "no"
