"""Byte-pair encoding against Hugging Face's tokenizers, tiktoken and the textbook trainer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import accumulate

from tokenizers import Regex, Tokenizer, models, pre_tokenizers, trainers

from fmlab.data.corpora import python_docs
from fmlab.tokenization.bpe import Pair, apply_merges
from fmlab.tokenization.hub_format import CHARACTERS
from fmlab.tokenization.pretokenization import GPT4_SPLIT, count_words
from fmlab.tokenization.textbook import textbook_bpe
from fmlab.tokenization.tokenizers import BPETokenizer
from tests.benchmarks.bench import progress, race, row

PACKAGES = ["regex", "tokenizers", "tiktoken"]
VOCAB_SIZE = 4096
TEXTBOOK_MERGES = 8

# Its regex engine reads {1,3}+ as "once or more". Without the plus, the pattern splits every text
# the same way, because no later part of it can make the engine give digits back.
HUGGING_FACE_SPLIT = GPT4_SPLIT.replace("{1,3}+", "{1,3}")


def rows(rounds: int, quick: bool = False) -> Iterator[dict]:
    progress("reading the documentation of NumPy, Matplotlib and PyTorch")
    text = python_docs()[: 60_000 if quick else None]
    lines = text.splitlines(keepends=True)
    size = f"{len(text.encode()) / 1e6:.1f} MB of Python documentation"
    tokenizer = BPETokenizer.train(text, VOCAB_SIZE)
    merges = list(tokenizer.merges)
    word_counts = count_words(text, GPT4_SPLIT)
    by_textbook = [pair for pair, _ in textbook_bpe(word_counts, TEXTBOOK_MERGES)]
    if by_textbook != merges[:TEXTBOOK_MERGES]:
        raise RuntimeError("the textbook trainer learns other merges, so the times do not compare")

    progress(f"training; of the textbook's merges, the first {TEXTBOOK_MERGES}")
    seconds = race(
        rounds,
        fmlab=lambda: lambda: BPETokenizer.train(text, VOCAB_SIZE),
        tokenizers=lambda: lambda: train_hugging_face([text]),
        tokenizers_by_line=lambda: lambda: train_hugging_face(lines),
        textbook=lambda: given(textbook_bpe, word_counts, TEXTBOOK_MERGES),
    )
    work = f"train BPE, {VOCAB_SIZE} ids, on {size}"
    peers = {
        "tokenizers": "Hugging Face tokenizers (Rust), the text in one piece: the same words",
        "tokenizers_by_line": "Hugging Face tokenizers (Rust), line by line: it may use every "
        "core, and its words differ slightly, because none continues past the end of a line",
    }
    for name, peer in peers.items():
        yield row(work, peer, seconds["fmlab"], seconds[name], target=1)

    peer = (
        "the textbook trainer in Python, which counts all pairs again before every merge; "
        f"estimated: only its first {TEXTBOOK_MERGES} merges were timed, and the time of each "
        "later one is assumed to be proportional to the symbols that are left by then"
    )
    # A cautious estimate: every word takes some time, however few symbols are left of it.
    left = symbols_left(word_counts, tokenizer.merges)
    estimate = seconds["textbook"] / sum(left[:TEXTBOOK_MERGES]) * sum(left)
    yield row(work, peer, seconds["fmlab"], estimate, target=200)

    progress("encoding")
    in_tiktoken, expected = tokenizer.to_tiktoken(), tokenizer.encode(text)
    if not expected == in_tiktoken.encode(text) == in_hugging_face(tokenizer).encode(text).ids:
        raise RuntimeError("the tokenizers give different ids, so their times do not compare")
    seconds = race(
        rounds,
        fmlab=lambda: given(BPETokenizer(merges).encode, text),
        tokenizers=lambda: given(in_hugging_face(tokenizer).encode_batch_fast, [text]),
        tiktoken=lambda: given(in_tiktoken.encode, text),
    )
    work = f"encode {size} with the {VOCAB_SIZE} ids learned from it"
    peers = {"tokenizers": "Hugging Face tokenizers (Rust)", "tiktoken": "tiktoken (Rust)"}
    for (name, peer), target in zip(peers.items(), (1, 0.5)):
        yield row(work, f"{peer}, same merges, same ids", seconds["fmlab"], seconds[name], target)


def given(function, *arguments):
    return lambda: function(*arguments)


# Hugging Face


def pre_tokenizer() -> pre_tokenizers.PreTokenizer:
    split = pre_tokenizers.Split(Regex(HUGGING_FACE_SPLIT), "isolated")
    to_letters = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    return pre_tokenizers.Sequence([split, to_letters])


def train_hugging_face(texts: list[str]) -> Tokenizer:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizer()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCAB_SIZE,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def in_hugging_face(ours: BPETokenizer) -> Tokenizer:
    """Return a tokenizer with the same merges, and that package's character for each byte."""
    names = {i: "".join(CHARACTERS[byte] for byte in token) for i, token in ours.vocab.items()}
    merges = [(names[left], names[right]) for left, right in ours.merges]
    tokenizer = Tokenizer(models.BPE({name: i for i, name in names.items()}, merges))
    tokenizer.pre_tokenizer = pre_tokenizer()
    return tokenizer


# The textbook


def symbols_left(word_counts: Mapping[bytes, int], merges: Mapping[Pair, int]) -> list[int]:
    """Return how many symbols the distinct words consist of before each merge."""
    uses = Counter(symbol for word in word_counts for symbol in apply_merges(word, merges))
    for (left, right), new in reversed(merges.items()):
        uses[left] += uses[new]
        uses[right] += uses[new]
    n_bytes = sum(map(len, word_counts))
    return list(accumulate((-uses[new] for new in merges.values()), initial=n_bytes))[:-1]
