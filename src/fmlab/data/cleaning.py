"""Dataset engineering: find near-duplicates, personal data, repeated lines and damaged text.

Two texts are near-duplicates if they share most of their *shingles*, the runs of n words. Comparing
all pairs takes too long for a large corpus. So each text gets a signature of a few numbers, its
MinHash: the fraction of numbers that two signatures share estimates how similar the texts are.
Only texts whose signatures agree in a whole band are compared.

Shapes: N texts, H hashes. Source: Broder (1997), On the Resemblance and Containment of Documents;
Leskovec, Rajaraman and Ullman, Mining of Massive Datasets, section 3.4 (bands).
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence, Set
from itertools import combinations
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from fmlab.arguments import is_number, require, require_count, require_texts

PRIME = (1 << 31) - 1
SHINGLE, HASHES, BANDS = 3, 64, 16
PERSONAL = {
    "email": re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+"),
    "phone": re.compile(r"(?<![\w-])\d{3}-\d{3}-\d{4}(?![\w-])"),
}


def shingles(text: str, n: int = SHINGLE) -> frozenset[str]:
    """Return the runs of n words of a text, in lower case; a shorter text is one run.

    >>> sorted(shingles("Ada lives in Torn.", n=2))
    ['ada lives', 'in torn', 'lives in']
    """
    require_count("n", n)
    words = re.findall(r"\w+", text.lower())
    return frozenset(" ".join(words[i : i + n]) for i in range(max(1, len(words) - n + 1)))


def jaccard(first: Set[str], second: Set[str]) -> float:
    """Return the size of the intersection of two sets, divided by that of their union.

    >>> jaccard({"a", "b", "c"}, {"b", "c", "d"})
    0.5
    """
    union = len(first | second)
    return len(first & second) / union if union else 1.0


def hash_numbers(n: int, seed: int = 0) -> NDArray:
    """Return the random numbers (n,) of H = n / 2 hashes: first every a, then every b.

    A hash of x is (a x + b) modulo ``PRIME``. With a larger n, the first numbers stay the same.
    """
    require_count("n", n)
    return np.random.default_rng(seed).integers(1, PRIME, n, dtype=np.uint64)


def minhashes(sets: Sequence[Set[str]], n_hashes: int = HASHES, seed: int = 0) -> NDArray:
    """Return the signature of each set: the smallest value of each of H random hashes, (N, H).

    Two sets have the same smallest value with a probability of their Jaccard similarity.
    """
    require_count("n_hashes", n_hashes)
    a, b = hash_numbers(2 * n_hashes, seed).reshape(2, n_hashes)
    signatures = np.full((len(sets), n_hashes), PRIME, dtype=np.uint64)
    for i, members in enumerate(sets):
        x = np.array([crc32(member.encode()) % PRIME for member in members], dtype=np.uint64)
        if len(x):
            signatures[i] = ((x[:, None] * a + b) % PRIME).min(axis=0)  # (n, H) -> (H,)
    return signatures


def similar_pairs(
    texts: Sequence[str], threshold: float = 0.8, n_hashes: int = HASHES, bands: int = BANDS
) -> list[tuple[int, int]]:
    """Return the pairs (i, j), i < j, of texts that share at least this fraction of shingles.

    Candidates share a band of their signatures; their exact similarity decides. A pair above the
    threshold is missed only if no band agrees.
    Errors: ``ValueError`` for a threshold outside (0, 1], or bands that do not divide the hashes.
    """
    require_texts("texts", texts)
    valid = is_number(threshold) and 0 < threshold <= 1
    require(valid, "threshold", "a number in (0, 1]", threshold)
    require_count("bands", bands)
    require(n_hashes % bands == 0, "bands", f"a divisor of {n_hashes}", bands)
    sets = [shingles(text) for text in texts]
    pairs = set(_candidates(minhashes(sets, n_hashes), bands))
    return sorted((i, j) for i, j in pairs if jaccard(sets[i], sets[j]) >= threshold)


def chance_of_candidate(similarity: float | NDArray, bands: int, rows: int) -> float | NDArray:
    """Return the probability that two texts of a similarity agree in all rows of some band.

    >>> round(chance_of_candidate(0.8, bands=16, rows=4), 4)
    0.9998
    """
    require_count("bands", bands)
    require_count("rows", rows)
    return 1 - (1 - similarity**rows) ** bands


def _candidates(signatures: NDArray, bands: int) -> Iterator[tuple[int, int]]:
    """Yield the pairs that share a band."""
    for band in np.split(signatures, bands, axis=1):
        buckets = defaultdict(list)
        for i, row in enumerate(band):
            buckets[row.tobytes()].append(i)
        for bucket in buckets.values():
            yield from combinations(bucket, 2)


def duplicates(texts: Sequence[str], threshold: float = 0.8) -> set[int]:
    """Return the indices of the texts that are similar to an earlier one, as ``similar_pairs``.

    >>> duplicates(["Ada lives in Torn now.", "Bo sings well.", "Ada lives in Torn now!"])
    {2}
    """
    return {later for _, later in similar_pairs(texts, threshold)}


def personal_data(text: str) -> list[str]:
    """Return what looks like an email address or a phone number.

    >>> personal_data("Write to bo.torn7@example.invalid, or call 000-123-4567. Born in 456.")
    ['bo.torn7@example.invalid', '000-123-4567']
    """
    return [match for pattern in PERSONAL.values() for match in pattern.findall(text)]


def redact(text: str) -> str:
    """Replace what looks like personal data by its kind.

    >>> redact("Call 000-123-4567 after six.")
    'Call [phone] after six.'
    """
    for kind, pattern in PERSONAL.items():
        text = pattern.sub(f"[{kind}]", text)
    return text


def repeated_lines(texts: Sequence[str], least: int) -> set[str]:
    """Return the lines that occur in at least this many texts: navigation, cookie notices.

    >>> repeated_lines(["Ada sings.\\nLog in", "Log in\\nBo is here."], least=2)
    {'Log in'}
    """
    require_count("least", least)
    counts = Counter(line for text in texts for line in {*text.split("\n")})
    return {line for line, n in counts.items() if n >= least and line.strip()}


def without_lines(text: str, lines: Set[str]) -> str:
    """Return the text without the lines in a set."""
    return "\n".join(line for line in text.split("\n") if line not in lines)


class Familiarity:
    """How usual the pairs of neighboring words in a text are, according to trusted texts.

    >>> familiar = Familiarity(["Ada lives in Torn.", "Bo lives in Hemmel."])
    >>> familiar("Bo lives in Torn."), familiar("Torn Bo in lives.")
    (1.0, 0.0)
    """

    def __init__(self, trusted: Iterable[str]) -> None:
        self.pairs = {pair for text in trusted for pair in _word_pairs(text)}
        require(len(self.pairs) > 0, "trusted", "texts with at least two words", trusted)

    def __call__(self, text: str) -> float:
        """Return the fraction of pairs that occur in a trusted text; 1 for a single word."""
        pairs = _word_pairs(text)
        return sum(pair in self.pairs for pair in pairs) / len(pairs) if pairs else 1.0


def _word_pairs(text: str) -> list[tuple[str, str]]:
    """Return the pairs of neighboring words; names and numbers count as a kind of word each."""
    tokens = re.findall(r"[^\W\d_]+|\d+|[^\w\s]", text)
    kinds = ["0" if t.isdigit() else "Name" if t[0].isupper() else t for t in tokens]
    return list(zip(kinds, kinds[1:]))
