"""The checks of the exercises on structured outputs: right answers pass, mistakes are explained."""

import json

import numpy as np
import pytest

from fmlab.checks import structured_outputs as checks
from fmlab.checks.material import four_ways, tries_of
from fmlab.evaluation import Mean, Rate


def rejected(message, check, *answers):
    with pytest.raises(AssertionError, match=message):
        check(*answers)


RIGHT = {
    "probability of a valid text": 0.4,
    "ax with masking": 0.75,
    "ax among the valid texts": 0.375,
    "weight of ax": 0.2,
    "weight of bx": 1,
    "tries until a text is valid": 2.5,
}


def test_right_numbers_pass(capsys):
    checks.check_numbers(RIGHT)
    assert "all 6 right" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("ax with masking", 0.375, "After a, only x is"),
        ("ax among the valid texts", 0.15, "all valid texts"),
        ("weight of ax", 0.15, "everything that is allowed"),
        ("tries until a text is valid", 0.4, "1 over"),
        ("weight of bx", None, "still None"),
    ],
)
def test_wrong_numbers_are_explained(key, value, message):
    rejected(message, checks.check_numbers, RIGHT | {key: value})


def stripped(vocab, texts, so_far):
    rests = [t[len(so_far) :].decode(errors="replace") for t in texts if t.startswith(so_far)]
    words = {i: b.decode(errors="replace").strip() for i, b in vocab.items()}
    return {i for i, word in words.items() if word and any(r.startswith(word) for r in rests)}


def test_the_reference_and_another_correct_function_pass(capsys):
    checks.check_allowed(checks.sound_allowed)
    checks.check_allowed(checks._allowed_by_rest)
    assert "allowed: right" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("allowed", "message"),
    [
        (stripped, "must not come next"),
        (lambda v, t, s: sorted(checks.sound_allowed(v, t, s)), "a set of ids"),
        (lambda v, t, s: checks.sound_allowed(v, t, s) | {14}, "must not come next"),
        (lambda v, t, s: {i for i in checks.sound_allowed(v, t, s) if s + v[i] in t}, "may come"),
    ],
)
def test_wrong_masks_are_explained(allowed, message):
    rejected(message, checks.check_allowed, allowed)


def effective(logs):
    return 1 / (checks.weights_of(logs) ** 2).sum()


def overflowing(logs):
    with np.errstate(invalid="ignore"):
        return np.exp(logs) / np.exp(logs).sum()


def naive(is_right, logs):
    rate = float((checks.weights_of(logs) * is_right).sum())
    margin = 1.96 * np.sqrt(rate * (1 - rate) / len(logs))
    return rate, rate - margin, rate + margin


def test_weights(capsys):
    checks.check_weights(checks.weights_of, effective, checks.weighted_interval)
    assert "weights: right" in capsys.readouterr().out
    rejected("underflow", checks.check_weights, overflowing, effective, None)
    rejected("Exponentiate", checks.check_weights, lambda w: w / w.sum(), effective, None)
    sums = checks.weights_of, lambda w: 1 / effective(w), None
    rejected("take 1 over", checks.check_weights, *sums)
    rejected("the number of samples", checks.check_weights, checks.weights_of, effective, naive)


def paired(after, before):
    mean = Mean.of(np.subtract(after, before, dtype=float))
    return mean.mean, mean.low, mean.high


def test_effects(capsys):
    truth = checks.true_effects()
    assert truth == {"mask": False, "examples": True}
    checks.check_effects(paired, truth)
    assert "effects: right" in capsys.readouterr().out
    rejected("The sign", checks.check_effects, lambda a, b: paired(b, a), truth)
    rejected("prompt by prompt", checks.check_effects, checks.difference_interval, truth)
    rejected("not True", checks.check_effects, paired, truth | {"mask": True})
    assert sum(four_ways()["examples and mask"]) > sum(four_ways()["plain"])


def alike(valid, n):
    return 1 - (1 - np.mean(valid)) ** n


def measured(valid, n):
    rate = Rate.of(np.asarray(valid)[:, :n].any(axis=1).tolist())
    return rate.rate, rate.low, rate.high


def test_retry(capsys):
    checks.check_retry(alike, measured, "c")
    assert "retry: right" in capsys.readouterr().out
    rejected("still None", checks.check_retry, alike, measured, None)
    rejected("far below", checks.check_retry, alike, measured, "a")
    rejected("adds up", checks.check_retry, lambda v, n: n * np.mean(v), measured, "c")
    rejected("measured", checks.check_retry, alike, lambda v, n: (0.5, 0.4, 0.6), "c")
    valid = np.array(tries_of())
    assert alike(valid, 6) > measured(valid, 6)[2]  # the prediction lies above the interval


def test_bug_hunts(capsys):
    def test_allowed(allowed):
        vocab = {0: b"cat", 1: b" cat", 2: b" ", 3: b"ca", 4: b"cats"}
        assert allowed(vocab, [b"a cat"], b"a") == {1, 2}
        assert allowed(vocab, [b"a cat"], b"a ") == {0, 3}

    checks.check_allowed_hunt(test_allowed, stripped)

    def test_may_end(may_end):
        assert may_end('{"a": 1}')
        assert not may_end('{"a": "}"')
        assert may_end('{"a": "{"}')

    checks.check_end_hunt(test_may_end, lambda text: text.count("{") == text.count("}"))
    assert "bug hunt" in capsys.readouterr().out
    rejected("passes on the faulty", checks.check_end_hunt, lambda m: m("{}"), lambda text: True)


def test_the_reference_for_the_end_is_that_of_json():
    for text in ['{"a": "}"}', "[]", " 1 ", "", "{}{}", '{"a"']:
        assert checks.sound_may_end(text) == checks._may_end_by_decoder(text)
    assert json.loads("1") == 1
