"""Tokenizers read from the hub's files give what tokenizers and transformers give, id by id."""

import functools
import json
import random

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import AutoTokenizer, GPT2Config, GPT2LMHeadModel, GPT2Tokenizer

from fmlab.data.corpora import python_docs
from fmlab.generation.decoding import generate
from fmlab.models.gpt import GPT
from fmlab.tokenization.huggingface import HubTokenizer, from_huggingface
from tests.reference.texts import LANGUAGE_REFERENCE

repeatable = settings(deadline=None, derandomize=True, max_examples=300)

END, USER = "<|endoftext|>", "<|user|>"
LLAMA3_SPLIT = (  # as in the files of Llama 3
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}|"
    r" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)

# Left out: lone surrogates, which they refuse, and code points without a character, because each
# engine knows those of its own version of Unicode.
characters = st.characters(exclude_categories=["Cs", "Cn"])
tricky = st.sampled_from(" \n\r\t\u2003'sLł\u017f7٣½東\u0301😀👩\u200d.,Ġ")
texts = st.text(characters | tricky) | st.text("'sSlLeEdvV \n") | st.text("aeinorst ")

SAMPLES = [
    "",
    "It's what we'LL see, don'T you? 'tis 'S so'\u017f",
    "1 12 123 1234 12345 1234567 ٣٤٥٦ ½⅓ Ⅷ",
    "  two\n\n\nthree \n \r\n\r\n\ttabs\t\t\n   ",
    "def f(x):\n    return {'a': [x**2 for x in range(10)]}  # Ġ is no space\n",
    "👩🏽‍🚀👨‍👩‍👧‍👦🇵🇱🏳️‍🌈 ☃︎ e\u0301 \u200f\u2028\u00a0\u3000x\u0085y\x1cz",
    "Zażółć gęślą jaźń. Съешь ещё этих мягких булок. 色は匂へど 다람쥐 ऋषियों को نص حكيم เป็นมนุษย์",
    "a" * 1000 + " " * 1000 + "\n" * 1000 + "!?" * 500,
]


# Their files


@functools.cache
def trained(pattern=None, special=()):
    """A tokenizer in their own words: special tokens first, then bytes, then merges"""
    cuts = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=pattern is None)
    if pattern is not None:
        cuts = pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(pattern), "isolated"), cuts])
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = cuts
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=1500,
        special_tokens=list(special),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator([python_docs()[:300_000], *SAMPLES * 20], trainer)
    return tokenizer.to_str()


def bytes_as_in_gpt2():
    """Bytes, merges, then special tokens: one that the vocabulary knows, and one it does not"""
    table = json.loads(trained())
    table["model"]["vocab"][END] = len(table["model"]["vocab"])
    tokenizer = Tokenizer.from_str(json.dumps(table))
    tokenizer.add_special_tokens([AddedToken(END, normalized=True), USER])
    return tokenizer.to_str()


def merges_as_texts():
    """The way of files before 2024"""
    table = json.loads(bytes_as_in_gpt2())
    table["model"]["merges"] = [" ".join(pair) for pair in table["model"]["merges"]]
    return json.dumps(table)


def fields_as_in_gpt2():
    """The file of "gpt2" is older than some fields"""
    table = json.loads(merges_as_texts())
    del table["pre_tokenizer"]["use_regex"], table["decoder"]["use_regex"]
    for field in ("type", "byte_fallback", "ignore_merges"):
        del table["model"][field]
    table["model"] |= {"continuing_subword_prefix": "", "end_of_word_suffix": ""}
    return json.dumps(table)


def special_first():
    return trained(None, (END, USER))


def cut_as_in_llama3():
    tokenizer = Tokenizer.from_str(trained(LLAMA3_SPLIT))
    tokenizer.add_special_tokens([END, USER])
    return tokenizer.to_str()


def merged_as_in_llama3():
    """Whatever two tokens make a third is a merge, and a word that is a token needs none"""
    table = json.loads(cut_as_in_llama3())
    vocab = table["model"]["vocab"]
    splits = [
        (i, vocab[token[:n]], vocab[token[n:]], [token[:n], token[n:]])
        for token, i in vocab.items()
        for n in range(1, len(token))
        if token[:n] in vocab and token[n:] in vocab
    ]
    table["model"]["merges"] = [pair for *_, pair in sorted(splits)]
    table["model"]["ignore_merges"] = True
    return json.dumps(table)


def words_without_merges():
    """Half of the merges are left out, and their tokens are words all the same"""
    table = json.loads(cut_as_in_llama3())
    table["model"]["merges"] = table["model"]["merges"][::2]
    table["model"]["ignore_merges"] = True
    return json.dumps(table)


