"""Properties of fmlab.experiments.capacity_grid."""

import pytest
import torch

from fmlab.experiments import capacity_grid, results
from fmlab.models.configs import GPTConfig
from fmlab.tokenization import BPETokenizer


@pytest.fixture
def small_grid(monkeypatch):
    """A corpus of random tokens, and models and runs that take a moment."""
    generator = torch.Generator().manual_seed(0)
    text = torch.randint(20, (2000,), generator=generator)
    pages = [text[i : i + 200] for i in range(0, 800, 200)]
    corpus = capacity_grid.Corpus.of(BPETokenizer(), text, [page.tolist() for page in pages])
    monkeypatch.setattr(capacity_grid, "corpus", lambda: corpus)
    shape = GPTConfig(512, capacity_grid.CONTEXT, 1, 1, 4)
    monkeypatch.setattr(capacity_grid, "SHAPES", {"smaller": shape, "larger": shape})
    monkeypatch.setattr(capacity_grid, "STEPS", {"little": 4, "much": 4})
    monkeypatch.setattr(capacity_grid, "EVERY", {"little": 2, "much": 2})
    monkeypatch.setattr(capacity_grid, "LITTLE", 300)


def test_targets_are_the_next_tokens():
    inputs, targets = capacity_grid.rows(torch.arange(500), 3, torch.Generator().manual_seed(1))
    assert inputs.shape == targets.shape == (3, capacity_grid.CONTEXT)
    assert (targets == inputs + 1).all()


def test_little_data_is_part_of_all_data_and_depends_on_the_seed(small_grid):
    everything = capacity_grid.data_of("much", 0)
    first, second = (capacity_grid.data_of("little", seed) for seed in (0, 1))
    assert len(everything) == 2000
    assert len(first) == len(second) == 300
    assert not torch.equal(first, second)
    assert any(torch.equal(first, everything[i : i + 300]) for i in range(1701))


def test_the_best_step_is_where_validation_is_lowest(small_grid):
    run = capacity_grid.train("smaller", "little", 0, 1e-2)
    curve = run["curve"]
    assert curve["step"] == [2, 4]
    place = curve["step"].index(run["best_step"])
    assert run["validation"] == min(curve["validation"]) == curve["validation"][place]
    assert run["test"] == curve["test"][place]
    assert run["last_test"] == curve["test"][-1]


def test_the_better_learning_rate_is_chosen_by_validation(monkeypatch):
    monkeypatch.setattr(capacity_grid, "RATES", {("smaller", "little"): (1, 2, 3)})
    monkeypatch.setattr(
        capacity_grid,
        "train",
        lambda size, amount, seed, rate: {"rate": rate, "validation": abs(rate - 2), "test": -rate},
    )
    assert capacity_grid.best_of_rates("smaller", "little", 0)["rate"] == 2


def test_n_of_the_ngrams_is_chosen_by_validation(small_grid):
    counts = capacity_grid.ngram_loss("much", 0)
    assert 1 <= counts["n"] <= capacity_grid.LONGEST
    assert counts["test"] > 0


def test_record_has_all_cells():
    record = results.read("capacity_grid")
    cells = [(p["amount"], p["size"], p["seed"]) for p in record["points"]]
    assert len(set(cells)) == len(cells) == 12


def test_a_corpus_that_is_already_encoded_gives_the_same_run(small_grid, monkeypatch):
    text = capacity_grid.corpus()
    expected = capacity_grid.train("smaller", "little", 0, 1e-2)
    monkeypatch.setattr(capacity_grid, "corpus", None)
    assert capacity_grid.train("smaller", "little", 0, 1e-2, text) == expected
