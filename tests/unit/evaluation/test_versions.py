"""The version of an evaluation set."""

import pytest

from fmlab.evaluation import set_version

PROMPTS, ANSWERS = ["Who?", "Where?"], ["Ana", "here"]


def test_any_change_changes_the_version_and_no_change_does_not():
    version = set_version(PROMPTS, ANSWERS)
    assert version == set_version(tuple(PROMPTS), tuple(ANSWERS))
    changed = [(PROMPTS[::-1], ANSWERS[::-1]), (["Who ?", "Where?"], ANSWERS), (ANSWERS, PROMPTS)]
    changed += [(["Who?"], ["Ana"]), ([], []), (["Who?Where?"], ["Anahere"])]
    assert version not in {set_version(*each) for each in changed}


def test_lengths_must_agree():
    with pytest.raises(ValueError, match="answers must be 2 texts"):
        set_version(PROMPTS, ["Ana"])
    with pytest.raises(ValueError, match="prompts must be"):
        set_version("Who?", ["Ana"])
