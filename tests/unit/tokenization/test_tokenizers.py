"""Properties of fmlab.tokenization.tokenizers: any text in, the same text out, clear errors."""

import json
import random
import time
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from fmlab.tokenization import tokenizers
from fmlab.tokenization.lookup import CharTokenizer, WordTokenizer
from fmlab.tokenization.pretokenization import GPT2_SPLIT, GPT4_SPLIT
from fmlab.tokenization.tokenizers import BPETokenizer

repeatable = settings(deadline=None, derandomize=True, max_examples=100)

PROSE = """It's 12345 o'clock; we'll see — don't you?\r

\tNaïve café, 東京の朝, Привет!  👩🏽‍🚀👩🏽‍🚀
    for i in range(10):
        print(i)\x20\x20
"""
PROSE += PROSE.upper() + PROSE
LONE_HALF, OTHER_HALF = "\ud83d", "\ude00"

# Any code point at all, and often the ones that are cut or encoded in a special way.
texts = st.text(st.characters() | st.sampled_from(f"{LONE_HALF}{OTHER_HALF} \n\r\t'asé1東😀"))
byte_tokenizers = {
    "GPT-4": BPETokenizer.train(PROSE, 400),
    "GPT-2": BPETokenizer.train(PROSE, 400, pattern=GPT2_SPLIT),
    "no merges": BPETokenizer(),
    "one word": BPETokenizer.train(PROSE, 400, pattern=r"(?s:.+)"),
    "special": BPETokenizer.train(PROSE, 400, special_tokens=["<|end|>", " ", LONE_HALF]),
}
each_byte_tokenizer = pytest.mark.parametrize("name", byte_tokenizers)


def pieces(tokenizer, text, **options):
    return [tokenizer.vocab[i] for i in tokenizer.encode(text, **options)]


# Round trip


@each_byte_tokenizer
@repeatable
@given(text=texts)
@example(text="")
@example(text=LONE_HALF + OTHER_HALF)
@example(text="x <|end|>  <|end|>")
def test_decoding_an_encoding_gives_back_any_text(name, text):
    tokenizer = byte_tokenizers[name]
    assert tokenizer.decode(tokenizer.encode(text, allowed_special="all")) == text


@pytest.mark.parametrize("kind", [BPETokenizer, CharTokenizer, WordTokenizer])
@repeatable
@given(text=texts)
@example(text="")
@example(text="<unk> and <unk>")
def test_a_tokenizer_gives_back_the_text_it_was_trained_on(kind, text):
    tokenizer = kind.train(text, 300)
    assert tokenizer.decode(tokenizer.encode(text)) == text


LONG = {
    "one letter": "a" * 100_000,
    "random letters": "".join(random.Random(0).choices("ACGT", k=100_000)),
    "spaces": " " * 100_000,
    "spaces and an end": " " * 100_000 + "x",
    "newlines": "\r\n" * 50_000,
    "emoji": "👩🏽‍🚀" * 6_667,
    "digits": "1" * 100_000,
    "apostrophes": "'s" * 50_000,
    "different words": " ".join(map(str, range(17_000))),
}


@pytest.mark.parametrize("name", LONG)
def test_100_kB_of_anything_trains_and_encodes_within_seconds(name):
    # The bound is some twenty times what it takes, for busy machines; quadratic time breaks it.
    text, start = LONG[name], time.perf_counter()
    tokenizer = BPETokenizer.train(text, 400)
    assert tokenizer.decode(tokenizer.encode(text)) == text
    assert time.perf_counter() - start < 20


@pytest.mark.parametrize("text", ["", "a", "é", LONE_HALF])
def test_the_shortest_texts_train(text):
    tokenizer = BPETokenizer.train(text, 300)
    assert tokenizer.vocab_size == 256 + max(0, len(text.encode("utf-8", "surrogatepass")) - 1)
    assert pieces(tokenizer, text) == [text.encode("utf-8", "surrogatepass")] * bool(text)


# Vocabulary


def test_ids_are_bytes_then_merges_then_special_tokens():
    tokenizer = BPETokenizer.train("low lower lowest", 261, special_tokens=["<a>", "<b>"])
    assert list(tokenizer.vocab) == list(range(261))
    assert [tokenizer.vocab[i] for i in range(256)] == [bytes([i]) for i in range(256)]
    assert list(tokenizer.merges.values()) == [256, 257, 258]
    assert [tokenizer.vocab[i] for i in range(256, 261)] == [b"lo", b"low", b" low", b"<a>", b"<b>"]
    assert tokenizer.special_tokens == {"<a>": 259, "<b>": 260}
    assert tokenizer.vocab_size == 261


