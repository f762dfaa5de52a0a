"""The checks of tokenization: different right answers pass, common mistakes are explained."""

import math

import numpy as np
import pytest

from fmlab.checks import tokenization as checks
from fmlab.evaluation import Mean
from fmlab.tokenization.bpe import apply_merges
from fmlab.tokenization.tokenizers import BPETokenizer

RIGHT = {"the": 1, "he": 1, "then": 2, " the": 1, "hen": 1, "she then": 4}


def test_right_predictions_pass(capsys):
    checks.check_predictions(RIGHT)
    assert "all 6 right" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (RIGHT | {"the": None}, "still None"),
        (RIGHT | {"then": 1}, "Which merge was learned first"),
        ({}, "an entry for each"),
    ],
)
def test_wrong_predictions_are_explained(wrong, message):
    with pytest.raises(AssertionError, match=message):
        checks.check_predictions(wrong)


def by_smallest_id(word, merges):
    symbols = list(word)
    while known := [(merges[p], i) for i, p in enumerate(zip(symbols, symbols[1:])) if p in merges]:
        new, i = min(known)
        symbols[i : i + 2] = [new]
    return symbols


def walks_the_table(word, merges):
    return [merges[pair] for pair in merges]


def longest_first(word, merges):
    symbols = list(word)
    while known := [(merges[p], i) for i, p in enumerate(zip(symbols, symbols[1:])) if p in merges]:
        new, i = max(known)
        symbols[i : i + 2] = [new]
    return symbols


def leftmost_first(word, merges):
    symbols, i = list(word), 0
    while i < len(symbols) - 1:
        if (pair := tuple(symbols[i : i + 2])) in merges:
            symbols[i : i + 2], i = [merges[pair]], 0
        else:
            i += 1
    return symbols


def merges_once(word, merges):
    return by_smallest_id(word, merges)[:2]


def needs_a_pair(word, merges):
    return by_smallest_id(word, merges) if len(word) > 1 else []


def looks_beside_the_merge_only(word, merges):
    symbols, near = list(word), range(len(word))
    while known := [
        (merges[p], i) for i, p in enumerate(zip(symbols, symbols[1:])) if p in merges and i in near
    ]:
        new, i = min(known)
        symbols[i : i + 2] = [new]
        near = (i - 1, i)
    return symbols


def rightmost_first(word, merges):
    symbols = list(word)
    while known := [
        (merges[p], -i) for i, p in enumerate(zip(symbols, symbols[1:])) if p in merges
    ]:
        new, i = min(known)
        symbols[-i : -i + 2] = [new]
    return symbols


def merges_at_most(n):
    def encode(word, merges):
        symbols = list(word)
        for _ in range(n):
            pairs = enumerate(zip(symbols, symbols[1:]))
            if known := [(merges[p], i) for i, p in pairs if p in merges]:
                new, i = min(known)
                symbols[i : i + 2] = [new]
        return symbols

    return encode


@pytest.mark.parametrize("right", [by_smallest_id, apply_merges])
def test_right_encoders_pass(right):
    assert checks.check_encode_word(right) is None


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (walks_the_table, "iterates over the whole table"),
        (longest_first, "earliest merge goes first"),
        (leftmost_first, "not the leftmost"),
        (merges_once, "no merge applies"),
        (needs_a_pair, "is its own token"),
        (looks_beside_the_merge_only, "look again"),
        (rightmost_first, "overlapping pairs"),
        (merges_at_most(2), "part of the next merge"),
        (merges_at_most(3), "several times in the word"),
        (lambda word, merges: 5, "empty word"),
        (lambda word, merges: None, "must end with `return`"),
    ],
)
def test_wrong_encoders_are_explained(wrong, message):
    with pytest.raises(AssertionError, match=message):
        checks.check_encode_word(wrong)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda loss, tokens, size: loss * tokens / size, "in nats"),
        (lambda loss, tokens, size: loss * math.log(2) * tokens / size, "you multiplied"),
        (
            lambda loss, tokens, size: loss / math.log(2) * size / tokens,
            "you swapped bytes and tokens",
        ),
        (lambda loss, tokens, size: loss / math.log(2), "multiplied by the tokens"),
        (lambda loss, tokens, size: 7.0, "bits of all tokens together"),
        (lambda loss, tokens, size: None, "must end with `return`"),
    ],
)
def test_wrong_conversions_are_explained(wrong, message):
    with pytest.raises(AssertionError, match=message):
        checks.check_bits_per_byte(wrong, "B")


def right_conversion(loss, tokens, size):
    return math.fsum([loss] * tokens) / math.log(2) / size


def test_a_model_must_be_named():
    with pytest.raises(AssertionError, match='set it to "A" or "B"'):
        checks.check_bits_per_byte(right_conversion, None)


def test_right_conversion_passes():
    assert checks.check_bits_per_byte(right_conversion, "B") is None


def only_final_tokens(tokenizer, text):
    used = set(tokenizer.encode(text))
    return BPETokenizer(
        [p for p, i in tokenizer.merges.items() if i in used and max(p) < 256],
    )


def keeps_substrings(tokenizer, text):
    pieces = [tokenizer.vocab[i] for i in tokenizer.encode(text)]
    kept = [
        i
        for i in range(256, tokenizer.vocab_size)
        if any(tokenizer.vocab[i] in piece for piece in pieces)
    ]
    new_id = {i: i for i in range(256)} | {i: 256 + n for n, i in enumerate(kept)}
    pairs = {i: pair for pair, i in tokenizer.merges.items()}
    return BPETokenizer([tuple(new_id[part] for part in pairs[i]) for i in kept])


