"""Properties of fmlab.tokenization.huggingface: ids of the file, round trips, clear errors."""

import copy
import json
import random
import subprocess
import sys
import time
from pathlib import Path

import huggingface_hub
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from fmlab.tokenization import huggingface
from fmlab.tokenization.huggingface import HubTokenizer, from_huggingface
from fmlab.tokenization.pretokenization import GPT2_SPLIT
from fmlab.tokenization.tokenizers import BPETokenizer

repeatable = settings(deadline=None, derandomize=True, max_examples=200)

END, PAD = "<|endoftext|>", "<\uff5cpad\uff5c>"  # with bars as in the files of DeepSeek
LONE_HALF, OTHER_HALF = "\ud83d", "\ude00"
texts = st.text(st.characters() | st.sampled_from(f"{LONE_HALF}{OTHER_HALF} \n\r\t'lowerstĠ1東😀"))

# GPT-2's characters, in the order of its ids: what shows, then a stand-in for each other byte.
SHOWN = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
ALPHABET = [*map(chr, SHOWN), *map(chr, range(0x100, 0x144))]
BYTE_LEVEL = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True}
ENDED = {"id": 259, "content": END, "special": True, "normalized": False}
PADDED = {"id": 260, "content": PAD, "special": True, "normalized": True}
MERGES = [["l", "o"], ["lo", "w"], ["Ġ", "low"]]
TABLE = {
    "added_tokens": [ENDED, PADDED],
    "normalizer": None,
    "pre_tokenizer": BYTE_LEVEL | {"use_regex": True},
    "decoder": BYTE_LEVEL,
    "model": {
        "type": "BPE",
        "vocab": {t: i for i, t in enumerate([*ALPHABET, "lo", "low", "Ġlow", END])},
        "merges": MERGES,
    },
}
SPLIT = {"type": "Split", "pattern": {"Regex": r"\s|\S+"}, "behavior": "Isolated", "invert": False}
SEQUENCE = {"type": "Sequence", "pretokenizers": [SPLIT, BYTE_LEVEL | {"use_regex": False}]}
DELETE = object()


def changed(*changes):
    """The table with a value changed at a path, written with dots, or deleted"""
    table = copy.deepcopy(TABLE)
    for path, value in changes:
        *parents, last = [int(key) if key.isdigit() else key for key in path.split(".")]
        part = table
        for key in parents:
            part = part[key]
        if value is DELETE:
            del part[last]
        else:
            part[last] = value
    return table


def write(folder, table, name="tokenizer.json"):
    path = folder / name
    path.write_text(json.dumps(table), encoding="utf-8")
    return path


def write_pair(folder, vocab=TABLE["model"]["vocab"], merges="#version: 0.2\nl o\nlo w\nĠ low\n"):
    write(folder, vocab, "vocab.json")
    (folder / "merges.txt").write_text(merges, encoding="utf-8")
    return folder


# Ids


def test_bytes_have_the_ids_of_gpt2():
    # as in GPT-2's published vocabulary
    tokenizer = HubTokenizer(TABLE)
    assert tokenizer.encode("!az~ \n\x00\x7f") == [0, 64, 89, 93, 220, 198, 188, 221]
    assert tokenizer.encode("é\u00ad") == [127, 102, 126, 255]
    assert [tokenizer.vocab[i] for i in (0, 187, 188, 255)] == [b"!", b"\xff", b"\x00", b"\xad"]


@pytest.mark.parametrize("ignore_merges", [False, True])
def test_the_first_merges_keep_their_ids(ignore_merges, tmp_path):
    tokenizer = HubTokenizer(changed(("model.ignore_merges", ignore_merges)))
    assert [len(tokenizer.first_merges(n).encode(" low")) for n in range(4)] == [4, 3, 2, 1]
    two = tokenizer.first_merges(2)
    assert two.encode("low") == [257]
    assert two.decode(two.encode(f" low{END}{PAD}")) == f" low{END}{PAD}"
    assert set(two.vocab) == {*range(258)}
    two.save(tmp_path / "tokenizer.json")
    assert HubTokenizer.load(tmp_path).encode(" low") == two.encode(" low")
    assert tokenizer.encode(" low") == [258]
    with pytest.raises(ValueError, match="n must be an integer from 0 to 3"):
        tokenizer.first_merges(4)


