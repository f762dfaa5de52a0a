"""Nulls of the chapter on language models."""

import numpy as np
import torch

from fmlab import models
from fmlab.experiments import capacity_grid, masked_and_causal, real_tasks
from fmlab.models import MaskedModel
from tests.notebooks.nulls.records import change_record, change_results
from tests.notebooks.nulls.registry import null


@null("opening")
def the_preview_is_no_better_than_its_baselines(namespace, patch):
    """SmolLM2 gets as many right as the better baseline."""

    def change(record):
        for task in record["tasks"].values():
            task["right"] = max(task["next_prompt"], task["most_frequent"])

    change_record(namespace, "real_tasks", change)


@null("opening")
def all_tasks_are_easy(namespace, patch):
    """SmolLM2 is right on most prompts of every task."""

    def change(record):
        for task in record["tasks"].values():
            task["right"] = max(task["right"], 30)

    change_record(namespace, "real_tasks", change)


@null("opening")
def rules_are_useless(namespace, patch):
    """The simple rules never give the right answer."""
    patch(real_tasks, "is_right", lambda completion, answer: False)


@null("token")
def tokens_are_characters(namespace, patch):
    """The tokenizer has learned no merges, so every token is a single byte."""
    tokenizer = namespace["tokenizer"]
    namespace["tokenizer"] = type(tokenizer).train("a", 256)


@null("vocabulary")
def every_word_is_a_token(namespace, patch):
    """The vocabulary is not limited: there are as many different tokens as words."""
    namespace["different"]["tokens"] = namespace["different"]["words"]


@null("vocabulary")
def all_words_were_seen(namespace, patch):
    """The held-out pages contain no word that is new."""
    namespace["held_out_pages"] = namespace["training_pages"][:3]


@null("statistical-information", before="entropy-4")
def context_is_ignored(namespace, patch):
    """Whatever n is, the model uses only the frequencies of tokens."""
    logprobs = namespace["ngrams"].logprobs
    patch(namespace["ngrams"], "logprobs", lambda ids, n=None, alpha=None: logprobs(ids, 1, alpha))


@null("statistical-information", before="entropy-4")
def held_out_pages_were_seen(namespace, patch):
    """The held-out pages are part of the training text, so nothing is overfitted."""
    namespace["held_out_ids"] = namespace["training_ids"][:10]


@null("statistical-information")
def the_improvement_needs_no_order(namespace, patch):
    """Shuffling leaves the tokens in order, so the control gains as much from context."""
    default_rng = np.random.default_rng

    class Unshuffled:
        def __init__(self, seed):
            self.rng = default_rng(seed)

        def permutation(self, ids):
            return np.array(ids)

    patch(np.random, "default_rng", Unshuffled)


@null("statistical-information")
def counting_beats_every_network(namespace, patch):
    """All networks have a higher loss than the n-grams."""

    def change(record):
        for model in record["models"].values():
            model["loss"] = record["models"]["nano"]["loss"]

    change_results(patch, "ngram_ladder", change)


@null("statistical-information")
def counting_only_repeats(namespace, patch):
    """The n-grams are good only where the text repeats training pages, and guess elsewhere."""
    logprobs = namespace["ngrams"].logprobs

    def repeated(ids, n=None, alpha=None):
        values = logprobs(ids, n, alpha)
        return np.where(values > np.log(0.5), values, -np.log(512))

    patch(namespace["ngrams"], "logprobs", repeated)


@null("self-supervision")
def pairs_start_without_a_marker(namespace, patch):
    """The first token and the end are not predicted."""
    namespace["pairs"] = namespace["pairs"][1:-1]


@null("self-supervision")
def labels_are_not_shifted(namespace, patch):
    """All pairs at once: the label of each position is the token itself."""
    nano, tokenizer = models.load("nano")

    def unshifted(ids, targets=None):
        return nano(ids, None if targets is None else ids)

    patch(models, "load", lambda name: (unshifted, tokenizer))


@null("supervision-cost")
def the_number_of_annotators_is_ignored(namespace, patch):
    """The calculator counts one label per example, however many people label it."""
    namespace["labeling_cost"] = lambda n, price, labels_per_example=3: n * price


@null("supervision-cost")
def text_has_one_label_per_page(namespace, patch):
    """A page gives one label, as if it had to be classified as a whole."""
    namespace["training_ids"] = [ids[:2] for ids in namespace["training_ids"]]


@null("self-vs-unsupervised")
def the_names_of_clusters_matter(namespace, patch):
    """Clusters have right names: a document in a cluster of another name costs more."""
    distances = namespace["distances"]
    clusters = namespace["clusters"].copy()
    namespace["distances"] = lambda c: distances(c) + (c != clusters)[:, None]


