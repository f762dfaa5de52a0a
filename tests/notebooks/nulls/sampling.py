"""Nulls of the chapter on sampling."""

import numpy as np

from fmlab import sampling
from fmlab.experiments import (
    extraction,
    label_scores,
    real_sampling,
    results,
    sampling_batches,
    sampling_penalties,
)
from tests.notebooks.nulls.registry import null


@null("logits")
def the_model_outputs_probabilities(namespace, patch):
    """The model outputs probabilities instead of logits."""
    logits_after = namespace["logits_after"]
    namespace["logits_after"] = lambda text: sampling.softmax(logits_after(text))


@null("logits", before="logits-5")
def the_sum_is_missing(namespace, patch):
    """Softmax exponentiates, but does not divide by the sum."""
    namespace["softmax"] = lambda logits, temperature=1.0: np.exp(logits / temperature)


@null("debug-by-probabilities")
def the_model_is_untrained(namespace, patch):
    """The weights were never loaded: the model is as random as before training."""
    namespace["model"] = namespace["untrained"]


@null("debug-by-probabilities")
def certainty_is_enough(namespace, patch):
    """The trained model is the untrained one with its logits scaled up: certain, but not right."""
    certainty_and_loss = namespace["certainty_and_loss"]
    untrained = namespace["untrained"]
    namespace["certainty_and_loss"] = lambda model, scale=1: certainty_and_loss(
        untrained, 5 if model is namespace["model"] else scale
    )


@null("debug-by-probabilities")
def the_model_is_too_certain(namespace, patch):
    """The trained model is more certain than it should be: its logits are half as large again."""
    certainty_and_loss = namespace["certainty_and_loss"]
    namespace["certainty_and_loss"] = lambda model, scale=1, **options: certainty_and_loss(
        model, 1.5 * scale if model is namespace["model"] else scale, **options
    )


@null("greedy")
def greedy_decoding_samples(namespace, patch):
    """Greedy decoding is sampling: temperature 0 is taken as 1."""
    generate = namespace["generate"]

    def sampled(*args, temperature=1.0, rng=None, **options):
        rng = rng or np.random.default_rng(1)
        return generate(*args, temperature=temperature or 1.0, rng=rng, **options)

    namespace["generate"] = sampled


@null("greedy")
def greedy_text_is_a_sample(namespace, patch):
    """Greedy text is as varied as sampled text: long texts are sampled at temperature 0, too."""
    generate = namespace["generate"]

    def sampled(*args, temperature=1.0, rng=None, **options):
        if "max_new_tokens" in options and temperature == 0:
            temperature, rng = 1.0, np.random.default_rng(1)
        return generate(*args, temperature=temperature, rng=rng, **options)

    namespace["generate"] = sampled


@null("sample-by-distribution")
def the_most_likely_is_always_taken(namespace, patch):
    """The sampler always returns the most likely color."""
    patch(sampling, "sample", lambda logits, size, **options: np.zeros(size, dtype=int))


@null("sample-by-distribution")
def every_color_is_equally_likely(namespace, patch):
    """The sampler ignores the probabilities and picks any color."""
    patch(sampling, "sample", lambda logits, rng, size, **options: rng.integers(3, size=size))


@null("temperature")
def temperature_is_ignored(namespace, patch):
    """The logits are not divided by the temperature."""
    namespace["softmax"] = lambda logits, temperature=1.0: sampling.softmax(logits)


@null("temperature")
def inventions_do_not_depend_on_it(namespace, patch):
    """Just as many words are invented at a temperature of 0.7 as at 1."""
    read = results.read

    def mixed_up(name):
        record = read(name)
        if name == "sampling_variety":
            record["points"]["T 0.7"] = record["points"]["T 1"]
        return record

    patch(results, "read", mixed_up)


@null("logprobs")
def questions_are_swapped(namespace, patch):
    """Every person is asked about with somebody else's name, so scores cannot know the answer."""
    read, scores = results.read, label_scores.scores

    def swapped(found):
        return found | {"question": found["others"][0]}

    patch(label_scores, "scores", lambda *args, **options: swapped(scores(*args, **options)))
    patch(
        results, "read", lambda name: swapped(read(name)) if name == "label_scores" else read(name)
    )


@null("logprobs")
def students_learn_from_the_text_alone(namespace, patch):
    """Whatever is revealed, the student learns from the text alone."""
    loss = extraction.loss
    patch(
        extraction,
        "loss",
        lambda student, teacher, rows, revealed: loss(student, teacher, rows, "text"),
    )


@null("logprobs")
def logprobs_copy_no_better_than_text(namespace, patch):
    """A student that sees logprobs gets no closer to the teacher than one that sees text."""
    read = results.read

    def equal(name):
        record = read(name)
        if name == "extraction":
            for point in record["points"][1:]:
                point["distance"]["logprobs"] = point["distance"]["text"]
        return record

    patch(results, "read", equal)


@null("top-k", before="topk-5")
def nothing_is_cut(namespace, patch):
    """Top-k keeps every token."""
    namespace["keep_top_k"] = lambda logits, k: logits


