"""What Python expects of the duplicate explorer's JavaScript: the same hashes as in fmlab."""

from zlib import crc32

from fmlab.data import chance_of_candidate, hash_numbers, jaccard, minhashes, shingles
from fmlab.evaluation.statistics import wilson_interval
from fmlab.widgets import DuplicateExplorer as Widget
from fmlab.widgets.duplicates import MOST

__all__ = ["Widget", "vectors"]

PAIRS = [
    ("Ada lives in Torn and plays the cello.", "Ada lives in Torn and plays the tuba."),
    ("", "Bo"),
    ("", "..."),
    ("the the the the the", "the"),
    ("ΑΣ Straße İstanbul naïve_2 x²", "日本語 ½ é — e\u0301 snake_case 🙂"),
    (" ".join(f"w{i}" for i in range(80)), " ".join(f"w{i}" for i in range(10, 95))),
]
STATE = ("first", "second", "n", "bands", "rows", "threshold")
SETTINGS = [(3, 16, 4), (1, 1, 1), (2, 32, 8), (6, 5, 7)]


def vectors():
    words = [s for pair in PAIRS for text in pair for s in sorted(shingles(text, 2))]
    return {
        "most": MOST,
        "numbers": hash_numbers(2 * MOST["bands"] * MOST["rows"]).tolist(),
        "crc32": [[word, crc32(word.encode())] for word in words],
        "wilson": [[k, n, list(wilson_interval(k, n))] for n in (1, 7, 64) for k in range(n + 1)],
        "chances": [
            [s, b, r, chance_of_candidate(s, b, r)]
            for s in (0, 0.3, 0.8, 1)
            for b, r in ((1, 1), (16, 4), (32, 8))
        ],
        "results": [result(*pair, *given) for pair in PAIRS for given in SETTINGS],
    }


def result(first, second, n, bands, rows):
    explorer = Widget({"pair": (first, second)}, n=n, bands=bands, rows=rows, threshold=0.5)
    sets = [shingles(first, n), shingles(second, n)]
    return {
        "state": {name: getattr(explorer, name) for name in STATE},
        "sets": [sorted(members) for members in sets],
        "signatures": minhashes(sets, bands * rows).tolist(),
        "similarity": jaccard(*sets),
        "estimate": explorer.estimate.rate,
        "interval": [explorer.estimate.low, explorer.estimate.high],
        "inBand": explorer.agreement.tolist(),
        "chance": explorer.chance,
        "isCandidate": explorer.is_candidate,
        "isFlagged": explorer.is_flagged,
    }
