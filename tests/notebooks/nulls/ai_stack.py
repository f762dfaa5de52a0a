"""Nulls of the chapter on the AI engineering stack."""

from itertools import count

import numpy as np
import torch

from fmlab import generation, models, recipes, training
from fmlab.experiments import messy_corpus, mixture_lab, real_prompts, serving
from fmlab.widgets import ChatPanel
from tests.notebooks.nulls.records import change_record
from tests.notebooks.nulls.registry import null


@null("three-layers")
def a_layer_is_missing(namespace, patch):
    """There is no infrastructure."""
    del namespace["stack"]["infrastructure"]


@null("three-layers")
def one_module_is_everything(namespace, patch):
    """All boxes are the same thing."""
    for layer in namespace["stack"].values():
        for box in layer:
            layer[box] = "fmlab.models:load"


@null("infrastructure-layer")
def clients_invent_tokens(namespace, patch):
    """The clients count one token more per request than the server sent."""
    load_test = serving.load_test

    def generous(*arguments, **options):
        made = load_test(*arguments, **options)
        for answer in made["answers"]:
            answer["tokens"] += 1
        return made

    patch(serving, "load_test", generous)


@null("infrastructure-layer", before="server-8")
def more_clients_gain_nothing(namespace, patch):
    """The server writes as many tokens per second for one client as for many."""

    def tokens(load):
        return sum(answer["tokens"] for answer in load["answers"])

    def change(record):
        first = record["load"][0]
        speed = tokens(first) / first["seconds"]
        for load in record["load"]:
            load["seconds"] = tokens(load) / speed

    change_record(namespace, "serving", change)


@null("infrastructure-layer")
def both_ways_are_static(namespace, patch):
    """Waiting requests never join a running batch."""
    serve = serving.serve
    patch(serving, "serve", lambda *a, static, **options: serve(*a, static=True, **options))


@null("infrastructure-layer")
def all_requests_are_static(namespace, patch):
    """In the simulation, requests never join a running batch."""
    simulate = serving.simulate
    patch(serving, "simulate", lambda *a, static, **options: simulate(*a, static=True, **options))


@null("infrastructure-layer", before="server-8")
def methods_are_assigned_at_random(namespace, patch):
    """In each pair of recorded runs, a coin says which one was static."""

    def change(record):
        rng, runs = np.random.default_rng(0), record["batching"]
        for first, second in zip(runs[::2], runs[1::2]):
            if rng.random() < 0.5:
                first["static"], second["static"] = second["static"], first["static"]

    change_record(namespace, "serving", change)


@null("infrastructure-layer")
def mixed_steps_cost_no_more(namespace, patch):
    """In the simulation, rows that joined at different times cost nothing extra."""
    simulate = serving.simulate

    def without_extra(requests, *, step_time=lambda n_rows, is_mixed: 1, **options):
        return simulate(requests, step_time=lambda n, is_mixed: step_time(n, False), **options)

    patch(serving, "simulate", without_extra)


@null("inference-optimisation")
def the_cache_is_not_used(namespace, patch):
    """The engine with a cache reads the whole text at each step, too."""
    write_time = serving.write_time
    patch(
        serving,
        "write_time",
        lambda model, prompt, n, engine: write_time(model, prompt, n, "uncached"),
    )


@null("inference-optimisation")
def the_cache_changes_the_text(namespace, patch):
    """With a cache, the model writes something else."""
    generate = generation.generate

    def other(model, prompts, n, engine="auto", **options):
        prompts = [[*p, 5] for p in prompts] if engine == "torch" else prompts
        return generate(model, prompts, n, engine=engine, **options)

    patch(generation, "generate", other)


@null("prompt-engineering")
def all_prompts_are_equal(namespace, patch):
    """Every prompt has the results of the bare one."""

    def change(record):
        record["prompts"] = dict.fromkeys(record["prompts"], record["prompts"]["bare"])

    change_record(namespace, "real_prompts", change)


@null("prompt-engineering")
def the_server_ignores_the_prompt(namespace, patch):
    """Asked again, every number gets the answer to the next one."""
    complete = namespace["complete"]

    def shifted(model, prompts, n=12, **options):
        first, *others = complete(model, prompts, n, **options)
        return [*others, first]

    namespace["complete"] = shifted


@null("application-development")
def the_prompt_makes_no_difference(namespace, patch):
    """Both versions send the question alone."""
    namespace["versions"]["2"] = namespace["versions"]["1"]


@null("application-development")
def answers_are_constant(namespace, patch):
    """The application always gives the same answer."""
    ask = namespace["ask"]
    namespace["ask"] = lambda texts, version: ask(texts[:1], version) * len(texts)


@null("ai-interface")
def clicks_are_not_recorded(namespace, patch):
    """The buttons do nothing."""
    patch(ChatPanel, "_rate", lambda self, rating: None)


@null("ai-interface")
def every_click_is_praise(namespace, patch):
    """Both buttons record the same."""
    rate = ChatPanel._rate
    patch(ChatPanel, "_rate", lambda self, rating: rate(self, "up"))


