"""Nulls of the chapter on training data."""

import numpy as np

from fmlab.experiments import (
    data_quality,
    domain_text,
    planted_association,
    second_language,
)
from fmlab.widgets import MixedTexts
from tests.notebooks.nulls.records import change_results
from tests.notebooks.nulls.registry import null


def _with_losses(patch, change) -> None:
    """Change the losses of mixed texts: change(texts, losses, share) is the pair."""
    losses = MixedTexts.losses

    def changed(self, share, n=4):
        return change(self, lambda s: losses(self, s, n), share)

    patch(MixedTexts, "losses", changed)


@null("mixture-explorer")
def a_twentieth_of_a_language_teaches_nothing(namespace, patch):
    """With one twentieth of the second text, the model is as bad at it as with none."""
    _with_losses(patch, lambda _, losses, share: losses(0 if share < 0.1 else share))


@null("mixture-explorer")
def the_second_language_is_paid_for_in_the_first(namespace, patch):
    """A little of the second text costs the first one half a bit per byte."""

    def change(_, losses, share):
        first, second = losses(share)
        return first + 0.5 * (0 < share < 1), second

    _with_losses(patch, change)


@null("mixture-explorer")
def the_alphabet_explains_nothing(namespace, patch):
    """In plain letters, one twentieth of the second language brings as large a part as before."""

    def change(texts, losses, share):
        none, all_ = losses(0)[1], losses(1)[1]
        is_plain = 0 < share < 1 and texts.second.isascii()
        return (losses(share)[0], none - 0.6 * (none - all_)) if is_plain else losses(share)

    _with_losses(patch, change)


@null("mixture-explorer")
def more_of_the_same_text_counts_as_much(namespace, patch):
    """A little text of the same kind changes the loss on it by half a bit per byte."""

    def change(texts, losses, share):
        first, second = losses(share)
        is_same = 0 < share < 1 and losses(0)[1] < 3
        return first, second - 0.5 * is_same

    _with_losses(patch, change)


@null("data-decides", before="decides-5")
def every_answer_is_the_same_label(namespace, patch):
    """Whatever a model has read, it gives the same label to all items."""

    def change(record):
        for point in record["points"]:
            for task in ("numbers", "remarks"):
                point[task]["right"] = point[task]["n"] // 2

    change_results(patch, "data_decides", change)


@null("data-decides", before="decides-5")
def the_task_is_learned_without_labels(namespace, patch):
    """Models solve both tasks whether or not they have read labels."""

    def change(record):
        for point in record["points"]:
            for task in ("numbers", "remarks"):
                point[task]["right"] = point[task]["n"]

    change_results(patch, "data_decides", change)


@null("data-decides", before="decides-5")
def the_words_of_the_labels_are_enough(namespace, patch):
    """Models that have read random labels are right as often as those that have read right ones."""

    def change(record):
        labeled = [p for p in record["points"] if p["numbers labeled"] and p["remarks labeled"]]
        both = {p["seed"]: p for p in labeled}
        for point in record["labels at random"]:
            for task in ("numbers", "remarks"):
                point[task] = both[point["seed"]][task]

    change_results(patch, "data_decides", change)


@null("quality-vs-quantity", before="quality-4")
def noise_does_no_harm(namespace, patch):
    """A corpus of full size is as good with damaged documents as without."""

    def change(record):
        full = [p["bits"] for p in record["clean"] if p["fraction"] == 1]
        for point in record["noisy"]:
            point["bits"] = full[point["seed"]]

    change_results(patch, "data_quality", change)


@null("quality-vs-quantity", before="quality-4")
def repeating_is_as_good_as_new_text(namespace, patch):
    """A clean corpus of any size is as good as one of full size."""

    def change(record):
        full = [p["bits"] for p in record["clean"] if p["fraction"] == 1]
        for point in record["clean"]:
            point["bits"] = full[point["seed"]]

    change_results(patch, "data_quality", change)


@null("quality-vs-quantity")
def the_smallest_corpus_is_not_so_small(namespace, patch):
    """The live run reads a clean corpus of full size, in place of the smallest."""
    small = data_quality.clean_texts
    patch(data_quality, "clean_texts", lambda fraction, seed: small(1.0, seed))


@null("quantity-quality-diversity", before="knobs-2")
def registers_do_not_matter(namespace, patch):
    """A corpus of one register is as good, on any text, as one of eight."""
    runs = namespace["quality"]["diversity"]
    bits = next(p["bits"] for p in runs if p["n"] == 8)
    for point in runs:
        point["bits"] = bits


@null("quantity-quality-diversity", before="knobs-2")
def summaries_are_no_easier_after_many_registers(namespace, patch):
    """The losses on the unseen register are those of models with fewer registers."""
    runs = namespace["quality"]["diversity"]
    worst = max(p["bits"][data_quality.UNSEEN] for p in runs)
    for point in runs:
        if point["n"] == 8:
            point["bits"][data_quality.UNSEEN] = worst


@null("quantity-quality-diversity", before="knobs-2")
def what_a_narrow_corpus_contains_does_not_matter(namespace, patch):
    """All corpora with few registers have the same loss on summaries, with entries or without."""
    runs = [p for p in namespace["quality"]["diversity"] if p["n"] < 8]
    mean = np.mean([p["bits"][data_quality.UNSEEN] for p in runs])
    for point in runs:
        point["bits"][data_quality.UNSEEN] = mean


