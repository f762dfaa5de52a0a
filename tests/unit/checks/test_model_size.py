"""The checks of model size: right answers pass, common mistakes are explained."""

import math

import numpy as np
import pytest

from fmlab.checks import model_size as checks


def test_a_right_plan_passes_and_mistakes_are_explained():
    checks.check_plan(checks.plan)

    def without_utilization(n, d, k, peak, utilization, price):
        return checks.plan(n, d, k, peak, 1.0, price)

    def pays_once(*run):
        days, dollars = checks.plan(*run)
        return days, dollars / run[2]

    for wrong, message in [
        (without_utilization, "speed is accelerators"),
        (pays_once, "every accelerator is paid"),
        (lambda *run: checks.plan(*run)[0], "return days and dollars"),
    ]:
        with pytest.raises(AssertionError, match=message):
            checks.check_plan(wrong)


def test_bits_are_checked():
    checks.check_bits(checks.FORMATS)
    name = next(iter(checks.FORMATS))
    with pytest.raises(AssertionError, match="weights that share them"):
        checks.check_bits(checks.FORMATS | {name: 4.0})
    with pytest.raises(AssertionError, match="None"):
        checks.check_bits(checks.FORMATS | {name: None})


def test_mixtures_are_checked():
    checks.check_mixture(checks.mixture_parameters)
    total, active = checks.mixture_parameters(*checks.MIXTURES["two of eight experts"])
    assert (round(total / 1e9, 1), round(active / 1e9, 1)) == (46.7, 12.9)  # Mixtral 8x7B
    for wrong, message in [
        (lambda *s: checks.mixture_parameters(*s)[::-1], "the total comes first"),
        (lambda *s: (checks.mixture_parameters(*s)[0], 1), "the router works for every token"),
        (lambda *s: (1, 1), "compare your terms"),
    ]:
        with pytest.raises(AssertionError, match=message):
            checks.check_mixture(wrong)


def test_rounding_with_a_minimum_is_checked():
    checks.check_minimum(checks.with_minimum)

    def symmetric(weights, bits):
        scale = abs(weights).max(axis=1, keepdims=True) / (2 ** (bits - 1) - 1)
        return scale * np.round(weights / scale)

    def rounds_down(weights, bits):
        low, high = weights.min(axis=1, keepdims=True), weights.max(axis=1, keepdims=True)
        scale = np.maximum((high - low) / (2**bits - 1), 1e-9)
        return scale * np.floor((weights - low) / scale) + low

    for wrong, message in [
        (symmetric, "smallest weight"),
        (rounds_down, "nearest step"),
        (lambda weights, bits: weights, "different values"),
        (lambda weights, bits: weights[:1], "of the shape"),
        (lambda weights, bits: weights / 0 if bits < 0 else weights * math.nan, "not finite"),
    ]:
        with pytest.raises(AssertionError, match=message):
            checks.check_minimum(wrong)


def test_verdicts_are_checked():
    checks.check_verdict(checks.paired_verdict)

    def unpaired(first, second):
        spread = 1.96 * math.hypot(np.std(first, ddof=1), np.std(second, ddof=1)) / 2
        difference = np.mean(first) - np.mean(second)
        if abs(difference) < spread:
            return "unclear"
        return "first" if difference < 0 else "second"

    with pytest.raises(AssertionError, match="seed by seed"):
        checks.check_verdict(unpaired)
    with pytest.raises(AssertionError, match="sign of the difference changes"):
        checks.check_verdict(lambda a, b: "first" if np.mean(a) < np.mean(b) else "second")


def right_sources(first, generated, fresh):
    half = len(first) // 2
    mixed = first[:half] + generated[half:]
    return {"generated": generated, "mixed": mixed, "real": fresh}


def test_sources_are_checked():
    checks.check_sources(right_sources)
    for change, message in [
        (lambda f, g, r: {"mixed": f + g}, "all sources must have"),
        (lambda f, g, r: {"real": f}, "see the same"),
        (lambda f, g, r: {"mixed": r[:2] + g[2:]}, "half of mixed"),
        (lambda f, g, r: {"generated": [g[0]] * len(g)}, "repeats documents"),
        (lambda f, g, r: {"generated": f}, "nothing but generated"),
        (lambda f, g, r: {"other": f}, "with the keys"),
    ]:
        with pytest.raises(AssertionError, match=message):
            checks.check_sources(
                lambda f, g, r, change=change: right_sources(f, g, r) | change(f, g, r)
            )


def test_the_hunt_needs_a_tied_model():
    def counts_twice(config):
        extra = config.vocab_size * config.d_model if config.tied else 0
        return checks.sound_count(config) + extra

    def test(tied):
        def of(count):
            config = checks.LlamaConfig(10, 8, 1, 2, 1, 4, 6, tied=tied)
            assert count(config) == checks.count_parameters(config)

        return of

    checks.check_bug_hunt(test(True), counts_twice)
    with pytest.raises(AssertionError, match="matrix of its own"):
        checks.check_bug_hunt(test(False), counts_twice)


def test_the_hunt_for_padding_needs_padding():
    def test(row, n):
        def of(count):
            assert count([np.array([row])]) == n

        return of

    def counts_all(batches):
        return sum(batch.size for batch in batches)

    checks.check_padding_hunt(test([1, 1, 0], 2), counts_all)
    with pytest.raises(AssertionError, match="Without padding"):
        checks.check_padding_hunt(test([1, 1, 2], 3), counts_all)
    with pytest.raises(AssertionError, match="correct function"):
        checks.check_padding_hunt(test([1, 1, 0], 3), counts_all)