def test_merges_and_special_tokens_have_the_ids_of_the_file():
    tokenizer = HubTokenizer(TABLE)
    left, right = ALPHABET.index("l"), ALPHABET.index("o")
    assert list(tokenizer.merges.items()) == [
        ((left, right), 256),
        ((256, ALPHABET.index("w")), 257),
        ((220, 257), 258),
    ]
    assert tokenizer.special_tokens == {END: 259, PAD: 260}
    assert tokenizer.vocab_size == 261
    assert list(tokenizer.vocab) == list(range(261))
    assert [tokenizer.vocab[i] for i in range(256, 260)] == [b"lo", b"low", b" low", END.encode()]
    assert tokenizer.vocab[260] == PAD.encode()
    assert tokenizer.pattern == GPT2_SPLIT
    assert tokenizer.encode(f"low low{END}{PAD}", "all") == [257, 258, 259, 260]


@repeatable
@given(seed=st.integers(0, 999), text=texts)
def test_the_order_of_ids_changes_nothing_but_ids(seed, text):
    order = random.Random(seed).sample(range(261), 261)
    vocab = {token: order[i] for token, i in TABLE["model"]["vocab"].items()}
    added = [entry | {"id": order[entry["id"]]} for entry in (ENDED, PADDED)]
    other = HubTokenizer(changed(("model.vocab", vocab), ("added_tokens", added)))
    plain = HubTokenizer(TABLE)
    ids = plain.encode(text + END + PAD, "all")
    assert other.encode(text + END + PAD, "all") == [order[i] for i in ids]
    assert {i: plain.vocab[k] for k, i in enumerate(order)} == other.vocab
    assert list(other.vocab) == list(range(261))


@pytest.mark.parametrize("pre_tokenizer", [BYTE_LEVEL, SEQUENCE], ids=["ByteLevel", "Sequence"])
@repeatable
@given(text=texts)
@example(text="")
@example(text=LONE_HALF + OTHER_HALF)
@example(text=f"low {END} {PAD}")
def test_decoding_an_encoding_gives_back_any_text(pre_tokenizer, text):
    tokenizer = HubTokenizer(changed(("pre_tokenizer", pre_tokenizer)))
    ids = tokenizer.encode(text, "all")
    assert tokenizer.decode(ids) == text
    assert tokenizer.decode_bytes(ids) == text.encode("utf-8", "surrogatepass")


def test_merges_may_be_pairs_or_texts():
    as_texts = changed(("model.merges", [" ".join(pair) for pair in MERGES]))
    assert HubTokenizer(as_texts).merges == HubTokenizer(TABLE).merges


def test_words_are_cut_by_the_pattern_of_the_file():
    apart, joined = ({"Regex": pattern} for pattern in (r"\s|\S+", r"(?s:.+)"))
    for pattern, expected in [(apart, [257, 220, 257]), (joined, [257, 258])]:
        pre_tokenizer = SEQUENCE | {
            "pretokenizers": [SPLIT | {"pattern": pattern}, *SEQUENCE["pretokenizers"][1:]]
        }
        tokenizer = HubTokenizer(changed(("pre_tokenizer", pre_tokenizer)))
        assert tokenizer.pattern == pattern["Regex"]
        assert tokenizer.encode("low low") == expected


def test_a_pattern_that_does_not_match_all_of_the_text_raises():
    pre_tokenizer = copy.deepcopy(SEQUENCE)
    pre_tokenizer["pretokenizers"][0]["pattern"]["Regex"] = r"\S+"
    tokenizer = HubTokenizer(changed(("pre_tokenizer", pre_tokenizer)))
    with pytest.raises(ValueError, match="pattern must be one that matches all of the text"):
        tokenizer.encode("low low")


