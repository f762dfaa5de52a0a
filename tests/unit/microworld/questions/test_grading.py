"""Any response to a task can be graded."""

import pytest


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
def test_any_response_can_be_graded(grader, prompt, good, bad):
    assert grader.correctness(prompt, good) == 1
    assert grader.correctness(prompt, bad) == -1
    assert grader.correctness(prompt, "I do not know.") == 0
    assert grader.correctness(prompt, "") == -1


def test_description_must_be_true_and_have_the_requested_length(world, grader):
    person = world.people[0].name
    facts = {f.relation: f.value for f in world.facts_about(person)}
    one = f"{person} lives in {facts['person.home']}."
    two = f"{one} {person} comes from {facts['person.birthplace']}."
    assert grader.correctness(f"Tell me about {person} in one sentence.", one) == 1
    assert grader.correctness(f"Tell me about {person} in two sentences.", two) == 1
    assert grader.correctness(f"Tell me about {person} in two sentences.", one) == -1
    assert grader.correctness(f"Tell me about {person} in one sentence.", f"{person} sings.") == -1


@pytest.mark.parametrize("kind", ["direct", "yes-no", "two-hop"])
def test_a_question_is_answerable_if_its_fact_exists_and_is_not_held_out(world, grader, kind):
    for split, expected in (("seen", True), ("held-out facts", False), ("nonexistent", False)):
        questions = world.questions(20, kinds=[kind], split=split, phrasing="any")
        assert {grader.is_answerable(question.text) for question in questions} == {expected}


def test_a_task_is_answerable_and_a_text_that_is_no_prompt_is_refused(grader):
    assert grader.is_answerable("What is 3 plus 4?")
    with pytest.raises(ValueError, match="prompt must be a question or task of this world"):
        grader.is_answerable("Hello.")
