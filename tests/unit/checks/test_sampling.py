"""The checks of sampling: different right answers pass, common mistakes are explained."""

import itertools
import math
import re

import numpy as np
import pytest

from fmlab.checks import sampling as checks
from fmlab.sampling import entropy, keep_top_k, softmax

NUMBERS = dict(k=3, p=0.7, min_p=0.4, p_after_k=0.6)
RIGHT = {name: checks.left_after(**steps) for name, steps in checks.settings_of(**NUMBERS).items()}

# Predictions


def test_the_answers_are_what_pencil_and_paper_give():
    assert list(RIGHT.values()) == [3, 2, 2, 2, 1, 1, 4, 1]


def test_right_predictions_pass(capsys):
    checks.check_predictions(RIGHT, **NUMBERS)
    assert "all 8 right" in capsys.readouterr().out


def test_other_numbers_have_other_answers():
    other = dict(k=2, p=0.8, min_p=0.6, p_after_k=0.68)
    n_kept = [checks.left_after(**steps) for steps in checks.settings_of(**other).values()]
    # Of squares, 0.72 + 0.18 reach 0.8; of roots, 0.71 is at least 0.6 of the best; 2/3 < 0.68.
    assert n_kept == [2, 3, 2, 1, 1, 2, 2, 2]
    with pytest.raises(AssertionError, match="an entry for each"):
        checks.check_predictions(RIGHT, **other)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (RIGHT | {"top-p 0.7": None}, "still None"),
        (RIGHT | {"top-p 0.7": 1}, "token that makes it so"),
        (RIGHT | {"top-p 0.75": 3}, "equal to p is enough"),
        (RIGHT | {"min-p 0.4": 1}, "fraction of the largest one"),
        (RIGHT | {"temperature 0": 4}, "as T goes to 0"),
        (RIGHT | {"temperature 0.5, then top-p 0.7": 2}, "what the first one left"),
        (RIGHT | {"temperature 2, then min-p 0.4": 2}, "what the first one left"),
        (RIGHT | {"top-k 2, then top-p 0.6": 2}, "what the first one left"),
        (RIGHT | {"top-k 3": 4}, "counts tokens"),
        ({}, "an entry for each"),
    ],
)
def test_wrong_predictions_are_explained(wrong, message):
    with pytest.raises(AssertionError, match=message):
        checks.check_predictions(wrong, **NUMBERS)


# Temperature


def bisect(logits, bits, cold=1e-3, hot=1e3, base=2):
    for _ in range(80):
        middle = math.sqrt(cold * hot)
        if entropy(softmax(logits, middle), base=base) < bits:
            cold = middle
        else:
            hot = middle
    return hot


def from_a_grid(logits, bits):
    grid = np.geomspace(0.01, 100, 4001)
    bits_there = [float(entropy(softmax(logits, T))) for T in grid]
    return float(np.exp(np.interp(bits, bits_there, np.log(grid))))


@pytest.mark.parametrize("right", [bisect, from_a_grid])
def test_right_temperatures_pass(right):
    assert checks.check_temperature_for(right) is None


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda logits, bits: bisect(logits, bits, base=math.e), "in nats"),
        (lambda logits, bits: 1 / bisect(logits, bits), "not multiplied"),
        (lambda logits, bits: bisect(logits, bits, cold=0.5, hot=2), "search a wider range"),
        (lambda logits, bits: None, "must return a number"),
        (lambda logits, bits: -1.0, "must return a number above 0"),
        (lambda logits, bits: math.nan, "must return a number above 0"),
    ],
)
def test_wrong_temperatures_are_explained(wrong, message):
    with pytest.raises(AssertionError, match=message):
        checks.check_temperature_for(wrong)


# Showing text as it comes


def holds_what_could_be_a_stop(pieces, stops):
    waiting = ""
    for piece in pieces:
        waiting += piece
        if starts := [waiting.find(stop) for stop in stops if stop in waiting]:
            yield waiting[: min(starts)]
            return
        ends = range(len(waiting) + 1)
        safe = next(i for i in ends if any(stop.startswith(waiting[i:]) for stop in stops))
        yield waiting[:safe]
        waiting = waiting[safe:]
    yield waiting