@null("multilingual", before="languages-2")
def every_tokenizer_is_balanced(namespace, patch):
    """All tokenizers were learned from text that is half and half."""
    tokenizer = second_language.tokenizer
    patch(second_language, "tokenizer", lambda share: tokenizer(0.5))


@null("multilingual", before="languages-2")
def the_second_language_is_simply_harder(namespace, patch):
    """Where English is the rare language, it is as good as where it is half of the text."""

    def change(record):
        half = {p["seed"]: p for p in record["points"] if p["tokenizer"] == p["share"] == 0.5}
        for point in record["points"]:
            if point["share"] == 0.95:
                point["english"]["bits"] = half[point["seed"]]["english"]["bits"]

    change_results(patch, "second_language", change)


@null("domain-specific", before="domain-4")
def replay_does_not_help(namespace, patch):
    """With replay, as much is forgotten as without it."""

    def change(record):
        alone = {p["seed"]: p for p in record["continued"] if p["way"] == "domain only"}
        for point in record["continued"]:
            if point["way"] == "with replay":
                point["looks"] = alone[point["seed"]]["looks"]

    change_results(patch, "domain_text", change)


@null("domain-specific", before="domain-4")
def a_lower_rate_is_as_good_as_replay(namespace, patch):
    """A lower learning rate forgets as little, and gains as much, as replay."""

    def change(record):
        replay = {p["seed"]: p for p in record["continued"] if p["way"] == "with replay"}
        for point in record["continued"]:
            if point["way"] == "domain only, slower":
                point["looks"] = replay[point["seed"]]["looks"]

    change_results(patch, "domain_text", change)


@null("domain-specific", before="domain-4")
def a_general_start_is_worth_its_steps(namespace, patch):
    """From scratch, a domain model gains nothing from the steps that the general model took."""

    def change(record):
        short = {p["seed"]: p for p in record["mixtures"] if p["weight"] == 1}
        for point in record["longer"]:
            point["domain"] = short[point["seed"]]["domain"]

    change_results(patch, "domain_text", change)


@null("domain-specific", before="domain-4")
def more_steps_are_enough(namespace, patch):
    """More general text improves the loss on documentation as much as documentation does."""

    def change(record):
        alone = {p["seed"]: p for p in record["continued"] if p["way"] == "domain only"}
        for point in record["continued"]:
            if point["way"] == "general only":
                point["looks"] = alone[point["seed"]]["looks"]

    change_results(patch, "domain_text", change)


@null("curation", before="mixture-2")
def weights_do_not_matter(namespace, patch):
    """The weights of the mixtures are exchanged among the models at random."""
    points = namespace["domain"]["mixtures"]
    order = np.random.default_rng(1).permutation(len(domain_text.WEIGHTS))
    new = {old: domain_text.WEIGHTS[i] for old, i in zip(domain_text.WEIGHTS, order)}
    for point in points:
        point["weight"] = new[point["weight"]]


@null("biased-outputs", before="leaning-4")
def professions_are_permuted(namespace, patch):
    """The model's probabilities belong to other professions than those in the text."""

    def change(record):
        for point in record["points"]:
            for wording, reds in point["red"].items():
                jobs = list(reds)
                point["red"][wording] = dict(zip(jobs, [*reds.values()][5:] + [*reds.values()][:5]))

    change_results(patch, "planted_association", change)


@null("biased-outputs", before="leaning-4")
def balanced_data_change_nothing(namespace, patch):
    """Models of balanced text lean as much as those of leaning text."""

    def change(record):
        leaning = {p["seed"]: p for p in record["points"] if p["model"] == "leaning"}
        for point in record["points"]:
            if point["model"] == "balanced":
                point["red"] = leaning[point["seed"]]["red"]

    change_results(patch, "planted_association", change)


@null("biased-outputs", before="leaning-4")
def any_further_training_is_a_fix(namespace, patch):
    """Finetuning on other text removes as much of the association as balanced sentences do."""

    def change(record):
        cured = {p["seed"]: p for p in record["points"] if p["model"] == "finetuned"}
        for point in record["points"]:
            if point["model"] == "world text":
                point["red"] = cured[point["seed"]]["red"]

    change_results(patch, "planted_association", change)


@null("biased-outputs", before="leaning-4")
def greedy_decoding_is_no_stronger(namespace, patch):
    """Greedy decoding writes red as often as sampling does."""
    n_names = len(planted_association.GIVEN)

    def change(record):
        for point in record["points"]:
            for wording, reds in point["red"].items():
                point["greedy"][wording] = {job: n_names * red for job, red in reds.items()}

    change_results(patch, "planted_association", change)


@null("biased-outputs", before="leaning-4")
def planted_text_leaves_no_trace(namespace, patch):
    """Models of leaning text lean only as much as before this training."""
    model = planted_association.base()[0]
    wordings = planted_association.WORDINGS
    red = {w: planted_association.probability_of_red(model, w) for w in wordings}

    def change(record):
        for point in record["points"]:
            if point["model"] == "leaning":
                point["red"] = red

    change_results(patch, "planted_association", change)
