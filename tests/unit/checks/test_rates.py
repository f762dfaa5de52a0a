"""The checks of rates and differences: right answers pass, common mistakes are explained."""

import math
from statistics import NormalDist

import numpy as np
import pytest

from fmlab.checks import material
from fmlab.checks import rates as checks
from fmlab.evaluation import OUTCOMES, Mean, Outcomes, Rate


def rejected(message, check, *answers):
    with pytest.raises(AssertionError, match=message):
        check(*answers)


def ends(estimate):
    """The three numbers of a `Rate` or a `Mean`."""
    middle = estimate.rate if isinstance(estimate, Rate) else estimate.mean
    return middle, estimate.low, estimate.high


# Attention: sixteen heads


def effect(before, after, confidence):
    increase = after - before
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    margin = z * increase.std(ddof=1) / math.sqrt(len(increase))
    return increase.mean(), increase.mean() - margin, increase.mean() + margin


def heads_that_matter(before, after):
    confidence = 1 - 0.05 / len(after)
    return [head for head, losses in enumerate(after) if effect(before, losses, confidence)[1] > 0]


def by_bootstrap(before, after, confidence):
    rng, increase = np.random.default_rng(0), after - before
    means = rng.choice(increase, size=(20_000, len(increase))).mean(axis=1)
    low, high = np.quantile(means, [(1 - confidence) / 2, (1 + confidence) / 2])
    return increase.mean(), low, high


def by_holm(before, after):
    """Step down from the smallest p value: the k-th of H is compared with 0.025 / (H - k)."""
    increase = after - before
    z = increase.mean(axis=1) / (increase.std(axis=1, ddof=1) / math.sqrt(len(before)))
    listed = set()
    for k, head in enumerate(np.argsort(-z)):
        if NormalDist().cdf(-z[head]) > 0.025 / (len(after) - k):
            break
        listed.add(int(head))
    return listed


@pytest.mark.parametrize(
    "right", [(effect, heads_that_matter), (by_bootstrap, heads_that_matter), (effect, by_holm)]
)
def test_right_heads_pass(right, capsys):
    checks.check_heads(*right)
    assert "3 heads would have seemed to matter" in capsys.readouterr().out


def unpaired(before, after, confidence):
    error = math.sqrt((before.var(ddof=1) + after.var(ddof=1)) / len(before))
    margin = NormalDist().inv_cdf((1 + confidence) / 2) * error
    difference = after.mean() - before.mean()
    return difference, difference - margin, difference + margin


def of_one_question(before, after, confidence):
    mean, low, high = effect(before, after, confidence)
    root = math.sqrt(len(before))
    return mean, mean + root * (low - mean), mean + root * (high - mean)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (unpaired, "independent samples"),
        (lambda b, a, c: effect(a, b, c), "The sign is wrong"),
        (of_one_question, "an interval for one question"),
        (lambda b, a, c: effect(b, a, 0.95), "ignored the confidence"),
        (lambda b, a, c: effect(b, a, c / 2), "z standard errors"),
        (lambda b, a, c: effect(b, a, c)[0], "must be three numbers"),
    ],
)
def test_wrong_effects_are_explained(wrong, message):
    rejected(message, checks.check_heads, wrong, heads_that_matter)


def at_95(before, after):
    return [head for head, losses in enumerate(after) if effect(before, losses, 0.95)[1] > 0]


def at_95_in_one_case(before, after):
    return [3, 10] if len(heads_that_matter(before, after)) == 2 else at_95(before, after)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda b, a: np.flatnonzero((a - b).mean(axis=1) > 0), "half of the time"),
        (at_95, "divide the allowed error"),
        (at_95_in_one_case, "in which no head matters, you find one"),
        (lambda b, a: [], r"but the heads \[3, 10\] matter"),
        (lambda b, a: 3, "must return a list"),
        (lambda b, a: "3, 10", "must return a list"),
    ],
)
def test_wrong_heads_are_explained(wrong, message):
    rejected(message, checks.check_heads, effect, wrong)


# Sampling: rare words

RUNS = {"a": [(15, 1000), (10, 1000)], "b": [(1, 900), (2, 1100)], "c": [(0, 1000), (2, 1000)]}
DIFFERS = {"b vs a": True, "b vs c": False}


def ratio_interval(first, second):
    (count, words), (other_count, other_words) = first, second
    p = Rate(count, count + other_count)

    def ratio(p):
        return math.inf if p == 1 else p / (1 - p) * other_words / words

    return ratio(p.rate), ratio(p.low), ratio(p.high)


