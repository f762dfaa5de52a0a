"""Checks of the exercises on attention."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from fmlab.arguments import Floats
from fmlab.attention import Mask, causal_mask, scaled_dot_product_attention
from fmlab.checks import expect
from fmlab.checks.comparing import filled_in, normalised, on_paper
from fmlab.checks.hunting import catches as catches  # exercises take it from here
from fmlab.checks.hunting import hunt

Attend = Callable[[Floats, Floats, Floats], Floats]

BY_HAND = "see 'How does one word ask another?'"


def pencil_answers(scores: Sequence[float], values: Sequence[float]) -> dict[str, Floats]:
    """Return what is to be worked out from three scores and values, under their names.

    The width is 4, so scores are divided by 2; undivided, their exponentials would be squared.
    """
    odds = np.exp(np.array(scores) / 2)
    weights = normalised(odds)
    return {
        "weights": weights,
        "answer": np.array([weights @ values]),
        "second word": normalised(odds * [1, 1, 0]),
        "unscaled": normalised(odds**2),
    }


def check_pencil(
    found: Mapping[str, Sequence[float]], scores: Sequence[float], values: Sequence[float]
) -> None:
    """Compare numbers worked out by hand with `pencil_answers`; three decimals are enough."""
    answers = pencil_answers(scores, values)
    filled_in("pencil", found, answers)
    for name, want in answers.items():
        got = on_paper(f"pencil[{name!r}]", found[name], len(want))
        if not np.allclose(got, want, atol=2e-3):
            hint = _pencil_hint(name, got, answers, values)
            raise AssertionError(f"pencil[{name!r}] is not {got.tolist()}. {hint}")
    print(f"pencil: all {len(answers)} right")


def _pencil_hint(
    name: str, got: Floats, answers: Mapping[str, Floats], values: Sequence[float]
) -> str:
    if name == "answer":
        if math.isclose(got[0], np.mean(values), abs_tol=0.1):
            return "That is the plain mean of the values; weigh each with its weight"
        return f"It is the sum of weight times value over all three words ({BY_HAND})"
    if not math.isclose(got.sum(), 1, abs_tol=5e-3):
        return (
            f"Weights sum to 1: divide each exponential by the sum of the visible ones ({BY_HAND})"
        )
    if name == "second word" and got[2] > 0:
        return "The second word may not see the third (see 'May a word look at what comes after?')"
    if name == "unscaled" and np.allclose(got, answers["weights"], atol=2e-3):
        return "Those are the scaled weights; without the division the exponents are twice as large"
    if name == "weights" and np.allclose(got, answers["unscaled"], atol=2e-3):
        return "You forgot to divide the scores by the root of the width"
    without_first = normalised(answers["weights"] * [0, 1, 1])
    if name == "weights" and np.allclose(got, without_first, atol=2e-3):
        return "The exponential of a score of 0 is 1, not 0: a score of nothing still counts"
    return f"exp(log n) is n; an exponent twice as large gives the square ({BY_HAND})"


def check_reach(
    predicted: Mapping[str, int], length: int, exchanged: int, prompt: int, written: int
) -> None:
    """Compare predictions of what can change, and of what goes through the model.

    A text of ``length`` tokens, the one at position ``exchanged`` replaced; and a generation of
    ``written`` tokens after a prompt.
    """
    first, last = prompt, prompt + written - 1
    answers = {
        "changed": (
            length - exchanged,
            f"position {exchanged} itself and those after it can change, nothing before",
        ),
        "changed without mask": (
            length,
            "without a mask each position looks at all, the changed one too",
        ),
        "pairs": (
            length * (length + 1) // 2,
            f"position t sees t + 1 positions: 1 + 2 + ... + {length}",
        ),
        "passes": (
            written,
            "the pass over the prompt gives the first new token; each other takes one more",
        ),
        "tokens": (
            last,
            f"{prompt} in the first pass, then one in each of the other {written - 1}; the last "
            "token that is written is not read any more",
        ),
        "tokens without cache": (
            sum(range(first, last + 1)),
            f"{first} + {first + 1} + ... + {last}: everything is read again each time",
        ),
    }
    filled_in("predicted", predicted, answers)
    for name, (want, why) in answers.items():
        guess = predicted[name]
        expect(guess == want, f"predicted[{name!r}] is {want}, not {guess}: {why}")
    print(f"predictions: all {len(answers)} right")


def check_longest_context(longest_context: Callable[..., int]) -> None:
    """Check on machines where each usual mistake gives a number of its own."""
    # 100 left beside the weights; a token takes 2 x 2 layers x 1 head x 5 numbers x 1 byte = 20.
    small = dict(n_layers=2, n_kv_heads=1, d_head=5, bytes_per_number=1)
    got = longest_context(memory=1100, weights=1000, **small)
    hints = {
        10: "A key and a value are kept for each token: twice the numbers",
        55: "The weights take memory, too; only what is left beside them can be used",
        110: "The weights take memory, too, and a key and a value are kept for each token",
    }
    expect(
        isinstance(got, int | np.integer),
        f"a number of tokens is a whole number, not {got!r}: round down with //",
    )
    hint = hints.get(int(got), "See 'What is worth keeping between the steps?'")
    expect(got == 5, f"100 bytes are left and a token takes 20, so 5 tokens fit, not {got}. {hint}")
    expect(
        longest_context(memory=1119, weights=1000, **small) == 5,
        "119 bytes hold 5 tokens of 20, and not a sixth: round down",
    )
    shared = longest_context(memory=1100, weights=1000, n_conversations=2, **small)
    expect(
        shared == 2,
        f"each of two conversations has a cache of its own, so 2 tokens fit in each, not {shared}; "
        "the weights are shared",
    )
    expect(
        longest_context(memory=900, weights=1000, **small) == 0,
        "where not even the weights fit, no token does: return 0",
    )
    llama = dict(weights=16_060_522_496, n_layers=32, n_kv_heads=8, d_head=128)
    got = longest_context(memory=24 * 10**9, **llama)
    expect(
        got == 60_573,
        f"Llama 3 8B on a card of 24 GB has room for 60573 tokens, not {got}; a number of 16 bits "
        "takes 2 bytes, which is what bytes_per_number should be unless given",
    )
    print(f"longest_context: right; Llama 3 8B on a card of 24 GB can hold {got:,} tokens")


def check_window(
    window_mask: Callable[[int, int], Mask], farthest: Callable[[int, int], int]
) -> None:
    """Check the mask entry by entry, and the reach against a stack of attentions that is run."""
    for T, window in ((1, 1), (4, 1), (5, 2), (6, 3), (4, 9)):
        got = np.asarray(window_mask(T, window))
        expect(
            got.shape == (T, T) and got.dtype == bool,
            f"window_mask({T}, {window}) must be a boolean array of shape {(T, T)}, "
            f"not {got.dtype} of {got.shape}",
        )
        for i, j in np.ndindex(T, T):
            want = 0 <= i - j < window
            if got[i, j] != want:
                entry = f"window_mask({T}, {window})[{i}, {j}]"
                raise AssertionError(f"{entry} is {bool(got[i, j])}: {_why(i, j, window)}")
    for n_layers, window in ((1, 1), (1, 4), (2, 3), (3, 2), (4, 4)):
        want = _measured_reach(n_layers, window)
        got = farthest(n_layers, window)
        hint = "each layer looks window - 1 positions further back than the one below"
        if got == n_layers * window:
            hint = "a window of 1 is the position itself and reaches 0 back: " + hint
        expect(
            got == want,
            f"farthest({n_layers}, {window}) is {want} when measured, not {got}: {hint}",
        )
    print("window_mask and farthest: right; layers reach further than each of them looks")


def _why(i: int, j: int, window: int) -> str:
    if j > i:
        return f"position {i} must not see {j}, which comes after it"
    if j == i:
        return "a position always sees itself: a window of 1 is the position alone"
    if i - j < window:
        return f"a window of {window} holds position {i} and the {window - 1} before, so also {j}"
    return f"{j} is {i - j} before {i}, outside a window of {window}, which counts {i} itself"


def _measured_reach(n_layers: int, window: int) -> int:
    """How far back a change of one position shows at the last, through a stack of attentions."""
    T = n_layers * window + 2
    back = np.subtract.outer(np.arange(T), np.arange(T))
    mask = (back >= 0) & (back < window)
    x = np.random.default_rng(0).normal(size=(T, 4))
    same = np.zeros_like(x)  # as query and key of all: each looks at all that it sees alike

    def run(x: Floats) -> Floats:
        for _ in range(n_layers):
            x = scaled_dot_product_attention(same, same, x, mask)
        return x[-1]

    reached = [0]
    for t in range(T):
        changed = x.copy()
        changed[t] += 1
        if not np.array_equal(run(changed), run(x)):
            reached.append(T - 1 - t)
    return max(reached)


def check_attend_next(attend_next: Callable[[Floats, Floats, Floats, dict], Floats]) -> None:
    """Feed positions one by one and compare with attention over all of them at once."""
    q, k, v = np.random.default_rng(0).normal(size=(3, 6, 4))
    whole = scaled_dot_product_attention(q, k, v, causal_mask(6))
    cache = {"keys": np.empty((0, 4)), "values": np.empty((0, 4))}
    for t in range(6):
        got = np.asarray(attend_next(q[t], k[t], v[t], cache))
        held = {name: len(cache[name]) for name in ("keys", "values")}
        expect(
            held == {"keys": t + 1, "values": t + 1},
            f"after token {t} the cache must hold {t + 1} keys and values, not {held}: put the new "
            "ones in with cache['keys'] = ..., also the token's own",
        )
        expect(got.shape == (4,), f"the answer is one row of 4 numbers, not of shape {got.shape}")
        if not np.allclose(got, whole[t]):
            raise AssertionError(
                f"the answer of token {t} is wrong. {_cache_hint(got, q, k, v, t)}"
            )
    expect(
        np.array_equal(cache["keys"], k) and np.array_equal(cache["values"], v),
        "in the end the cache must hold all keys and values in the order in which they came",
    )
    print("attend_next: token by token the same as all at once")


def _cache_hint(got: Floats, q: Floats, k: Floats, v: Floats, t: int) -> str:
    past = slice(0, t)
    if t and np.allclose(got, scaled_dot_product_attention(q[t : t + 1], k[past], v[past])[0]):
        return "A token sees itself, too: put its key and value into the cache before you attend"
    scores = k[: t + 1] @ q[t]
    weights = np.exp(scores) / np.exp(scores).sum()
    if np.allclose(got, weights @ v[: t + 1]):
        return "Divide the scores by the root of d (see 'Why divide by √d?')"
    return "Its query is compared with all keys in the cache, and the values are weighed"


# The bug hunts. Functions take q, k, v, each (T, d), and return the answers (T, d) under the causal
# mask.


def sound(q: Floats, k: Floats, v: Floats) -> Floats:
    """Attend as one should."""
    return scaled_dot_product_attention(q, k, v, causal_mask(len(q)))


def attention_with(
    divisor: Callable[[int, int], float] = lambda T, d: math.sqrt(d),
    mask: Callable[[int], Mask] = causal_mask,
    after: bool = False,
) -> Attend:
    """Return an attention of this scale, from T and d, and this mask, used before the softmax.

    With ``after`` the mask is used on the finished weights, which then no longer sum to 1.
    """

    def attend(q: Floats, k: Floats, v: Floats) -> Floats:
        scores = q @ k.T / divisor(*q.shape)
        seen = mask(len(q))
        if not after:
            scores = np.where(seen, scores, -1e30)
        weights = np.exp(scores - scores.max(-1, keepdims=True))
        weights /= weights.sum(-1, keepdims=True)
        return np.where(seen, weights, 0) @ v

    return attend


def check_hunt(test: Callable[[Attend], None], faulty: Attend) -> None:
    """Run the reader's test on sound functions, which must pass, and on the faulty one."""
    hunt(
        test,
        sound,
        attention_with(),
        faulty=faulty,
        advice="what the answer must be, and allow for rounding: np.allclose",
        hint="Choose q, k and v so that you know the weights by hand, and so that the fault would "
        "change them",
    )
