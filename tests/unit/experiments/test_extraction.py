"""Properties of fmlab.experiments.extraction: students differ only in what is revealed."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from fmlab.experiments import extraction, results
from fmlab.models.configs import GPTConfig
from fmlab.models.gpt import GPT
from fmlab.models.logprobs import token_logprobs
from tests.unit.tiny import TOKENIZER


@pytest.fixture(scope="module")
def config():
    return GPTConfig(257, context_length=64, n_layers=1, n_heads=1, d_model=8)


@pytest.fixture(scope="module")
def teacher(config):
    model = GPT(config, seed=1).eval()
    with torch.no_grad():
        model.transformer.wte.weight *= 40  # far from uniform, unlike a random model
    return extraction.Teacher(model, TOKENIZER)


@pytest.fixture(scope="module")
def rows(teacher):
    return teacher.answers(4, seed=0)


@pytest.fixture
def small(monkeypatch, config):
    """Make students have the teacher's shape."""
    monkeypatch.setattr(extraction, "LADDER", {"nano": SimpleNamespace(config=config)})


def test_answers_start_with_the_prompt_and_depend_on_the_seed(teacher, rows):
    n = len(teacher.prompt)
    assert rows.shape == (4, n + extraction.ANSWER)
    assert rows[:, :n].tolist() == [teacher.prompt] * 4
    assert torch.equal(rows, teacher.answers(4, seed=0))
    assert not torch.equal(rows, teacher.answers(4, seed=1))


def test_many_answers_come_in_several_batches(teacher, monkeypatch):
    monkeypatch.setattr(extraction, "ANSWER", 1)
    rows = teacher.answers(130, seed=0)
    assert len(rows) == 130
    assert len({tuple(row) for row in rows[:, -1:].tolist()}) > 1


def test_the_loss_on_text_is_that_of_the_sampled_tokens(teacher, rows):
    loss = extraction.loss(teacher.model, teacher, rows, "text")
    start = len(teacher.prompt)
    logprobs = [token_logprobs(teacher.model, row.tolist(), start) for row in rows]
    assert float(loss.detach()) == pytest.approx(-np.mean(logprobs), abs=1e-5)


@pytest.mark.parametrize("revealed", ["top 5", "logprobs"])
def test_no_student_has_a_lower_loss_than_the_teacher(teacher, rows, config, revealed):
    own = extraction.loss(teacher.model, teacher, rows, revealed)
    teacher.model.zero_grad()
    own.backward()
    assert all(weight.grad.abs().max() < 1e-5 for weight in teacher.model.parameters())
    teacher.model.zero_grad()
    for seed in range(3):
        other = extraction.loss(GPT(config, seed=seed), teacher, rows, revealed)
        assert float(other.detach()) > float(own.detach()) + 0.01


def test_the_distance_is_zero_from_itself_and_positive_from_others(teacher, rows, config):
    truth = teacher.logprobs(rows)
    assert extraction.divergence(truth, teacher.model, rows, teacher.prompt) == pytest.approx(0)
    assert extraction.divergence(truth, GPT(config), rows, teacher.prompt) > 0.01


def test_all_rows_are_used_before_any_is_used_again():
    order = np.concatenate(extraction.batches(n_rows=12, n_steps=7, seed=0))
    assert len(order) == 7 * extraction.BATCH_SIZE
    assert sorted(order[:12]) == sorted(order[12:24]) == list(range(12))
    assert order[:12].tolist() != order[12:24].tolist()


@pytest.mark.parametrize("revealed", extraction.REVEALED)
def test_a_student_gets_closer_and_training_is_reproducible(teacher, rows, config, revealed, small):
    before = extraction.divergence(teacher.logprobs(rows), GPT(config), rows, teacher.prompt)
    after = extraction.copy(teacher, rows, revealed, 40, held_out=rows)
    assert after < before
    assert after == extraction.copy(teacher, rows, revealed, 40, held_out=rows)


def test_bad_arguments_are_named(teacher, rows):
    with pytest.raises(ValueError, match="revealed must be one of text, top 5, logprobs; got 'x'"):
        extraction.copy(teacher, rows, "x", 20, rows)
    with pytest.raises(ValueError, match="n_steps must be"):
        extraction.copy(teacher, rows, "text", 3, rows)
    with pytest.raises(ValueError, match="n must be"):
        teacher.answers(0, seed=0)


def test_the_recorded_results_have_these_settings():
    points = results.read("extraction")["points"]
    settings = [{key: point[key] for key in ("n_queries", "n_steps")} for point in points]
    assert settings == extraction.GRID
    assert settings[0] == extraction.LIVE
    for point in points:
        assert list(point["distance"]) == list(extraction.REVEALED)
        assert all(len(values) == len(extraction.SEEDS) for values in point["distance"].values())
