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
