"""Nulls of the chapter on test-time compute."""

import numpy as np

from tests.notebooks.nulls.records import change_results
from tests.notebooks.nulls.registry import null


@null("test-time-compute", before="budget-4")
def all_samples_are_the_same(namespace, patch):
    """All samples of a question are equal: each is its most likely answer."""
    namespace["p"] = [np.eye(len(each))[each.argmax()] for each in namespace["p"]]


@null("test-time-compute", before="budget-4")
def reward_model_knows_the_truth(namespace, patch):
    """The reward model gives the right answer the highest score, so more samples cannot hurt."""
    truth = [
        np.isin(np.arange(len(each)), right).astype(float)
        for each, right in zip(namespace["p"], namespace["right"])
    ]
    namespace["scores"]["reward model"] = truth


@null("test-time-compute", before="budget-4")
def a_random_answer_counts_as_right(namespace, patch):
    """Which answer of a question counts as right is random."""
    rng = np.random.default_rng(0)
    namespace["right"] = [[int(rng.integers(len(each)))] for each in namespace["p"]]


@null("beam-search", before="budget-6b")
def beam_has_no_width(namespace, patch):
    """Only one beginning is kept, whatever the width of the beam."""
    search = namespace["beam_search"]
    namespace["beam_search"] = lambda model, ids, longest, k, stop: search(
        model, ids, longest, 1, stop
    )


@null("beam-search", before="beam-2")
def samples_are_as_good_as_the_beam(namespace, patch):
    """Selecting the likeliest sample finds the most likely answer at once."""
    greedy = namespace["beam"][1][0].astype(float)
    curve = namespace["curves"]["mean log-probability"]
    namespace["curves"]["mean log-probability"] = np.maximum(curve, 0 * curve + greedy)


@null("select-best", before="select-2")
def scores_mean_nothing(namespace, patch):
    """The scores of the answers are shuffled within each question."""
    rng, questions = np.random.default_rng(2), range(len(namespace["p"]))
    for name, values in namespace["scores"].items():
        namespace["scores"][name] = [rng.permutation(each) for each in values]
        rule = namespace["rules"][name]
        rows = [[rule(i, n) for i in questions] for n in namespace["budgets"]]
        namespace["curves"][name] = np.array(rows)


@null("select-best", before="select-2")
def every_rule_picks_at_random(namespace, patch):
    """Every rule picks one of the samples at random."""
    base = namespace["curves"]["random pick"]
    namespace["curves"] = dict.fromkeys(namespace["curves"], base)


@null("verifier-vs-size", before="verifier-4")
def larger_model_is_no_larger(namespace, patch):
    """The larger model answers no better than the small one."""
    namespace["larger_right"] = namespace["beam"][1][0]


@null("verifier-vs-size", before="verifier-4")
def verifier_is_a_random_pick(namespace, patch):
    """The larger model selects at random, so verifying brings nothing."""
    namespace["curves"]["larger model"] = namespace["curves"]["random pick"]


@null("verifier-vs-size", before="verifier-4")
def trained_verifier_knows_the_truth(namespace, patch):
    """The trained verifier is as good as the checker."""
    curves, budgets = namespace["curves"], namespace["budgets"]
    namespace["selected_by_trained"] = lambda n: np.array([curves["checker"][budgets.index(n)]] * 3)


@null("latency-and-parallel", before="latency-2")
def batch_runs_one_row_at_a_time(namespace, patch):
    """The batch is generated one row at a time."""
    generate = namespace["generate"]

    def row_by_row(model, ids, longest, n=1, **options):
        for _ in range(n):
            rows = generate(model, ids, longest, **options)
        return rows

    namespace["generate"] = row_by_row


@null("latency-and-parallel", before="latency-4")
def nothing_is_ever_right(namespace, patch):
    """No sample is ever right, so stopping at the first right one saves nothing."""
    namespace["right"] = [[] for _ in namespace["p"]]


@null("robustness-of-votes", before="votes-4")
def wording_makes_no_difference(namespace, patch):
    """All wordings of a question have the same distribution of answers."""
    namespace["facts"] = [[rows[0]] * 6 for rows in namespace["facts"]]


@null("robustness-of-votes", before="votes-4")
def only_one_vote_counts(namespace, patch):
    """Only the first of the votes counts."""
    elected = namespace["elected"]
    namespace["elected"] = lambda rows, n: elected(rows, 1)


@null("thinking-tokens", before="thinking-2")
def steps_are_no_better_than_filler(namespace, patch):
    """The model that writes steps is right exactly where the model with filler is."""

    def change(record):
        runs = record["runs"]
        for steps, filler in zip(runs["steps"], runs["filler"]):
            steps["right"] = filler["right"]

    change_results(patch, "thinking_tokens", change)


@null("thinking-tokens", before="thinking-2")
def steps_are_not_used(namespace, patch):
    """A corrupted first fact makes no difference: the answers are those after the true one."""

    def change(record):
        runs = record["runs"]
        for corrupted, true in zip(runs["first fact corrupted"], runs["first fact by hand"]):
            corrupted["right"] = true["right"]
            corrupted["follows"] = [0] * len(true["right"])

    change_results(patch, "thinking_tokens", change)


@null("thinking-tokens", before="thinking-2b")
def adapter_is_missing(namespace, patch):
    """The model that writes steps is its base, without the adapter."""
    namespace["thinker"] = namespace["larger"]


@null("thinking-tokens", before="thinking-2b")
def wrong_fact_is_not_read(namespace, patch):
    """The corrupted first fact never reaches the model, which writes its own."""
    think = namespace["think"]
    namespace["think"] = lambda model, tokenizer, asked, how: think(model, tokenizer, asked)


@null("votes-explorer")
def checker_is_a_vote(namespace, patch):
    """The checker selects what the majority selects."""
    namespace["curves"] = namespace["curves"] | {"checker": namespace["curves"]["majority"]}


@null("votes-explorer")
def scores_select_as_the_checker_does(namespace, patch):
    """The highest score is that of a right answer whenever one is sampled."""
    curves = namespace["curves"]
    scored = dict.fromkeys(("mean log-probability", "reward model"), curves["checker"])
    namespace["curves"] = curves | scored


@null("opening")
def every_sample_is_the_same(namespace, patch):
    """All 256 samples of a question are its most likely answer."""

    def change(record):
        for row in record["questions"]:
            p = np.array(row["p"].split(), dtype=float)
            row["p"] = " ".join(str(int(i == p.argmax())) for i in range(len(p)))

    change_results(patch, "answer_budgets", change)


@null("opening")
def samples_for_another_question_do_as_well(namespace, patch):
    """All questions of a kind have the same answers, so those to another one are as good."""

    def change(record):
        first = {}
        for row in record["questions"]:
            same = first.setdefault(row["relation"], row)
            row |= {key: same[key] for key in ("answers", "p", "right")}

    change_results(patch, "answer_budgets", change)


@null("opening")
def a_vote_finds_what_a_checker_finds(namespace, patch):
    """The right answer to every question is its most likely one, so a vote is enough."""

    def change(record):
        for row in record["questions"]:
            p = np.array(row["p"].split(), dtype=float)
            row["right"] = [int(p.argmax())]

    change_results(patch, "answer_budgets", change)
