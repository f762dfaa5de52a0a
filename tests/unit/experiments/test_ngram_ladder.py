"""Properties of fmlab.experiments.ngram_ladder."""

import pytest

from fmlab.experiments import ngram_ladder, results
from fmlab.models.pretrained import card


def test_a_small_run_has_all_orders_and_models(monkeypatch):
    monkeypatch.setattr(ngram_ladder, "N_TEXTS", 3)
    monkeypatch.setattr(ngram_ladder, "MODELS", ("nano",))
    content = ngram_ladder.run(n_documents=40)
    assert [p["n"] for p in content["ngrams"]] == [1, 2, 3, 4, 5]
    assert content["ngrams"][0]["loss"] > content["ngrams"][2]["loss"] > 0
    assert set(content["models"]) == {"nano"}


def test_held_out_documents_are_not_in_the_corpus(monkeypatch):
    monkeypatch.setattr(ngram_ladder, "N_TEXTS", 5)
    corpus = set(ngram_ladder.MicroWorld().documents(500))
    assert len(ngram_ladder.held_out()) == 5
    assert corpus.isdisjoint(ngram_ladder.held_out())


@pytest.mark.parametrize("name", ngram_ladder.MODELS)
def test_record_is_of_these_models(name):
    record = results.read("ngram_ladder")
    assert record["models"][name]["parameters"] == card(name)["parameters"]
    assert record["corpus_tokens"] > 9_000_000
