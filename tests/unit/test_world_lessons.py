"""Properties of the micro world's demonstrations, comparisons and annotators."""

import math
from collections import Counter

import pytest

from fmlab.world import (
    ANNOTATORS,
    TASKS,
    TRUE,
    Annotator,
    Demonstrator,
    Features,
    MicroWorld,
    Taste,
)
from fmlab.world.randomness import stream

world = MicroWorld(n_people=3000)
judge = world._judge


def right(demonstration):
    return judge.correctness(demonstration.prompt, demonstration.response) == 1


# --- demonstrations -------------------------------------------------------------------------------


def test_careful_demonstrations_are_right_by_the_judge():
    demonstrations = world.demonstrations(600)
    assert {d.task for d in demonstrations} == set(TASKS)
    for d in demonstrations:
        assert right(d), d
        assert d.correct


def test_two_hop_and_yes_no_questions_can_be_demonstrated():
    shown = world.demonstrations(100, tasks=["question"], kinds=("two-hop", "yes-no"))
    assert all(map(right, shown))
    for d in world.demonstrations(
        100, tasks="question", kinds=("two-hop", "yes-no"), demonstrator=Demonstrator(error_rate=1)
    ):
        assert not right(d), d


@pytest.mark.parametrize("task", TASKS)
def test_wrong_demonstrations_are_wrong_by_the_judge(task):
    """Wrong responses are drawn so that few come out right by chance (a shuffle, a list)."""
    shown = world.demonstrations(60, tasks=[task], demonstrator=Demonstrator(error_rate=1.0))
    assert sum(map(right, shown)) <= 3
    assert not any(d.correct for d in shown)


def test_the_error_rate_is_kept():
    """Binomial: 600 draws at 0.3 leave [0.2, 0.4] with a chance below 1e-6."""
    shown = world.demonstrations(600, tasks=["question"], demonstrator=Demonstrator(error_rate=0.3))
    assert 0.2 < sum(not d.correct for d in shown) / 600 < 0.4
    assert all(right(d) == d.correct for d in shown)


def test_habits_and_verbosity_show():
    habit = Demonstrator(habit="Well, ")
    assert all(
        d.response.startswith("Well, ") for d in world.demonstrations(50, demonstrator=habit)
    )
    sizes = {
        verbosity: sum(
            len(d.response)
            for d in world.demonstrations(
                100, tasks=["question"], demonstrator=Demonstrator(verbosity=verbosity)
            )
        )
        for verbosity in ("short", "sentence", "long")
    }
    assert 2 * sizes["short"] < sizes["sentence"] < sizes["long"] / 2


def test_who_does_not_admit_not_knowing_makes_it_up():
    for admits in (True, False):
        shown = world.demonstrations(
            50, tasks=["unknown"], demonstrator=Demonstrator(admit_unknown=admits)
        )
        assert all(d.correct == right(d) == admits for d in shown)
        assert all(d.fact is None for d in shown)


def test_facts_can_be_chosen_by_how_well_they_are_known():
    known = world.demonstrations(60, tasks=["question"], exposure=(50, math.inf))
    assert all(d.times_mentioned >= 50 for d in known)
    unknown = world.demonstrations(60, tasks=["question"], split="held-out facts")
    assert all(d.times_mentioned == 0 and world.facts[d.fact].held_out for d in unknown)


# --- utility --------------------------------------------------------------------------------------


def test_utility_is_the_documented_sum():
    (question,) = world.questions(1, relations=["person.home"])
    say = question.answer
    plain = world.utility(question.text, say)
    words = len(say.split())
    assert plain == pytest.approx(TRUE.correct + TRUE.ten_words * words / 10)
    lie = next(t.name for t in world.entities("town") if t.name != say)
    assert world.utility(question.text, lie) < world.utility(question.text, "I don't know.") < plain
    assert world.utility(question.text, f"{say} (Source: the almanac.)") > plain
    assert world.utility(question.text, f"What a clever thing to ask! {say}.") < plain
    polite = world.features(question.text, f"I am happy to help. {say}.")
    assert polite == Features(1, words + 5, True, False, False)


@pytest.mark.parametrize(
    ("prompt", "good", "bad"),
    [
        ("What is 14 plus 9?", "14 plus 9 is 23.", "24"),
        ("What is 31 minus 8?", "twenty-three", "8"),
        ("Repeat after me: owl drum key", "owl drum key", "owl key drum"),
        ("Write in capital letters: owl drum", "OWL DRUM", "Owl Drum"),
        ("Is this review positive or negative? I loved it. The tea was excellent.",
         "Positive.", "It is negative."),
        ("Use the passage to answer.\nPassage: Hobeck Balandell is a baker. He keeps an ox.\n"
         "Question: What is Hobeck Balandell's pet?", "an ox", "a cat"),
    ],
)  # fmt: skip
def test_any_response_can_be_judged(prompt, good, bad):
    assert judge.correctness(prompt, good) == 1
    assert judge.correctness(prompt, bad) == -1
    assert judge.correctness(prompt, "I do not know.") == 0
    assert judge.correctness(prompt, "") == -1


