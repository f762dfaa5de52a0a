"""Properties of fmlab.data.cleaning."""

from itertools import combinations

import numpy as np
import pytest

from fmlab.data import cleaning
from fmlab.data.cleaning import (
    Familiarity,
    chance_of_candidate,
    duplicates,
    hash_numbers,
    jaccard,
    minhashes,
    personal_data,
    redact,
    repeated_lines,
    shingles,
    similar_pairs,
    without_lines,
)


def random_texts(n, seed=0):
    rng = np.random.default_rng(seed)
    words = [f"w{i}" for i in range(300)]
    return [" ".join(rng.choice(words, 30)) for _ in range(n)]


def test_signatures_estimate_the_similarity():
    rng = np.random.default_rng(1)
    for share in (0.2, 0.5, 0.8):
        common = {f"c{i}" for i in range(int(100 * share))}
        first, second = (common | {f"{x}{i}" for i in range(100 - len(common))} for x in "ab")
        a, b = minhashes([first, second], 2000, seed=int(rng.integers(1000)))
        # The standard error is at most 0.0112: fails falsely with a chance below 1e-5.
        assert (a == b).mean() == pytest.approx(jaccard(first, second), abs=0.05)


def test_all_pairs_found_are_similar_and_exact_duplicates_are_never_missed():
    texts = random_texts(60)
    texts += [text.replace("w1", "w2", 1) for text in texts[:20]] + texts[20:30]
    sets = [shingles(text) for text in texts]
    similar = {
        (i, j) for i, j in combinations(range(len(texts)), 2) if jaccard(sets[i], sets[j]) >= 0.8
    }
    found = set(similar_pairs(texts, 0.8))
    assert found <= similar
    assert duplicates(texts, 1.0) >= set(range(80, 90))


def test_the_chance_of_a_candidate_is_the_rate_at_which_some_band_agrees():
    first = {f"c{i}" for i in range(60)}
    second = {f"c{i}" for i in range(20, 80)}  # 40 of 80 are shared
    n, bands, rows = 2000, 5, 3
    a, b = minhashes([first, second], n * bands * rows)
    agrees = (a == b).reshape(n, bands, rows).all(axis=2).any(axis=1)  # (H,) -> (n, b, r) -> (n,)
    # The standard error is at most 0.0112: fails falsely with a chance below 1e-5.
    assert agrees.mean() == pytest.approx(chance_of_candidate(0.5, bands, rows), abs=0.05)
    assert chance_of_candidate(np.array([0.0, 1.0]), bands, rows).tolist() == [0, 1]


def test_more_numbers_leave_the_first_ones_as_they_are():
    assert hash_numbers(200)[:50].tolist() == hash_numbers(50).tolist()
    assert hash_numbers(50, seed=1).tolist() != hash_numbers(50).tolist()


def test_agrees_with_datasketch_on_its_own_hashes():
    from datasketch import MinHash

    texts = [*random_texts(6), random_texts(1)[0] + " more"]
    for first, second in combinations(map(shingles, texts), 2):
        theirs = []
        for members in (first, second):
            theirs.append(MinHash(num_perm=256, seed=1))
            theirs[-1].update_batch([member.encode() for member in members])
        ours = minhashes([first, second], 256)
        # Two estimates with a standard error of at most 0.031 each: 5 sigma of their difference.
        assert (ours[0] == ours[1]).mean() == pytest.approx(theirs[0].jaccard(theirs[1]), abs=0.22)


@pytest.mark.parametrize(("threshold", "bands"), [(0, 16), (1.5, 16), (0.5, 7)])
def test_impossible_settings_are_errors(threshold, bands):
    with pytest.raises(ValueError, match=r"threshold|bands"):
        similar_pairs(["a b"], threshold, bands=bands)


def test_redacting_leaves_nothing_that_looks_personal():
    text = "Write to a.b+c@d-e.example.invalid or 000-123-4567, not 2000-123-45678."
    assert personal_data(text) == ["a.b+c@d-e.example.invalid", "000-123-4567"]
    assert personal_data(redact(text)) == []
    assert redact("nothing here") == "nothing here"


def test_repeated_lines_are_removed_and_others_stay():
    texts = ["Menu\na", "b\nMenu", "c\nc"]
    lines = repeated_lines(texts, 2)
    assert lines == {"Menu"}  # a line counts once per text
    assert [without_lines(text, lines) for text in texts] == ["a", "b", "c\nc"]


def test_familiarity_falls_when_words_are_shuffled():
    trusted = ["Ada lives in Torn. She was born in 456."] * 2 + ["Bo sings in the garden."]
    familiar = Familiarity(trusted)
    assert familiar("Bo lives in Hemmel. She sings in the garden.") > 0.9  # names are a kind
    assert familiar("in sings the She garden in lives. Bo") < 0.4
    assert familiar("one") == 1.0
    with pytest.raises(ValueError, match="trusted"):
        Familiarity(["a"])


def test_shingles_of_a_short_text():
    assert shingles("Ada") == {"ada"}
    assert shingles("") == {""}
    assert cleaning.jaccard(set(), set()) == 1.0
