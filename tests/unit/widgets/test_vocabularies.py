"""The vocabularies that explorers load: what is packed, what a kernel answers, and the sizes."""

import gzip
import json

import pytest

from fmlab.tokenization.tokenizers import BPETokenizer
from fmlab.widgets import TokenizerExplorer, vocabularies
from fmlab.widgets.vocabularies import (
    MODELS,
    PUBLISHED,
    packed,
    page_data,
    published_tokenizer,
)


def unpacked(data):
    """Return the head and the three columns of what was packed."""
    head, _, columns = gzip.decompress(data).partition(b"\n")
    head = json.loads(head)
    sizes = [head["merges"], head["merges"], 256 + head["merges"]]
    numbers = []
    for size in sizes:
        low, middle, high = (columns[i * size : (i + 1) * size] for i in range(3))
        words = [a | b << 8 | c << 16 for a, b, c in zip(low, middle, high, strict=True)]
        numbers.append([word - (1 << 24) if word >> 23 else word for word in words])
        columns = columns[3 * size :]
    assert columns == b""
    return head, *numbers


def test_merges_are_packed_as_symbols_with_the_steps_between_ids():
    tokenizer = BPETokenizer.train("low lower", 259, special_tokens=["lo"])
    head, left, right, steps = unpacked(packed(tokenizer))
    assert head == {"split": "gpt4", "merges": 2, "special": {"lo": 258}}
    assert list(zip(left, right, strict=True)) == list(tokenizer.merges)
    assert steps == [1] * 258


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_published_vocabulary_is_packed_whole(name):
    tokenizer, offer = published_tokenizer(name), PUBLISHED[name]
    head, left, right, steps = unpacked(page_data(name))
    ids, total = [], 0
    for step in steps:
        total += step
        ids.append(total - 1)
    present = [i for i in ids if i >= 0]
    assert len(present) == offer.n_tokens == offer.n_bytes + head["merges"]
    assert sorted(present) == sorted(set(tokenizer.vocab) - set(tokenizer.special_tokens.values()))
    assert head["merges"] == len(left) == len(right) == offer.n_merges
    for symbol in range(256, len(ids), 501):
        parts = [tokenizer.vocab[ids[part[symbol - 256]]] for part in (left, right)]
        assert b"".join(parts) == tokenizer.vocab[ids[symbol]]


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_page_says_how_large_the_file_is(name):
    assert len(page_data(name)) / 1000 == pytest.approx(PUBLISHED[name].kilobytes, abs=10)


@pytest.mark.parametrize("name", MODELS)
def test_the_page_says_how_large_the_files_of_logits_are(name):
    offer = MODELS[name]
    size = sum(len(page_data(file)) for file in offer.files)
    assert size / 1000 == pytest.approx(offer.kilobytes, abs=10)
    prompts, rows, tokens = offer.load()
    assert rows.shape == (len(prompts), offer.n_tokens)
    assert len(tokens) == len(set(tokens)) == offer.n_tokens


def test_merges_into_the_same_token_cannot_be_packed():
    tokenizer = BPETokenizer([(97, 98), (98, 99)])
    tokenizer.merges[98, 99] = 256
    with pytest.raises(ValueError, match="without two merges into the same token"):
        packed(tokenizer)


@pytest.fixture
def sent(monkeypatch):
    """An explorer, and what it sends to its page."""
    explorer = TokenizerExplorer(BPETokenizer(), text="a")
    messages = []
    monkeypatch.setattr(explorer, "send", lambda *message: messages.append(message))
    return explorer, messages


def test_a_kernel_sends_what_the_page_asks_for(sent):
    explorer, messages = sent
    explorer._handle_custom_msg({"request": "smollm2"}, [])
    assert messages == [({"data": "smollm2"}, [page_data("smollm2")])]


@pytest.mark.parametrize("content", [{"request": 3}, {"other": "cl100k"}, "request", None])
def test_other_messages_are_not_answered(sent, content):
    explorer, messages = sent
    explorer._handle_custom_msg(content, [])
    assert messages == []


def test_a_kernel_says_why_it_has_no_data(sent, monkeypatch):
    explorer, messages = sent
    explorer._handle_custom_msg({"request": "gpt5"}, [])
    known = "cl100k, smollm2, smollm2-logits, bigram-counts"
    assert messages[0][0]["error"] == f"name must be one of {known}; got 'gpt5'"

    def missing(name):
        raise FileNotFoundError("get it with pip")

    monkeypatch.setattr(vocabularies, "page_data", missing)
    explorer._handle_custom_msg({"request": "cl100k"}, [])
    assert messages[1] == ({"data": "cl100k", "error": "get it with pip"},)