@null("ai-interface")
def clicks_belong_to_the_next_answer(namespace, patch):
    """A click is recorded for another answer."""
    record = ChatPanel._record

    def off_by_one(self, facts):
        shift = int(facts["event"] == "feedback")
        self.n_answers += shift
        record(self, facts)
        self.n_answers -= shift

    patch(ChatPanel, "_record", off_by_one)


@null("dataset-engineering", before="messy-5")
def filters_flag_at_random(namespace, patch):
    """Each step flags as many documents, at random."""
    flagged, rng = messy_corpus.flagged, np.random.default_rng(3)

    def at_random(texts, *arguments):
        return {
            kind: set(rng.permutation(len(texts))[: len(found)].tolist())
            for kind, found in flagged(texts, *arguments).items()
        }

    patch(messy_corpus, "flagged", at_random)


@null("dataset-engineering", before="messy-10")
def the_number_of_documents_is_all(namespace, patch):
    """The pipeline drops as many documents, chosen at random."""
    kept, rng = messy_corpus.kept, np.random.default_rng(4)

    def at_random(texts):
        return sorted(rng.permutation(len(texts))[: len(kept(texts))].tolist())

    patch(messy_corpus, "kept", at_random)


@null("dataset-engineering", before="messy-10")
def nothing_was_cleaned(namespace, patch):
    """The model that is trained again reads the messy corpus."""
    train, messy = mixture_lab.train, namespace["texts"]
    patch(mixture_lab, "train", lambda texts, **options: train(messy, **options))


@null("dataset-engineering", before="messy-10")
def copies_stay_in_the_index(namespace, patch):
    """The cleaned corpus still has the copies."""
    patch(messy_corpus, "cleaned", list)


@null("structured-vs-unstructured")
def wording_does_not_matter(namespace, patch):
    """Both passages about a person have the same words."""
    namespace["passages"] = namespace["passages"][:60] * 2


@null("structured-vs-unstructured")
def the_table_has_no_key(namespace, patch):
    """Rows of the same person have different names."""
    for i, row in enumerate(namespace["rows"]):
        row["name"] += str(i)


@null("annotation-difficulty")
def labels_are_random(namespace, patch):
    """The annotators of the closed-ended task label at random."""
    labels = namespace["labels"]
    rng = np.random.default_rng(1)
    random_labels = tuple(rng.choice([1, -1], (2, 200)).tolist())
    namespace["labels"] = labels | {"closed: which is right?": random_labels}
    from fmlab.evaluation import Agreement

    namespace["agreement"] = {n: Agreement.of(*two) for n, two in namespace["labels"].items()}


@null("annotation-difficulty", before="annotators-4")
def the_same_preferences_change_nothing(namespace, patch):
    """With the same preferences, annotators agree as little on the open-ended task as before."""
    agreement = namespace["agreement"]
    agreement["open, same preferences"] = agreement["open: which is better?"]


@null("annotation-difficulty", before="annotators-4")
def how_much_correctness_counts_does_not_matter(namespace, patch):
    """If correctness counts twice as much, the annotators agree as often as before."""
    agreement = namespace["agreement"]
    agreement["closed, correctness counts twice"] = agreement["closed: which is right?"]


@null("annotation-difficulty", before="annotators-2")
def tastes_do_not_differ(namespace, patch):
    """On open-ended tasks, annotators look at the facts alone."""
    from fmlab import alignment
    from microworld import Annotator, Taste

    choices, facts = alignment.choices, Taste(correct=1.0, ten_words=0, polite=0, sourced=0)

    def facts_only(annotator, pairs, rng):
        return choices(Annotator("", facts, annotator.temperature), pairs, rng)

    patch(alignment, "choices", facts_only)


@null("pre-training", before="training-2")
def micro_is_untrained(namespace, patch):
    """The model has random weights."""
    namespace["micro"] = models.GPT(namespace["micro"].config, seed=0)


@null("pre-training")
def post_training_costs_as_much(namespace, patch):
    """Everything after pre-training costs as much as pre-training."""
    card = models.card

    def equal(name):
        facts = card(name)
        return facts | {"flops": 1.0}

    patch(models, "card", equal)


@null("finetuning-vs-post-training", before="tuning-1")
def another_hand_gives_another_model(namespace, patch):
    """Each run has a seed of its own."""
    finetune, seeds = training.finetune, count()
    patch(
        training, "finetune", lambda *a, **options: finetune(*a, **options | {"seed": next(seeds)})
    )


@null("finetuning-vs-post-training", before="tuning-1")
def content_does_not_matter(namespace, patch):
    """The model that should learn from matching responses gets mixed-up ones, too."""
    sft_pairs = recipes.sft_pairs

    def mixed_up(world, n, seed=0):
        pairs = sft_pairs(world, n, seed)
        first = pairs[:160]
        return [(p, first[i - 5][1]) for i, (p, _) in enumerate(first)] + pairs[160:]

    patch(recipes, "sft_pairs", mixed_up)


