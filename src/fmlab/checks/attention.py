"""Checks of the exercises on attention."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from fmlab.arguments import Floats
from fmlab.checks.assertions import (
    CheckFailed,
    check_guesses,
    expect,
    filled_in,
    normalized,
    pencil_answer,
    returned,
)
from fmlab.checks.bug_hunts import hunt
from fmlab.checks.material import InPlace
from fmlab.models.attention import Mask, causal_mask, scaled_dot_product_attention

Attend = Callable[[Floats, Floats, Floats], Floats]

BY_HAND = "#attention-by-hand"


def pencil_answers(scores: Sequence[float], values: Sequence[float]) -> dict[str, Floats]:
    """Return the numbers to work out by hand from three scores and values, by name.

    The width is 4, so scores are divided by 2; without the division, exponentials are squared.
    """
    exponentials = np.exp(np.array(scores) / 2)
    weights = normalized(exponentials)
    return {
        "weights": weights,
        "answer": np.array([weights @ values]),
        "second word": normalized(exponentials * [1, 1, 0]),
        "unscaled": normalized(exponentials**2),
    }


def check_pencil(
    pencil: Mapping[str, Sequence[float]], scores: Sequence[float], values: Sequence[float]
) -> None:
    """Compare numbers worked out by hand with `pencil_answers`; three decimals are enough."""
    answers = pencil_answers(scores, values)
    filled_in("pencil", pencil, answers)
    for name, expected in answers.items():
        answer = pencil_answer(f"pencil[{name!r}]", pencil[name], len(expected))
        if not np.allclose(answer, expected, atol=2e-3):
            hint = _pencil_hint(name, answer, answers, values)
            raise CheckFailed(f"pencil[{name!r}] is not {answer.tolist()}. {hint}")
    print(f"pencil: all {len(answers)} right")


def _pencil_hint(
    name: str, answer: Floats, answers: Mapping[str, Floats], values: Sequence[float]
) -> str:
    if name == "answer":
        if math.isclose(answer[0], np.mean(values), abs_tol=0.1):
            return "That is the plain mean of the values; multiply each value by its weight"
        return f"It is the sum of weight times value over all three words ({BY_HAND})"
    if not math.isclose(answer.sum(), 1, abs_tol=5e-3):
        return (
            f"Weights sum to 1: divide each exponential by the sum of the visible ones ({BY_HAND})"
        )
    if name == "second word" and answer[2] > 0:
        return "The second word may not see the third (#causal-mask)"
    if name == "unscaled" and np.allclose(answer, answers["weights"], atol=2e-3):
        return (
            "Those are the scaled weights; without the division, the exponents are twice as large"
        )
    if name == "weights" and np.allclose(answer, answers["unscaled"], atol=2e-3):
        return "You forgot to divide the scores by the square root of the width"
    without_first = normalized(answers["weights"] * [0, 1, 1])
    if name == "weights" and np.allclose(answer, without_first, atol=2e-3):
        return "The exponential of a score of 0 is 1, not 0: a score of 0 still counts"
    return f"exp(log n) is n; an exponent twice as large gives the square ({BY_HAND})"


REACH_HINTS = {
    "changed": "An output can change if its position may attend to the new token (#causal-mask)",
    "changed without mask": "Without a mask, which positions attend to the new token?",
    "pairs": "How many positions does each one see? Add these numbers up (#causal-mask)",
    "passes": "Which token does each pass predict? Begin with the prompt (#prefill-decode)",
    "tokens": "Write down how many tokens go through in each pass (#kv-cache)",
    "tokens without cache": "What does each pass have to read if nothing is kept? (#kv-cache)",
}


def check_reach(
    predicted: Mapping[str, int], length: int, exchanged: int, prompt: int, written: int
) -> None:
    """Compare predictions about which outputs can change, and how many tokens the model reads.

    One case is a text of ``length`` tokens whose token at position ``exchanged`` is replaced, the
    other a generation of ``written`` tokens after a prompt of ``prompt`` tokens.
    """
    answers = {
        "changed": length - exchanged,
        "changed without mask": length,
        "pairs": length * (length + 1) // 2,
        "passes": written,
        "tokens": prompt + written - 1,
        "tokens without cache": sum(range(prompt, prompt + written)),
    }
    mistakes = {
        ("changed", length): "A position that comes before the new token can't see it",
        ("changed", exchanged): "It is the other way round: which positions may see the new token?",
        ("changed", length - exchanged - 1): "The position itself sees the new token, too",
        ("pairs", length**2): "A position may not attend to those after it",
        ("pairs", length * (length - 1) // 2): "A position may attend to itself, too",
        ("pairs", length): "Each position attends to several",
        ("passes", written + 1): "The pass over the prompt already predicts the first new token",
        ("passes", prompt + written): "The whole prompt goes through in a single pass",
        ("tokens", prompt + written): "The last new token is written, but is it ever read",
        ("tokens", written): "The prompt has to be read, too",
        ("tokens without cache", prompt + written): "Each pass reads everything so far again",
        ("tokens without cache", sum(range(prompt, prompt + written + 1))): (
            "The last new token is written, but is it ever read"
        ),
    }

    def hint(name: str, guess: object) -> str:
        mistake = mistakes.get((name, guess))
        return f"{mistake}. {REACH_HINTS[name]}" if mistake else REACH_HINTS[name]

    check_guesses(predicted, answers, hint)


def check_longest_context(longest_context: Callable[..., int]) -> None:
    """Check for memory sizes at which each common mistake gives a different number of tokens."""
    # 100 bytes beside the weights; a token takes 2 x 2 layers x 1 head x 5 numbers x 1 byte = 20.
    small = dict(n_layers=2, n_kv_heads=1, d_head=5, bytes_per_number=1)
    result = returned("longest_context(...)", longest_context(memory=1100, weights=1000, **small))
    hints = {
        10: "The cache has a key and a value for each token: twice the numbers",
        55: "The weights take memory, too; the cache can only use what is left",
        110: "The weights take memory, too, and the cache has a key and a value for each token",
    }
    expect(
        isinstance(result, int | np.integer),
        f"a number of tokens is an integer, not {result!r}: round down with //",
    )
    hint = hints.get(int(result), "See #kv-cache")
    expect(
        result == 5,
        f"100 bytes are left and a token takes 20, so 5 tokens fit, not {result}. {hint}",
    )
    expect(
        longest_context(memory=1119, weights=1000, **small) == 5,
        "119 bytes have room for 5 tokens of 20 bytes, and not for a sixth: round down",
    )
    shared = longest_context(memory=1100, weights=1000, n_conversations=2, **small)
    expect(
        shared == 2,
        f"each of two conversations has a cache of its own, so 2 tokens fit in each, not {shared}; "
        "the weights are shared",
    )
    expect(
        longest_context(memory=900, weights=1000, **small) == 0,
        "if not even the weights fit, no token does: return 0",
    )
    llama = dict(weights=16_060_522_496, n_layers=32, n_kv_heads=8, d_head=128)
    result = longest_context(memory=24 * 10**9, **llama)
    expect(
        result == 60_573,
        f"Llama 3 8B on a card of 24 GB has room for 60573 tokens, not {result}; a number of 16 "
        "bits takes 2 bytes, which is the default of bytes_per_number",
    )
    print(f"longest_context: right; Llama 3 8B on a card of 24 GB can hold {result:,} tokens")


def check_attend_next(attend_next: Callable[[Floats, Floats, Floats, dict], Floats]) -> None:
    """Process positions one by one and compare with attention over all of them at once."""
    q, k, v = np.random.default_rng(0).normal(size=(3, 6, 4))
    at_once = scaled_dot_product_attention(q, k, v, causal_mask(6))
    cache = InPlace(keys=np.empty((0, 4)), values=np.empty((0, 4)))
    for t in range(6):
        output = returned("attend_next(...)", attend_next(q[t], k[t], v[t], cache))
        output = np.asarray(output, dtype=float)
        sizes = {name: len(cache[name]) for name in ("keys", "values")}
        expect(
            sizes == {"keys": t + 1, "values": t + 1},
            f"after token {t} the cache must have {t + 1} keys and values, not {sizes}: add the "
            "new ones with cache['keys'] = ..., including the token's own",
        )
        expect(output.shape == (4,), f"the output must be of shape (4,), not {output.shape}")
        if not np.allclose(output, at_once[t]):
            hint = _cache_hint(output, q, k, v, t)
            raise CheckFailed(f"the output of token {t} is wrong. {hint}")
    expect(
        np.array_equal(cache["keys"], k) and np.array_equal(cache["values"], v),
        "in the end, the cache must have all keys and values in the order in which they were added",
    )
    print("attend_next: token by token the same as all at once")


def _cache_hint(output: Floats, q: Floats, k: Floats, v: Floats, t: int) -> str:
    if t == 0 and not np.nan_to_num(output).any():
        return "The first token can attend to nothing but itself, so its output is its own value"
    past = slice(0, t)
    if t and np.allclose(output, scaled_dot_product_attention(q[t : t + 1], k[past], v[past])[0]):
        return "A token sees itself, too: put its key and value into the cache before you attend"
    scores = k[: t + 1] @ q[t]
    weights = np.exp(scores) / np.exp(scores).sum()
    if np.allclose(output, weights @ v[: t + 1]):
        return "Divide the scores by the square root of d (#why-scale)"
    return "Compare its query with all keys in the cache, and average the values by these weights"


# The bug hunts. Functions take q, k, v, each (T, d), and return the outputs (T, d) of causal
# attention.


def sound(q: Floats, k: Floats, v: Floats) -> Floats:
    """Compute causal attention correctly."""
    scores = np.where(np.tri(len(q), dtype=bool), q @ k.T / math.sqrt(q.shape[-1]), -np.inf)
    weights = np.exp(scores - scores.max(-1, keepdims=True))
    return weights @ v / weights.sum(-1, keepdims=True)


def attention_with(
    divisor: Callable[[int, int], float] = lambda T, d: math.sqrt(d),
    mask: Callable[[int], Mask] = causal_mask,
    after: bool = False,
) -> Attend:
    """Return an attention function with this divisor, a function of T and d, and this mask.

    With ``after``, the mask is applied after the softmax, so the weights no longer sum to 1.
    """

    def attend(q: Floats, k: Floats, v: Floats) -> Floats:
        scores = q @ k.T / divisor(*q.shape)
        visible = mask(len(q))
        if not after:
            scores = np.where(visible, scores, -1e30)
        weights = np.exp(scores - scores.max(-1, keepdims=True))
        weights /= weights.sum(-1, keepdims=True)
        return np.where(visible, weights, 0) @ v

    return attend


def check_hunt(test: Callable[[Attend], None], faulty: Attend) -> None:
    """Run the reader's test on correct functions, which must pass, and on the faulty one."""
    hunt(
        test,
        sound,
        attention_with(),
        faulty=faulty,
        advice="what the output must be, and allow for rounding: np.allclose",
        hint="Choose q, k and v so that you can compute the weights by hand, and so that the bug "
        "changes them",
    )
