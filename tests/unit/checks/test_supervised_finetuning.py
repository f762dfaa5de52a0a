"""The checks of supervised finetuning: right answers pass, common mistakes are explained."""

from collections import Counter

import pytest

from fmlab.checks import supervised_finetuning as checks
from fmlab.data.batching import IGNORED
from fmlab.data.dialogues import Dialogues
from tests.unit.checks.verdicts import catches

END, USER, ASSISTANT = checks.END, checks.USER, checks.ASSISTANT

# Predictions


PROMPT, RESPONSE = checks.PROMPT, checks.RESPONSE
ANSWERS = {
    "tokens in the row": 9,
    "predictions that count": 3,
    "position of the first one": 5,
    "first target": 21,
    "last target": END,
    "predictions that count, padded to 12": 3,
    "predictions that count with a loss on all": 8,
}


@pytest.mark.parametrize(
    ("prompt", "response"),
    [(PROMPT, RESPONSE), ([END, USER, 11, 12, ASSISTANT], [24, 25, 26, END])],
)
def test_the_answers_are_those_of_the_code_that_trains(prompt, response, capsys):
    targets = Dialogues.from_ids([prompt], [response]).targets[0].tolist()
    counted = [i for i, target in enumerate(targets) if target != IGNORED]
    values = [len(targets), len(counted), counted[0], targets[counted[0]], targets[counted[-1]]]
    answers = dict(zip(ANSWERS, [*values, len(counted), len(targets) - 1], strict=True))
    checks.check_predictions(answers, prompt, response)
    assert "all 7 right" in capsys.readouterr().out
    assert (answers == ANSWERS) == (prompt == PROMPT)


@pytest.mark.parametrize(
    ("name", "guess", "message"),
    [
        ("tokens in the row", None, "still None"),
        ("tokens in the row", 6, "including its special tokens"),
        ("predictions that count", 2, "including its end"),
        ("position of the first one", 6, "last that the model reads before"),
        ("first target", 2, "when the prompt has ended"),
        ("last target", 22, "learn to stop"),
        ("predictions that count, padded to 12", 6, "should never generate padding"),
        ("predictions that count with a loss on all", 9, "Which one has none"),
    ],
)
def test_wrong_predictions_are_explained(name, guess, message):
    with pytest.raises(AssertionError, match=message):
        checks.check_predictions(ANSWERS | {name: guess}, PROMPT, RESPONSE)


def test_other_predictions_are_refused():
    with pytest.raises(AssertionError, match="an entry for each"):
        checks.check_predictions({}, PROMPT, RESPONSE)


# Targets


def by_zip(prompt, response, length):
    ids = [*prompt, *response, *[0] * (length - len(prompt) - len(response))]
    inside = range(len(prompt) - 1, len(prompt) + len(response) - 1)
    next_ids = [*ids[1:], 0]
    return tuple(target if i in inside else IGNORED for i, target in enumerate(next_ids))


@pytest.mark.parametrize("right", [checks.sound_targets, by_zip])
def test_right_targets_pass(right):
    assert checks.check_targets(right) is None


def test_sound_targets_are_those_of_the_code_that_trains():
    prompts, responses = [checks.PROMPT, [END, USER, ASSISTANT]], [checks.RESPONSE, [7, END]]
    batch = Dialogues.from_ids(prompts, responses)
    for prompt, response, targets in zip(prompts, responses, batch.targets.tolist()):
        assert checks.sound_targets(prompt, response, len(targets)) == targets


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (checks.not_moved_on, "learns to copy"),
        (checks.on_the_prompt, "never have to write a question"),
        (checks.without_the_first, "the first token of the response is missing"),
        (checks.without_the_end, "Nothing else teaches the model to stop"),
        (checks.padding_counted, "padding counts"),
        (lambda *_: None, "returns None"),
        (lambda *_: [1], "it must return 9 targets"),
        (lambda prompt, response, length: [5] * length, "the targets are"),
    ],
)
def test_wrong_targets_are_explained(wrong, message):
    with pytest.raises(AssertionError, match=message):
        checks.check_targets(wrong)


# The loss of a batch


def by_loop(rows):
    total = n = 0
    for row in rows:
        for loss in row:
            total, n = total + loss, n + 1
    return total / n


