"""Checks of the exercises on tokenization."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from fmlab.arguments import Floats
from fmlab.checks.assertions import CheckFailed, check_guesses, expect, returned
from fmlab.checks.bug_hunts import hunt
from fmlab.checks.intervals import (
    Interval,
    Z,
    compare_interval,
    difference_interval,
    mean_interval,
    negative,
)
from fmlab.checks.material import LookUpOnly
from fmlab.tokenization.bpe import apply_merges
from fmlab.tokenization.tokenizers import BPETokenizer
from microworld import MicroWorld

Merge = Callable[[Sequence[str], tuple[str, str]], list[str]]

# Pairs of texts, for readability; `toy` converts them to ids.
TOY_MERGES = [("t", "h"), ("h", "e"), ("th", "e"), (" ", "the"), ("he", "n")]


PREDICTED = ["the", "he", "then", " the", "hen", "she then"]


BY_ORDER = (
    "Go through the merges in the order in which they were learned, and apply each one wherever it "
    "fits (#encoding)"
)
PREDICTION_HINTS = {
    "then": "Which merge was learned first, `t` + `h` or `h` + `e`? The other one no longer finds "
    "an h (#encoding)",
    "hen": "A merge can join a symbol that another merge has made (#encoding)",
    " the": "The space is a symbol, too. Is there a merge for it? (#encoding)",
    "she then": "The text is split into words first, and no merge reaches across. What happens to "
    "the h of each word? (#encoding)",
}


def toy() -> BPETokenizer:
    """Return the tokenizer of the first exercise, with the five merges of `TOY_MERGES`."""
    ids = {chr(i): i for i in range(256)}
    pairs = []
    for left, right in TOY_MERGES:
        pairs.append((ids[left], ids[right]))
        ids[left + right] = 256 + len(pairs) - 1
    return BPETokenizer(pairs)


def check_predictions(predicted: Mapping[str, int]) -> None:
    """Compare predicted numbers of tokens with those of the toy tokenizer."""
    answers = {text: len(toy().encode(text)) for text in PREDICTED}
    check_guesses(predicted, answers, lambda text, guess: PREDICTION_HINTS.get(text, BY_ORDER))


def check_encode_word(encode_word: Callable[[bytes, Mapping], list[int]]) -> None:
    """Compare with the package on words chosen to catch common mistakes."""
    merges = {(97, 98): 256, (98, 99): 257, (256, 99): 258, (97, 97): 259, (259, 259): 260}
    cases = [
        (b"", "the empty word has no tokens"),
        (b"x", "a word of one byte has no pair to merge, and is its own token"),
        (b"xyz", "if no merge applies, the bytes stay as they are"),
        (b"abc", "the earliest merge goes first: ab before bc, then abc"),
        (b"aab", "the merge that was learned first goes first, not the leftmost: ab before aa"),
        (b"bcab", "after one merge, look again: others may apply elsewhere in the word"),
        (b"aaa", "of two overlapping pairs only the left one can be merged"),
        (b"aaaaa", "a new symbol can be part of the next merge"),
        (b"abcabcab", "the same pair may occur several times in the word"),
    ]
    for word, hint in cases:
        result = returned(f"encode_word({word!r}, merges)", encode_word(word, LookUpOnly(merges)))
        expected = apply_merges(word, merges)
        expect(
            isinstance(result, list) and result == expected,
            f"encode_word({word!r}, merges) returned {result}, not {expected}: {hint}",
        )
    print(f"encode_word: all {len(cases)} words right, without iterating over the table")


def check_bits_per_byte(bits_per_byte: Callable[[float, int, int], float], better: str) -> None:
    """Check the conversion on a simple case, and that a model was named."""
    result = bits_per_byte(math.log(2), 10, 20)
    returned("bits_per_byte(...)", result)
    expect(isinstance(result, float), f"bits_per_byte must return a number, not {result!r}")

    hints = {
        math.log(2) / 2: "the loss is in nats; divide by log(2) to get bits",
        math.log(2) ** 2 / 2: "dividing by log(2) turns nats into bits; you multiplied",
        2.0: "you swapped bytes and tokens",
        1.0: "a loss per token must be multiplied by the tokens and divided by the bytes",
    }
    hint = "it is the bits of all tokens together, divided by the bytes (#bits-per-byte)"
    hint = next((hint for value, hint in hints.items() if math.isclose(result, value)), hint)
    expect(
        math.isclose(result, 0.5),
        f"ten tokens of one bit each for 20 bytes are 0.5 bits per byte, not {result}: {hint}",
    )
    expect(better in ("A", "B"), f'better is {better!r}; set it to "A" or "B"')
    print("bits_per_byte: right; the hidden test checks your choice of better")


def check_trim(trim: Callable[[BPETokenizer, str], BPETokenizer]) -> None:
    """Check that a trimmed tokenizer is smaller and still splits its text as before."""
    texts = list(MicroWorld(n_people=100).documents(200))
    text, full = texts[1], BPETokenizer.train(texts, 600)
    try:
        trimmed = trim(full, text)
    except ValueError as error:
        hint = "renumber the ids in the pairs: only the merges that are kept have ids"
        raise CheckFailed(f"the new tokenizer is invalid ({error}); {hint}") from None

    expect(
        isinstance(trimmed, BPETokenizer),
        f"trim must return a BPETokenizer, not {type(trimmed).__name__}",
    )
    before, after = _pieces(full, text), _pieces(trimmed, text)
    expect(
        before == after,
        f"the text is split differently now: {after[:6]} instead of {before[:6]}. A token is made "
        "of tokens: keep the merges that its two parts need, and theirs, in the old order",
    )
    unused = sorted(set(trimmed.vocab.values()) - _used_tokens(full, text))
    expect(not unused, f"kept, although no token of the text is made of it: {unused[:3]}")
    print(
        f"trim: of {len(full.merges)} merges, {len(trimmed.merges)} are left; same tokens as before"
    )


def _used_tokens(tokenizer: BPETokenizer, text: str) -> set[bytes]:
    """Return the tokens of the text, the tokens they were merged from, and all bytes."""
    used = set(tokenizer.encode(text))
    for pair, new in reversed(tokenizer.merges.items()):
        if new in used:
            used.update(pair)
    return {tokenizer.vocab[i] for i in used | set(range(256))}


def _pieces(tokenizer: BPETokenizer, text: str) -> list[bytes]:
    return [tokenizer.vocab[i] for i in tokenizer.encode(text)]


# Has the benchmark leaked?

# Each is repeated: with 30 documents or more, normal and t intervals are about the same.
SEEN = ["the then", "he then", "hen", "the hen"] * 8
UNSEEN = ["té", "she", "xyz", "then the", "a hen"] * 7


def bytes_per_token(tokenizer: BPETokenizer, documents: Sequence[str]) -> Floats:
    """Return the number of bytes per token in each document."""
    return np.array([len(text.encode()) / len(tokenizer.encode(text)) for text in documents])


def _leak_mistakes(tokenizer: BPETokenizer) -> dict[str, Interval]:
    seen, unseen = bytes_per_token(tokenizer, SEEN), bytes_per_token(tokenizer, UNSEEN)
    sizes, in_characters = [], []
    for texts in (SEEN, UNSEEN):
        sizes.append([len(piece) for text in texts for piece in _pieces(tokenizer, text)])
        in_characters.append([len(text) / len(tokenizer.encode(text)) for text in texts])
    gap = difference_interval(seen, unseen)
    error_of_one = math.sqrt(seen.var(ddof=1) + unseen.var(ddof=1))
    return {
        "You subtracted the benchmark from the fresh documents": negative(gap),
        "You counted characters, but é is one character of two bytes": (
            difference_interval(*in_characters)
        ),
        "That is tokens per byte; a tokenizer that compresses well has many bytes per token": (
            difference_interval(1 / seen, 1 / unseen)
        ),
        "You treated tokens as independent, but those of one document are alike. The documents are "
        "the sample: one ratio for each": difference_interval(*sizes),
        "You paired documents that have nothing in common; subtract one mean from the other": (
            mean_interval(seen - unseen[: len(seen)])
        ),
        "That is an interval for one document. The standard error of a mean is the standard "
        "deviation divided by the square root of n": (
            (gap[0], gap[0] - Z * error_of_one, gap[0] + Z * error_of_one)
        ),
    }


def check_leak(
    gap: Callable[[BPETokenizer, Sequence[str], Sequence[str]], Interval],
    leaked: Callable[[BPETokenizer, Sequence[str], Sequence[str]], bool],
) -> None:
    """Check a gap in compression and its interval, then what they say about two tokenizers."""
    tokenizer = toy()
    samples = (bytes_per_token(tokenizer, texts) for texts in (SEEN, UNSEEN))
    hint = (
        "It is the mean over the benchmark's documents minus the mean over the fresh ones, and the "
        "squares of both standard errors add up (#bits-per-byte)"
    )
    result, mistakes = gap(tokenizer, list(SEEN), list(UNSEEN)), _leak_mistakes(tokenizer)
    expected = difference_interval(*samples)
    compare_interval("gap", result, expected, hint, mistakes, tolerance=0.1)
    texts = list(MicroWorld(n_people=100).documents(160))
    benchmark, fresh, others = texts[:40], texts[40:100], texts[100:]
    cheat, honest = (BPETokenizer.train(training, 900) for training in (benchmark, others))
    expect(
        bool(leaked(cheat, benchmark, fresh)),
        "this tokenizer was trained on the benchmark, and the interval of its gap is above 0: "
        "leaked must return True",
    )
    expect(
        not leaked(honest, benchmark, fresh),
        "this tokenizer was never trained on the benchmark. Its gap is not exactly 0, since "
        "documents differ, but the interval contains 0: leaked must return False",
    )
    print("leaked: right; a gap is evidence only if its whole interval is above 0")


# The bug hunt


def sound_merge(word: Sequence[str], pair: tuple[str, str]) -> list[str]:
    """Merge every occurrence of the pair in a list of symbols, from left to right."""
    merged: list[str] = []
    symbols = iter(word)
    for symbol in symbols:
        if merged and merged[-1] == pair[0] and symbol == pair[1]:
            merged[-1] = "".join(pair)
        else:
            merged.append(symbol)
    return merged


def check_bug_hunt(test_merge: Callable[[Merge], None], faulty: Merge) -> None:
    """Run the reader's test on a correct function, which must pass, and on the faulty one."""
    hunt(
        test_merge,
        sound_merge,
        faulty=faulty,
        advice="what the merged list must be",
        hint="Print what the function returns for symbols of several letters: where does it find a "
        "pair that is not one?",
    )
