"""Bug hunts judge a test by its verdicts alone: no name, count or order of calls gives a hint."""

import itertools

import pytest

from fmlab.checks import bug_hunts
from fmlab.checks.bug_hunts import CHANGES_ITS_MIND, hunt, require_catches


def right(x):
    return 2 * x


def also_right(number):
    return number + number


def squares(x):
    return x * x


def halves(y):
    return y / 2


def compares(double):
    assert double(3) == 6, "twice 3 is 6"


SENTENCES = {"advice": "what it returns", "hint": "Try 3"}
FAULTY = {"squares its argument": squares, "halves its argument": halves}


def test_a_test_that_compares_results_passes():
    hunt(compares, right, also_right, faulty=squares, **SENTENCES)
    require_catches(compares, right, also_right, faulty=FAULTY)


def by_name(double):
    assert "quare" not in double.__name__ + repr(double) + double.__qualname__


def by_name_of_the_parameter(double):
    double(x=3)
    assert "y" not in double.__code__.co_varnames


def by_error_message(double):
    with pytest.raises(TypeError) as error:
        double(1, 2, 3)
    assert "squares" not in str(error.value)


@pytest.mark.parametrize("test", [by_name, by_name_of_the_parameter, by_error_message])
def test_all_functions_look_alike(test):
    with pytest.raises(AssertionError, match=r"passes on the faulty|never calls"):
        hunt(test, right, faulty=squares, **SENTENCES)
    with pytest.raises(AssertionError, match=r"passes on a function that squares|never calls"):
        require_catches(test, right, faulty=FAULTY)


def counting(failing):
    """Return a test that knows no function: it fails on these calls, counted from 0."""
    calls = itertools.count()

    def test(double):
        double(1)
        assert next(calls) not in failing

    return test


GUESSES = {
    "every second, from the second": lambda: counting(range(1, 100, 2)),
    "every second, from the first": lambda: counting(range(0, 100, 2)),
    "all after the second": lambda: counting(range(2, 100)),
    "all after the third": lambda: counting(range(3, 100)),
    "the second alone": lambda: counting([1]),
    "the first three": lambda: counting(range(3)),
}
N = 1000
BOUND = 90  # of N; the best of these guesses has 4%, so it fails by chance with P < 1e-11


@pytest.mark.parametrize("name", GUESSES)
def test_counting_or_alternating_hardly_ever_passes(name):
    passed = 0
    for _ in range(N):
        try:
            hunt(GUESSES[name](), right, faulty=squares, **SENTENCES)
            passed += 1
        except AssertionError:
            pass
    assert passed < BOUND


def test_with_several_functions_a_guess_passes_almost_never():
    passed = 0
    for _ in range(N):
        try:
            require_catches(counting(range(2, 100)), right, faulty=FAULTY)
            passed += 1
        except AssertionError:
            pass
    assert passed < BOUND / 3


def test_each_function_is_seen_two_to_four_times_in_no_fixed_order(monkeypatch):
    orders = set()
    for _ in range(60):
        seen = []
        with pytest.raises(AssertionError):
            hunt(lambda f, seen=seen: seen.append(f(3)), right, faulty=squares, **SENTENCES)
        assert {seen.count(6), seen.count(9)} <= {2, 3, 4}
        orders.add(tuple(seen))
    assert len(orders) > 10


def test_a_verdict_that_changes_is_named():
    """The test passes once only, and each function is run at least twice."""
    first = iter([True])

    def flaky(double):
        assert double(2) == 4
        assert next(first, False)

    with pytest.raises(AssertionError, match=CHANGES_ITS_MIND[:30]):
        require_catches(flaky, right, also_right, faulty={})


@pytest.mark.parametrize(
    ("test", "sentence"),
    [
        (lambda double: None, "never calls the function"),
        (lambda double: double(2) and None, "passes on a function that squares its argument"),
        (lambda double: 1 / 0, r"fails on a correct function \(ZeroDivisionError"),
        (None, "must be a function, not None"),
    ],
)
def test_the_sentence_says_what_is_wrong(test, sentence):
    with pytest.raises(AssertionError, match=sentence):
        require_catches(test, right, faulty=FAULTY)


def test_an_unwritten_test_is_named():
    def stub(double):
        raise NotImplementedError

    for check in (
        lambda: hunt(stub, right, faulty=squares, **SENTENCES),
        lambda: require_catches(stub, right, faulty=FAULTY),
    ):
        with pytest.raises(AssertionError, match="not written yet"):
            check()


def test_the_error_names_the_faulty_function_that_passed():
    def only_positive(double):
        assert double(3) > 3

    with pytest.raises(AssertionError, match="a function that squares its argument"):
        require_catches(only_positive, right, faulty=FAULTY)
    assert bug_hunts.LEAST >= 2
