"""What Python expects of the tokenizer explorer's JavaScript."""
# ruff: noqa: RUF001 (letters that look like others are what is tested)

import base64
import itertools
import random

import regex

from fmlab.tokenization.pretokenization import GPT2_SPLIT, GPT4_SPLIT
from fmlab.tokenization.tokenizers import BPETokenizer
from fmlab.widgets import TokenizerExplorer as Widget

PROSE = """
The rain came over the hills in the afternoon, and the children who weren't home yet ran. "Where's
your coat?" asked the miller; it'll rain until 1984 or 2025, he said, and they'd laugh: ha, haha!
    def rain(hours=12):
        return [hour * 3.5 for hour in range(hours)]
Der Regen kam am Nachmittag über die Hügel, und die Kinder, die noch draußen waren, liefen heim.
La pluie est arrivée l'après-midi : les enfants n'étaient pas rentrés. Où est ton manteau ?
Дождь пришёл после полудня, и дети побежали домой. Где твоё пальто? спросил мельник.
Η βροχή ήρθε το απόγευμα και τα παιδιά έτρεξαν στο σπίτι. Πού είναι το παλτό σου;
جاء المطر بعد الظهر وركض الأطفال إلى البيت. أين معطفك؟ سأل الطحان ١٢٣٤ مرة.
הגשם בא אחר הצהריים והילדים רצו הביתה. איפה המעיל שלך?
दोपहर में बारिश आई और बच्चे घर की ओर दौड़े। तुम्हारा कोट कहाँ है?
下午下雨了，孩子们跑回家。你的外套在哪里？ 午後に雨が降り、子どもたちは家へ走った。
오후에 비가 와서 아이들이 집으로 뛰어갔다. ฝนตกตอนบ่าย เด็กๆ วิ่งกลับบ้าน
☔🌧️🌧️ 🏃‍♀️🏃‍♂️ 🏠!!! 👩‍👩‍👧 🇩🇪🇫🇷 👍🏽👍🏽 … — “quoted” ½ ² Ⅷ
"""
AWKWARD = [
    *["", "a", " ", "  ", "\n", "\r\n", "\t", "x ", " x", "  x", "x  ", "x \n", "\n\n x \n\n\n"],
    *["a\r\nb\rc\n\nd", "!!!\r\n\n?", " !?\n x", "   \n  \n x", "\t\tx\t y", "x\u00a0\u00a0y"],
    *["don't DON'T 'S's'ſ'ſt 'll'LL'lL've'RE 'm'd't''s ' s", "I'ſt", "x'y", "'", "''ll"],
    *["\x1c\x1d\x1e\x1f", "a\x1cb\x85c\ufeffd\u2028e\u3000f\u180eg\u200bh", "\x85\x85x", "…\n"],
    *["1234567", "12 345.678,90", "١٢٣٤٥", "½²Ⅷ①一二", "v2.0-rc1", "x1y22z333"],
    *["e\u0301e\u0301", "\u0301", "ǅ ŉ ß ẞ İ ı ſ K", "नमस्ते दुनिया", "ฝนตก", "下雨了。", "한국어"],
    *["👩‍👩‍👧", "🇩🇪🇫", "👍🏽", "🌧️", "𝒳𝟙", "\U0010ffff\ue000", "\x00\x07\x7f"],
    *["\ud83d", "a\ud83d b", "\udc00\ud83d", "\ud83d\ud83d x\udfff", "☔\ude00"],  # lone surrogates
    *["a" * 999, "ab" * 300, "aab" * 200, "rain" * 100, " " * 500, " " * 499 + "x", "\n" * 300],
    *["<b>&amp;</b><script>alert(1)</script>", "https://example.org/a?b=c#d", "<|end|>"],
]
STEPWISE = ["rain", " children", "aaaaaaaa", "下雨了", "🏃‍♀️", "    ", "babababab", "\ud83d"]


