"""The grid of prompts: what the model reads, and that an outcome is that of its question."""

import pytest

from fmlab.experiments import prompt_grid
from fmlab.experiments.three_ways import Task
from fmlab.models import load


@pytest.fixture(scope="module")
def task():
    return Task()


def test_the_best_sentence_is_next_to_the_question(task):
    asked = task.asked[3]
    best, second, _ = (task.file[i] for i in task.search.best(asked.question, 3))
    text = prompt_grid.prompt(task, asked, "passage", 3)
    assert text.endswith(f"{best}\nQuestion: {asked.question}\nAnswer:")
    assert second in text


def test_without_retrieval_the_question_is_alone(task):
    asked = task.asked[0]
    assert prompt_grid.prompt(task, asked, "text", 0) == f"Q: {asked.question}\nA:"


def test_greedy_outcomes_are_those_of_three_ways(task):
    model, tokenizer = load("micro")
    asked = task.asked[:20]
    outcomes = prompt_grid.right(model, tokenizer, task, ("passage", 1, 0.0), asked)
    assert outcomes == task.right(model, tokenizer, task.retrieved, asked)


def test_the_cells_differ_and_include_the_baseline():
    assert len(set(prompt_grid.CELLS)) == len(prompt_grid.CELLS) == prompt_grid.N_EQUAL
    assert {prompt_grid.BASELINE, prompt_grid.EQUAL_ARMS} <= set(prompt_grid.CELLS)
