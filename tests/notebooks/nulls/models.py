"""The nulls of the page about the book's models and their world."""

import random

from fmlab.evaluation import Rate
from fmlab.experiments import capitals
from fmlab.experiments.ladder import as_dict
from tests.notebooks.nulls.registry import null


@null("known-world", before="asking-4")
def everyone_gets_the_majority_answer(namespace, patch):
    """The model gives the most common value of the relation to every question."""
    guess = namespace["exam"]._guess
    namespace["ask"] = lambda model, tokenizer, questions: [guess(q) for q in questions]


@null("known-world", before="asking-4")
def answers_are_about_somebody_else(namespace, patch):
    """The model answers every question about the person who was asked about next."""
    ask = namespace["ask"]

    def about_the_next(model, tokenizer, questions):
        first, *others = ask(model, tokenizer, questions)
        return [*others, first]

    namespace["ask"] = about_the_next


@null("known-world")
def exposure_makes_no_difference(namespace, patch):
    """Facts are known equally well however often the corpus states them."""
    for results in namespace["recorded"].values():
        cells = [cell for cell in results["facts"]["train"].values() if cell]
        pooled = Rate(sum(c["successes"] for c in cells), sum(c["n"] for c in cells))
        for cell in cells:
            cell.update(as_dict(pooled))


@null("known-world")
def context_is_not_used(namespace, patch):
    """The models never see the text in front of the question."""
    exam = namespace["exam"]
    exercises = exam.exercises
    patch(exam, "exercises", lambda task: exam.question_only(exercises(task)))
    for results in namespace["recorded"].values():
        for cell in results["tasks"].values():
            cell.update(cell.get("without context", {}))


@null("known-world")
def models_can_abstain(namespace, patch):
    """The models say that they do not know half of the time when they are asked about nobody."""
    for results in namespace["recorded"].values():
        results["unknown"]["nonexistent"]["asserted"] = as_dict(Rate(200, 400))


@null("known-world")
def yes_no_questions_are_easy(namespace, patch):
    """One of the models answers nine of ten yes-no questions correctly."""
    namespace["recorded"]["small"]["known"]["yes-no"].update(as_dict(Rate(360, 400)))


def change_record(namespace, right):
    """Replace the countries whose answer is right by what a function makes of the record."""
    read = namespace["read"]

    def changed(name):
        record = read(name)
        return record | {"right": right(record)} if name == "capitals" else record

    namespace["read"] = changed


@null("known-world")
def population_makes_no_difference(namespace, patch):
    """The right answers are spread over all countries at random."""
    spread = random.Random(0).sample
    change_record(namespace, lambda record: spread(record["countries"], len(record["right"])))


@null("known-world")
def every_answer_is_the_own_name(namespace, patch):
    """The model answers every question with the country's own name."""
    own_name = "the country's own name"
    change_record(namespace, lambda record: record["baselines right"][own_name])


@null("known-world")
def live_answers_are_about_the_next_country(namespace, patch):
    """Asked again, the model answers every question about the next country."""
    ask = capitals.ask_capitals

    def about_the_next(*arguments):
        first, *others = ask(*arguments)
        return [*others, first]

    patch(capitals, "ask_capitals", about_the_next)
