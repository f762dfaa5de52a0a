"""Properties of fmlab.experiments.model_swap, and of its record."""

import pytest

from fmlab.evaluation import set_version
from fmlab.experiments import model_swap, real_tasks, results


@pytest.fixture(scope="module")
def record():
    return results.read("model_swap")


def test_the_record_is_of_these_prompts(record):
    for name, task in real_tasks.tasks().items():
        assert record["versions of tasks"][name] == set_version(task.prompts, task.answers)
        for variant in ("as it is", *model_swap.VARIANTS):
            found = record["variants"][variant][name]
            graded = map(real_tasks.is_right, found["completions"], task.answers)
            assert list(graded) == found["right"]


def test_the_model_as_it_is_comes_from_the_other_record(record):
    assert record["variants"][model_swap.AS_IT_IS] == model_swap.before()
