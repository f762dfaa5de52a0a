"""Properties of fmlab.experiments.real_prompts, and of its record."""

import pytest

from fmlab.experiments import real_prompts as prompts
from fmlab.experiments import results


@pytest.mark.parametrize(
    ("n", "words"),
    [
        (0, "zero"),
        (13, "thirteen"),
        (20, "twenty"),
        (99, "ninety-nine"),
        (100, "one hundred"),
        (110, "one hundred and ten"),
        (999, "nine hundred and ninety-nine"),
    ],
)
def test_numbers_in_words(n, words):
    assert prompts.in_words(n) == words


def test_all_numbers_have_words_of_their_own():
    assert len({prompts.in_words(n) for n in range(1000)}) == 1000


def test_no_number_is_in_two_parts_or_among_the_examples():
    choose, report = map(set, prompts.numbers())
    assert (len(choose), len(report)) == (prompts.N_CHOOSE, prompts.N_REPORT)
    assert not choose & report
    assert not (choose | report) & set(prompts.EXAMPLES)
    assert prompts.numbers() == prompts.numbers()


def test_only_the_answers_differ_in_the_control():
    right, wrong = (prompts.PROMPTS[name]("six") for name in ("four examples", prompts.CONTROL))
    pairs = [[line.split(" = ") for line in text.splitlines()[:-1]] for text in (right, wrong)]
    assert [words for words, _ in pairs[0]] == [words for words, _ in pairs[1]]
    assert sorted(answer for _, answer in pairs[0]) == sorted(answer for _, answer in pairs[1])
    assert all(a[1] != b[1] for a, b in zip(*pairs))
    assert right.splitlines()[-1] == wrong.splitlines()[-1] == "six ="


@pytest.mark.parametrize(
    ("completion", "right"),
    [
        (" 347", True),
        (" 3,47", True),
        ("347th", True),
        ("34 7", False),
        ("", False),
        ("0347", False),
    ],
)
def test_the_first_number_counts(completion, right):
    assert prompts.is_right(completion, 347) is right


def test_grading_asks_once_about_every_number():
    asked = []

    def complete_all(texts):
        asked.extend(texts)
        return ["101", "nothing"]

    assert prompts.grade(complete_all, "bare", [101, 102]) == [1, 0]
    assert asked == ["one hundred and one =", "one hundred and two ="]


def test_the_record_has_every_prompt_and_number():
    record = results.read("real_prompts")["prompts"]
    assert list(record) == list(prompts.PROMPTS)
    for outcome in record.values():
        assert len(outcome["choose"]) == prompts.N_CHOOSE
        assert len(outcome["report"]) == prompts.N_REPORT