@null("top-p", before="topk-4")
def the_number_of_tokens_is_fixed(namespace, patch):
    """The nucleus has the same number of tokens everywhere, as in top-k."""
    patch(sampling, "keep_top_p", lambda logits, p: sampling.keep_top_k(logits, 30))


@null("min-p-and-order", before="topp-3")
def min_p_is_top_p(namespace, patch):
    """Min-p grows with the temperature as fast as top-p."""
    patch(sampling, "keep_min_p", lambda logits, p: sampling.keep_top_p(logits, 0.9))


@null("min-p-and-order", before="topp-3")
def the_order_does_not_matter(namespace, patch):
    """Top-p before the temperature lets as many invented words through as top-p after it."""
    pooled = namespace["pooled"]
    pooled["top-p 0.9 before T 1.5"] = pooled["T 1.5, top-p 0.9"]


@null("min-p-and-order", before="topp-3")
def truncation_does_not_help(namespace, patch):
    """With min-p, as many words are invented as without it."""
    pooled = namespace["pooled"]
    pooled["T 1.5, min-p 0.1"] = pooled["T 1"]


@null("stopping")
def cut_off_records_count_as_whole(namespace, patch):
    """Every answer counts as valid, cut off or not."""
    patch(sampling_penalties, "fields", lambda text: 1)


@null("stopping")
def the_limit_is_ignored(namespace, patch):
    """No answer is ever cut off: the limit and the stop sequences do nothing."""
    records = namespace["records"]

    class Whole(list):
        def __getitem__(self, place):
            return self

    records.ids = [Whole(ids) for ids in records.ids]


@null("penalties")
def penalties_change_nothing(namespace, patch):
    """Penalties leave the logits as they are."""
    patch(sampling_penalties.Penalties, "__call__", lambda self, logits, prompt, new: logits)


@null("penalties", before="penalties-6")
def penalties_break_nothing(namespace, patch):
    """With a repetition penalty, as many records parse as without one."""
    read = results.read

    def unbroken(name):
        record = read(name)
        if name == "sampling_penalties":
            measured = record["measured"]
            measured["repetition 1.3"]["records"] = measured["greedy"]["records"]
        return record

    patch(results, "read", unbroken)
    patch(
        sampling_penalties,
        "repeat_live",
        lambda *args: unbroken("sampling_penalties")["measured"]["greedy"]["records"],
    )


@null("penalties")
def the_end_token_is_not_spared(namespace, patch):
    """The end token is penalized even where it should be spared, so the texts do not end."""
    penalize, end = sampling.repetition_penalty, namespace["end"]
    patch(sampling, "repetition_penalty", lambda logits, ids, r: penalize(logits, [end, *ids], r))


@null("api-parameters")
def the_seed_is_ignored(namespace, patch):
    """The service draws new random numbers for every request, whatever the seed."""
    serve = namespace["serve"]
    seeds = iter(range(1000, 2000))
    namespace["serve"] = lambda request: serve(request | {"seed": next(seeds)})


@null("api-parameters")
def the_batch_does_not_matter(namespace, patch):
    """The logits of a prompt do not depend on the batch."""
    next_logits = sampling_batches.next_logits
    patch(sampling_batches, "next_logits", lambda model, ids, size: next_logits(model, ids, 1))


@null("real-sampling")
def open_and_closed_are_mixed_up(namespace, patch):
    """Half of the questions have the wrong label, so open and closed differ by chance only."""
    read = results.read

    def mixed_up(name):
        record = read(name)
        if name == "real_sampling":
            both = np.array([record["bits"]["closed"], record["bits"]["open"]])
            both[:, ::2] = both[::-1, ::2]
            record["bits"] = dict(zip(("closed", "open"), both.tolist()))
        return record

    patch(results, "read", mixed_up)


@null("real-sampling")
def randomness_is_no_cure(namespace, patch):
    """A sampled text of SmolLM2 repeats itself as often as the greedy text."""
    read = results.read

    def equal(name):
        record = read(name)
        if name == "real_sampling":
            for texts in record["repeated"].values():
                texts["other"] = texts["greedy"]
        return record

    patch(results, "read", equal)


@null("real-sampling")
def the_model_is_uniform(namespace, patch):
    """The logits of the model that is asked again are all equal."""
    patch(real_sampling, "softmax", lambda logits: np.full(len(logits), 1 / len(logits)))


@null("real-sampling")
def one_word_makes_no_difference(namespace, patch):
    """SmolLM2 is as certain about the best, nicest, and prettiest city as about the largest one."""
    first_entropies = real_sampling.first_entropies
    closed = {"best": "largest", "nicest": "biggest", "prettiest": "oldest"}

    def about_closed_words(model, tokenizer, prompts):
        for word in closed:
            prompts = [p.replace(f"the {word} city", f"the {closed[word]} city") for p in prompts]
        return first_entropies(model, tokenizer, prompts)

    patch(real_sampling, "first_entropies", about_closed_words)