def forgets_to_renumber(tokenizer, text):
    used = set(tokenizer.encode(text))
    return BPETokenizer([p for p, i in tokenizer.merges.items() if i in used])


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (only_final_tokens, "split differently"),
        (lambda tokenizer, text: tokenizer, "kept, although"),
        (keeps_substrings, "kept, although"),
        (forgets_to_renumber, "renumber"),
        (lambda tokenizer, text: list(tokenizer.merges), "must return a BPETokenizer"),
    ],
)
def test_wrong_trims_are_explained(wrong, message):
    with pytest.raises(AssertionError, match=message):
        checks.check_trim(wrong)


def by_replacing(word, pair):
    return " ".join(word).replace(" ".join(pair), "".join(pair)).split(" ")


def good_test(merge):
    assert merge(["we", "s"], ("e", "s")) == ["we", "s"]


def test_a_test_that_tells_correct_from_faulty_passes():
    assert checks.check_bug_hunt(good_test, by_replacing) is None


def test_a_test_that_sees_nothing_is_refused():
    with pytest.raises(AssertionError, match="passes on the faulty"):
        checks.check_bug_hunt(lambda merge: merge(["a"], ("a", "b")), by_replacing)


def test_a_test_that_is_wrong_itself_is_refused():
    def wrong_test(merge):
        assert merge(["e", "s"], ("e", "s")) == ["e", "s"]

    with pytest.raises(AssertionError, match="fails on a correct function"):
        checks.check_bug_hunt(wrong_test, by_replacing)


def test_the_reference_function_merges_overlapping_pairs_from_the_left():
    assert checks.sound_merge(["a", "a", "a"], ("a", "a")) == ["aa", "a"]
    assert checks.sound_merge(["a"] * 4, ("a", "a")) == ["aa", "aa"]


# Has the benchmark leaked?


def sizes(tokenizer, texts, length=len):
    return np.array([length(text.encode()) / len(tokenizer.encode(text)) for text in texts])


def gap_of(first, second, z=1.96):
    error = math.sqrt(np.var(first, ddof=1) / len(first) + np.var(second, ddof=1) / len(second))
    difference = np.mean(first) - np.mean(second)
    return difference, difference - z * error, difference + z * error


def gap(tokenizer, benchmark, fresh):
    return gap_of(sizes(tokenizer, benchmark), sizes(tokenizer, fresh))


def gap_by_evaluation(tokenizer, benchmark, fresh):
    means = [Mean.of(sizes(tokenizer, texts)) for texts in (benchmark, fresh)]
    margin = math.hypot(means[0].margin, means[1].margin)
    difference = means[0].mean - means[1].mean
    return [difference, difference - margin, difference + margin]


def leaked(tokenizer, benchmark, fresh):
    return gap(tokenizer, benchmark, fresh)[1] > 0


@pytest.mark.parametrize("right", [gap, gap_by_evaluation])
def test_right_gaps_pass(right, capsys):
    checks.check_leak(right, leaked)
    assert "leaked: right" in capsys.readouterr().out


def of_tokens(tokenizer, benchmark, fresh):
    pieces = [
        [len(tokenizer.vocab[i]) for text in texts for i in tokenizer.encode(text)]
        for texts in (benchmark, fresh)
    ]
    return gap_of(*pieces)


def paired(tokenizer, benchmark, fresh):
    pairs = zip(sizes(tokenizer, benchmark), sizes(tokenizer, fresh))
    mean = Mean.of([a - b for a, b in pairs])
    return mean.mean, mean.low, mean.high


def of_one_document(tokenizer, benchmark, fresh):
    first, second = sizes(tokenizer, benchmark), sizes(tokenizer, fresh)
    spread = 1.96 * math.sqrt(first.var(ddof=1) + second.var(ddof=1))
    difference = first.mean() - second.mean()
    return difference, difference - spread, difference + spread


def in_characters(tokenizer, benchmark, fresh):
    return gap_of(*(sizes(tokenizer, t, lambda b: len(b.decode())) for t in (benchmark, fresh)))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda t, b, f: gap(t, f, b), "subtracted the benchmark"),
        (lambda t, b, f: gap_of(1 / sizes(t, b), 1 / sizes(t, f)), "tokens per byte"),
        (in_characters, "counted characters"),
        (of_tokens, "The documents are the sample"),
        (paired, "nothing in common"),
        (of_one_document, "an interval for one document"),
        (lambda t, b, f: gap(t, b, f)[0], "must be three numbers"),
        (lambda t, b, f: gap_of(sizes(t, b), sizes(t, f), z=1), "squares of both"),
    ],
)
def test_wrong_gaps_are_explained(wrong, message):
    with pytest.raises(AssertionError, match=message):
        checks.check_leak(wrong, leaked)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda *given: gap(*given)[0] > 1, "was trained on the benchmark"),
        (lambda *given: gap(*given)[2] > 0, "was never trained on the benchmark"),
        (lambda *given: True, "was never trained on the benchmark"),
        (lambda *given: None, "was trained on the benchmark"),
    ],
)
def test_wrong_verdicts_are_explained(wrong, message):
    with pytest.raises(AssertionError, match=message):
        checks.check_leak(gap, wrong)