def vectors():
    trained = BPETokenizer.train(PROSE, 256 + 500)
    gpt2 = BPETokenizer.train(PROSE, 256 + 300, pattern=GPT2_SPLIT)
    every_pair = BPETokenizer(itertools.product(range(256), repeat=2))  # needs four bytes an id
    texts = [PROSE, *AWKWARD, *random_texts(300, seed=0)]
    return {
        "tokenizers": [
            tokenizer_vectors(trained, texts, [0, 1, 2, 17, 100, 333, 500]),
            tokenizer_vectors(gpt2, texts, [0, 50, 300]),
            tokenizer_vectors(tangled(400, seed=1), ["abcabcabc", *texts[-150:]], [7, 100, 400]),
            tokenizer_vectors(every_pair, AWKWARD, [30_000, 65_536]),
        ],
        "steps": [merge_steps(trained, word) for word in STEPWISE],
        "long": {"text": "a" * 20_000, "ids": trained.encode("a" * 20_000)},
        "counts": [[text, count(text)] for text in texts],
        "shapes": split_shapes(),
    }


def tokenizer_vectors(tokenizer, texts, limits):
    """Return what the page gets of a tokenizer, and the ids of texts under some of its merges."""
    explorer = Widget(tokenizer, text="")
    pairs = list(tokenizer.merges)
    cases = []
    for n in limits:
        fewer = BPETokenizer(pairs[:n], pattern=tokenizer.pattern)
        cases += [{"nMerges": n, "text": text, "ids": fewer.encode(text)} for text in texts]
    return {
        "merges": base64.b64encode(explorer.merges).decode(),
        "bytesPerId": explorer.bytes_per_id,
        "split": explorer.split,
        "cases": cases,
    }


def tangled(n_merges, seed):
    """Return a tokenizer whose merges overlap in every way: random pairs over three letters."""
    rng = random.Random(seed)
    lengths = {**dict.fromkeys(b"abc", 1)}
    pairs = {}
    while len(pairs) < n_merges:
        pair = rng.choice(list(lengths)), rng.choice(list(lengths))
        length = lengths[pair[0]] + lengths[pair[1]]
        if pair not in pairs and length <= 12:
            pairs[pair] = 256 + len(pairs)
            lengths[pairs[pair]] = length
    return BPETokenizer(pairs)


def random_texts(n, seed):
    """Return texts of random characters: half from all of AWKWARD, half from three letters."""
    rng = random.Random(seed)
    pool = sorted({*"".join(AWKWARD), *PROSE} - {chr(c) for c in range(0xD800, 0xE000)})
    wild = ["".join(rng.choices(pool, k=rng.randrange(1, 40))) for _ in range(n // 2)]
    return wild + ["".join(rng.choices("abc", k=rng.randrange(1, 60))) for _ in range(n - n // 2)]


def merge_steps(tokenizer, word):
    """Return how the ids of a word change as merges are added one by one: [[rank, ids], ...]."""
    pairs = list(tokenizer.merges)
    states = [[0, BPETokenizer().encode(word)]]
    for rank in range(1, len(pairs) + 1):
        ids = BPETokenizer(pairs[:rank], pattern=tokenizer.pattern).encode(word)
        if ids != states[-1][1]:
            states.append([rank, ids])
    return {"word": word, "states": states}


def count(text):
    """Return the number of characters, bytes and words."""
    return [len(text), len(text.encode("utf-8", "surrogatepass")), len(regex.findall(r"\S+", text))]


def split_shapes():
    """Return how a text with each character is cut, as runs [first, last, word lengths].

    The text is ``x?x1?1 ?``. Characters that this Unicode version does not know are left out.
    """
    split = regex.compile(GPT4_SPLIT).findall
    unknown = regex.compile(r"\p{Cn}").match
    runs = []
    for c in itertools.chain(range(0x14000), range(0x1B000, 0x20100)):
        character = chr(c)
        if unknown(character):
            continue
        shape = [len(word) for word in split(f"x{character}x1{character}1 {character}")]
        if runs and runs[-1][1] == c - 1 and runs[-1][2] == shape:
            runs[-1][1] = c
        else:
            runs.append([c, c, shape])
    return runs