FILES = [
    bytes_as_in_gpt2,
    merges_as_texts,
    fields_as_in_gpt2,
    special_first,
    cut_as_in_llama3,
    merged_as_in_llama3,
    words_without_merges,
]
each_file = pytest.mark.parametrize("file", FILES, ids=lambda file: file.__name__)
each_kind = pytest.mark.parametrize(  # the other files contain the same tokenizers
    "file",
    [bytes_as_in_gpt2, special_first, merged_as_in_llama3, words_without_merges],
    ids=lambda file: file.__name__,
)


@functools.cache
def twins(file):
    text = file()
    return HubTokenizer(json.loads(text)), Tokenizer.from_str(text)


def their_text(tokenizer, ids):
    return tokenizer.decode(ids, skip_special_tokens=False)


# Encoding


@each_file
def test_encodings_of_real_text_equal_theirs(file):
    ours, theirs = twins(file)
    for text in (python_docs()[-100_000:], LANGUAGE_REFERENCE[:100_000], *SAMPLES):
        ids = ours.encode(text)
        assert ids == theirs.encode(text).ids
        assert ours.decode(ids) == their_text(theirs, ids) == text


@each_kind
@repeatable
@given(text=texts)
def test_encodings_of_any_text_equal_theirs(file, text):
    ours, theirs = twins(file)
    ids = ours.encode(text)
    assert ids == theirs.encode(text).ids
    assert ours.decode(ids) == text


@each_kind
@repeatable
@given(parts=st.lists(texts | st.sampled_from([END, USER, "<|end", "|>"])))
def test_encodings_with_special_tokens_equal_theirs(file, parts):
    ours, theirs = twins(file)
    text = "".join(parts)
    ids = ours.encode(text, "all")
    assert ids == theirs.encode(text).ids
    assert ours.decode(ids) == text
    if END in text:
        with pytest.raises(ValueError, match="special token"):
            ours.encode(text, {USER})


@repeatable
@given(text=st.text("<ab>", max_size=30))
def test_special_tokens_that_overlap_are_cut_as_theirs(text):
    ours, theirs = overlapping()
    assert ours.encode(text, "all") == theirs.encode(text).ids


@functools.cache
def overlapping():
    """Of those that are "normalized" the longest wins, but those that are not go before all"""
    tokenizer = Tokenizer.from_str(trained())
    for normalized, tokens in [(True, ["<a>", "<a><b>"]), (False, ["><", "b>", "b><a"])]:
        tokenizer.add_special_tokens([AddedToken(t, normalized=normalized) for t in tokens])
    return HubTokenizer(json.loads(tokenizer.to_str())), tokenizer


@st.composite
def tables(draw):
    """Any merges of a and b in any order, each token by several of them, and ids in any order"""
    tokens = ["a", "b"]
    for _ in range(draw(st.integers(1, 8))):
        token = draw(st.sampled_from(tokens)) + draw(st.sampled_from(tokens))
        tokens.append(token)
    tokens = {*tokens}
    pairs = [[t[:n], t[n:]] for t in sorted(tokens) for n in range(1, len(t))]
    pairs = [pair for pair in pairs if {*pair} <= tokens]
    vocab = sorted({*pre_tokenizers.ByteLevel.alphabet(), *tokens})
    random.Random(draw(st.integers(0, 999))).shuffle(vocab)
    model = {
        "type": "BPE",
        "vocab": {token: i for i, token in enumerate(vocab)},
        "merges": draw(st.lists(st.sampled_from(pairs), unique_by=tuple)),
    }
    return trained_table() | {"model": model}


@functools.cache
def trained_table():
    return json.loads(trained())


@settings(repeatable, max_examples=500)
@given(table=tables(), text=st.text("ab", max_size=60))
def test_merges_in_any_order_and_several_for_a_token_are_applied_as_theirs(table, text):
    theirs = Tokenizer.from_str(json.dumps(table))
    assert HubTokenizer(table).encode(text) == theirs.encode(text).ids


# Decoding, tables, other formats


@each_kind
@repeatable
@given(data=st.data())
def test_decodings_of_any_ids_equal_theirs(file, data):
    ours, theirs = twins(file)
    ids = data.draw(st.lists(st.integers(0, ours.vocab_size - 1)))
    # ours.decode would join halves of surrogate pairs, which Python text may hold
    assert ours.decode_bytes(ids).decode(errors="replace") == their_text(theirs, ids)


