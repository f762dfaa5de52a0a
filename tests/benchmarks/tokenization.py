"""Byte-pair encoding against Hugging Face's tokenizers, tiktoken and the textbook."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import accumulate

from tokenizers import Regex, Tokenizer, models, pre_tokenizers, trainers

from fmlab.bpe import Pair
from fmlab.corpora import python_docs
from fmlab.pretokenization import compile_pattern, to_bytes
from fmlab.tokenization import GPT4_SPLIT, BPETokenizer
from tests.benchmarks.bench import progress, race, row

PACKAGES = ["regex", "tokenizers", "tiktoken"]
VOCAB_SIZE = 4096
TEXTBOOK_MERGES = 8

# Its engine reads {1,3}+ as "once or more". Without the plus the pattern cuts every text alike,
# for digits once taken are never given back, whatever follows.
HUGGING_FACE_SPLIT = GPT4_SPLIT.replace("{1,3}+", "{1,3}")


def rows(rounds: int, quick: bool = False) -> Iterator[dict]:
    progress("reading the documentation of NumPy, Matplotlib and PyTorch")
    text = python_docs()[: 60_000 if quick else None]
    lines = text.splitlines(keepends=True)
    size = f"{len(text.encode()) / 1e6:.1f} MB of Python documentation"
    tokenizer = BPETokenizer.train(text, VOCAB_SIZE)
    merges = list(tokenizer.merges)
    if textbook(words_of(text), TEXTBOOK_MERGES) != merges[:TEXTBOOK_MERGES]:
        raise RuntimeError("the textbook learns other merges, so the times do not compare")

    progress(f"training; of the textbook's merges, the first {TEXTBOOK_MERGES}")
    seconds = race(
        rounds,
        fmlab=lambda: lambda: BPETokenizer.train(text, VOCAB_SIZE),
        tokenizers=lambda: lambda: train_hugging_face([text]),
        tokenizers_by_line=lambda: lambda: train_hugging_face(lines),
        textbook=lambda: given(textbook, words_of(text), TEXTBOOK_MERGES),
    )
    work = f"train BPE, {VOCAB_SIZE} ids, on {size}"
    peers = {
        "tokenizers": "Hugging Face tokenizers (Rust), the text in one piece: the same words",
        "tokenizers_by_line": "Hugging Face tokenizers (Rust), line by line: it may use every "
        "core, and cuts slightly different words, for none goes on over the end of a line",
    }
    for name, peer in peers.items():
        yield row(work, peer, seconds["fmlab"], seconds[name], target=1)

    peer = (
        "a textbook trainer in Python that counts all pairs anew before every merge; estimated: "
        f"only its first {TEXTBOOK_MERGES} merges were timed, and each later one is taken to need "
        "less, in proportion to the symbols that are left by then"
    )
    # Cautious: every word costs the textbook something, however few symbols are left of it.
    left = symbols_left(text, tokenizer)
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
    work = f"encode {size} with the {VOCAB_SIZE} ids learnt from it"
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
    """The same merges, with a letter for each byte as that package has it"""
    shown = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = (chr(256 + i) for i in range(256))
    letters = [chr(byte) if byte in shown else next(others) for byte in range(256)]
    names = {i: "".join(letters[byte] for byte in token) for i, token in ours.vocab.items()}
    merges = [(names[left], names[right]) for left, right in ours.merges]
    tokenizer = Tokenizer(models.BPE({name: i for i, name in names.items()}, merges))
    tokenizer.pre_tokenizer = pre_tokenizer()
    return tokenizer


# The textbook


def words_of(text: str) -> list[list[int]]:
    return [list(to_bytes(word)) for word in compile_pattern(GPT4_SPLIT).findall(text)]


def textbook(words: list[list[int]], n_merges: int) -> list[Pair]:
    """Learn merges in the way that is easiest to say: count, merge the most frequent, repeat."""
    merges = []
    for new in range(256, 256 + n_merges):
        counts = Counter()
        for word in words:
            counts.update(zip(word, word[1:]))
        pair = max(counts, key=counts.get)
        merges.append(pair)
        words = [merge(word, pair, new) for word in words]
    return merges


def merge(word: list[int], pair: Pair, new: int) -> list[int]:
    out, i = [], 0
    while i < len(word):
        if i + 1 < len(word) and word[i] == pair[0] and word[i + 1] == pair[1]:
            out.append(new)
            i += 2
        else:
            out.append(word[i])
            i += 1
    return out


def symbols_left(text: str, ours: BPETokenizer) -> list[int]:
    """How many symbols the text consists of before each merge."""
    uses = Counter(ours.encode(text))
    for (left, right), new in reversed(ours.merges.items()):
        uses[left] += uses[new]
        uses[right] += uses[new]
    n_bytes = len(to_bytes(text))
    return list(accumulate((-uses[new] for new in ours.merges.values()), initial=n_bytes))[:-1]