def test_a_whole_word_needs_no_merges_where_merges_are_ignored():
    for ignored, expected in [(False, [257, ALPHABET.index("x")]), (True, [259])]:
        vocab = TABLE["model"]["vocab"] | {"lowx": 259, END: 261}
        ended = ENDED | {"id": 261}
        table = changed(
            ("model.vocab", vocab),
            ("added_tokens", [PADDED, ended]),
            ("model.ignore_merges", ignored),
        )
        assert HubTokenizer(table).encode("lowx") == expected
        assert HubTokenizer(table).encode("lowxx")[0] == 257


def without_byte(character, **model):
    """The table without a token for a byte that no merge needs; END takes its id."""
    i = TABLE["model"]["vocab"][character]
    vocab = {t: n for t, n in TABLE["model"]["vocab"].items() if t not in (character, END)}
    changes = [("added_tokens", [ENDED | {"id": i}, PADDED | {"id": 259}])]
    changes += [("model.vocab", vocab | {END: i}), *((f"model.{k}", v) for k, v in model.items())]
    return changed(*changes)


def test_bytes_without_a_token_are_dropped():
    table = without_byte("Ă")  # the character for byte 2
    assert HubTokenizer(table).missing_bytes == b"\x02"
    assert HubTokenizer(table).encode("\x02low\x02") == [257]
    table["pre_tokenizer"] = SEQUENCE  # which leaves that byte within words
    assert HubTokenizer(table).encode("\x02l\x02o\x02w\x02") == [257]
    assert HubTokenizer(TABLE).missing_bytes == b""
    with pytest.raises(ValueError, match=r"model\.unk_token must be None; got '<unk>'"):
        HubTokenizer(without_byte("Ă", unk_token="<unk>"))


def test_every_digit_is_a_word_and_so_is_the_space_before_it():
    digits = {"type": "Digits", "individual_digits": True}
    sequence = {"type": "Sequence", "pretokenizers": [digits, BYTE_LEVEL]}
    split = HubTokenizer(changed(("pre_tokenizer", sequence)))._split_words
    assert split("a  12 b's½ \n3 ") == ["a", "  ", "1", "2", " b", "'s", "½", " \n", "3", " "]


def test_100_kB_of_one_word_encodes_within_seconds():
    # The bound is some twenty times what it takes, for busy machines; quadratic time breaks it.
    tokenizer, text, start = HubTokenizer(TABLE), "low" * 33_333, time.perf_counter()
    assert tokenizer.encode(text) == [257] * 33_333
    assert time.perf_counter() - start < 20


def test_known_words_are_remembered(monkeypatch):
    tokenizer = HubTokenizer(TABLE)
    first = tokenizer.encode("low lower")
    monkeypatch.setattr(huggingface, "merge_word", None)
    assert tokenizer.encode("low lower") == first


# Special tokens


def test_a_special_token_in_the_text_raises_unless_allowed():
    tokenizer = HubTokenizer(TABLE)
    assert tokenizer.encode(f"{END}!", {END}) == [259, 0]
    with pytest.raises(ValueError, match=r"text holds the special token '<\|endoftext\|>'"):
        tokenizer.encode(f"{END}!")
    with pytest.raises(ValueError, match="allowed_special must be"):
        tokenizer.encode("", {"<other>"})


def test_a_special_token_means_itself_also_where_the_vocabulary_has_it():
    tokenizer = HubTokenizer(changed((f"model.vocab.{PAD}", 260)))  # bars stand for no byte
    assert tokenizer.encode(f"low{PAD}", "all") == [257, 260]
    assert tokenizer.decode([257, 260]) == f"low{PAD}"