def from_the_other_side(first, second):
    p = Rate(second[0], first[0] + second[0])
    values = [
        (1 / q - 1 if q else math.inf) * second[1] / first[1] for q in (p.rate, p.high, p.low)
    ]
    return np.array(values)


@pytest.mark.parametrize("right", [ratio_interval, from_the_other_side])
def test_right_ratios_pass(right, capsys):
    checks.check_words(right, DIFFERS, RUNS)
    assert "ratio_interval: right" in capsys.readouterr().out


def test_the_interval_covers_the_true_ratio():
    rng = np.random.default_rng(0)
    covered = 0
    for first, second in zip(rng.poisson(12, size=2000), rng.poisson(6, size=2000)):
        _, low, high = checks.ratio_of_rates((int(first), 1000), (int(second), 1000))
        covered += low <= 2 <= high
    assert 0.93 < covered / 2000 < 0.975  # a correct interval fails this less than once in 10,000


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda a, b: ratio_interval((a[0], 1), (b[0], 1)), "numbers of words differ"),
        (lambda a, b: ratio_interval(b, a), "divided the second rate"),
        (lambda a, b: ends(Rate(a[0], a[0] + b[0])), "That is p and its interval"),
        (lambda a, b: ends(Rate(*a)), "the first rate alone"),
        (lambda a, b: (0.5, 0.4, 0.6), "Solve p = "),
        (lambda a, b: np.minimum(ratio_interval(a, b), 1e9), "no upper limit"),
        (lambda a, b: ratio_interval(a, b)[0], r"of shape \(3,\)"),
    ],
)
def test_wrong_ratios_are_explained(wrong, message):
    rejected(message, checks.check_words, wrong, DIFFERS, RUNS)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"b vs a": None, "b vs c": False}, "is still None"),
        ({"b vs a": False, "b vs c": False}, r"is not False: add up the counts"),
        ({"b vs a": True, "b vs c": True}, "1, which means that nothing differs"),
    ],
)
def test_wrong_comparisons_of_settings_are_explained(wrong, message):
    rejected(message, checks.check_words, ratio_interval, wrong, RUNS)


# Supervised finetuning: four outcomes


def outcome_rates(outcomes):
    return {name: outcomes.count(name) / len(outcomes) for name in OUTCOMES}


def rates_of_the_package(outcomes):
    return {name: rate.rate for name, rate in Outcomes(outcomes).rates.items()}


def accuracy(outcomes):
    return ends(Outcomes(outcomes).accuracy_if_answered)


def accuracy_by_normal_distribution(outcomes):
    right, n = outcomes.count("right"), outcomes.count("right") + outcomes.count("wrong")
    margin = 1.96 * math.sqrt(right / n * (1 - right / n) / n)
    return right / n, right / n - margin, right / n + margin


def change(before, after, name):
    return ends(Outcomes(after).difference(Outcomes(before), name))


ANSWERS = ["abstained", outcome_rates, accuracy, change]


def with_answer(place, answer):
    return [answer if i == place else right for i, right in enumerate(ANSWERS)]


@pytest.mark.parametrize(
    "right",
    [
        ANSWERS,
        with_answer(1, rates_of_the_package),
        with_answer(2, accuracy_by_normal_distribution),
    ],
)
def test_right_outcomes_pass(right, capsys):
    checks.check_outcomes(*right)
    assert "the model answers less often" in capsys.readouterr().out


def test_the_answer_rate_rises_and_answers_become_fewer():
    before, after = map(Outcomes, material.graded())
    assert before.rate("no answer").high > 0.45 > 0.25 > after.rate("no answer").high
    assert before.counts["right"] + before.counts["wrong"] == 55
    assert after.counts["right"] + after.counts["wrong"] == 51


@pytest.mark.parametrize("name", ["right", "wrong", "no answer"])
def test_other_constants_are_explained(name):
    rejected("without reading the question", checks.check_outcomes, *with_answer(0, name))


def unpaired_change(before, after, name):
    margin = math.hypot(
        *(Mean.of([float(o == name) for o in part]).margin for part in (before, after))
    )
    difference = (after.count(name) - before.count(name)) / len(after)
    return difference, difference - margin, difference + margin


