"""A check says that a prediction is wrong, and why one would think so, but not what is right."""

import math
import re

import numpy as np
import pytest

from fmlab.checks import (
    attention,
    chain,
    labels,
    policy_gradients,
    preference_finetuning,
    sampling,
    supervised_finetuning,
    tokenization,
    windows,
)

PROMPT, RESPONSE = [0, 1, 11, 12, 13, 14, 15, 2], [21, 22, 23, 24, 0]
NUMBERS = dict(k=3, p=0.7, min_p=0.4, p_after_k=0.6)
TIMES = {"chained loop": 3.7, "control": 3.6, "at once": 1.8}
REFERENCE, REWARD = [0.5, 0.25, 0.25], np.log([1, 4, 6])


def predictions():
    """Return each exercise whose answers are numbers: its check, and the right answers."""
    texts = {text: len(tokenization.toy().encode(text)) for text in tokenization.PREDICTED}
    yield "tokenization", tokenization.check_predictions, texts
    settings = sampling.settings_of(**NUMBERS)
    kept = {name: sampling.left_after(**steps) for name, steps in settings.items()}
    yield "sampling", lambda p: sampling.check_predictions(p, **NUMBERS), kept
    reach = {"changed": 15, "changed without mask": 22, "pairs": 253}
    reach |= {"passes": 19, "tokens": 72, "tokens without cache": sum(range(54, 73))}
    yield "attention", lambda p: attention.check_reach(p, 22, 7, 54, 19), reach
    row = {"tokens in the row": 13, "predictions that count": 5, "position of the first one": 7}
    row |= {"first target": 21, "last target": 0, "predictions that count, padded to 12": 5}
    row |= {"predictions that count with a loss on all": 12}
    check = supervised_finetuning.check_predictions
    yield "supervised finetuning", lambda p: check(p, PROMPT, RESPONSE), row


CASES = [
    pytest.param(check, right, key, id=f"{name}: {key}")
    for name, check, right in predictions()
    for key in right
]


@pytest.mark.parametrize(("check", "right", "key"), CASES)
def test_right_predictions_pass(check, right, key):
    assert check(dict(right)) is None


@pytest.mark.parametrize(("check", "right", "key"), CASES)
@pytest.mark.parametrize("change", [-1, 1, 2, 37])
def test_a_wrong_prediction_is_not_corrected(check, right, key, change):
    wrong, answer = right[key] + change, right[key]
    with pytest.raises(AssertionError) as error:
        check(right | {key: wrong})
    message = str(error.value).replace(f"predicted[{key!r}] is not {wrong}", "")
    assert message != str(error.value)
    assert not re.search(rf"(?<![\w.]){answer}(?![\w.])", message.replace(key, "")), message
    assert "#" in message or "?" in message, "it names no section, and asks nothing"


@pytest.mark.parametrize(("check", "right", "key"), CASES)
def test_a_right_number_as_text_is_named(check, right, key):
    with pytest.raises(AssertionError, match="must be a number, not text"):
        check(right | {key: str(right[key])})
    for other in (True, [right[key]], {}):
        with pytest.raises(AssertionError, match="must be a number, not"):
            check(right | {key: other})


def test_costs_and_pencil_answers_are_not_corrected():
    costs = {"waiting": 0.1, "looping": 1.8}
    for name, right in costs.items():
        with pytest.raises(AssertionError, match=r"is not 0\.5") as error:
            chain._check_costs(costs | {name: 0.5}, TIMES)
        assert str(right) not in str(error.value)
    answers = preference_finetuning.pencil_answers(REFERENCE, REWARD)
    for name, right in answers.items():
        with pytest.raises(AssertionError) as error:
            preference_finetuning.check_pencil(answers | {name: right + 0.5}, REFERENCE, REWARD)
        assert not any(f"{number:.3f}"[:5] in str(error.value) for number in right)


def nothing(*args, **options):
    """Do what a function does that is not written yet."""


EMPTY = {
    "longest_context": lambda: attention.check_longest_context(nothing),
    "window_mask": lambda: windows.check_window(nothing, nothing),
    "attend_next": lambda: attention.check_attend_next(
        lambda q, k, v, cache: cache.update(
            keys=np.vstack([cache["keys"], k]), values=np.vstack([cache["values"], v])
        )
    ),
    "encode_word": lambda: tokenization.check_encode_word(nothing),
    "bits_per_byte": lambda: tokenization.check_bits_per_byte(nothing, "A"),
    "gae": lambda: policy_gradients.check_gae(nothing),
    "comparison_loss": lambda: preference_finetuning.check_dpo(nothing, nothing, nothing),
    "best_of_n": lambda: preference_finetuning.check_best_of_n(nothing, nothing),
}


@pytest.mark.parametrize("name", EMPTY)
def test_an_empty_function_is_named(name):
    with pytest.raises(AssertionError, match=rf"{name}.* is None: a function must end with"):
        EMPTY[name]()


def test_text_in_place_of_a_number_is_named_everywhere():
    for check in (
        lambda: preference_finetuning.check_dpo(lambda *r: "0.5", nothing, nothing),
        lambda: attention.check_pencil(
            dict.fromkeys(("weights", "answer", "second word", "unscaled"), "0.5"),
            [0, 1, 2],
            [1] * 3,
        ),
    ):
        with pytest.raises(AssertionError, match="must be a number, not text"):
            check()


def test_a_division_by_an_underflow_is_explained():
    def label_probabilities(token_logprobs):
        weights = {name: math.exp(sum(each)) for name, each in token_logprobs.items()}
        return {name: weight / sum(weights.values()) for name, weight in weights.items()}

    with pytest.raises(AssertionError, match="you divide by zero: exp"):
        labels.check_label_probabilities(label_probabilities)


def test_leaving_out_the_first_token_itself_is_explained():
    def past_only(q, k, v, cache):
        scores = np.exp(cache["keys"] @ q / 2)
        output = scores @ cache["values"] / max(scores.sum(), 1e-9)
        cache["keys"] = np.vstack([cache["keys"], k])
        cache["values"] = np.vstack([cache["values"], v])
        return output

    with pytest.raises(AssertionError, match="attend to nothing but itself"):
        attention.check_attend_next(past_only)