def test_more_special_tokens_come_after_all_ids_and_change_none(tmp_path):
    plain = HubTokenizer(TABLE)
    more = plain.with_special_tokens(["<|user|>", "<|assistant|>"])
    assert more.special_tokens == plain.special_tokens | {"<|user|>": 261, "<|assistant|>": 262}
    text = "low lower\n東"
    assert more.encode(text) == plain.encode(text)
    assert more.encode(f"{text}<|user|>", allowed_special="all") == [*plain.encode(text), 261]
    more.save(tmp_path / "tokenizer.json")
    assert HubTokenizer.load(tmp_path).special_tokens == more.special_tokens
    with pytest.raises(ValueError, match="distinct"):
        more.with_special_tokens(["<|user|>"])


def test_a_file_without_special_tokens_is_read():
    vocab = {token: i for token, i in TABLE["model"]["vocab"].items() if token != END}
    table = changed(("model.vocab", vocab), ("added_tokens", DELETE))
    assert HubTokenizer(table).special_tokens == {}
    assert HubTokenizer(table).decode(HubTokenizer(table).encode(END)) == END


# Files


@pytest.mark.parametrize("kind", [str, Path])
def test_a_folder_and_its_file_are_the_same_source(tmp_path, kind):
    path = write(tmp_path, TABLE)
    for source in (tmp_path, path):
        tokenizer = from_huggingface(kind(source))
        assert isinstance(tokenizer, BPETokenizer)
        assert tokenizer.encode("low low") == [257, 258]


def test_the_older_pair_gives_the_same_and_names_its_special_tokens(tmp_path):
    tokenizer = from_huggingface(write_pair(tmp_path))
    assert tokenizer.special_tokens == {END: 259}
    assert tokenizer.merges == HubTokenizer(TABLE).merges
    assert tokenizer.encode(f"low low{END}", "all") == [257, 258, 259]
    write(tmp_path, {PAD: 260}, "added_tokens.json")
    assert from_huggingface(tmp_path).vocab == HubTokenizer(TABLE).vocab


def test_of_both_formats_in_a_folder_the_newer_is_read(tmp_path):
    write(write_pair(tmp_path), changed(("model.merges", MERGES[:1])))
    assert len(from_huggingface(tmp_path).merges) == 1


def test_a_saved_tokenizer_loads_as_it_was(tmp_path):
    before = from_huggingface(write_pair(tmp_path))
    before.save(tmp_path / "tokenizer.json")
    after = HubTokenizer.load(str(tmp_path / "tokenizer.json"))
    assert (after.vocab, after.merges) == (before.vocab, before.merges)
    assert (after.pattern, after.special_tokens) == (before.pattern, before.special_tokens)


def test_files_of_the_book_and_of_the_hub_are_not_taken_for_each_other(tmp_path):
    path = write(tmp_path, TABLE)
    with pytest.raises(ValueError, match="path must be a tokenizer file written by save"):
        BPETokenizer.load(path)
    BPETokenizer([(97, 98)]).save(path)
    with pytest.raises(ValueError, match="model must be a JSON object"):
        from_huggingface(path)


def test_training_is_refused_with_advice():
    with pytest.raises(NotImplementedError, match=r"use BPETokenizer\.train"):
        HubTokenizer.train("low low", 300)


def test_a_double_in_tiktoken_needs_ids_in_the_order_of_merges():
    assert HubTokenizer(TABLE).to_tiktoken().encode(f"low{END}", allowed_special="all") == [
        257,
        259,
    ]
    swapped = TABLE["model"]["vocab"] | {"low": 258, "Ġlow": 257}
    without = changed(("model.merges", MERGES[:2]))
    for table in (changed(("model.vocab", swapped)), without):
        with pytest.raises(ValueError, match=r"ids must .* increase with the merges"):
            HubTokenizer(table).to_tiktoken()


# The hub


def test_a_model_name_is_downloaded_from_the_hub(tmp_path, monkeypatch):
    requests = []

    def fetch(name, file):
        requests.append((name, file))
        return str(tmp_path / file)

    write(tmp_path, TABLE)
    monkeypatch.setattr(huggingface_hub, "hf_hub_download", fetch)
    assert from_huggingface("gpt2").vocab == HubTokenizer(TABLE).vocab
    assert requests[0] == ("gpt2", "tokenizer.json")
    settings = ("tokenizer_config.json", "chat_template.jinja")  # of models that chat
    assert requests[1:] == [("gpt2", file) for file in settings]