@pytest.mark.parametrize(
    ("place", "wrong", "message"),
    [
        (0, None, "constant must be one of"),
        (1, lambda o: {"right": 1.0}, "must have an entry for each"),
        (1, lambda o: {n: o.count(n) / 50 for n in OUTCOMES}, r"add up to 1, not to 2.0000"),
        (1, lambda o: dict.fromkeys(OUTCOMES, 0.25), "the number of all questions"),
        (1, lambda o: {n: o.count(n) / len(o) for n in {*o}}, "must have an entry for each"),
        (2, lambda o: ends(Rate(o.count("right"), len(o))), "among all questions"),
        (
            2,
            lambda o: ends(Rate(o.count("right"), len(o) - o.count("no answer"))),
            'counted "I don',
        ),
        (2, lambda o: ends(Rate(o.count("wrong"), 51)), "which fraction is right"),
        (3, lambda b, a, n: change(a, b, n), "after minus before"),
        (3, unpaired_change, "subtract question by question"),
        (3, lambda b, a, n: change(b, a, "wrong"), "1 if it occurs only after"),
    ],
)
def test_wrong_outcomes_are_explained(place, wrong, message):
    rejected(message, checks.check_outcomes, *with_answer(place, wrong))


# Preference finetuning: ties


def agreement(first, second):
    return np.where((first == 0) | (second == 0), 0.5, first == second)


def by_formula(first, second):
    return (1 + first * second) / 2


def gap(compared, scored):
    return ends(Mean.of(agreement(*compared) - agreement(*scored)))


def without_ties(compared, scored):
    decided = (scored[0] != 0) & (scored[1] != 0)
    return [agreement(*each)[decided].mean() for each in (compared, scored)]


def by_loop(compared, scored):
    pairs = [p for p in zip(*compared, *scored) if p[2] and p[3]]
    return np.mean([p[0] == p[1] for p in pairs]), np.mean([p[2] == p[3] for p in pairs])


@pytest.mark.parametrize("right", [(agreement, gap, without_ties), (by_formula, gap, by_loop)])
def test_right_agreements_pass(right, capsys):
    checks.check_ties(*right)
    assert "comparing 0.77, by scores 0.78; without ties 0.83 and 0.91" in capsys.readouterr().out


def strict(first, second):
    return (first == second) * (first != 0) * 1.0


def equal(first, second):
    return (first == second) * 1.0


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (strict, "A tie counts as disagreement"),
        (equal, "and one tie is not a disagreement"),
        (lambda a, b: np.where((a == 0) ^ (b == 0), 0.5, a == b), "both annotators flip a coin"),
        (lambda a, b: np.full(len(a), 0.6), "1 or 0 without a tie"),
        (lambda a, b: agreement(a, b).mean(), r"of shape \(5,\)"),
    ],
)
def test_wrong_agreements_are_explained(wrong, message):
    rejected(message, checks.check_ties, wrong, gap, without_ties)


def unpaired_gap(compared, scored):
    means = [Mean.of(agreement(*each)) for each in (compared, scored)]
    margin, difference = math.hypot(*(m.margin for m in means)), means[0].mean - means[1].mean
    return difference, difference - margin, difference + margin


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda c, s: gap(s, c), "comparing minus scoring"),
        (unpaired_gap, "subtract pair by pair"),
        (lambda c, s: ends(Mean.of(strict(*c) - strict(*s))), "still count ties as disagreement"),
        (lambda c, s: ends(Mean.of(equal(*c) - equal(*s))), "count two ties as agreement"),
        (lambda c, s: ends(Mean.of(agreement(*c))), "Subtract the two agreements"),
    ],
)
def test_wrong_gaps_between_methods_are_explained(wrong, message):
    rejected(message, checks.check_ties, agreement, wrong, without_ties)


def all_compared(compared, scored):
    return agreement(*compared).mean(), without_ties(compared, scored)[1]


def without_double_ties(compared, scored):
    decided = (scored[0] != 0) | (scored[1] != 0)
    return [agreement(*each)[decided].mean() for each in (compared, scored)]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (all_compared, "the same pairs for both"),
        (lambda c, s: without_ties(c, s)[::-1], "First comparing, then scoring"),
        (without_double_ties, "if one of the annotators ties"),
        (lambda c, s: (0.5, 0.5), "Keep the pairs without a tie"),
    ],
)
def test_wrong_choices_of_pairs_are_explained(wrong, message):
    rejected(message, checks.check_ties, agreement, gap, wrong)


def test_both_methods_see_the_same_error():
    """The coin gives both methods about the same agreement: their intervals overlap."""
    compared, scored = material.judged()
    _, low, high = gap(compared, scored)
    assert low < 0 < high
