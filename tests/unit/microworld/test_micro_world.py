"""The public interface as a whole: the same output everywhere, utilities, and errors."""

import os
import subprocess
import sys

import pytest

from microworld import TRUE, Features

DIGEST = """
import hashlib
from microworld import MicroWorld, Noise
world = MicroWorld(7, n_people=500)
noise = Noise(near_duplicates=0.1, personal_data=0.1, rude=0.1, encoding_junk=0.1, wrong_facts=0.1)
parts = [*world.documents(1500), *world.documents(300, noise=noise)]
for samples in (world.questions(50), world.demonstrations(50), world.comparisons(50)):
    parts += map(repr, samples)
print(hashlib.sha256("\\n".join(parts).encode()).hexdigest())
"""
EXPECTED = "39a2f306645456c72ba758cdfd17ddf95c11fba20eaf8aecdc866048d4bf0477"


@pytest.mark.parametrize("hash_seed", ["0", "1234"])
def test_the_same_seed_gives_the_same_world_everywhere(hash_seed):
    env = {**os.environ, "PYTHONHASHSEED": hash_seed}
    command = [sys.executable, "-c", DIGEST]
    run = subprocess.run(command, env=env, capture_output=True, text=True, check=True)
    assert run.stdout.strip() == EXPECTED


def test_utility_is_the_documented_sum(world):
    (question,) = world.questions(1, relations=["person.home"])
    prompt, answer = question.text, question.answer
    plain = world.utility(prompt, answer)
    n_words = len(answer.split())
    assert plain == pytest.approx(TRUE.correct + TRUE.ten_words * n_words / 10)
    wrong = next(town.name for town in world.entities("town") if town.name != answer)
    assert world.utility(prompt, wrong) < world.utility(prompt, "I don't know.") < plain
    assert world.utility(prompt, f"{answer} (Source: the almanac.)") > plain
    assert world.utility(prompt, f"What a clever thing to ask! {answer}.") < plain
    polite = world.features(prompt, f"I am happy to help. {answer}.")
    assert polite == Features(1, n_words + 5, True, False, False)


@pytest.mark.parametrize(
    ("call", "argument"),
    [
        (lambda world: world.questions(-1), "n"),
        (lambda world: world.questions(2.5), "n"),
        (lambda world: world.questions(10**6, relations=["region"]), "n"),
        (lambda world: world.questions(1, kinds=()), "kinds"),
        (lambda world: world.questions(1, kinds=("riddle",)), "kinds"),
        (lambda world: world.questions(1, split="unseen"), "split"),
        (lambda world: world.questions(1, phrasing="new"), "phrasing"),
        (lambda world: world.questions(1, relations=["person.shoe"]), "relations"),
        (lambda world: world.questions(1, exposure=(3, 1)), "exposure"),
        (lambda world: world.questions(1, exposure=(0, 1), split="nonexistent"), "exposure"),
        (lambda world: world.demonstrations(-1), "n"),
        (lambda world: world.demonstrations(1, tasks=["cook"]), "tasks"),
        (lambda world: world.demonstrations(1, tasks={"sum": 0}), "tasks"),
        (lambda world: world.demonstrations(1, tasks={"sum": -1}), "tasks"),
        (lambda world: world.demonstrations(1, tasks={"sum": float("inf")}), "tasks"),
        (lambda world: world.demonstrations(1, split="nonexistent"), "split"),
        (lambda world: world.demonstrations(1, color="red"), "filters"),
        (lambda world: world.comparisons(-1), "n"),
        (lambda world: world.comparisons(1, annotator="nobody"), "annotator"),
        (lambda world: world.comparisons(1, annotator={"careful": 0}), "annotator"),
        (lambda world: world.comparisons(1, annotator={"careful": -1}), "annotator"),
        (lambda world: world.utility("Sing me a song.", "La la."), "prompt"),
    ],
)
def test_bad_arguments_are_named(world, call, argument):
    with pytest.raises(ValueError, match=rf"^{argument} must be .+; got "):
        call(world)