@repeatable
@given(st.lists(st.text("ab c\n"), max_size=4))
def test_every_merge_makes_new_bytes_of_two_earlier_tokens(training_texts):
    tokenizer = BPETokenizer.train(training_texts, 300)
    for (left, right), new in tokenizer.merges.items():
        assert max(left, right) < new
        assert tokenizer.vocab[new] == tokenizer.vocab[left] + tokenizer.vocab[right]
    assert len(set(tokenizer.vocab.values())) == tokenizer.vocab_size


def test_training_stops_early_when_nothing_is_left_to_merge():
    tokenizer = BPETokenizer.train("abab", 10_000, special_tokens=["<end>"])
    assert list(tokenizer.merges) == [(97, 98), (256, 256)]
    assert tokenizer.special_tokens == {"<end>": 258}
    assert tokenizer.vocab_size == 259


def test_a_vocabulary_of_256_is_the_bytes():
    tokenizer = BPETokenizer.train("banana", 256)
    assert not tokenizer.merges
    assert tokenizer.encode("é") == [0xC3, 0xA9]


def test_merges_stay_inside_words():
    tokenizer = BPETokenizer.train("ab ab ab cd\ncd\ncd 1234 1234", 1000)
    words = {b"ab", b" ab", b" cd", b"cd", b"123", b"4", b"\n"}
    assert all(any(token in w for w in words) for i, token in tokenizer.vocab.items() if i > 255)


def test_merges_stay_inside_each_of_several_texts():
    apart = BPETokenizer.train(["ab", "ab"], 300, pattern=r"(?s:.+)")
    joined = BPETokenizer.train("abab", 300, pattern=r"(?s:.+)")
    assert list(apart.merges) == [(97, 98)]
    assert list(joined.merges) == [(97, 98), (256, 256)]


def test_texts_may_come_from_a_generator():
    lines = PROSE.splitlines(keepends=True)
    from_list, from_generator = (BPETokenizer.train(t, 350) for t in (lines, iter(lines)))
    assert from_list.merges == from_generator.merges


def test_ties_go_to_the_pair_seen_first_in_the_text():
    assert list(BPETokenizer.train("cd ab", 257).merges) == [(99, 100)]
    assert list(BPETokenizer.train("ab cd", 257).merges) == [(97, 98)]


def test_progress_goes_to_stderr_and_only_on_demand(capsys):
    BPETokenizer.train(PROSE, 300)
    assert capsys.readouterr() == ("", "")
    BPETokenizer.train(PROSE, 300, progress=True)
    out, err = capsys.readouterr()
    assert out == ""
    assert "learning merges: 100%" in err


# Encoding


def test_changing_the_returned_ids_does_not_change_the_next_encoding():
    tokenizer = byte_tokenizers["GPT-4"]
    first = tokenizer.encode("café")
    kept = list(first)
    first.clear()
    assert tokenizer.encode("café") == kept


def test_memory_for_known_words_is_bounded_and_forgetting_changes_nothing(monkeypatch):
    monkeypatch.setattr(tokenizers, "CACHE_SIZE", 3)
    tokenizer = BPETokenizer.train(PROSE, 400)
    fresh = [BPETokenizer(tokenizer.merges).encode(word) for word in PROSE.split()]
    for word, ids in zip(PROSE.split(), fresh):
        assert tokenizer.encode(word) == ids
        assert len(tokenizer._cache) <= 3 + len(word)


# Special tokens

END = "<|end|>"
with_end = BPETokenizer.train(PROSE, 300, special_tokens=[END])


@pytest.mark.parametrize("allowed", ["all", {END}, [END], (END,)])
def test_an_allowed_special_token_is_one_id(allowed):
    end = with_end.special_tokens[END]
    assert with_end.encode(f"a{END}{END}b", allowed) == [97, end, end, 98]


@pytest.mark.parametrize("allowed", [(), set()])
def test_a_special_token_in_the_text_raises_unless_allowed(allowed):
    with pytest.raises(ValueError, match=r"text holds the special token '<\|end\|>'; allow it"):
        with_end.encode(f"a{END}b", allowed)


def test_allowing_one_special_token_does_not_allow_another():
    tokenizer = BPETokenizer(special_tokens=["<a>", "<b>"])
    assert tokenizer.encode("<a>", {"<a>"}) == [256]
    with pytest.raises(ValueError, match="text holds the special token '<b>'"):
        tokenizer.encode("<a><b>", {"<a>"})


def test_part_of_a_special_token_is_ordinary_text():
    assert with_end.decode(with_end.encode("<|end|")) == "<|end|"


