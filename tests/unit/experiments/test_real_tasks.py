"""Properties of fmlab.experiments.real_tasks."""

import pytest

from fmlab.experiments import real_tasks, results


@pytest.fixture(scope="module")
def tasks():
    return real_tasks.tasks()


def test_every_task_has_as_many_different_prompts(tasks):
    assert len(tasks) == 5
    for name, task in tasks.items():
        assert len(task.prompts) == len(task.answers) == len(task.rule) == real_tasks.N, name
        assert len(set(task.prompts)) > 0.8 * real_tasks.N, name


def test_prompts_do_not_end_in_a_space_and_do_not_state_the_answer_last(tasks):
    for task in tasks.values():
        for prompt, answer in zip(task.prompts, task.answers):
            assert not prompt.endswith(" ")
            assert not prompt.endswith(answer)


def test_sums_are_correct(tasks):
    for name in ("sums of digits", "sums of two-digit numbers"):
        for prompt, answer in zip(tasks[name].prompts, tasks[name].answers):
            assert eval(prompt.splitlines()[-1].rstrip("= ")) == int(answer)


def test_the_job_is_in_the_text(tasks):
    for prompt, answer in zip(tasks["extraction"].prompts, tasks["extraction"].answers):
        assert f"as a {answer}." in prompt.split("\n\n")[-1]


def test_praise_and_criticism_are_equally_frequent(tasks):
    assert tasks["sentiment"].most_frequent == real_tasks.N // 2


@pytest.mark.parametrize(
    ("completion", "answer"),
    [(" maison", "maison"), (" La Maison.\nEnglish: tree", "maison"), (" l'eau", "eau")],
)
def test_case_period_and_article_do_not_matter(completion, answer):
    assert real_tasks.is_right(completion, answer)


@pytest.mark.parametrize(
    ("completion", "answer"), [("", "eau"), (" 12", "1"), (" house", "maison"), (" eau eau", "eau")]
)
def test_anything_else_is_wrong(completion, answer):
    assert not real_tasks.is_right(completion, answer)


def test_record_is_of_these_prompts(tasks):
    record = results.read("real_tasks")
    for name, task in tasks.items():
        said = record["tasks"][name]
        right = sum(map(real_tasks.is_right, said["completions"], task.answers))
        assert said["right"] == right
        assert said["most_frequent"] == task.most_frequent


def test_the_simple_rules_are_as_good_as_a_rule_can_be_made(tasks):
    right = {name: sum(map(real_tasks.is_right, t.rule, t.answers)) for name, t in tasks.items()}
    assert right["extraction"] == real_tasks.N
    assert right["sentiment"] > 0.8 * real_tasks.N