@pytest.mark.parametrize("right", [by_loop, lambda rows: sum(map(sum, rows)) / sum(map(len, rows))])
def test_right_losses_pass(right):
    assert checks.check_batch_loss(right) is None


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda rows: sum(sum(r) / len(r) for r in rows) / len(rows), "mean of the rows' means"),
        (lambda rows: sum(map(sum, rows)) / len(rows), "number of rows"),
        (lambda rows: sum(map(sum, rows)), "is 1.4, not 7"),
        (lambda rows: None, "must return a number"),
        (lambda rows: 1.4, "just its mean"),
    ],
)
def test_wrong_losses_are_explained(wrong, message):
    with pytest.raises(AssertionError, match=message):
        checks.check_batch_loss(wrong)


# The perfect imitator


def by_counter(demonstrated):
    return {text: n / len(demonstrated) for text, n in Counter(demonstrated).items()}


def by_adding(demonstrated):
    probs = {}
    for text in demonstrated:
        probs[text] = probs.get(text, 0) + 1 / len(demonstrated)
    return probs


@pytest.mark.parametrize("right", [by_counter, by_adding])
def test_right_clones_pass(right):
    assert checks.check_clone(right) == pytest.approx(0.8979, abs=1e-4)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda texts: {texts[0]: 1.0}, "an infinite loss"),
        (lambda texts: dict.fromkeys(texts, 1 / 3), "not demonstrated equally often"),
        (lambda texts: dict(Counter(texts)), "add up to 10.0000"),
        (lambda texts: by_counter(texts[:-1]), "an infinite loss"),
        (lambda texts: by_counter([*texts, "?"]), "nobody demonstrated"),
        (lambda texts: by_counter([*texts, texts[-1], texts[-1]]), "is possible"),
        (lambda texts: texts, "must return a dict"),
    ],
)
def test_wrong_clones_are_explained(wrong, message):
    with pytest.raises(AssertionError, match=message):
        checks.check_clone(wrong)


# Accuracy


def accuracy(error_rate, n_wrong, greedy):
    probs = [1 - error_rate] + [error_rate / n_wrong] * n_wrong
    return float(probs.index(max(probs)) == 0) if greedy else probs[0]


@pytest.mark.parametrize("right", [accuracy, lambda e, n, g: (n * (1 - e) > e) if g else 1 - e])
def test_right_accuracies_pass(right):
    assert checks.check_accuracy(right) is None


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda e, n, greedy: 1 - e, "the accuracy of greedy decoding is 1"),
        (lambda e, n, greedy: float(e < 0.5) if greedy else 1 - e, "majority together"),
        (lambda e, n, greedy: accuracy(e, n, True), "wrong as often as the demonstrators"),
        (lambda e, n, greedy: "often", "must return a number"),
    ],
)
def test_wrong_accuracies_are_explained(wrong, message):
    with pytest.raises(AssertionError, match=message):
        checks.check_accuracy(wrong)


# The bug hunt


def by_hand(make_targets):
    targets = make_targets([END, USER, 5, ASSISTANT], [7, 8, END], 9)
    assert list(targets) == [IGNORED] * 3 + [7, 8, END] + [IGNORED] * 3


def by_what_is_counted(make_targets):
    targets = list(make_targets([END, USER, 5, ASSISTANT], [7, 8, END], 9))
    assert [t for t in targets if t != IGNORED] == [7, 8, END]
    assert targets[3] == 7


@pytest.mark.parametrize("test", [by_hand, by_what_is_counted])
def test_good_tests_pass(test):
    assert checks.check_bug_hunt(test, checks.without_the_end) is None
    assert all(catches(test, fault) for fault in checks.MISTAKES)


@pytest.mark.parametrize("fault", checks.MISTAKES)
def test_tests_that_see_nothing_are_refused(fault):
    with pytest.raises(AssertionError, match="the end of the response, in a row with padding"):
        checks.check_bug_hunt(lambda f: f(PROMPT, RESPONSE, 12), fault)


def test_a_test_without_padding_misses_the_padding():
    def short(make_targets):
        assert list(make_targets([END, USER, 5, ASSISTANT], [7, END], 6))[3:5] == [7, END]

    assert checks.check_bug_hunt(short, checks.without_the_end) is None
    assert not catches(short, checks.padding_counted)


def test_tests_that_fail_on_a_correct_function_are_refused():
    def wrong(make_targets):
        assert make_targets([END, ASSISTANT], [7, END], 4)[0] == 7

    with pytest.raises(AssertionError, match="fails on a correct function"):
        checks.check_bug_hunt(wrong, checks.not_moved_on)


def test_the_mistakes_differ_from_the_targets_and_from_each_other():
    rows = [str(f(checks.PROMPT, checks.RESPONSE, 12)) for f in (*checks.MISTAKES,)]
    assert len({*rows, str(checks.sound_targets(checks.PROMPT, checks.RESPONSE, 12))}) == 6