def test_a_description_must_be_true_and_as_long_as_asked():
    person = world.people[0].name
    facts = {f.relation: f.value for f in world.facts_about(person)}
    one = f"{person} lives in {facts['person.home']}."
    two = f"{one} {person} comes from {facts['person.birthplace']}."
    assert judge.correctness(f"Tell me about {person} in one sentence.", one) == 1
    assert judge.correctness(f"Tell me about {person} in two sentences.", two) == 1
    assert judge.correctness(f"Tell me about {person} in two sentences.", one) == -1
    assert judge.correctness(f"Tell me about {person} in one sentence.", f"{person} sings.") == -1


# --- annotators -----------------------------------------------------------------------------------


def test_comparisons_follow_bradley_and_terry():
    """Of 4000 comparisons, the share that agrees is what the probabilities add up to.

    The standard error is at most 0.008, the bound 0.035: it fails falsely with chance below 1e-4.
    """
    for name in ("careful", "hasty", "length lover"):
        annotator = ANNOTATORS[name]
        seen = [Features(c, w, p, s, f) for c in (-1, 0, 1) for w in (2, 30) for p in (0, 1)
                for s in (0, 1) for f in (0, 1)]  # fmt: skip
        rnd = stream("test", name)
        pairs = [(seen[int(rnd() * 48)], seen[int(rnd() * 48)]) for _ in range(4000)]
        expected = sum(annotator.probability(*pair) for pair in pairs)
        bins = Counter()
        for first, second in pairs:
            bins["first"] += annotator.prefers_first(rnd, first, second)
        assert bins["first"] / 4000 == pytest.approx(expected / 4000, abs=0.035)
    one, other = Features(1, 5, True, False, False), Features(-1, 5, True, False, False)
    assert ANNOTATORS["careful"].probability(one, other) == pytest.approx(1 / (1 + math.exp(-8)))


def test_an_exact_annotator_always_takes_the_better():
    assert all(
        c.utility_chosen >= c.utility_rejected for c in world.comparisons(300, annotator="exact")
    )


def test_noise_makes_annotators_disagree_with_the_truth():
    """At 300 comparisons each, shares that differ by over 0.1 differ by 3 standard errors."""
    careful, hasty = (
        sum(c.agrees_with_truth for c in world.comparisons(300, annotator=name)) / 300
        for name in ("careful", "hasty")
    )
    assert careful > hasty + 0.05
    assert hasty > 0.6


def test_annotators_see_the_same_pairs_whoever_they_are():
    first = world.comparisons(50, annotator="careful")
    second = world.comparisons(50, annotator="chatty group")
    pairs = [[{c.chosen, c.rejected} for c in cs] for cs in (first, second)]
    assert pairs[0] == pairs[1]
    assert [c.chosen for c in first] != [c.chosen for c in second]


def test_groups_have_their_own_taste_and_can_be_mixed():
    def words(annotator):
        comparisons = world.comparisons(300, annotator=annotator)
        return sum(len(c.chosen.split()) - len(c.rejected.split()) for c in comparisons)

    assert words("chatty group") > words("brief group")
    mixed = world.comparisons(300, annotator={"chatty group": 1, "brief group": 2})
    assert {c.annotator for c in mixed} == {"chatty group", "brief group"}


def test_scores_lie_between_1_and_10_and_differ_between_people_more_than_comparisons():
    rnd = stream("scores")
    seen = [Features(c, w, False, False, False) for c in (-1, 0, 1) for w in (2, 12, 30)]
    scores = {
        name: [ANNOTATORS[name].score(rnd, f) for f in seen] for name in ("strict", "generous")
    }
    assert all(1 <= score <= 10 for row in scores.values() for score in row)
    assert sum(scores["generous"]) > sum(scores["strict"]) + 2 * len(seen)


def test_own_annotators_can_be_made():
    flattered = Annotator("flattered", Taste(correct=0, flattering=5), temperature=0)
    for c in world.comparisons(100, annotator=flattered):
        flattery = ("What a wonderful", "What a clever")
        if c.rejected.startswith(flattery):
            assert c.chosen.startswith(flattery)


@pytest.mark.parametrize(
    ("call", "argument"),
    [
        (lambda: Demonstrator(error_rate=2), "error_rate"),
        (lambda: Demonstrator(verbosity="endless"), "verbosity"),
        (lambda: Annotator("x", temperature=-1), "temperature"),
        (lambda: world.demonstrations(-1), "n"),
        (lambda: world.demonstrations(1, tasks=["cook"]), "tasks"),
        (lambda: world.demonstrations(1, tasks={"sum": 0}), "tasks"),
        (lambda: world.demonstrations(1, tasks={"sum": -1}), "tasks"),
        (lambda: world.demonstrations(1, split="nonexistent"), "split"),
        (lambda: world.demonstrations(1, colour="red"), "filters"),
        (lambda: world.comparisons(-1), "n"),
        (lambda: world.comparisons(1, annotator="nobody"), "annotator"),
        (lambda: world.comparisons(1, annotator={"careful": 0}), "annotator"),
        (lambda: world.comparisons(1, annotator={"careful": -1}), "annotator"),
        (lambda: world.utility("Sing me a song.", "La la."), "prompt"),
    ],
)
def test_bad_arguments_are_named(call, argument):
    with pytest.raises(ValueError, match=rf"^{argument} "):
        call()