@pytest.mark.parametrize("names", [["<a>", "<a><b>", "<b>"], ["<b>", "<a><b>", "<a>"]])
def test_of_overlapping_special_tokens_the_longest_wins(names):
    tokenizer = BPETokenizer(special_tokens=names)
    tokens = pieces(tokenizer, "<a><b><a><a>", allowed_special="all")
    assert tokens == [b"<a><b>", b"<a>", b"<a>"]


def test_special_tokens_mean_themselves_not_a_regular_expression():
    tokenizer = BPETokenizer(special_tokens=[".*", "[x]", "a|b"])
    assert tokenizer.encode("x.*b[x]a|b", "all") == [ord("x"), 256, ord("b"), 257, 258]


def test_no_merge_is_learned_from_a_special_token():
    cut = BPETokenizer.train(f"abab{END}abab{END}ab{END}", 300, special_tokens=[END])
    without = BPETokenizer.train(["abab", "abab", "ab"], 300)
    assert cut.merges == without.merges
    assert BPETokenizer.train(f"abab{END}", 300).merges != without.merges


def test_a_special_token_may_spell_what_a_merge_spells():
    tokenizer = BPETokenizer([(97, 98)], special_tokens=["abc"])
    assert tokenizer.encode("ab abc", "all") == [256, 32, 257]


def test_more_special_tokens_come_after_all_ids_and_change_none():
    plain = BPETokenizer.train("low lower lowest", 259, special_tokens=["<|end|>"])
    more = plain.with_special_tokens(["<|user|>"])
    assert more.special_tokens == {"<|end|>": 258, "<|user|>": 259}
    assert more.encode("lowest") == plain.encode("lowest")
    with pytest.raises(ValueError, match="special_tokens must be a list of distinct"):
        more.with_special_tokens(["<|user|>"])


# Decoding

HALF_OF_E_ACUTE = [97, 0xC3]


def test_the_first_merges_encode_as_if_no_others_had_been_learned():
    tokenizer = BPETokenizer.train("low lower lowest", 262, special_tokens=["<|end|>"])
    for n in range(6):
        fewer = tokenizer.first_merges(n)
        learned = BPETokenizer.train("low lower lowest", 256 + n)
        assert fewer.merges == learned.merges
        assert fewer.encode("lowest<|end|>") == learned.encode("lowest<|end|>")


@pytest.mark.parametrize("n", [-1, 6, 1.0, True, None])
def test_a_bad_number_of_first_merges_raises(n):
    tokenizer = BPETokenizer.train("low lower lowest", 261)
    with pytest.raises(ValueError, match="n must be an integer from 0 to 5; got"):
        tokenizer.first_merges(n)


def test_decoding_replaces_bytes_that_are_no_whole_character():
    assert BPETokenizer().decode(HALF_OF_E_ACUTE) == "a\ufffd"
    assert BPETokenizer().decode_bytes(HALF_OF_E_ACUTE) == b"a\xc3"


@pytest.mark.parametrize(
    ("errors", "text"), [("replace", "a\ufffd"), ("ignore", "a"), ("backslashreplace", "a\\xc3")]
)
def test_errors_says_what_becomes_of_half_characters(errors, text):
    assert BPETokenizer().decode(HALF_OF_E_ACUTE, errors=errors) == text


@pytest.mark.parametrize("errors", ["strict", "surrogatepass"])
def test_strict_errors_raise(errors):
    with pytest.raises(UnicodeDecodeError):
        BPETokenizer().decode(HALF_OF_E_ACUTE, errors=errors)


# A high and a low surrogate, alone, in a word, and both: a pair that UTF-8 would not write so.
SURROGATES = ["\ud800", "\udfff", f"a{LONE_HALF}b", LONE_HALF + OTHER_HALF]


@pytest.mark.parametrize("text", SURROGATES)
def test_lone_surrogates_are_errors_where_errors_are_named(text):
    tokenizer = BPETokenizer()
    ids = tokenizer.encode(text)
    with pytest.raises(UnicodeDecodeError):
        tokenizer.decode(ids, errors="strict")
    for errors in ("replace", "ignore", "backslashreplace"):
        assert tokenizer.decode(ids, errors=errors) == bytes(ids).decode("utf-8", errors)
    replaced = tokenizer.decode(ids, errors="replace")
    assert "\ufffd" in replaced
    assert replaced.encode("utf-8")  # no surrogate is left


@each_byte_tokenizer
@repeatable
@given(text=texts)
def test_surrogatepass_gives_back_any_text_as_the_default_does(name, text):
    tokenizer = byte_tokenizers[name]
    ids = tokenizer.encode(text, allowed_special="all")
    assert tokenizer.decode(ids, errors="surrogatepass") == tokenizer.decode(ids) == text


