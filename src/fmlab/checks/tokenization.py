"""Checks of the exercises on tokenization."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence

from fmlab.bpe import apply_merges
from fmlab.checks import expect
from fmlab.checks.comparing import filled_in
from fmlab.checks.hunting import catches as catches  # exercises take it from here
from fmlab.checks.hunting import hunt
from fmlab.tokenization import BPETokenizer
from fmlab.world import MicroWorld

Merge = Callable[[Sequence[str], tuple[str, str]], list[str]]

# Pairs of texts, for readability; `toy` turns them into ids.
TOY_MERGES = [("t", "h"), ("h", "e"), ("th", "e"), (" ", "the"), ("he", "n")]


PREDICTED = ["the", "he", "then", " the", "hen", "she then"]


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
    tokenizer = toy()
    filled_in("predicted", predicted, PREDICTED)
    for text, guess in predicted.items():
        ids = tokenizer.encode(text)
        pieces = " | ".join(tokenizer.vocab[i].decode() for i in ids)
        expect(
            guess == len(ids),
            f"{text!r} gives {len(ids)} tokens, not {guess}: {pieces}. The merge that was learnt "
            "first goes first, wherever it fits (see 'How is new text encoded?')",
        )
    print(f"predictions: all {len(predicted)} right")


class LookUpOnly(Mapping):
    """A table of merges in which pairs can be looked up, but which cannot be walked through."""

    def __init__(self, merges: Mapping[tuple[int, int], int]):
        self._merges = dict(merges)

    def __getitem__(self, pair: tuple[int, int]) -> int:
        return self._merges[pair]

    def __len__(self) -> int:
        return len(self._merges)

    def __iter__(self) -> Iterator[tuple[int, int]]:
        raise AssertionError(
            "your function walks through the whole table of merges for one word. Look up only the "
            "pairs that stand in the word: `pair in merges`, `merges[pair]`, `merges.get(pair)`"
        )


def check_encode_word(encode_word: Callable[[bytes, Mapping], list[int]]) -> None:
    """Compare with the package on words chosen to catch what usually goes wrong."""
    merges = {(97, 98): 256, (98, 99): 257, (256, 99): 258, (97, 97): 259, (259, 259): 260}
    cases = [
        (b"", "the empty word has no tokens"),
        (b"x", "a word of one byte has no pair to merge, and is its own token"),
        (b"xyz", "where no merge fits, the bytes stay as they are"),
        (b"abc", "the earliest merge goes first: ab before bc, then abc"),
        (b"aab", "the earliest-learnt merge goes first, not the leftmost: ab before aa"),
        (b"bcab", "after one merge, look again: others may fit elsewhere in the word"),
        (b"aaa", "of two overlapping pairs only the left one can be merged"),
        (b"aaaaa", "a new symbol can be part of the next merge"),
        (b"abcabcab", "the same pair may stand in the word several times"),
    ]
    for word, hint in cases:
        got, want = encode_word(word, LookUpOnly(merges)), apply_merges(word, merges)
        expect(
            isinstance(got, list) and got == want,
            f"encode_word({word!r}, merges) gave {got}, not {want}: {hint}",
        )
    print(f"encode_word: all {len(cases)} words right, without walking through the table")


def check_bits_per_byte(bits_per_byte: Callable[[float, int, int], float], better: str) -> None:
    """Check the conversion on a case that can be done in the head, and that a model was named."""
    got = bits_per_byte(math.log(2), 10, 20)
    expect(isinstance(got, float), f"bits_per_byte must return a number, not {got!r}")

    hints = {
        math.log(2) / 2: "the loss is in nats; divide by log(2) to have bits",
        math.log(2) ** 2 / 2: "dividing by log(2) turns nats into bits; you multiplied",
        2.0: "bytes and tokens have changed places",
        1.0: "a loss per token must be multiplied by the tokens and divided by the bytes",
    }
    hint = next((h for value, h in hints.items() if math.isclose(got, value)), "")
    expect(
        math.isclose(got, 0.5),
        f"ten tokens of one bit each, spread over 20 bytes, make 0.5 bits a byte, not {got}. "
        f"{hint or 'See the section on comparing models that cut differently'}",
    )
    expect(better in ("A", "B"), f'better is {better!r}; set it to "A" or "B"')
    print("bits_per_byte: right; whether better is, the arithmetic decides")


def check_trim(trim: Callable[[BPETokenizer, str], BPETokenizer]) -> None:
    """Check that a trimmed tokenizer is smaller and still cuts its text as before."""
    texts = list(MicroWorld(n_people=100).documents(200))
    text, full = texts[1], BPETokenizer.train(texts, 600)
    try:
        trimmed = trim(full, text)
    except ValueError as error:
        hint = "renumber the ids inside the pairs: they count only the merges that are kept"
        raise AssertionError(f"the new tokenizer is refused ({error}); {hint}") from None

    expect(
        isinstance(trimmed, BPETokenizer),
        f"trim must return a BPETokenizer, not {type(trimmed).__name__}",
    )
    before, after = _pieces(full, text), _pieces(trimmed, text)
    expect(
        before == after,
        f"the text is cut differently now: {after[:6]} instead of {before[:6]}. A token is made of "
        "tokens: keep the merges that its two parts need, and theirs, in the old order",
    )
    spare = sorted(set(trimmed.vocab.values()) - _ingredients(full, text))
    expect(not spare, f"kept, although no token of the text is made of it: {spare[:3]}")
    print(f"trim: {len(full.merges)} merges became {len(trimmed.merges)}, the cut is the same")


def _ingredients(tokenizer: BPETokenizer, text: str) -> set[bytes]:
    """The tokens of the text, the tokens that these were merged from, and all bytes."""
    used = set(tokenizer.encode(text))
    for pair, new in reversed(tokenizer.merges.items()):
        if new in used:
            used.update(pair)
    return {tokenizer.vocab[i] for i in used | set(range(256))}


def _pieces(tokenizer: BPETokenizer, text: str) -> list[bytes]:
    return [tokenizer.vocab[i] for i in tokenizer.encode(text)]


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
    """Run the reader's test on a sound function, which must pass, and on the faulty one."""
    hunt(
        test_merge,
        sound_merge,
        faulty=faulty,
        advice="what the merged list must be",
        hint="Print what the function makes of symbols of several letters: where does it find a "
        "pair that is none?",
    )
