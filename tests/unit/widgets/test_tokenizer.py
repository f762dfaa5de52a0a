"""The tokenizer explorer, Python side: traits, results, and errors for bad input."""

import ipywidgets
import numpy as np
import pytest

from fmlab.tokenization.pretokenization import DIGITS_SPLIT, GPT2_SPLIT
from fmlab.tokenization.tokenizers import BPETokenizer
from fmlab.widgets import TokenizerExplorer
from fmlab.widgets import tokenizer as explorers
from fmlab.widgets.vocabularies import published_tokenizer

TEXT = "low lower lowest"


@pytest.fixture
def tokenizer():
    return BPETokenizer.train(TEXT, 262, special_tokens=["<|end|>"])


def test_all_merges_are_in_use_at_first(tokenizer):
    explorer = TokenizerExplorer(tokenizer, text=TEXT)
    assert explorer.n_merges == len(tokenizer.merges) == 5
    assert explorer.ids == tokenizer.encode(TEXT)


def test_without_merges_the_ids_are_the_bytes(tokenizer):
    assert TokenizerExplorer(tokenizer, text="é low", n_merges=0).ids == list("é low".encode())


def test_ids_follow_text_and_merges_and_can_be_observed(tokenizer):
    explorer = TokenizerExplorer(tokenizer, text=TEXT)
    changes = []
    explorer.observe(lambda change: changes.append(change.new), "ids")
    explorer.n_merges = 2
    explorer.text = "lowest"
    fewer = BPETokenizer(list(tokenizer.merges)[:2])
    assert changes == [fewer.encode(TEXT), fewer.encode("lowest")]


def test_ids_follow_what_the_page_sends(tokenizer):
    explorer = TokenizerExplorer(tokenizer, text=TEXT)
    explorer.set_state({"text": "low", "n_merges": 0})
    assert explorer.ids == list(b"low")


def test_two_explorers_can_be_linked(tokenizer):
    one, two = (TokenizerExplorer(tokenizer, text=TEXT) for _ in range(2))
    ipywidgets.link((one, "n_merges"), (two, "n_merges"))
    one.n_merges = 1
    assert two.ids == one.ids == BPETokenizer(list(tokenizer.merges)[:1]).encode(TEXT)


def test_typed_text_is_never_a_special_token(tokenizer):
    ids = TokenizerExplorer(tokenizer, text="<|end|>").ids
    assert tokenizer.decode(ids) == "<|end|>"
    assert not set(ids) & set(tokenizer.special_tokens.values())


