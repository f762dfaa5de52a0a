"""Three sentences about one fact: two are true, one is false in the words of the first."""

from fmlab.experiments.wordings import overlap, three_sentences
from microworld import MicroWorld


def test_two_are_true_and_the_third_is_false():
    world = MicroWorld()
    for question in world.questions(40, relations=["person.home", "person.food"]):
        first, second, false = three_sentences(world, question)
        assert first != second
        assert world.is_correct(question, first)
        assert world.is_correct(question, second)
        assert not world.is_correct(question, false)


def test_overlap_is_one_for_the_same_words_and_zero_for_none_in_common():
    assert overlap("a b c", "C b a.") == 1
    assert overlap("a b", "c d") == 0
    assert overlap("a b", "b a a b") == 2 * 2 / 6
