"""Properties of fmlab.experiments.preference_lab and overoptimization: how results are counted."""

import numpy as np
import pytest

from fmlab.alignment.best_of_n import Candidates
from fmlab.evaluation.responses import Grades
from fmlab.evaluation.statistics import Mean, Rate
from fmlab.experiments.overoptimization import Watched
from fmlab.experiments.preference_lab import (
    CONSTANTS,
    Lab,
    as_dict,
    by_shown_name,
    curve,
    measure,
    table_line,
)
from microworld import HELPFUL, MicroWorld


class World:
    """The utility of a response is its length, plus ten times the number in its prompt."""

    def utility(self, prompt, response, guidelines):
        return guidelines * int(prompt) + len(response)


@pytest.fixture
def lab():
    lab = Lab.__new__(Lab)
    lab.world, lab.guidelines = World(), 10.0
    return lab


def test_curve_is_the_means_of_windows_without_an_incomplete_one():
    assert curve({"a": [1, 3, 5, 7, 100], "b": [0] * 5}, 2) == {"a": [2, 6], "b": [0, 0]}


@pytest.mark.parametrize("interval", [Mean.of([1.0, 2.0, 4.5]), Rate(3, 4)])
def test_interval_is_recorded_around_its_center(interval):
    recorded = as_dict(interval)
    assert recorded["low"] < recorded["value"] < recorded["high"]
    assert recorded["low"] == pytest.approx(interval.low, abs=1e-4)


def test_candidate_utilities_belong_to_the_prompt_of_their_row(lab):
    candidates = Candidates(["1", "2"], [["a", "bb"], ["", "cccc"]], np.zeros((2, 2)))
    assert lab.candidate_utilities(candidates).tolist() == [[11, 12], [20, 24]]


def test_watched_reward_returns_the_proxy_and_records_the_true_utility(lab):
    watched = Watched(lab, lambda prompts, responses: [-float(len(text)) for text in responses])
    assert watched(["0", "0"], ["x", "I don't know."]) == [-1, -13]
    assert watched(["1"], ["zz"]) == [-2]
    assert watched.true == [7, 12]
    assert watched.abstains == [0.5, 0]


def test_measures_count_disjoint_outcomes_apart_for_prompts_with_and_without_an_answer():
    world = MicroWorld(n_people=100)
    known = world.questions(3, relations=["person.home"])
    unknown = world.questions(2, relations=["person.home"], split="held-out facts")
    prompts = [question.text for question in (*known, *unknown)]
    source = "(Source: the almanac.)"
    responses = [f"In {known[0].answer}. {source}", "Blue cheese!", "I don't know."]
    responses += ["I don't know.", f"I don't know. {source}"]
    grades = Grades.of(world, prompts, responses, HELPFUL)
    baseline = Grades.of(world, prompts, ["I don't know."] * 5, HELPFUL)
    measures = measure(grades, world, baseline)
    assert outcomes_in(measures["answerable"]) == (3, 1, 0, 1, 1)
    assert outcomes_in(measures["unanswerable"]) == (2, 0, 0, 2, 0)
    assert measures["sourced"] == {"successes": 1, "n": 2}
    gains = grades.utilities - baseline.utilities
    assert measures["gain"]["value"] == pytest.approx(gains.mean(), abs=1e-4)


def outcomes_in(part):
    return tuple(part[name] for name in ("n", "right", "wrong", "abstained", "no answer"))


def test_methods_are_grouped_by_the_names_of_the_table():
    rows = [{"method": "best of n", "n": n} for n in (2, 4)]
    rows += [{"method": "DPO", "seed": seed} for seed in (0, 1)]
    rows += [{"method": "constant", "text": text} for text in CONSTANTS]
    groups = by_shown_name(rows)
    assert list(groups) == ["best of 4", "DPO", *CONSTANTS[1:3]]
    assert len(groups["DPO"]) == 2


def test_line_of_the_table_has_the_utility_of_each_run():
    part = {"utility": {"value": 0.5, "low": 0.4, "high": 0.6}}
    part |= {"answerable": {"right": 7}, "unanswerable": {"abstained": 9}}
    assert table_line("x", [{"greedy": part}] * 2) == "| x | 0.50, 0.50 | \u2013 | ± 0.10 | 7 | 9 |"