def always_holds_as_much(pieces, stops):
    text, shown, most = "", 0, max(map(len, stops)) - 1
    for piece in pieces:
        text += piece
        if match := re.search("|".join(map(re.escape, stops)), text):
            yield text[shown : match.start()]
            return
        if len(text) - most > shown:
            yield text[shown : len(text) - most]
            shown = len(text) - most
    yield text[shown:]


def shows_all(pieces, stops):
    yield from pieces


def compares_pieces(pieces, stops):
    for piece in pieces:
        if piece in stops:
            return
        yield piece


def looks_into_pieces(pieces, stops):
    for piece in pieces:
        for stop in stops:
            if stop in piece:
                yield piece.partition(stop)[0]
                return
        yield piece


def waits_to_the_end(pieces, stops):
    text = "".join(pieces)
    yield text[: min([text.find(stop) for stop in stops if stop in text], default=len(text))]


def waits_until_it_is_sure(pieces, stops):
    text = ""
    for piece in pieces:
        text += piece
        if starts := [text.find(stop) for stop in stops if stop in text]:
            yield text[: min(starts)]
            return
    yield text


def forgets_the_rest(pieces, stops):
    waiting = ""
    for piece in pieces:
        waiting += piece
        if starts := [waiting.find(stop) for stop in stops if stop in waiting]:
            yield waiting[: min(starts)]
            return
        safe = len(waiting.rstrip("END"))
        yield waiting[:safe]
        waiting = waiting[safe:]


def first_stop_only(pieces, stops):
    yield from holds_what_could_be_a_stop(pieces, stops[:1])


def waits_for_a_stop(pieces, stops):
    text = ""
    for piece in pieces:
        text += piece
        if starts := [text.find(stop) for stop in stops if stop in text]:
            yield text[: min(starts)]
            return


def looks_at_the_end_only(pieces, stops):
    waiting = ""
    for piece in pieces:
        waiting += piece
        if any(waiting.endswith(stop) for stop in stops):
            return
        n = max(n for stop in stops for n in range(len(stop)) if waiting.endswith(stop[:n]))
        yield waiting[: len(waiting) - n]
        waiting = waiting[len(waiting) - n :]
    yield waiting


def drops_what_was_harmless(pieces, stops):
    n_matched = 0
    for character in (c for piece in pieces for c in piece):
        if character == stops[0][n_matched]:
            n_matched += 1
            if n_matched == len(stops[0]):
                return
        else:
            n_matched = 0
            yield character


def starts_over_after_a_mismatch(pieces, stops):
    held = ""
    for piece in pieces:
        for character in piece:
            held += character
            if held == stops[0]:
                return
            if not stops[0].startswith(held):
                yield held
                held = ""
    yield held


def says_so_if_empty(pieces, stops):
    first = next(pieces, None)
    if first is None:
        yield "nothing"
    else:
        yield from holds_what_could_be_a_stop(itertools.chain([first], pieces), stops)


@pytest.mark.parametrize("right", [holds_what_could_be_a_stop, always_holds_as_much])
def test_right_streams_pass(right):
    assert checks.check_stream(right) is None


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (shows_all, "the stop sequence itself is not shown"),
        (compares_pieces, "can come in several pieces"),
        (looks_into_pieces, "can come in several pieces"),
        (waits_to_the_end, "costs time and money"),
        (waits_until_it_is_sure, "Show the rest as it comes"),
        (forgets_the_rest, "show what you held back"),
        (first_stop_only, "any of the stop sequences"),
        (waits_for_a_stop, "there is no stop sequence here"),
        (looks_at_the_end_only, "more than a stop sequence"),
        (drops_what_was_harmless, "as soon as it cannot be a stop sequence"),
        (starts_over_after_a_mismatch, "inside what looked like one"),
        (says_so_if_empty, "there is nothing to show"),
        (lambda pieces, stops: "".join(pieces), "write `yield`"),
        (lambda pieces, stops: None, "write `yield`"),
    ],
)
def test_wrong_streams_are_explained(wrong, message):
    with pytest.raises(AssertionError, match=message):
        checks.check_stream(wrong)


# Bug hunts