@null("self-vs-unsupervised")
def labels_have_no_right_answer(namespace, patch):
    """Next-token prediction is indifferent to its labels: all tokens are equally likely."""
    ngrams = namespace["NGramModel"]

    class Uniform(ngrams):
        def logprobs(self, text, *arguments, **options):
            return np.full(len(text), -np.log(self.vocab_size))

    namespace["NGramModel"] = Uniform


@null("parameter")
def the_slope_is_wrong(namespace, patch):
    """The gradient has the wrong sign."""
    namespace["slope"] = -namespace["slope"]


@null("parameter")
def training_changes_nothing(namespace, patch):
    """The optimizer leaves all parameters as they are."""
    patch(torch.optim.SGD, "step", lambda self: None)


@null("parameter")
def the_parameter_is_not_used(namespace, patch):
    """The nudged parameter plays no part in the prediction."""
    positions = namespace["model"].transformer.wpe.weight
    loss_at = namespace["loss_at"]
    namespace["loss_at"] = lambda dial, value, place: loss_at(positions, value, (60, 0))


@null("training-loop", before="step-2")
def actual_minus_predicted(namespace, patch):
    """The gradient by hand is actual minus predicted."""
    eye = np.eye
    patch(np, "eye", lambda n: 2 / n - eye(n))


@null("training-loop")
def nothing_is_learned(namespace, patch):
    """The optimizer leaves all parameters as they are, so the loss stays near ln V."""
    patch(torch.optim.AdamW, "step", lambda self, *arguments: None)


@null("training-loop")
def held_out_loss_is_training_loss(namespace, patch):
    """The loss on held-out text is the training loss, so it cannot tell them apart."""

    def change(record):
        for point in record["points"]:
            point["last_test"] = point["curve"]["training"][-1]

    change_results(patch, "capacity_grid", change)


@null("masked-lm")
def the_masked_model_is_untrained(namespace, patch):
    """The masked model has random weights."""
    namespace["masked"] = masked_and_causal.untrained("masked", namespace["data"])


@null("masked-lm")
def the_right_side_is_hidden(namespace, patch):
    """The masked model sees only the left side of the gap."""
    logits = masked_and_causal.noun_logits
    patch(
        masked_and_causal,
        "noun_logits",
        lambda model, data, rows, sees="all": logits(model, data, rows, "left"),
    )


@null("autoregressive-lm")
def the_masked_model_writes_as_well(namespace, patch):
    """The masked model writes the sentences of the autoregressive one."""
    for point in namespace["seeds"]:
        point["in_world"]["masked"] = point["in_world"]["autoregressive"]
    write, causal = masked_and_causal.write, namespace["causal"]
    patch(
        masked_and_causal,
        "write",
        lambda model, data, **options: write(causal, data, **options),
    )


@null("autoregressive-lm")
def longer_training_does_not_help(namespace, patch):
    """Trained three times as long, the masked model writes as badly as before."""
    for point in namespace["seeds"]:
        point["in_world"]["masked, longer"] = point["in_world"]["masked"]


@null("autoregressive-lm")
def the_autoregressive_model_copies(namespace, patch):
    """The autoregressive model repeats the sentences that it was trained on."""
    write, known = masked_and_causal.write, set(namespace["data"].training)

    def copied(model, data, **options):
        texts = write(model, data, **options)
        if isinstance(model, MaskedModel):
            return texts
        return [text if text in known else data.training[0] for text in texts]

    patch(masked_and_causal, "write", copied)


@null("autoregressive-lm")
def words_are_random(namespace, patch):
    """What the autoregressive model writes are random words."""
    write = masked_and_causal.write

    def random_words(model, data, **options):
        if isinstance(model, MaskedModel):
            return write(model, data, **options)
        return masked_and_causal.random_words(data)

    patch(masked_and_causal, "write", random_words)


@null("autoregressive-lm")
def the_autoregressive_model_classifies_as_well(namespace, patch):
    """Without trying nouns, the autoregressive model knows what stands in the gap."""
    for point in namespace["seeds"]:
        point["right"]["autoregressive"] = point["right"]["masked"]


@null("generative")
def the_model_always_writes_the_same(namespace, patch):
    """The most likely token is always taken."""
    continue_text = namespace["continue_text"]
    namespace["continue_text"] = lambda text, n_steps, seed: continue_text(text, n_steps, 0)