@pytest.mark.parametrize("ids", [HALF_OF_E_ACUTE, [0xED, 0xA0], [0xED, 0xA0, 0x80, 0xC3]])
def test_by_default_bytes_that_no_text_encodes_to_are_replaced(ids):
    assert BPETokenizer().decode(ids) == bytes(ids).decode("utf-8", "replace")


def test_no_ids_are_the_empty_text():
    assert BPETokenizer().decode([]) == ""
    assert BPETokenizer().decode_bytes(iter([])) == b""


# Files


@pytest.mark.parametrize("special", [[], ["<b>", "<a>"], [LONE_HALF, "é"]])
@pytest.mark.parametrize("pattern", [GPT4_SPLIT, GPT2_SPLIT, "(?s:.)"], ids=["4", "2", "one"])
def test_a_saved_tokenizer_loads_as_it_was(tmp_path, pattern, special):
    before = BPETokenizer.train(PROSE, 350, pattern=pattern, special_tokens=special)
    before.save(tmp_path / "tokenizer.json")
    after = BPETokenizer.load(str(tmp_path / "tokenizer.json"))
    assert after.pattern == before.pattern
    assert list(after.merges.items()) == list(before.merges.items())
    assert list(after.special_tokens.items()) == list(before.special_tokens.items())
    assert list(after.vocab.items()) == list(before.vocab.items())
    assert after.encode(PROSE, "all") == before.encode(PROSE, "all")


GOOD = {"pattern": r"(?s:.+)", "special_tokens": ["<end>"], "merges": [[97, 98], [256, 99]]}
DAMAGED = {
    "nothing": "",
    "not JSON": "pattern: x",
    "cut off": json.dumps(GOOD)[:-9],
    "another type": "[1, 2]",
    "null": "null",
    "no merges": json.dumps({"pattern": ".", "special_tokens": []}),
    "forward reference": json.dumps(GOOD | {"merges": [[97, 256]]}),
    "pair twice": json.dumps(GOOD | {"merges": [[97, 98], [97, 98]]}),
    "negative id": json.dumps(GOOD | {"merges": [[-1, 98]]}),
    "fraction": json.dumps(GOOD | {"merges": [[97.0, 98]]}),
    "three ids": json.dumps(GOOD | {"merges": [[97, 98, 99]]}),
    "no pairs": json.dumps(GOOD | {"merges": [97, 98]}),
    "merges are text": json.dumps(GOOD | {"merges": "abc"}),
    "merges are missing": json.dumps(GOOD | {"merges": None}),
    "pattern is wrong": json.dumps(GOOD | {"pattern": "("}),
    "pattern is missing": json.dumps(GOOD | {"pattern": None}),
    "special tokens are text": json.dumps(GOOD | {"special_tokens": "<end>"}),
    "special tokens are missing": json.dumps(GOOD | {"special_tokens": None}),
    "an older version without a pattern": json.dumps(
        {name: value for name, value in GOOD.items() if name != "pattern"}
    ),
    "a newer version with a normalizer": json.dumps(GOOD | {"normalizer": "NFC"}),
    "a newer version with another name": json.dumps(
        {("pairs" if name == "merges" else name): value for name, value in GOOD.items()}
    ),
}


def test_a_file_written_by_hand_loads(tmp_path):
    path = tmp_path / "tokenizer.json"
    path.write_text(json.dumps(GOOD))
    tokens = pieces(BPETokenizer.load(path), "abcab<end>", allowed_special="all")
    assert tokens == [b"abc", b"ab", b"<end>"]


@pytest.mark.parametrize("damage", DAMAGED)
def test_a_damaged_file_raises_and_is_named(tmp_path, damage):
    path = tmp_path / "tokenizer.json"
    path.write_text(DAMAGED[damage])
    with pytest.raises(
        ValueError, match=r"path must be a tokenizer file .*; got '.*tokenizer\.json'"
    ):
        BPETokenizer.load(path)


def test_a_binary_file_raises_and_is_named(tmp_path):
    path = tmp_path / "model.bin"
    path.write_bytes(b"\x80\x02\xff")
    with pytest.raises(ValueError, match=r"path must be a tokenizer file .*; got '.*model\.bin'"):
        BPETokenizer.load(path)


def test_a_missing_file_is_a_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError):
        BPETokenizer.load(tmp_path / "nowhere.json")


# Bad input


@pytest.mark.parametrize("size", [255, 0, -1, "a", True, 300.0, None])
def test_a_bad_vocab_size_raises(size):
    with pytest.raises(ValueError, match=r"vocab_size must be an integer >= 256 .*; got"):
        BPETokenizer.train("text", size)