def test_a_model_on_the_hub_may_lack_the_settings_of_a_chat(tmp_path, monkeypatch):
    def fetch(name, file):
        if file != "tokenizer.json":
            raise OSError("404")
        return str(tmp_path / file)

    write(tmp_path, TABLE)
    monkeypatch.setattr(huggingface_hub, "hf_hub_download", fetch)
    assert from_huggingface("gpt2").chat_template is None


def test_a_model_that_cannot_be_downloaded_is_refused_with_advice(monkeypatch):
    def fail(name, file):
        raise OSError("no network")

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", fail)
    advice = r"'no/such' must be a folder with tokenizer\.json, or .* on the hub .*: no network"
    with pytest.raises(ValueError, match=advice):
        from_huggingface("no/such")


def test_without_the_package_of_the_hub_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(ImportError, match=r"'gpt2' from the hub: pip install huggingface_hub"):
        from_huggingface("gpt2")


def test_a_local_file_needs_neither_torch_nor_the_hub(tmp_path):
    code = (
        "import sys; sys.modules |= {'torch': None, 'safetensors': None, 'huggingface_hub': None};"
        "from fmlab.tokenization import from_huggingface;"
        "print(from_huggingface(sys.argv[1]).encode('low low'))"
    )
    command = [sys.executable, "-c", code, write(tmp_path, TABLE)]
    assert subprocess.run(command, check=True, capture_output=True).stdout.split() == [
        b"[257,",
        b"258]",
    ]


# Missing, damaged and unsupported files


@pytest.mark.parametrize("present", [[], ["vocab.json"], ["merges.txt"]])
def test_a_folder_without_the_files_says_which_it_must_hold(tmp_path, present):
    write_pair(tmp_path)
    for name in {"vocab.json", "merges.txt"} - {*present}:
        (tmp_path / name).unlink()
    with pytest.raises(FileNotFoundError, match=r"tokenizer\.json.*or vocab\.json and merges\.txt"):
        from_huggingface(tmp_path)


@pytest.mark.parametrize("source", ["nowhere/tokenizer.json", Path("nowhere")])
def test_a_missing_file_is_a_missing_file(source):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        from_huggingface(source)


@pytest.mark.parametrize("source", [None, 5, b"gpt2", TABLE])
def test_a_source_of_another_type_raises(source):
    with pytest.raises(ValueError, match="source must be a folder, a file or a name"):
        from_huggingface(source)


@pytest.mark.parametrize(
    "damaged",
    [b"", b"model: x", json.dumps(TABLE).encode()[:-9], b"\x80\x02\xff", b"[]", b"null"],
)
@pytest.mark.parametrize("name", ["tokenizer.json", "vocab.json", "added_tokens.json"])
def test_a_damaged_file_raises_and_is_named(tmp_path, damaged, name):
    write_pair(tmp_path)
    (tmp_path / name).write_bytes(damaged)
    with pytest.raises(ValueError, match=r"test_a_damaged_file.* is damaged or not supported"):
        from_huggingface(tmp_path)


@pytest.mark.parametrize("merges", ["l o\nlo\n", "l o\n\nlo w\n", "l o w\n", "lo w x\n", " lo\n"])
def test_damaged_merges_raise(tmp_path, merges):
    with pytest.raises(ValueError, match=r"model\.merges must be "):
        from_huggingface(write_pair(tmp_path, merges=merges))