@each_file
def test_tables_equal_theirs(file):
    ours, theirs = twins(file)
    assert ours.vocab_size == theirs.get_vocab_size() == len(ours.vocab)
    assert list(ours.vocab) == list(range(ours.vocab_size))
    assert ours.special_tokens == {token: theirs.token_to_id(token) for token in (END, USER)}
    for i, token in ours.vocab.items():
        assert token.decode(errors="replace") == their_text(theirs, [i])
    assert list(ours.merges.items()) == [
        (tuple(map(theirs.token_to_id, pair)), theirs.token_to_id("".join(pair)))
        for pair in json.loads(theirs.to_str())["model"]["merges"]
    ]


@each_file
def test_a_saved_file_is_one_for_them_and_for_us(file, tmp_path):
    ours, _ = twins(file)
    ours.save(tmp_path / "saved.json")
    again = HubTokenizer.load(tmp_path / "saved.json")
    text = f"{SAMPLES[1]}{END}{SAMPLES[4]}"
    ids = ours.encode(text, "all")
    assert ids == again.encode(text, "all")
    assert ids == Tokenizer.from_file(str(tmp_path / "saved.json")).encode(text).ids


@pytest.mark.parametrize(
    "file",
    [bytes_as_in_gpt2, special_first, cut_as_in_llama3, merged_as_in_llama3],
    ids=lambda file: file.__name__,
)
def test_encodings_equal_those_of_its_double_in_tiktoken(file):
    ours, _ = twins(file)
    double = ours.to_tiktoken()
    assert double.n_vocab == ours.vocab_size
    for text in (python_docs()[-100_000:], END.join(SAMPLES)):
        ids = ours.encode(text, "all")
        assert double.encode(text, allowed_special="all") == ids
        assert double.decode(ids) == text


# Folders


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A random GPT-2 and its tokenizer, as transformers saves them"""
    folder = tmp_path_factory.mktemp("hub")
    model = json.loads(trained())["model"]
    vocab = model["vocab"] | {END: len(model["vocab"])}
    tokenizer = GPT2Tokenizer(vocab=vocab, merges=[tuple(pair) for pair in model["merges"]])
    tokenizer.save_pretrained(folder)
    config = GPT2Config(
        vocab_size=len(tokenizer),
        n_positions=48,
        n_layer=2,
        n_head=4,
        n_embd=32,
        eos_token_id=tokenizer.eos_token_id,
        bos_token_id=tokenizer.bos_token_id,
    )
    theirs = GPT2LMHeadModel(config)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for weight in theirs.parameters():  # so large that it does not repeat itself
            noise = torch.randn(weight.shape, generator=generator)
            weight.copy_(noise if weight.dim() > 1 else weight + noise / 10)
    theirs.save_pretrained(folder)
    return folder


@pytest.mark.parametrize("prompt", ["It's a test", "  naïve 東京 😀\n", f"{END}def f(x):"])
def test_greedy_text_of_a_folder_equals_that_of_transformers(folder, prompt):
    tokenizer = AutoTokenizer.from_pretrained(folder)
    theirs = GPT2LMHeadModel.from_pretrained(folder).eval()
    inputs = tokenizer(prompt, return_tensors="pt")
    end = tokenizer.eos_token_id
    expected = theirs.generate(**inputs, max_new_tokens=20, do_sample=False, pad_token_id=end)

    ours = from_huggingface(folder)
    ids = ours.encode(prompt, "all")
    stop = [ours.special_tokens[END]]
    found = generate(GPT.from_huggingface(folder), ids, 20, temperature=0, stop=stop).sequences[0]
    assert found == expected[0].tolist()
    assert ours.decode(found) == tokenizer.decode(expected[0], clean_up_tokenization_spaces=False)
    assert len({*found[len(ids) :]}) > 3


@pytest.mark.parametrize("header", ["#version: 0.2\n", ""])
def test_the_older_pair_of_files_is_the_same_tokenizer(folder, tmp_path, header):
    theirs = AutoTokenizer.from_pretrained(folder)
    theirs._tokenizer.model.save(str(tmp_path))
    merges = tmp_path / "merges.txt"
    lines = merges.read_text(encoding="utf-8").removeprefix("#version: 0.2\n")
    merges.write_text(header + lines, encoding="utf-8")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["merges.txt", "vocab.json"]
    old, new = (from_huggingface(f) for f in (tmp_path, folder))
    assert old.special_tokens == new.special_tokens == {END: theirs.eos_token_id}
    assert list(old.merges.items()) == list(new.merges.items())
    assert list(old.vocab.items()) == list(new.vocab.items())
    for text in (python_docs()[-20_000:], END.join(SAMPLES)):
        ids = old.encode(text, "all")
        assert ids == theirs.encode(text)
        assert old.decode(ids) == text
    old.save(tmp_path / "tokenizer.json")
    assert Tokenizer.from_file(str(tmp_path / "tokenizer.json")).encode(text).ids == ids
