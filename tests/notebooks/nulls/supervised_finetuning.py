"""The nulls of the chapter on supervised finetuning."""

import numpy as np

from fmlab import evaluation, models
from fmlab.data import dialogues
from fmlab.experiments import chat_templates
from fmlab.experiments.supervised_lab import decode
from tests.notebooks.nulls.registry import null

CONSTANT = "I don't know."


@null("why-post-train", before="why-11")
def finetuned_model_is_a_constant(namespace, patch):
    """The finetuned model says "I don't know." to every question."""
    namespace["answers"] = [CONSTANT] * len(namespace["answers"])


@null("why-post-train", before="why-10")
def finetuned_model_was_not_finetuned(namespace, patch):
    """The weights of *micro-sft* are those of *micro*, with untrained markers for the turns."""
    load = models.load
    patch(models, "load", lambda name: models.add_chat_tokens(*load("micro")))


@null("why-post-train", before="why-12")
def corpus_format_does_not_help(namespace, patch):
    """In the corpus format, the pre-trained model is right as often as after a plain question."""
    namespace["in_form"] = namespace["before"]


@null("demonstration-data")
def mask_is_shifted(namespace, patch):
    """The loss mask is shifted by one position, so that the first word does not count."""
    targets_of = dialogues.targets_of

    def shifted(*arguments):
        targets = targets_of(*arguments).clone()
        first = (targets >= 0).int().argmax(dim=1)
        targets[range(len(targets)), first] = dialogues.IGNORED
        return targets

    patch(dialogues, "targets_of", shifted)


@null("demonstration-data")
def habits_are_all_or_nothing(namespace, patch):
    """The model takes the most likely token at any temperature, so no habit has its rate."""
    grade = evaluation.grade

    def greedy(*arguments, temperature=0.0, rng=None):
        return grade(*arguments)

    patch(evaluation, "grade", greedy)


@null("sft")
def finetuned_models_are_constants(namespace, patch):
    """All three finetuned models say "I don't know." to every question."""
    n = len(namespace["questions"])
    namespace["finetuned"] = {kind: decode(["A" * n] * 3) for kind in namespace["finetuned"]}


@null("sft")
def names_make_no_difference(namespace, patch):
    """The models abstain as often where there is an answer as where there is none."""
    answerable = namespace["finetuned"]["answerable"]
    namespace["finetuned"] = {"answerable": answerable, "unanswerable": answerable}


@null("sft")
def answers_are_as_accurate(namespace, patch):
    """Where the finetuned model gives an answer, it is right exactly if *micro* was."""
    kept = ("abstained", "no answer")
    finetuned = namespace["finetuned"]
    finetuned["answerable"] = evaluation.RepeatedOutcomes(
        [
            evaluation.Outcomes(
                [a if a in kept else b for a, b in zip(run.labels, namespace["in_form"].labels)]
            )
            for run in finetuned["answerable"].runs
        ]
    )


@null("sft")
def gap_is_that_of_random_weights(namespace, patch):
    """With pre-training, the gap between twins is the same as without."""
    namespace["recorded"] = namespace["record"]["scratch"][-2]


@null("sft")
def gap_does_not_depend_on_the_question(namespace, patch):
    """The replies are permuted among the questions, so the gap does not depend on knowledge."""
    order = np.random.default_rng(0).permutation(len(namespace["questions"]))
    recorded = dict(namespace["recorded"])
    for kind in ("answerable", "unanswerable"):
        recorded[kind] = ["".join(codes[i] for i in order) for codes in recorded[kind]]
    namespace["recorded"] = recorded


@null("sft")
def rules_are_exchanged(namespace, patch):
    """The models of the strict rule and those of the simple one are exchanged."""
    namespace["record"]["mentions"].reverse()


@null("sft")
def nothing_is_forgotten(namespace, patch):
    """The finetuned model has the weights of *micro*."""
    namespace["assistant"] = namespace["model"]


@null("sft-from-scratch")
def starts_are_exchanged(namespace, patch):
    """The models called pre-trained started from random weights, and the others from *micro*."""
    scratch = namespace["scratch"]
    scratch["micro"], scratch["random"] = scratch["random"], scratch["micro"]


@null("sft-from-scratch")
def pretraining_is_worth_nothing(namespace, patch):
    """The network called *micro* was never trained, so before finetuning it only guesses."""
    namespace["model"] = models.GPT(namespace["model"].config)


@null("labelers-matter")
def errors_have_no_effect(namespace, patch):
    """The models learn the same from demonstrations with errors as from those without."""
    n = len(namespace["x"])
    for name in ("known", "unknown"):
        namespace[name] = namespace[name][:1] * n
    namespace["curves"] = {name: means[:1] * n for name, means in namespace["curves"].items()}


@null("labelers-matter", before="labelers-2")
def only_abstaining_varies(namespace, patch):
    """After wrong demonstrations, the models answer less often but as accurately."""

    def without_half_of_the_answers(codes):
        for answer in "RW":
            parts = codes.split(answer)
            codes = (
                "".join(part + (answer if i % 2 else "A") for i, part in enumerate(parts[:-1]))
                + parts[-1]
            )
        return codes

    first, *others = namespace["record"]["errors"]
    for point in others:
        point["answerable"] = [*map(without_half_of_the_answers, first["answerable"])]


@null("labelers-matter")
def abstaining_needs_no_demonstrations(namespace, patch):
    """The models abstain as often after few demonstrations of abstaining as after many."""
    record = namespace["record"]
    record["unknown"] = record["unknown"][:1] * 3


@null("labelers-matter")
def unknown_facts_do_no_harm(namespace, patch):
    """Facts that the corpus states seldom or never are as good to demonstrate as any others."""
    first, *others = namespace["record"]["facts"]
    for point in others:
        point |= {kind: first[kind] for kind in ("answerable", "unanswerable")}


@null("real-chat-template", before="real-5")
def order_of_the_template_does_not_matter(namespace, patch):
    """SmolLM2 is right as often when all tokens of its template are shuffled."""
    namespace["right"]["its own template"] = namespace["right"]["its own, shuffled"]


@null("real-chat-template", before="real-5")
def no_template_is_as_good(namespace, patch):
    """SmolLM2 is right as often without a template, in the form of a text about questions."""
    namespace["right"]["its own template"] = namespace["right"]["Question: ... Answer:"]


@null("real-chat-template", before="real-5")
def replies_without_a_template_are_wrong(namespace, patch):
    """In the form of a text about questions, a reply that is not empty is wrong, too."""
    namespace["right"]["Question: ... Answer:"] &= namespace["empty"]["Question: ... Answer:"]


@null("real-chat-template", before="real-5")
def typed_markers_make_no_difference(namespace, patch):
    """With the markers typed as text, SmolLM2 replies as it does to special tokens."""
    for kind in ("right", "ends"):
        namespace[kind]["typed as text"] = namespace[kind]["its own template"]


@null("real-chat-template")
def replies_are_not_repeated(namespace, patch):
    """The model that is asked again gives no right answer."""
    patch(chat_templates, "is_right", lambda reply, answers: False)
