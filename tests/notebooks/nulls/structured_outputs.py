"""Nulls of the chapter on structured outputs."""

from dataclasses import replace

import numpy as np

from fmlab.constrained import Constraint, distribution
from fmlab.experiments import structured_records
from tests.notebooks.nulls.records import change_results
from tests.notebooks.nulls.registry import null


@null("structured-outputs")
def whatever_looks_like_a_record_is_valid(namespace, patch):
    """Nearly every answer to the prompt counts as valid, since it parses."""
    for ways in namespace["record"]["ways"].values():
        ways["prompt"]["valid"] = [True] * len(ways["prompt"]["valid"])


@null("structured-outputs")
def the_mask_guarantees_nothing(namespace, patch):
    """One record in ten is not valid under the constraint."""
    for ways in namespace["record"]["ways"].values():
        valid = ways["constrained"]["valid"]
        ways["constrained"]["valid"] = [i % 10 > 0 for i in range(len(valid))]


@null("structured-techniques")
def records_are_those_of_the_next_person(namespace, patch):
    """Every record has the home and the profession of the next person."""
    write = structured_records.Writing.write

    def moved(self, *args, **options):
        texts, tokens = write(self, *args, **options)
        return [*texts[1:], texts[0]], tokens

    patch(structured_records.Writing, "write", moved)


@null("structured-techniques")
def the_constraint_is_not_applied(namespace, patch):
    """The model writes its records without a mask."""
    write = structured_records.Writing.write

    def free(self, *args, constrained=False, **options):
        return write(self, *args, **options)

    patch(structured_records.Writing, "write", free)


@null("structured-techniques")
def a_baseline_that_knows_nobody_is_as_right(namespace, patch):
    """The record of the next person is right as often as one's own."""
    ways = namespace["ways"]
    ways["the next person's record"]["right"] = ways["constrained"]["right"]


@null("structured-techniques")
def the_learning_rate_changes_no_content(namespace, patch):
    """Finetuning at ten times the rate leaves as many records right."""
    ways = namespace["ways"]
    usual = ways["finetuned, seed 0"]["right"]
    ways["finetuned at ten times the rate"]["right"] = usual


@null("constrained-sampling")
def nothing_is_masked(namespace, patch):
    """The processor returns the logits as they are."""
    patch(Constraint, "__call__", lambda self, logits, prompt, new: logits)


@null("constrained-sampling")
def the_end_is_always_allowed(namespace, patch):
    """The end token is never masked, so a text may end anywhere."""
    allowed = Constraint.allowed

    def with_end(self, state):
        mask = allowed(self, state).copy()
        mask[self.end] = True
        return mask

    patch(Constraint, "allowed", with_end)


@null("constrained-sampling")
def masking_is_conditioning(namespace, patch):
    """With the mask, each text has its probability among the valid ones."""
    outputs = distribution.outputs

    def conditioned(*args, **options):
        found = outputs(*args, **options)
        total = float(np.logaddexp.reduce([output.logprob for output in found]))
        return [replace(output, log_weight=total) for output in found]

    patch(distribution, "outputs", conditioned)


@null("constrained-sampling")
def another_profession_changes_nothing(namespace, patch):
    """With one more profession allowed, the other six are as far off as before."""
    outputs = distribution.outputs

    def of_the_six(model, prompt, constraint, **options):
        if constraint.automaton.accepts('butcher"}'):
            constraint = namespace["jobs"]
        return outputs(model, prompt, constraint, **options)

    patch(distribution, "outputs", of_the_six)


class TakesTheFirst(np.random.Generator):
    """Random numbers, but 0 for a column of them: whoever chooses by it takes the first."""

    in_choice = False

    def choice(self, *args, **options):
        self.in_choice = True  # it calls ``random``, too
        chosen = super().choice(*args, **options)
        self.in_choice = False
        return chosen

    def random(self, size=None, *args, **options):
        numbers = super().random(size, *args, **options)
        is_column = np.ndim(numbers) == 2 and np.shape(numbers)[1] == 1
        return 0 * numbers if is_column and not self.in_choice else numbers


@null("constrained-sampling")
def the_first_text_is_chosen_whatever_it_weighs(namespace, patch):
    """Of several texts, the first is chosen, whatever its weight."""
    patch(np.random, "default_rng", lambda seed=None: TakesTheFirst(np.random.PCG64(seed)))


@null("constrained-sampling")
def all_texts_weigh_the_same(namespace, patch):
    """Every sampled text gets the same weight."""
    patch(distribution, "log_weights", lambda model, prompt, rows, constraint: np.zeros(len(rows)))


@null("real-structured-outputs")
def the_real_model_is_not_masked(namespace, patch):
    """Asked again, SmolLM2 writes without a mask."""
    patch(Constraint, "__call__", lambda self, logits, prompt, new: logits)


@null("real-structured-outputs")
def prompting_is_enough(namespace, patch):
    """By prompting alone, half of the answers are valid."""
    real = namespace["real"]
    real["ways"]["prompt"]["valid"] = real["countries"][::2]


@null("real-structured-outputs")
def examples_change_nothing(namespace, patch):
    """With examples, the same records are right as without."""
    got = namespace["real"]["ways"]
    got["two examples, constrained"]["right"] = got["constrained"]["right"]


@null("real-structured-outputs")
def a_plain_answer_changes_nothing(namespace, patch):
    """After a plain answer, the same records are right as without."""
    got = namespace["real"]["ways"]
    got["plain answer first, then constrained"]["right"] = got["constrained"]["right"]


@null("real-structured-outputs")
def one_answer_for_all_is_as_right(namespace, patch):
    """The same capital for every country is right as often."""
    got = namespace["real"]["ways"]
    got["a constant: Paris"]["right"] = got["two examples, constrained"]["right"]


@null("opening")
def a_mask_changes_nothing(namespace, patch):
    """With a mask, the model writes what it writes without."""

    def change(record):
        for ways in record["ways"].values():
            ways["constrained"] = ways["prompt"]

    change_results(patch, "structured_records", change)


@null("opening")
def a_mask_makes_records_right(namespace, patch):
    """The record of the next person is right as often as the one written with a mask."""

    def change(record):
        for ways in record["ways"].values():
            ways["the next person's record"] = ways["constrained"]

    change_results(patch, "structured_records", change)
