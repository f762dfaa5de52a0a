"""Properties of the experiments on training data: mixture_lab and the five that use it."""

import pytest

from fmlab.data import take
from fmlab.experiments import (
    data_decides,
    data_quality,
    domain_text,
    mixture_lab,
    planted_association,
    second_language,
)


@pytest.fixture(autouse=True)
def short(monkeypatch):
    """Training of a few steps."""
    train = mixture_lab.train

    def shorter(*arguments, steps=3, **options):
        return train(*arguments, steps=min(steps, 3), **options)

    monkeypatch.setattr(mixture_lab, "train", shorter)


def test_the_same_seed_gives_the_same_model():
    first, second = (mixture_lab.train(mixture_lab.english(0), seed=1) for _ in range(2))
    assert all((a == b).all() for a, b in zip(first.parameters(), second.parameters()))


def test_training_from_a_model_leaves_that_model_alone():
    start = mixture_lab.train(mixture_lab.english(0))
    before = [p.clone() for p in start.parameters()]
    more = mixture_lab.train(mixture_lab.english(1), start=start)
    pairs = list(zip(start.parameters(), more.parameters()))
    assert any((a != b).any() for a, b in pairs)
    assert all((a == b).all() for a, b in zip(start.parameters(), before))


def test_held_out_documents_are_in_no_training_text():
    held = set(mixture_lab.held_out())
    long = {text for text in held if len(text) > 200}
    for seed in mixture_lab.SEEDS:
        assert not long & set(mixture_lab.english(seed))


def test_test_items_are_in_no_training_list():
    for task in data_decides.LABELS:
        training, test = map(dict, data_decides.split(task))
        assert not set(training) & set(test)
        labels = data_decides.exam(task)[1]
        assert 0.4 < labels.count(data_decides.LABELS[task][0]) / len(labels) < 0.6


def test_mixtures_differ_only_in_labels():
    with_labels, without = (data_decides.texts(on, False, 0)[:200] for on in (True, False))
    bare = [text.replace(": even", "").replace(": odd", "") for text in with_labels]
    assert len(set(bare) & set(without)) > 100


def test_registers_are_in_equally_many_corpora():
    for n in data_quality.N_REGISTERS:
        corpora = data_quality.groups(n)
        counts = [sum(name in corpus for corpus in corpora) for name in data_quality.REGISTERS]
        assert set(map(len, corpora)) == {n}
        assert len(set(counts)) == 1


def test_a_smaller_clean_corpus_is_part_of_the_larger_one():
    small, large = (data_quality.clean_texts(fraction, 0) for fraction in (1 / 64, 1 / 4))
    assert large[: len(small)] == small
    assert len(large) > 8 * len(small)


def test_noise_damages_its_fraction_of_the_documents():
    level = 0.75
    noise = data_quality.mixed_noise(level)
    noisy = mixture_lab.world().labelled_documents(400, language="english", noise=noise)
    # 400 documents: five standard deviations are 0.11, so this fails once in a million times
    assert abs(sum(bool(d.noise) for d in noisy) / 400 - level) < 0.11


def test_fractions_are_in_bytes():
    texts = second_language.texts(0.25, "train 0", 40_000)
    sholmi = [t for t in texts if set("šäöőŋ") & set(t)]
    size = sum(len(t.encode()) for t in sholmi) / sum(len(t.encode()) for t in texts)
    assert 0.2 < size < 0.3


def test_a_cell_of_the_second_language_has_both_languages():
    point = second_language.measure(0.05, 0.5, 0)
    for language in second_language.LANGUAGES:
        assert min(point[language].values()) > 5


def test_continued_training_starts_with_the_losses_of_its_start(monkeypatch):
    monkeypatch.setattr(domain_text, "LOOKS", (2,))
    start = domain_text.from_scratch(0.0, 0)
    looks = domain_text.continued(start, 1.0, 0)
    assert [look["step"] for look in looks] == [0, 2]
    assert looks[0] == {"step": 0} | domain_text.losses(start)


def test_planted_sentences_lean_as_they_should():
    leans = planted_association.LEANS
    texts = take(planted_association.sentences(leans, 0, {"first": 1.0}), 90_000)
    lines = [line for text in texts for line in text.splitlines() if " gardener " in line]
    red = sum(line.endswith(" red.") for line in lines) / len(lines)
    # about 150 lines: five standard deviations are 0.09
    assert abs(red - leans["gardener"]) < 0.1


def test_strength_is_that_of_the_leaning_color():
    leans = planted_association.LEANS
    assert planted_association.strength(leans) == pytest.approx(0.79)
    assert planted_association.strength(dict.fromkeys(leans, 0.5)) == 0.5
