"""The nulls of the chapter on AI engineering."""

from dataclasses import replace

import numpy as np

from fmlab.agents import LookUp, model_policy
from fmlab.agents import questions as agent_questions
from fmlab.experiments import (
    cost_ladder,
    feedback_loop,
    real_adaptation,
    specialists,
    wordings,
)
from fmlab.generation import chat
from tests.notebooks.nulls.records import change_record, change_results
from tests.notebooks.nulls.registry import null

# --- three differences ----------------------------------------------------------------------------


@null("ml-vs-ai-engineering", before="adapt-3")
def a_classifier_needs_hardly_any_labels(namespace, patch):
    """Both classifiers label every review correctly, however few labels they were trained on."""
    right = {each.prompt: each.answer.strip() for each in namespace["reviews"]}
    namespace["CLASSIFIERS"] = dict.fromkeys(namespace["CLASSIFIERS"], lambda examples: right.get)


@null("ml-vs-ai-engineering", before="adapt-3")
def ridge_regression_learns_like_naive_bayes(namespace, patch):
    """Ridge regression is trained like naive Bayes, and needs as many labels."""
    namespace["CLASSIFIERS"]["ridge regression"] = namespace["naive_bayes"]


@null("ml-vs-ai-engineering", before="adapt-5")
def the_list_of_words_is_shuffled(namespace, patch):
    """Which words of the list are good and which are bad is random."""
    found = sorted(namespace["GOOD"] | namespace["BAD"])
    mixed = np.random.default_rng(0).permutation(found).tolist()
    namespace["GOOD"], namespace["BAD"] = set(mixed[::2]), set(mixed[1::2])


@null("ml-vs-ai-engineering", before="adapt-3")
def the_prompt_gives_a_constant_answer(namespace, patch):
    """The prompted model calls every review positive."""
    namespace["complete"] = lambda m, t, prompts, **options: [" positive"] * len(prompts)


@null("ml-vs-ai-engineering")
def a_larger_model_takes_as_long(namespace, patch):
    """All models of the record take the same time per token."""

    def change(record):
        for rung in record["rungs"]:
            rung["milliseconds per token"] = record["rungs"][0]["milliseconds per token"]

    change_results(patch, "cost_ladder", change)


@null("ml-vs-ai-engineering")
def time_grows_like_the_flops(namespace, patch):
    """All models of the record take the same time per FLOP."""

    def change(record):
        for rung in record["rungs"]:
            rung["milliseconds per token"] = rung["flops per token"] / 1e6

    change_results(patch, "cost_ladder", change)


@null("ml-vs-ai-engineering")
def the_measured_time_is_constant(namespace, patch):
    """The stopwatch shows the same time for every model."""
    patch(cost_ladder, "seconds_per_token", lambda *arguments: 0.001)


@null("ml-vs-ai-engineering")
def there_is_one_wording_only(namespace, patch):
    """Both right sentences are the same, so exact match accepts them."""
    three = wordings.three_sentences

    def twice_the_same(world, question):
        first, _, wrong = three(world, question)
        return first, first, wrong

    patch(wordings, "three_sentences", twice_the_same)


@null("ml-vs-ai-engineering")
def false_sentences_look_different(namespace, patch):
    """No false sentence shares the words of the reference."""
    three = wordings.three_sentences
    patch(wordings, "three_sentences", lambda *arguments: (*three(*arguments)[:2], "No."))


@null("ml-vs-ai-engineering")
def a_list_of_every_answer_is_true(namespace, patch):
    """The check of the truth accepts any reply that contains the right value."""
    world = namespace["world"]
    patch(world, "is_correct", lambda question, reply: question.answer in reply)


@null("ml-vs-ai-engineering")
def the_model_answers_in_the_form_of_the_reference(namespace, patch):
    """Every reply is the short answer itself, so exact match is all that is needed."""
    answer = namespace["world"].answer
    patch(chat, "respond", lambda model, tokenizer, prompts, most: [answer(p) for p in prompts])


# --- principles -----------------------------------------------------------------------------------


@null("principles-that-stay", before="metric-5")
def wrong_answers_hardly_occur(namespace, patch):
    """One answer of all is wrong, so leaving questions to the staff hardly ever pays off."""
    right = np.ones_like(namespace["right"])
    right[(~namespace["answered"]).argmax()] = False
    namespace["right"] = right


@null("principles-that-stay", before="metric-5")
def questions_are_left_to_the_staff_at_random(namespace, patch):
    """The margin of the search says nothing about whether the answer is right."""
    answered = namespace["answered"]
    namespace["answered"] = np.random.default_rng(0).permutation(answered)


@null("principles-that-stay")
def nothing_in_the_grid_matters(namespace, patch):
    """All cells have the outcomes of the plain question."""
    cells = namespace["cells"]
    namespace["cells"] = dict.fromkeys(cells, cells["passage", 0, 0.0])


@null("principles-that-stay")
def equal_arms_give_equal_answers(namespace, patch):
    """There is no luck: all arms of the null grid have the same outcomes."""
    arms = namespace["grid"]["equal arms"]
    namespace["grid"] = namespace["grid"] | {"equal arms": arms[:1] * len(arms)}