VOCAB = TABLE["model"]["vocab"]
SECOND = "pre_tokenizer.pretokenizers"
REFUSED = {
    "no model": (("model", DELETE), "model must be a JSON object; got 'NoneType'"),
    "another model": (("model.type", "Unigram"), r"model\.type must be 'BPE'; got 'Unigram'"),
    "dropout": (("model.dropout", 0.1), r"model\.dropout must be None or 0; got 0\.1"),
    "prefix": (("model.continuing_subword_prefix", "##"), r"model\.continuing_subword_prefix must"),
    "suffix": (("model.end_of_word_suffix", "</w>"), r"model\.end_of_word_suffix must be None"),
    "byte fallback": (("model.byte_fallback", True), r"model\.byte_fallback must be False"),
    "ignore merges": (
        ("model.ignore_merges", "yes"),
        r"model\.ignore_merges must be False or True",
    ),
    "normalizer": (("normalizer", {"type": "NFC"}), "normalizer must be None; got 'NFC'"),
    "decoder": (("decoder", {"type": "WordPiece"}), "decoder must be None or ByteLevel; got"),
    "decoder is text": (("decoder", "ByteLevel"), "decoder must be a JSON object; got 'str'"),
    "no vocab": (("model.vocab", DELETE), r"model\.vocab must be a JSON object"),
    "vocab is a list": (("model.vocab", ["a"]), r"model\.vocab must be a JSON object; got 'list'"),
    "a byte of a merge is missing": (("model.vocab.Ġ", DELETE), r"model\.merges must be .*'Ġ'"),
    "a space in a token": (
        ("model.vocab.a b", 261),
        r"tokens of model\.vocab must be .*; got 'a b'",
    ),
    "id of text": (("model.vocab.a", "64"), "ids must be 0, 1, 2, ... without gaps"),
    "id of a fraction": (("model.vocab.a", 64.0), "ids must be 0, 1, 2, ... without gaps"),
    "id twice": (("model.vocab.a", 65), "ids must be 0, 1, 2, ... without gaps"),
    "id left out": (("model.vocab.a", 261), "ids must be 0, 1, 2, ... without gaps"),
    "negative id": (("model.vocab.a", -1), "ids must be 0, 1, 2, ... without gaps"),
    "no merges": (("model.merges", DELETE), r"model\.merges must be a JSON array; got 'NoneType'"),
    "merges are text": (("model.merges", "l o"), r"model\.merges must be a JSON array; got 'str'"),
    "three parts": (("model.merges.0", ["l", "o", "w"]), r"model\.merges must be pairs of tokens"),
    "one part": (("model.merges.0", "lo"), r"model\.merges must be pairs of tokens, .*; got 'lo'"),
    "ids as parts": (
        ("model.merges.0", [1, 2]),
        r"model\.merges must be pairs of .*; got \[1, 2\]",
    ),
    "no pair": (("model.merges.0", None), r"model\.merges must be pairs of tokens, .*; got None"),
    "unknown part": (("model.merges.0", ["l", "lol"]), r"model\.merges must be of two tokens in"),
    "unknown whole": (
        ("model.merges.0", ["l", "l"]),
        r"model\.merges .* a third; got \('l', 'l'\)",
    ),
    "pair twice": (("model.merges.1", ["l", "o"]), r"model\.merges must be distinct"),
    "added is text": (("added_tokens", END), "added_tokens must be a JSON array; got 'str'"),
    "added in texts": (("added_tokens.0", END), "added_tokens must be a JSON object; got 'str'"),
    "added empty": (
        ("added_tokens.1.content", ""),
        r"added_tokens\.content must be text, .*got ''",
    ),
    "added number": (("added_tokens.1.content", 5), r"added_tokens\.content must be text, .*got 5"),
    "added byte": (("added_tokens.1.content", "é"), r"added_tokens\.content must be .*; got 'é'"),
    "added twice": (("added_tokens.1.content", END), r"added_tokens\.content must be .*distinct"),
    "another id": (("added_tokens.0.id", 260), r"added_tokens\['.*'\]\.id must be 259, .* got 260"),
    "added without id": (("added_tokens.1.id", DELETE), "ids must be 0, 1, 2, ... without gaps"),
    "added after a gap": (("added_tokens.1.id", 300), "ids must be 0, 1, 2, ... without gaps"),
    "not special": (("added_tokens.0.special", False), r"\]\.special must be True; got False"),
    "lstrip": (("added_tokens.0.lstrip", True), r"\['<\|endoftext\|>'\]\.lstrip must be False"),
    "rstrip": (("added_tokens.0.rstrip", True), r"\['<\|endoftext\|>'\]\.rstrip must be False"),
    "word": (("added_tokens.0.single_word", True), r"\.single_word must be False; got True"),
    "no cut": (("pre_tokenizer", None), "pre_tokenizer must be a JSON object; got 'NoneType'"),
    "another cut": (("pre_tokenizer.type", "Whitespace"), r"pre_tokenizer must be ByteLevel, or a"),
    "prefix space": (("pre_tokenizer.add_prefix_space", True), r"add_prefix_space must be False"),
    "no regex": (("pre_tokenizer.use_regex", False), r"ByteLevel\.use_regex must be True; got Fal"),
}
REFUSED_SEQUENCES = {
    "no parts": ((SECOND, DELETE), r"pre_tokenizer\.pretokenizers must be a JSON array"),
    "other parts": (
        (f"{SECOND}.0", {"type": "Punctuation"}),
        r"Digits and ByteLevel; got \['Punctuation', 'By",
    ),
    "digits together": (
        (SECOND, [{"type": "Digits"}, BYTE_LEVEL]),
        r"Digits\.individual_digits must be True; got False",
    ),
    "digits without a regex": (
        (f"{SECOND}.0", {"type": "Digits", "individual_digits": True}),
        r"ByteLevel\.use_regex must be True; got False",
    ),
    "three parts": (
        (SECOND, [SPLIT, SPLIT, BYTE_LEVEL]),
        r"pre_tokenizer must be ByteLevel, or a S",
    ),
    "parts of text": ((SECOND, ["ByteLevel"]), "pre_tokenizer must be a JSON object; got 'str'"),
    "two regexes": (
        (f"{SECOND}.1.use_regex", True),
        r"ByteLevel\.use_regex must be False; got Tru",
    ),
    "no use_regex": ((f"{SECOND}.1.use_regex", DELETE), r"ByteLevel\.use_regex must be False; got"),
    "removed": ((f"{SECOND}.0.behavior", "Removed"), r"Split\.behavior must be 'Isolated'; got"),
    "inverted": ((f"{SECOND}.0.invert", True), r"Split\.invert must be False; got True"),
    "no pattern": ((f"{SECOND}.0.pattern", DELETE), r"Split\.pattern must be a JSON object"),
    "a string": ((f"{SECOND}.0.pattern", {"String": " "}), r"pattern\.Regex must be a text .*None"),
    "not a regex": (
        (f"{SECOND}.0.pattern.Regex", "("),
        r"pattern must be a regular expression .*; got '\('",
    ),
}


