"""Questions as tasks."""

import pytest

from microworld import KINDS
from microworld.questions.tasks import ABSTENTIONS
from microworld.words.randomness import stream


@pytest.mark.parametrize("kind", KINDS)
def test_questions_of_every_kind_can_be_tasks(world, grader, kind):
    rnd = stream("tasks", kind)
    for split in ("seen", "nonexistent"):
        for question in world.questions(20, kinds=[kind], split=split):
            task = world._maker.from_question(rnd, question)
            assert all(grader.correctness(task.prompt, text) == 1 for text in task.right)
            assert all(grader.correctness(task.prompt, text) == -1 for text in task.wrong)
            if split == "nonexistent":
                assert set(task.right) <= set(ABSTENTIONS)
