"""Comparisons follow the preferences and the noise of their annotators."""

from microworld import Annotator, Taste


def test_exact_annotator_always_prefers_the_better_response(world):
    assert all(
        c.utility_chosen >= c.utility_rejected for c in world.comparisons(300, annotator="exact")
    )


def test_noise_makes_annotators_disagree_with_the_truth(world):
    """For 300 comparisons each, a difference of 0.1 is about 3 standard errors."""
    careful, hasty = (
        sum(c.agrees_with_truth for c in world.comparisons(300, annotator=name)) / 300
        for name in ("careful", "hasty")
    )
    assert careful > hasty + 0.05
    assert hasty > 0.6


def test_annotators_see_the_same_pairs_whoever_they_are(world):
    first = world.comparisons(50, annotator="careful")
    second = world.comparisons(50, annotator="chatty group")
    pairs = [[{c.chosen, c.rejected} for c in cs] for cs in (first, second)]
    assert pairs[0] == pairs[1]
    assert [c.chosen for c in first] != [c.chosen for c in second]


def test_groups_have_their_own_preferences_and_can_be_mixed(world):
    def extra_words(annotator):
        comparisons = world.comparisons(300, annotator=annotator)
        return sum(len(c.chosen.split()) - len(c.rejected.split()) for c in comparisons)

    assert extra_words("chatty group") > extra_words("brief group")
    mixed = world.comparisons(300, annotator={"chatty group": 1, "brief group": 2})
    assert {c.annotator for c in mixed} == {"chatty group", "brief group"}


def test_annotators_can_be_defined(world):
    flattered = Annotator("flattered", Taste(correct=0, flattering=5), temperature=0)
    for c in world.comparisons(100, annotator=flattered):
        flattery = ("What a wonderful", "What a clever")
        if c.rejected.startswith(flattery):
            assert c.chosen.startswith(flattery)
