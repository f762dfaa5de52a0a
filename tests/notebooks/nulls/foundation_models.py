"""The nulls of the chapter on foundation models."""

import random

import numpy as np

from fmlab.evaluation import Rate
from fmlab.experiments import image_text, real_adaptation, specialists, three_ways
from fmlab.experiments.ladder import as_dict
from fmlab.models import ImageTextModel
from tests.notebooks.nulls.records import change_record
from tests.notebooks.nulls.registry import null


def runs_of(record, **settings):
    """The recorded runs of the second comparison that have these settings."""
    runs = record["by amount"]["runs"]
    return [run for run in runs if all(run[key] == value for key, value in settings.items())]


# --- one model, many tasks ------------------------------------------------------------------------


@null("foundation-model", before="general-7")
def the_general_model_is_untrained(namespace, patch):
    """The general model does no better on any task than the untrained one."""
    namespace["general"] = dict(namespace["untrained"])


@null("foundation-model", before="general-7")
def specialists_do_every_task(namespace, patch):
    """Each specialist is as good on every other task as the specialist for that task."""
    specialist = namespace["specialist"]
    namespace["specialist"] = lambda trained_on, tested_on: specialist(tested_on, tested_on)


@null("foundation-model", before="general-9")
def counting_words_is_enough(namespace, patch):
    """Rules that count words are as good as the general model on every task."""
    namespace["rules"] = dict(namespace["general"])


@null("foundation-model")
def the_live_model_has_random_weights(namespace, patch):
    """The model that is asked again was never trained."""
    namespace["micro"] = specialists.new_model()[0]


# --- three ways -----------------------------------------------------------------------------------


@null("adaptation-three-ways", before="ways-12")
def retrieval_finds_random_sentences(namespace, patch):
    """The recorded answers after retrieval are those after a random sentence."""
    namespace["right"]["retrieved"] = namespace["right"]["random_sentence"]


@null("adaptation-three-ways", before="ways-12")
def finetuning_is_on_shuffled_answers(namespace, patch):
    """Finetuning on the right answers teaches no more than finetuning on shuffled ones."""
    namespace["right"]["questions"] = namespace["right"]["shuffled answers"]


@null("adaptation-three-ways", before="ways-7")
def the_live_search_is_random(namespace, patch):
    """The search returns a random sentence of the file."""
    rnd = random.Random(0)
    search = namespace["task"].search
    patch(search, "best", lambda query, n=1: [rnd.randrange(len(search.texts))])


@null("adaptation-three-ways", before="ways-4")
def the_model_knew_the_facts_before(namespace, patch):
    """The answer is in every prompt, so that the question alone is enough."""

    def plain(task, asked):
        return f"Passage: {asked.sentence}\nQuestion: {asked.question}\nAnswer:"

    patch(three_ways.Task, "plain", plain)


@null("adaptation-three-ways")
def nothing_is_forgotten(namespace, patch):
    """After finetuning, well-known facts are known as well as before."""
    namespace["after"] = dict.fromkeys(namespace["after"], namespace["before"])


# --- adapt or build -------------------------------------------------------------------------------


@null("task-specific-to-general", before="build-4")
def pre_training_makes_no_difference(namespace, patch):
    """Finetuned models have the accuracies of models from scratch."""

    def change(record):
        for run in runs_of(record, way="finetuned", shuffled=False):
            same = {key: run[key] for key in ("task", "n", "seed")}
            run["accuracy"] = runs_of(record, way="from scratch", **same)[0]["accuracy"]

    change_record(namespace, "specialists", change)


@null("task-specific-to-general", before="build-4")
def responses_do_not_matter(namespace, patch):
    """Finetuning on shuffled responses is as good as on the right ones."""

    def change(record):
        for run in runs_of(record, shuffled=True):
            same = {key: run[key] for key in ("way", "task", "n", "seed")}
            run["accuracy"] = runs_of(record, shuffled=False, **same)[0]["accuracy"]

    change_record(namespace, "specialists", change)


@null("task-specific-to-general")
def the_live_model_is_not_trained(namespace, patch):
    """The model that is finetuned again learns nothing."""
    train = specialists.train

    def without_learning(*arguments, **options):
        return train(*arguments, **(options | {"rate": 1e-12}))

    patch(specialists, "train", without_learning)


@null("adapt-vs-build", before="build-12")
def adapting_needs_as_much(namespace, patch):
    """Both sides reach each accuracy with the same number of examples."""
    outcome = namespace["outcome"]
    namespace["outcome"] = lambda way, *rest, **options: outcome("from scratch", *rest, **options)


@null("adapt-vs-build")
def pre_training_is_free(namespace, patch):
    """Pre-training costs no more than one run."""
    namespace["pretraining"] = namespace["cost"]["finetuned", "sentiment"][1]


# --- pictures and words ---------------------------------------------------------------------------


@null("multimodal", before="clip-11")
def the_image_text_model_is_untrained(namespace, patch):
    """The encoders have random weights."""
    namespace["clip"] = ImageTextModel(namespace["words"], seed=0)


@null("multimodal", before="clip-13")
def recorded_models_see_only_colors(namespace, patch):
    """The recorded models see the color and guess the shape."""

    def change(record):
        for run in record["models"]["trained"]:
            run["held-out pairs"] = as_dict(Rate(60, 360))

    change_record(namespace, "image_text", change)


@null("multimodal", before="clip-13")
def pairs_do_not_matter(namespace, patch):
    """A model that was trained on shuffled pairs is as good."""

    def change(record):
        record["models"]["shuffled pairs"] = record["models"]["trained"]

    change_record(namespace, "image_text", change)


@null("embedding", before="space-2")
def captions_have_random_embeddings(namespace, patch):
    """The embeddings of captions say nothing about their content."""
    model = namespace["clip"]
    rng = np.random.default_rng(0)

    def random_vectors(captions):
        vectors = rng.normal(size=(len(captions), model.config.d_embedding))
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)

    patch(model, "embed_captions", random_vectors)


@null("embedding", before="space-7")
def every_picture_is_the_nearest(namespace, patch):
    """The measure counts every search as successful."""
    patch(image_text, "recalls", lambda queries, items, k, rows: [True] * len(rows))


@null("embedding", before="space-8")
def shuffled_pairs_give_the_same_space(namespace, patch):
    """The model that was trained on shuffled pairs finds as much."""
    namespace["images"]["shuffled pairs"] = namespace["images"]["trained"]


# --- a real model ---------------------------------------------------------------------------------


@null("real-adaptation", before="real-2")
def the_paragraph_does_not_matter(namespace, patch):
    """With the retrieved paragraph, the model answers as with a random one."""

    def change(record):
        record["ways"]["retrieved paragraph"] = record["ways"]["random paragraph"]

    change_record(namespace, "real_adaptation", change)


@null("real-adaptation", before="real-2")
def any_paragraph_helps(namespace, patch):
    """With a random paragraph, the model answers as with the right one."""

    def change(record):
        record["ways"]["random paragraph"] = record["ways"]["retrieved paragraph"]

    change_record(namespace, "real_adaptation", change)


@null("real-adaptation")
def the_live_answers_ignore_the_paragraph(namespace, patch):
    """Asked again, the model gets the question without any paragraph."""
    live_prompts = real_adaptation.live_prompts

    def questions_only():
        prompts = live_prompts()
        return dict.fromkeys(prompts, prompts["plain question"])

    patch(real_adaptation, "live_prompts", questions_only)
