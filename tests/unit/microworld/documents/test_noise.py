"""Noise is labeled with what was inserted."""

from collections import Counter

import pytest

from microworld import Noise

NOISE = Noise(
    exact_duplicates=0.1, near_duplicates=0.1, personal_data=0.1, rude=0.1, boilerplate=0.1,
    encoding_junk=0.1, scrambled=0.1, wrong_facts=0.1,
)  # fmt: skip


def test_without_noise_nothing_is_labeled_as_noise(world):
    documents = list(world.labelled_documents(500))
    assert not any(d.noise for d in documents)
    assert not any("@" in d.text for d in documents)


def test_every_kind_of_noise_is_labeled_with_what_was_inserted(world):
    """Of 3000 documents, 0.1 +- 0.03 have each kind: the bound is over 5 standard errors."""
    documents = list(world.labelled_documents(3000, noise=NOISE))
    counts = Counter(kind for d in documents for kind in d.noise)
    assert all(count / 3000 == pytest.approx(0.1, abs=0.03) for count in counts.values())
    assert len(counts) == 8
    for d in documents:
        match d.noise:
            case ("exact_duplicates",):
                assert d.text == documents[d.labels["duplicate_of"]].text
            case ("near_duplicates",):
                first = documents[d.labels["duplicate_of"]].text
                assert d.text != first
                assert abs(len(d.text) - len(first)) < 8
            case ("personal_data",):
                assert all(item in d.text for item in d.labels["personal_data"])
                assert "example.invalid" in d.text or "000-" in d.text
            case ("rude",):
                assert d.labels["rude"] in d.text
            case ("boilerplate",):
                assert all(line in d.text for line in d.labels["boilerplate"])
            case ("encoding_junk",):
                assert all(junk in d.text for junk in d.labels["encoding_junk"])
            case ("wrong_facts",) | ("scrambled",):
                assert d.facts == ()


def test_wrong_facts_are_wrong(world):
    noise = Noise(wrong_facts=1.0)
    documents = world.labelled_documents(200, "encyclopedia", "english", noise=noise)
    claims = [c for d in documents for c in world.claims(d.text)]
    assert len(claims) > 300
    assert sum(bool(c.true) for c in claims) < 0.2 * len(claims)
    stories = world.labelled_documents(5, "stories", "english", noise=noise)
    assert not any(d.noise for d in stories), "a register without facts cannot have wrong ones"


@pytest.mark.parametrize(
    ("call", "argument"),
    [
        (lambda: Noise(rude=1.5), "rude"),
        (lambda: Noise(rude=0.6, scrambled=0.6), "noise"),
    ],
)
def test_bad_arguments_are_named(call, argument):
    with pytest.raises(ValueError, match=rf"^{argument} must be .+; got "):
        call()