@pytest.mark.parametrize("case", [*REFUSED, *REFUSED_SEQUENCES])
def test_unsupported_fields_are_refused_by_name(tmp_path, case):
    if case in REFUSED:
        change, message = REFUSED[case]
        table = changed(change)
    else:
        change, message = REFUSED_SEQUENCES[case]
        table = changed(("pre_tokenizer", copy.deepcopy(SEQUENCE)), change)
    with pytest.raises(ValueError, match=message):
        HubTokenizer(table)
    with pytest.raises(
        ValueError, match=rf"tokenizer\.json is damaged or not supported.*: .*{message}"
    ):
        from_huggingface(write(tmp_path, table))


@pytest.mark.parametrize(
    "pattern",
    [r"a$|\S+|\s", r"^a|.", r"\p{N}{1,3}+|\P{N}", r"\w+|\W", r"\b\S+|\s", "(?m:.+)", "[a-z&&[^b]]"],
)
def test_patterns_that_other_engines_read_differently_are_refused(pattern):
    change = (f"{SECOND}.0.pattern.Regex", pattern)
    table = changed(("pre_tokenizer", copy.deepcopy(SEQUENCE)), change)
    with pytest.raises(ValueError, match=r"Split\.pattern\.Regex must be a text without"):
        HubTokenizer(table)