@pytest.mark.parametrize(("n_merges", "width"), [(5, 2), (0xFF00, 2), (0xFF01, 4)])
def test_merges_are_packed_as_little_endian_pairs_as_narrow_as_possible(n_merges, width):
    pairs = [[i // 256, i % 256] for i in range(n_merges)]
    explorer = TokenizerExplorer(BPETokenizer(pairs), text="")
    assert explorer.bytes_per_id == width
    assert np.frombuffer(explorer.merges, f"<u{width}").reshape(-1, 2).tolist() == pairs


def test_a_tokenizer_without_merges_is_shown_too():
    explorer = TokenizerExplorer(BPETokenizer(), text="ab")
    assert (explorer.n_merges, explorer.merges, explorer.ids) == (0, b"", [97, 98])


def test_the_page_gets_the_name_of_the_split_pattern():
    assert TokenizerExplorer(BPETokenizer(), text="").split == "gpt4"
    assert TokenizerExplorer(BPETokenizer(pattern=GPT2_SPLIT), text="").split == "gpt2"
    assert TokenizerExplorer(BPETokenizer(pattern=DIGITS_SPLIT), text="").split == "digits"


@pytest.mark.parametrize("name", ["cl100k", "smollm2"])
def test_another_vocabulary_is_used_with_all_its_merges_at_first(tokenizer, name):
    explorer = TokenizerExplorer(tokenizer, text="lowest 123")
    published = published_tokenizer(name)
    explorer.vocabulary = name
    assert explorer.n_merges == len(published.merges)
    assert explorer.ids == published.encode("lowest 123")
    explorer.n_merges = 5
    assert explorer.ids == published.first_merges(5).encode("lowest 123")
    explorer.vocabulary = ""
    assert (explorer.n_merges, explorer.ids) == (5, tokenizer.encode("lowest 123"))


def test_the_page_sets_a_vocabulary_and_its_merges_at_once(tokenizer):
    explorer = TokenizerExplorer(tokenizer, text=TEXT)
    explorer.set_state({"vocabulary": "smollm2", "n_merges": 48_900})
    assert explorer.ids == published_tokenizer("smollm2").encode(TEXT)
    explorer.set_state({"n_merges": 5, "vocabulary": ""})
    assert explorer.ids == tokenizer.encode(TEXT)


@pytest.mark.parametrize(("n_merges", "expected"), [(None, 48_900), (10, 10), (0, 0)])
def test_it_can_start_with_another_vocabulary(tokenizer, n_merges, expected):
    explorer = TokenizerExplorer(tokenizer, text=TEXT, vocabulary="smollm2", n_merges=n_merges)
    assert explorer.n_merges == expected
    assert explorer.ids == published_tokenizer("smollm2").first_merges(expected).encode(TEXT)


def test_it_cannot_start_with_a_vocabulary_that_is_not_offered(tokenizer):
    with pytest.raises(ValueError, match="vocabulary must be one of"):
        TokenizerExplorer(tokenizer, vocabulary="smollm2", published=["cl100k"])


@pytest.fixture
def work(monkeypatch):
    """The names of the slow methods that were called, in their order."""
    calls = []
    for name in ("first_merges", "encode"):
        method = getattr(BPETokenizer, name)

        def counted(*arguments, name=name, method=method):
            calls.append(name)
            return method(*arguments)

        monkeypatch.setattr(BPETokenizer, name, counted)
    return calls


@pytest.mark.parametrize(
    "change",
    [
        {"vocabulary": "smollm2"},
        {"vocabulary": "smollm2", "n_merges": 48_900},
        {"vocabulary": "smollm2", "text": "slow"},
        {"n_merges": 3},
        {"text": "slow"},
    ],
)
def test_a_change_costs_one_encoding(tokenizer, work, change):
    explorer = TokenizerExplorer(tokenizer, text=TEXT)
    work.clear()
    explorer.set_state(change)
    assert work.count("encode") == 1


def test_typing_makes_no_new_tokenizer(tokenizer, work):
    explorer = TokenizerExplorer(tokenizer, text=TEXT, n_merges=3)
    explorer.text = "slow"
    work.clear()
    for explorer.text in ("slower", "slowest"):
        assert explorer.ids == BPETokenizer(list(tokenizer.merges)[:3]).encode(explorer.text)
    assert "first_merges" not in work


def test_the_state_of_the_widget_stays_small(tokenizer):
    explorer = TokenizerExplorer(tokenizer, text=TEXT)
    explorer.vocabulary = "cl100k"
    traits = {name: value for name, value in explorer.get_state().items() if name[0] != "_"}
    assert len(repr(traits)) < 2000


def test_a_special_token_of_another_vocabulary_is_text(tokenizer):
    explorer = TokenizerExplorer(tokenizer, text="<|endoftext|>")
    for name in ("cl100k", "smollm2"):
        explorer.vocabulary = name
        published = published_tokenizer(name)
        assert published.decode(explorer.ids) == "<|endoftext|>"
        assert not set(explorer.ids) & set(published.special_tokens.values())


def test_a_vocabulary_that_cannot_be_had_changes_nothing(tokenizer, monkeypatch):
    explorer = TokenizerExplorer(tokenizer, text=TEXT, published=["cl100k"])
    with pytest.raises(ValueError, match=r"vocabulary must be one of \['', 'cl100k'\]; got 'smol"):
        explorer.vocabulary = "smollm2"

    def missing(name):
        raise FileNotFoundError("get it with pip")

    monkeypatch.setattr(explorers, "published_tokenizer", missing)
    with pytest.raises(FileNotFoundError, match="get it with pip"):
        explorer.vocabulary = "cl100k"
    assert (explorer.vocabulary, explorer.n_merges) == ("", 5)
    assert explorer.ids == tokenizer.encode(TEXT)


def test_a_language_has_the_known_tag_or_the_given_one(tokenizer):
    languages = {"English": "low", "Arabic": "مطر", "Ilvish": "lów", "Norse": ("non", "lágr")}
    assert TokenizerExplorer(tokenizer, languages=languages).languages == [
        ["English", "en", "low"],
        ["Arabic", "ar", "مطر"],
        ["Ilvish", "", "lów"],
        ["Norse", "non", "lágr"],
    ]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"text": 3}, r"text must be text \(str\); got <class 'int'>"),
        ({"text": "x" * 20_001}, "text must be at most 20000 characters long; got 20001"),
        ({"text": "\ud83d"}, "text must be without lone surrogates"),
        ({"n_merges": -1}, "n_merges must be an integer from 0 to 5; got -1"),
        ({"n_merges": 6}, "n_merges must be an integer from 0 to 5; got 6"),
        ({"n_merges": True}, "n_merges must be .*; got True"),
        ({"n_merges": 2.0}, "n_merges must be .*; got 2.0"),
        ({"languages": {"English": 3}}, r"languages\['English'\] must be .*; got 3"),
        ({"languages": {"English": ("en", 3)}}, r"languages\['English'\] must be text"),
        ({"published": ["gpt5"]}, "published must be names out of cl100k, smollm2; got 'gpt5'"),
    ],
)
def test_bad_options_are_refused(tokenizer, options, message):
    with pytest.raises(ValueError, match=message):
        TokenizerExplorer(tokenizer, **options)


def test_what_is_not_a_tokenizer_is_refused():
    with pytest.raises(ValueError, match=r"tokenizer must be a BPETokenizer; got .*str"):
        TokenizerExplorer("low")


def test_a_pattern_that_the_page_does_not_know_is_refused():
    with pytest.raises(ValueError, match=r"one that splits text by .*; got '\.'"):
        TokenizerExplorer(BPETokenizer(pattern="."))


def test_bad_settings_are_refused_and_change_nothing(tokenizer):
    explorer = TokenizerExplorer(tokenizer, text=TEXT)
    with pytest.raises(ValueError, match=r"n_merges must be .*; got 6"):
        explorer.n_merges = 6
    with pytest.raises(ValueError, match="text must be without lone surrogates"):
        explorer.text = "\udc00"
    assert (explorer.text, explorer.n_merges) == (TEXT, 5)


def test_without_script_there_is_a_picture_and_no_markup_from_the_text():
    explorer = TokenizerExplorer(BPETokenizer(), text="<b> é")
    picture = explorer.without_script().data
    assert picture.startswith("<noscript>")
    assert "<b>" not in picture
    assert picture.count("<small>") == len(explorer.ids) == 6
    assert "⟨C3⟩" in picture
