"""Properties of fmlab.experiments.masked_and_causal."""

from collections import Counter

import pytest
import torch

from fmlab.experiments import masked_and_causal as lab
from fmlab.experiments import results
from fmlab.models import GPT, MaskedModel

NOUNS = ("waiter", "host", "soup", "tea", "hall", "guide")
COUNTS = Counter(
    ("The", noun, "was", word, ".") for noun in NOUNS for word in ("good", "bad", "fine")
)


@pytest.fixture(scope="module")
def data():
    return lab.Clauses.of(COUNTS)


def test_clauses_are_cut_at_commas_and_conjunctions():
    class World:
        def documents(self, n, kind):
            return [
                "Review of an inn\nGood! The tea was cold and bland, but the host was kind. Bye."
            ]

    counts = lab.sentences(World(), 1)
    assert set(counts) == {
        ("The", "tea", "was", "cold", "and", "bland", "."),
        ("The", "host", "was", "kind", "."),
    }


def test_held_out_sentences_are_not_among_the_others(data):
    assert set(data.training).isdisjoint(data.held_out)
    assert len(data.training) == 15
    assert len(data.held_out) <= 3
    assert all(set(sentence) <= set(data.words) for sentence in data.held_out)


def test_sentences_make_a_round_trip(data):
    rows = data.encode(data.training)
    assert rows.shape == (15, data.length)
    assert [data.decode(row) for row in rows.tolist()] == data.training


def test_padding_does_not_change_the_loss(data):
    model = lab.untrained("autoregressive", data)
    rows, generator = data.encode(data.training[:4])[:, :-1], torch.Generator().manual_seed(0)
    padded = torch.nn.functional.pad(rows, (0, 1))
    losses = [lab.loss_of(model, each, generator) for each in (rows, padded)]
    assert torch.isclose(*losses)


@pytest.mark.parametrize(("kind", "model"), [("masked", MaskedModel), ("autoregressive", GPT)])
def test_kinds_are_models(data, kind, model):
    assert isinstance(lab.untrained(kind, data), model)


def test_unknown_kinds_are_rejected(data):
    with pytest.raises(ValueError, match="kind must be one of masked, autoregressive"):
        lab.untrained("both", data)


def test_an_autoregressive_model_does_not_see_what_follows_the_noun(data):
    model = lab.untrained("autoregressive", data)
    rows = [("The", "tea", "was", "good", "."), ("The", "tea", "was", "bad", ".")]
    first, second = lab.noun_logits(model, data, rows)
    assert torch.equal(first, second)


def test_a_masked_model_sees_it_unless_it_is_taken_away(data):
    model = lab.untrained("masked", data)
    rows = [("The", "tea", "was", "good", "."), ("The", "tea", "was", "bad", ".")]
    first, second = lab.noun_logits(model, data, rows)
    assert not torch.allclose(first, second)
    first, second = lab.noun_logits(model, data, rows, "left")
    assert torch.allclose(first, second)


def test_the_noun_itself_is_hidden(data):
    model = lab.untrained("masked", data)
    rows = [("The", "tea", "was", "good", "."), ("The", "host", "was", "good", ".")]
    first, second = lab.noun_logits(model, data, rows)
    assert torch.allclose(first, second)


def test_people_are_told_apart_by_the_sum_of_their_probabilities(data):
    nouns = lab.nouns(data)
    scores = torch.full((2, len(nouns)), -9.0)
    scores[0, nouns.index("host")] = 9.0
    scores[1, nouns.index("soup")] = 9.0
    assert lab.person_by_scores(data, scores).tolist() == [True, False]


def test_written_sentences_have_words_only(data):
    for kind in lab.KINDS:
        texts = lab.write(lab.untrained(kind, data), data, n=5)
        assert len(texts) == 5
        assert not {w for t in texts for w in t} & set(data.words[:3])
    texts = lab.fill_in(lab.untrained("masked", data), data, n=5)
    assert len(texts) == 5
    assert all(text[-1] == "." for text in texts)


def test_record_is_of_the_seeds_and_counts_no_more_than_there_are():
    record = results.read("masked_and_causal")
    assert [p["seed"] for p in record["points"]] == list(lab.SEEDS)
    assert all(k <= record["n"] for p in record["points"] for k in p["right"].values())