@null("generative")
def samples_ignore_the_distribution(namespace, patch):
    """Tokens are drawn uniformly, whatever the model says."""
    tokenizer = namespace["small_tokenizer"]

    def uniform(text, n_steps, seed):
        ids = np.random.default_rng(seed).integers(200, size=n_steps)
        return text + "".join(tokenizer.decode([i]) for i in ids), namespace["steps"]

    namespace["continue_text"] = uniform


@null("open-vs-closed-ended")
def one_token_is_impossible(namespace, patch):
    """One token never has a probability above 0."""
    causal = namespace["causal"]

    def limited(ids):
        logits, loss = causal(ids)
        logits[..., 7] = -torch.inf
        return logits, loss

    namespace["causal"] = limited


@null("open-vs-closed-ended")
def the_classifier_invents_labels(namespace, patch):
    """The classifier can answer with something that is not in its label set."""
    patch(masked_and_causal, "person_by_logits", lambda data, logits: np.arange(len(logits)))


@null("tasks-as-completion", before="tasks-3")
def the_prompt_is_ignored(namespace, patch):
    """Each completion answers the previous prompt."""
    complete = namespace["complete"]

    def about_the_previous(model, tokenizer, prompts):
        texts = complete(model, tokenizer, prompts)
        return texts[-1:] + texts[:-1]

    namespace["complete"] = about_the_previous


@null("tasks-as-completion", before="tasks-3")
def the_answer_is_constant(namespace, patch):
    """Every prompt of a task gets the same completion."""
    complete = namespace["complete"]

    def constant(model, tokenizer, prompts):
        return complete(model, tokenizer, prompts[:1]) * len(prompts)

    namespace["complete"] = constant


@null("tasks-as-completion")
def the_real_model_is_no_better_than_its_nulls(namespace, patch):
    """SmolLM2 gets as many right as the best null."""
    read = namespace["read"]

    def changed(name):
        record = read(name)
        for task in record["tasks"].values() if name == "real_tasks" else ():
            task["right"] = max(task["next_prompt"], task["most_frequent"])
        return record

    namespace["read"] = changed


@null("tasks-as-completion")
def the_real_model_ignores_the_prompt(namespace, patch):
    """Asked again, SmolLM2 completes every prompt like the one after it."""
    answer = real_tasks.answer

    def about_the_next(model, tokenizer, prompts):
        first, *others = answer(model, tokenizer, prompts)
        return [*others, first]

    patch(real_tasks, "answer", about_the_next)


@null("completion-is-prediction")
def completions_are_true(namespace, patch):
    """Every completion is the true answer."""
    questions = namespace["questions"]
    namespace["answers"] = [q.answer for q in questions]
    namespace["is_right"] = [True] * len(questions)


@null("completion-is-prediction")
def completions_are_about_somebody_else(namespace, patch):
    """The model answers every question about the next person, and is never right."""
    namespace["answers"] = namespace["answers"][1:] + namespace["answers"][:1]
    pairs = zip(namespace["questions"], namespace["answers"])
    namespace["is_right"] = [namespace["world"].is_correct(q, a) for q, a in pairs]


@null("completion-is-prediction")
def wrong_completions_are_nonsense(namespace, patch):
    """Wrong completions can be recognized: they name no town."""
    pairs = zip(namespace["answers"], namespace["is_right"])
    namespace["answers"] = [a if right else "???" for a, right in pairs]


@null("bigger-needs-more-data")
def size_always_pays_off(namespace, patch):
    """The larger model gains as much on the small data as on the large data."""
    for point in namespace["grid"]["points"]:
        if (point["size"], point["amount"]) == ("larger", "little"):
            point["test"] -= 0.6


@null("bigger-needs-more-data")
def size_never_pays_off(namespace, patch):
    """The sizes are mixed up, so neither is better."""
    for point in namespace["grid"]["points"]:
        if point["seed"] == 1:
            point["size"] = {"smaller": "larger", "larger": "smaller"}[point["size"]]


@null("bigger-needs-more-data")
def longer_training_makes_the_difference(namespace, patch):
    """After the same number of steps, size pays off equally on both amounts of data."""
    for point in namespace["grid"]["points"]:
        if (point["size"], point["amount"]) == ("larger", "much"):
            point["curve"]["test"] = [loss + 0.3 for loss in point["curve"]["test"]]


@null("bigger-needs-more-data")
def the_cell_that_is_trained_again_is_another(namespace, patch):
    """The cell that is trained again starts from another seed and learns at another rate."""
    train = capacity_grid.train
    patch(
        capacity_grid,
        "train",
        lambda size, amount, seed, rate, text: train(size, amount, seed + 1, rate, text),
    )