@null("finetuning-vs-post-training", before="tuning-1")
def pre_training_gives_no_head_start(namespace, patch):
    """The model that is finetuned has random weights."""
    namespace["micro"] = models.GPT(namespace["micro"].config, seed=1)


@null("training-vs-weight-change")
def quantizing_changes_nothing(namespace, patch):
    """Rounding to 4 bits leaves all weights as they are."""
    namespace["quantize_model"] = lambda model, bits: None


@null("training-vs-weight-change")
def a_prompt_changes_weights(namespace, patch):
    """Reading a prompt moves the weights a little."""

    def generate(model, prompts, n, **options):
        with torch.no_grad():
            next(model.parameters()).add_(1e-3)

    namespace["generate"] = generate


@null("training-vs-weight-change")
def training_takes_no_step(namespace, patch):
    """The optimizer leaves all weights as they are."""
    patch(torch.optim.SGD, "step", lambda self: None)


@null("model-development")
def word_order_does_not_matter(namespace, patch):
    """The model is trained on the same words in random order."""
    rng = np.random.default_rng(0)
    shuffled = [" ".join(rng.permutation(text.split())) for text in namespace["cleaned"]]
    namespace["trained"] = mixture_lab.train(shuffled, seed=0)


@null("model-development")
def documents_are_dropped_at_random(namespace, patch):
    """The pipeline drops as many documents, chosen at random."""
    the_number_of_documents_is_all(namespace, patch)


@null("evaluation-roles", before="eval-4")
def the_models_are_equal(namespace, patch):
    """Both candidates are the same model."""
    load = namespace["load"]
    namespace["load"] = lambda name: load("small-sft")


@null("evaluation-roles", before="eval-8")
def the_monitor_is_blind(namespace, patch):
    """The model answers questions that are cut off as well as whole ones."""
    respond = namespace["respond"]
    whole = [q.text for q in namespace["daily"]]

    def guess(model, tokenizer, texts, *arguments, **options):
        is_cut = max(map(len, texts)) <= 20
        return respond(model, tokenizer, whole if is_cut else texts, *arguments, **options)

    namespace["respond"] = guess


@null("evaluation-roles", before="eval-8")
def the_monitor_always_warns(namespace, patch):
    """Questions are cut off from the day after the release on."""
    respond, days = namespace["respond"], count()

    def cut(model, tokenizer, texts, *arguments, **options):
        if "temperature" in options and next(days) > 0:
            texts = [text[:20] for text in texts]
        return respond(model, tokenizer, texts, *arguments, **options)

    namespace["respond"] = cut


@null("evaluation-roles", before="eval-4")
def more_steps_do_not_help(namespace, patch):
    """After 20 steps, the model is as good as after 375."""
    namespace["post_trained"] = namespace["load"]("micro-sft")[0]


@null("evaluation-roles", before="eval-8")
def every_model_is_released(namespace, patch):
    """On the final questions, the smaller model answers as the larger one does."""
    candidates = namespace["candidates"]
    namespace["candidates"] = dict.fromkeys(candidates, candidates["small-sft"])


@null("infrastructure-layer")
def nobody_waits_for_a_batch(namespace, patch):
    """With equal lengths, a static batch lets requests in as they arrive."""
    simulate = serving.simulate

    def let_in(requests, *, static, **options):
        equal = len({request.tokens for request in requests}) == 1
        return simulate(requests, static=static and not equal, **options)

    patch(serving, "simulate", let_in)
    namespace["simulate"] = let_in


@null("prompt-engineering")
def four_wrong_answers_do_as_well(namespace, patch):
    """Four examples help as much when their answers are wrong."""

    def change(record):
        record["prompts"][real_prompts.CONTROL] = record["prompts"]["four examples"]

    change_record(namespace, "real_prompts", change)


@null("duplicate-explorer")
def pairs_are_unrelated_texts(namespace, patch):
    """The texts are in another order, so that the pairs have nothing in common."""
    texts = namespace["texts"]
    namespace["texts"] = [texts[i] for i in np.random.default_rng(0).permutation(len(texts))]


@null("opening")
def prompt_makes_no_difference(namespace, patch):
    """With every prompt, the model is right on the numbers that the bare prompt gets right."""

    def change(record):
        for outcome in record["prompts"].values():
            outcome["report"] = record["prompts"]["bare"]["report"]

    change_record(namespace, "real_prompts", change)


@null("opening")
def wrong_examples_help_as_much(namespace, patch):
    """Examples with wrong answers help as much as those with right ones."""

    def change(record):
        prompts = record["prompts"]
        prompts["four wrong examples"]["report"] = prompts["four examples"]["report"]

    change_record(namespace, "real_prompts", change)


@null("opening")
def accountant_changes_nothing(namespace, patch):
    """After the sentence about the accountant, the model is right as often as without it."""

    def change(record):
        record["prompts"]["role"]["report"] = record["prompts"]["instruction"]["report"]

    change_record(namespace, "real_prompts", change)