@null("principles-that-stay")
def the_live_cell_has_random_weights(namespace, patch):
    """The model that is asked again was never trained."""
    namespace["micro"] = specialists.new_model()[0]


@null("principles-that-stay")
def complaints_are_ignored(namespace, patch):
    """The sentences to add are chosen at random, whatever the users say."""
    rounds, teams = feedback_loop.rounds, ("complaints", "random")
    patch(feedback_loop, "rounds", lambda *a: dict.fromkeys(teams, rounds(*a)["random"]))


@null("principles-that-stay")
def all_questions_are_asked_equally_often(namespace, patch):
    """No question is more popular than another."""
    patch(feedback_loop, "popularity", lambda n: np.full(n, 1 / n))


@null("principles-that-stay")
def the_paragraph_changes_nothing(namespace, patch):
    """The recorded answers with the paragraph are those to the plain question."""

    def change(record):
        record["ways"]["retrieved paragraph"] = record["ways"]["plain question"]

    change_record(namespace, "real_adaptation", change)


@null("principles-that-stay")
def the_live_questions_have_no_paragraph(namespace, patch):
    """Asked again, the real model gets the plain question in all cases."""
    live_prompts = real_adaptation.live_prompts

    def questions_only():
        prompts = live_prompts()
        return dict.fromkeys(prompts, prompts["plain question"])

    patch(real_adaptation, "live_prompts", questions_only)


# --- the agent ------------------------------------------------------------------------------------


@null("agent", before="agent-9")
def the_tool_makes_no_difference(namespace, patch):
    """Without the tool, the same model is right as often."""
    ways = namespace["ways"]
    ways["same model, no tool"] = ways["agent with the tool"]


@null("agent", before="agent-9")
def one_search_is_enough(namespace, patch):
    """One search answers as many questions as having both facts."""
    ways = namespace["ways"]
    ways["`micro`, one search, five sentences"] = ways["`micro`, both facts in the prompt"]


@null("agent", before="agent-10")
def one_search_finds_both_facts(namespace, patch):
    """Both facts are among the five best results of one search."""
    namespace["n_found"] = [namespace["n"]] * 2


@null("agent", before="agent-9")
def it_works_with_one_seed_only(namespace, patch):
    """Two of the three trainings failed."""
    ways = namespace["ways"]
    first, *others = ways["agent with the tool"]
    ways["agent with the tool"] = [first, *(0 for _ in others)]


@null("agent")
def the_live_agent_is_not_finetuned(namespace, patch):
    """The policy is the base model, which has never seen a call."""
    namespace["policy"] = model_policy(namespace["micro"], namespace["tokenizer"])


@null("agent")
def the_loop_ignores_which_tool_it_gets(namespace, patch):
    """The live run without the tool has it all the same."""
    run_agent, world = namespace["run_agent"], namespace["world"]
    namespace["run_agent"] = lambda policy, tool, tasks: run_agent(policy, LookUp(world), tasks)


@null("agent")
def the_answers_are_graded_against_others(namespace, patch):
    """Each answer is compared with that of the next question."""
    tasks = namespace["tasks"]
    moved = [*tasks[1:], tasks[0]]
    namespace["tasks"] = [
        replace(task, results=(*task.results[:-1], other.answer))
        for task, other in zip(tasks, moved, strict=True)
    ]


@null("agent")
def one_call_is_enough(namespace, patch):
    """With a budget of one call, the outcomes are those with two."""
    for seed in namespace["record"]["agent"]:
        seed["budgets"]["1"] = seed["budgets"]["2"]


@null("agent")
def new_kinds_are_no_harder(namespace, patch):
    """All questions of new kinds are answered."""
    for seed in namespace["record"]["agent"]:
        tests = seed["tests"]
        tests["new kinds"] = {"right": sum(tests["new kinds"].values())}


@null("agent")
def new_fields_are_no_harder(namespace, patch):
    """All questions about fields that no training question asks for are answered."""
    for seed in namespace["record"]["agent"]:
        tests = seed["tests"]
        tests["plain form, new fields"] = {"right": sum(tests["plain form, new fields"].values())}


@null("agent")
def the_program_is_no_better_than_chance(namespace, patch):
    """The program that looks up both facts answers as the most frequent answer does."""
    ways = namespace["ways"]
    ways["a program that looks up both"] = ways["the most frequent answer in training"]


@null("agent", before="agent-9")
def copying_a_demonstration_fails(namespace, patch):
    """The rule that copies the most similar demonstration is hardly ever right."""
    ways = namespace["ways"]
    ways["copying the most similar demonstration"] = ways["the most frequent answer in training"]


@null("agent")
def the_rule_solves_the_new_kinds_too(namespace, patch):
    """Copying a demonstration is enough for the questions of new kinds."""
    for counts in namespace["base"]["copied recipe"].values():
        counts["right"] = counts["n"]


@null("agent")
def the_words_make_no_difference(namespace, patch):
    """The questions in the plain form have everyday words, like the others."""
    patch(agent_questions, "in_plain_form", lambda task: task)