def test_special_tokens_count_towards_the_vocab_size():
    with pytest.raises(ValueError, match=r"vocab_size must be an integer >= 258 .*; got 257"):
        BPETokenizer.train("text", 257, special_tokens=["<a>", "<b>"])


@pytest.mark.parametrize("kind", [BPETokenizer, CharTokenizer, WordTokenizer])
@pytest.mark.parametrize(
    ("text", "type_name"),
    [
        (b"bytes", "bytes"),
        (None, "NoneType"),
        (5, "int"),
        (Path("text.txt"), "Path"),
        (["text", 5], "int"),
        (["text", b"bytes"], "bytes"),
        ([["text"]], "list"),
    ],
)
def test_training_on_what_is_not_text_raises(kind, text, type_name):
    with pytest.raises(
        ValueError, match=rf"text_or_texts must be text \(str\); got <class '.*{type_name}'>"
    ):
        kind.train(text, 300)


@pytest.mark.parametrize("kind", [BPETokenizer, CharTokenizer, WordTokenizer])
@pytest.mark.parametrize("text", [b"bytes", None, 5, ["text"]])
def test_encoding_what_is_not_text_raises(kind, text):
    with pytest.raises(
        ValueError, match=r"text must be text \(str\); got <class '(bytes|NoneType|int|list)'>"
    ):
        kind.train("text", 300).encode(text)


@pytest.mark.parametrize("kind", [BPETokenizer, CharTokenizer, WordTokenizer])
@pytest.mark.parametrize("unknown", [-1, 10**6, "a", None, 0.5, [97], b"a"])
def test_an_unknown_id_raises(kind, unknown):
    with pytest.raises(ValueError, match=r"ids must be integers from 0 to \d+; got"):
        kind.train("text", 300).decode([0, unknown])


@pytest.mark.parametrize("ids", [5, None, 0.5])
def test_ids_that_are_no_list_raise(ids):
    with pytest.raises(ValueError, match=r"ids must be a list of ids; got"):
        BPETokenizer().decode(ids)


@pytest.mark.parametrize(
    ("pattern", "complaint"),
    [
        ("[", "pattern must be a regular expression .*; got"),
        ("(a)|.", "pattern must be without capturing groups"),
        ("(?P<x>a)|.", "pattern must be without capturing groups"),
        (None, "pattern must be text .*NoneType"),
        (b".", "pattern must be text .*bytes"),
    ],
)
def test_a_bad_pattern_raises(pattern, complaint):
    with pytest.raises(ValueError, match=complaint):
        BPETokenizer(pattern=pattern)
    with pytest.raises(ValueError, match=complaint):
        BPETokenizer.train("text", 300, pattern=pattern)


@pytest.mark.parametrize("pattern", [r"\w+", "x*", r"(?r)\w+|\s+"])
def test_a_pattern_that_skips_or_reverses_text_raises_when_it_does(pattern):
    tokenizer = BPETokenizer(pattern=pattern)
    assert tokenizer.encode("xxx") == [120] * 3
    with pytest.raises(ValueError, match=r"pattern must be one that matches all of the text"):
        tokenizer.encode("a bc")


@pytest.mark.parametrize("special", ["<end>", ["a", 5], [""], ["a", "a"], None, 5, {"a", "b"}])
def test_bad_special_tokens_raise(special):
    with pytest.raises(ValueError, match="special_tokens must be a list of distinct texts"):
        BPETokenizer(special_tokens=special)
    with pytest.raises(ValueError, match="special_tokens must be a list of distinct texts"):
        BPETokenizer.train("text", 300, special_tokens=special)


@pytest.mark.parametrize("allowed", [END, "none", {"<other>"}, {END, "<other>"}])
def test_allowing_what_is_no_special_token_raises(allowed):
    with pytest.raises(ValueError, match=r"allowed_special must be 'all' or a set"):
        with_end.encode("text", allowed)


@pytest.mark.parametrize(
    "merges", [[(97, 256)], [(-1, 97)], [(97,)], [97], [("a", 98)], [(True, 97)], ["ab"]]
)
def test_a_bad_merge_raises(merges):
    with pytest.raises(ValueError, match=r"merges\[0\] must be two ids from 0 to 255; got"):
        BPETokenizer(merges)


def test_merging_a_pair_twice_raises():
    with pytest.raises(
        ValueError, match=r"merges\[1\] must be a pair that was not merged before; got \(97, 98\)"
    ):
        BPETokenizer([(97, 98), (97, 98)])
