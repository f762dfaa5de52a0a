"""Properties of fmlab.experiments.messy_corpus."""

import pytest

from fmlab.experiments import messy_corpus as messy


@pytest.fixture(scope="module")
def documents():
    return messy.corpus(0)[:600]


def test_kinds_of_flaws_are_those_that_the_pipeline_looks_for(documents):
    flagged = messy.flagged([document.text for document in documents])
    assert {document.flaw for document in documents} == {*flagged, None}


def test_planted_junk_is_in_the_damaged_documents_and_nowhere_else(documents):
    def has_junk(document):
        return any(piece in document.text for piece in messy.planted_junk())

    damaged = [document for document in documents if document.flaw == "encoding_junk"]
    others = [document for document in documents if document.flaw != "encoding_junk"]
    assert len(damaged) > 20
    assert sum(map(has_junk, damaged)) > 0.9 * len(damaged)  # others have replacement characters
    assert not any(map(has_junk, others))
    assert "\ufffd" not in messy.planted_junk()


def test_the_list_of_the_cleaning_flags_more_than_was_planted(documents):
    assert all(messy.is_junk(d.text) for d in documents if d.flaw == "encoding_junk")
    clean = [messy.is_junk(d.text) for d in documents if d.flaw is None]
    assert 0 < sum(clean) < 0.1 * len(clean)  # letters of another language


def test_hard_cases_are_planted(documents):
    texts = [document.text for document in documents]
    assert any("example dot invalid" in text for text in texts)
    harmless = [d for d in documents if d.text.split("\n")[-1] in messy.HARMLESS]
    assert harmless
    assert all(d.flaw is None and messy.is_rude(d.text) for d in harmless)


def test_cleaning_edits_what_it_keeps(documents):
    texts = [document.text for document in documents]
    kept, cleaned = messy.kept(texts), messy.cleaned(texts)
    assert len(kept) == len(cleaned) < len(texts)
    unchanged = [texts[i] == text for i, text in zip(kept, cleaned)]
    assert sum(unchanged) > 0.7 * len(kept)
    assert not any(messy.personal_data(text) for text in cleaned)
    assert not any(messy.is_junk(text) or messy.is_rude(text) for text in cleaned)


def test_the_control_drops_as_many_and_edits_none(monkeypatch, documents):
    monkeypatch.setattr(messy, "corpus", lambda seed: documents)
    chosen = {name: messy.texts_of(name, 0) for name in messy.CORPORA}
    texts = [document.text for document in documents]
    assert chosen["messy"] == texts
    assert len(chosen["random"]) == len(chosen["cleaned"])
    assert set(chosen["random"]) < set(texts)
    assert chosen["undamaged"] == [d.text for d in documents if d.flaw is None]


def test_precision_and_recall_count_the_same_hits():
    assert messy.precision_recall({1, 2, 3}, {2, 3, 4, 5}) == (2, 3, 4)
    assert messy.precision_recall(set(), {1}) == (0, 0, 1)