def cut_at_50(logits, temperature):
    kept = np.argsort(-logits)[:50]
    probs = np.zeros(len(logits))
    probs[kept] = softmax(logits[kept], temperature)
    return probs


def without_keepdims(logits, k):
    return np.where(logits < np.sort(logits, axis=-1)[..., -k], -np.inf, logits)


def stops_with_any(steps, stop):
    rows = [[] for _ in steps[0]]
    for tokens in steps:
        for row, token in zip(rows, tokens):
            row.append(token)
        if stop in tokens:
            break
    return rows


def good_probs_test(probs_of):
    assert np.allclose(probs_of(np.zeros(1000), 2.0), 1 / 1000)


def other_probs_test(probs_of):
    logits = np.arange(300) / 30
    assert np.isclose(probs_of(logits, 5.0)[0], softmax(logits, 5.0)[0])


def good_top_k_test(top_k):
    logits = np.array([[1.0, 2.0, 3.0], [30.0, 20.0, 10.0]])
    assert np.isfinite(top_k(logits, 1)).tolist() == [[False, False, True], [True, False, False]]


def other_top_k_test(top_k):
    rows = np.random.default_rng(0).normal(size=(4, 4)) * [[1], [10], [100], [1000]]
    assert (np.isfinite(top_k(rows, 2)).sum(axis=1) == 2).all()


def good_collect_test(collect):
    assert collect([[9, 1], [2, 3], [2, 9]], 9) == [[9], [1, 3, 9]]


def other_collect_test(collect):
    assert len(collect([[9, 1]] * 3, 9)[1]) == 3


HUNTS = [
    (good_probs_test, checks.correct_distribution, cut_at_50),
    (other_probs_test, checks.correct_distribution, cut_at_50),
    (good_top_k_test, checks.sound_top_k, without_keepdims),
    (other_top_k_test, checks.sound_top_k, without_keepdims),
    (good_collect_test, checks.sound_collect, stops_with_any),
    (other_collect_test, checks.sound_collect, stops_with_any),
]


@pytest.mark.parametrize(("test", "sound", "faulty"), HUNTS)
def test_a_test_that_tells_correct_from_faulty_passes(test, sound, faulty):
    assert checks.check_bug_hunt(test, sound, faulty) is None


@pytest.mark.parametrize(
    ("test", "sound", "faulty", "message"),
    [
        (lambda f: f(np.zeros(9), 1.0), checks.correct_distribution, cut_at_50, "as a model's"),
        (lambda f: f(np.ones((1, 4)), 2), checks.sound_top_k, without_keepdims, "several rows"),
        (lambda f: f([[1], [9]], 9), checks.sound_collect, stops_with_any, "different steps"),
    ],
)
def test_a_test_that_sees_nothing_is_refused_with_a_hint(test, sound, faulty, message):
    with pytest.raises(AssertionError, match=f"passes on the faulty.*{message}"):
        checks.check_bug_hunt(test, sound, faulty)


def test_a_test_that_is_wrong_itself_is_refused():
    def wrong_test(collect):
        assert collect([[9, 1], [2, 3]], 9) == [[9, 2], [1, 3]]

    with pytest.raises(AssertionError, match="fails on a correct function"):
        checks.check_bug_hunt(wrong_test, checks.sound_collect, stops_with_any)


def test_a_test_that_crashes_on_a_correct_function_is_refused():
    def broken_test(top_k):
        top_k(np.ones(3))  # k is missing

    with pytest.raises(AssertionError, match=r"fails on a correct function \(TypeError"):
        checks.check_bug_hunt(broken_test, checks.sound_top_k, without_keepdims)


def test_the_reference_functions_are_correct():
    logits = np.array([[3.0, 1.0, 2.0], [0.0, 0.0, 5.0]])
    assert np.array_equal(checks.sound_top_k(logits, 2), keep_top_k(logits, 2))
    assert checks.sound_collect([[1, 9], [9, 2], [3, 3]], 9) == [[1, 9], [9]]
    assert checks.correct_distribution(np.zeros(4), 3.0).tolist() == [0.25] * 4


def test_what_is_held_back_is_counted():
    held_back = checks.behind(always_holds_as_much, ["abc"] * 4, ["12345"])
    assert held_back == [0, 3, 4, 4]
