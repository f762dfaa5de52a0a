"""The mixture explorer, Python side: losses are those of an n-gram model of the mixture."""

import re

import numpy as np
import pytest
from traitlets import TraitError

from fmlab.models.ngram import NGramModel
from fmlab.widgets import MixedTexts, MixtureExplorer
from fmlab.widgets.mixture import SHARES, WRITTEN

LETTERS = "the cat sat on the mat and the dog ran to the log. " * 5
DIGITS = "\u0161ol 31 41 59 26 53 58 97 93. " * 12
PAIRS = {"a and b": {"letters": LETTERS, "digits": DIGITS}, "a and a": {"a": LETTERS, "b": LETTERS}}


@pytest.fixture
def explorer():
    return MixtureExplorer(PAIRS)


def parts(size=int(0.8 * 255)):
    texts = [np.frombuffer(text.encode(), np.uint8) for text in (LETTERS, DIGITS)]
    return [(text[:size].tolist(), text[size:255].tolist()) for text in texts]


@pytest.mark.parametrize(("share", "n"), [(0, 4), (0.25, 1), (0.5, 6), (1, 2)])
def test_the_losses_are_those_of_an_n_gram_model_of_the_mixture(explorer, share, n):
    (first, test), (second, second_test) = parts()
    k = round(share * len(first))
    model = NGramModel([text for text in (first[: len(first) - k], second[:k]) if text], n, 256)
    expected = [-model.logprobs(text).mean() / np.log(2) for text in (test, second_test)]
    np.testing.assert_allclose(MixedTexts(LETTERS, DIGITS).losses(share, n), expected, rtol=1e-12)
    explorer.share, explorer.n = share, n
    np.testing.assert_allclose(explorer.losses, expected, rtol=1e-12)


def test_a_little_of_a_text_lowers_the_loss_on_it_and_more_of_the_same_changes_nothing():
    other, same = MixedTexts(LETTERS, DIGITS), MixedTexts(LETTERS, LETTERS)
    assert other.losses(0.2)[1] < other.losses(0)[1] - 2
    assert same.losses(0.2)[1] == pytest.approx(same.losses(0)[1], abs=0.3)


def test_the_sample_consists_of_bytes_that_the_model_has_read(explorer):
    explorer.share = 0
    assert set(explorer.sample) <= set(LETTERS)
    assert len(explorer.sample) == WRITTEN
    explorer.share = 1
    assert set(explorer.sample) <= set(DIGITS)
    first = explorer.sample
    explorer.seed = 1
    assert explorer.sample != first


def test_the_curve_of_the_first_pair_is_recorded(explorer):
    assert [share for share, *_ in explorer.recorded] == list(SHARES)
    assert explorer.recorded_n == 4
    for share, *losses in explorer.recorded:
        np.testing.assert_allclose(losses, MixedTexts(LETTERS, DIGITS).losses(share), atol=6e-5)


def test_results_follow_what_the_page_sends(explorer):
    explorer.set_state({"second": LETTERS, "share": 1.0, "n": 2, "seed": 3})
    assert explorer.losses[0] == explorer.losses[1]


BAD = [
    ("share", 1.01, r"share must be a number from 0 to 1; got 1\.01"),
    ("share", float("nan"), "share must be a number"),
    ("n", 0, "n must be an integer >= 1; got 0"),
    ("n", 7, "n must be an integer of at most 6; got 7"),
    ("seed", -1, "seed must be an integer >= 0; got -1"),
    ("seed", 2**32, "seed must be an integer of at most 4294967295"),
]


@pytest.mark.parametrize(("name", "value", "message"), BAD)
def test_settings_that_the_page_cannot_show_are_refused(explorer, name, value, message):
    before = getattr(explorer, name)
    with pytest.raises((ValueError, TraitError)):
        setattr(explorer, name, value)
    assert getattr(explorer, name) == before
    with pytest.raises(ValueError, match=f"^{message}"):
        MixtureExplorer(PAIRS, **{name: value})


@pytest.mark.parametrize(
    ("pairs", "message"),
    [
        ({}, "pairs must be two texts"),
        ({"a": {"x": LETTERS}}, "pairs must be two texts"),
        ({"a": {"x": LETTERS, "y": 3}}, "the text 'y' must be text"),
        ({"a": {"x": LETTERS, "y": "\ud83d"}}, "the text 'y' must be without lone surrogates"),
        ({"a": {"x": LETTERS, "y": "y" * 8001}}, "the text 'y' must be at most 8000 characters"),
        ({"a": {"x": LETTERS, "y": "short"}}, "second must be at least 100 bytes long; got 5"),
    ],
)
def test_bad_pairs_are_refused(pairs, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        MixtureExplorer(pairs)


def test_a_text_that_is_too_short_is_kept_and_has_no_losses(explorer):
    explorer.second = "short"
    with pytest.raises(ValueError, match=r"^second must be at least 100 bytes long; got 5"):
        _ = explorer.losses


def test_without_script_there_is_a_table_and_no_markup_from_the_names():
    picture = MixtureExplorer({"a": {"<b>": LETTERS, "c": DIGITS}}).without_script().data
    assert picture.startswith("<noscript>")
    assert "<b>" not in picture
    assert re.findall(r"<tr><th>([^<]*)", picture)[1:] == ["&lt;b&gt;", "c"]
