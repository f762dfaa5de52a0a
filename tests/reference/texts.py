"""Real text for comparisons with other tokenizers, beside the documentation of the packages."""

import random
import unicodedata
from pydoc_data.topics import topics

# The topics of Python's own help(): about 0.5 MB, another text in each version.
LANGUAGE_REFERENCE = "\n\n".join(topics[name] for name in sorted(topics))


def odd_strings(n, seed=0):
    """Random text that tokenizers tend to disagree on: any characters, spaces, digits, control
    characters, contractions, halves of special tokens. Without lone surrogates and code points
    without a character, which each library treats as its own version of Unicode does.
    """
    rng = random.Random(seed)
    characters = [chr(i) for i in range(0x110000)]
    characters = [c for c in characters if unicodedata.category(c) not in ("Cn", "Cs")]
    tricky = " \n\r\t'sSlLdDmtveR0123456789½٣Ⅷ.,!?-abcXYZé東😀\x04\x06\u2003\u00a0\u0301"
    pieces = ["don't", "I'll", "  ", "12 345", "1.5e-3", "<|im_start|", "naïve", "\n\n", "x=  12;"]
    pieces += [
        "的",
        "Zürich",
        "\t",
        "'S",
        "HTTP2",
        "\r\n",
        "한국어",
        "ตัวอย่าง",
        "...",
        "——",
        "👩🏽‍🚀",
    ]
    kinds = [
        lambda: "".join(rng.choices(characters, k=rng.randint(0, 25))),
        lambda: "".join(rng.choices(tricky, k=rng.randint(0, 40))),
        lambda: rng.choice(["", " "]).join(rng.choices(pieces, k=rng.randint(1, 12))),
        lambda: "".join(rng.choices([chr(i) for i in range(300)], k=rng.randint(1, 40))),
    ]
    return [kinds[i % len(kinds)]() for i in range(n)]
