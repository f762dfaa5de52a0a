"""A model instead of annotators: a stage of ``fmlab.experiments.preference_tuning``.

The judge is ``small-sft`` itself: it prefers the response with the higher mean log-probability per
token. Both judges, the model and the annotator, compare the same pairs of samples, and DPO is
trained on each one's choices. A bias of the judge should show again in the tuned model. As a test
of that explanation, DPO is also trained on the model's choices without the pairs in which exactly
one response abstains, where the bias is; and, since these are fewer, on as many of all its choices.

Shapes: N pairs of responses.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from fmlab.data.dialogues import Dialogues
from fmlab.evaluation.statistics import Mean, Rate
from fmlab.experiments.preference_lab import SEEDS, Lab, as_dict, measure
from fmlab.models.logprobs import evaluate_response_logprobs
from fmlab.recipes import preference
from microworld import Comparison, is_abstention

N_PAIRS = 3_000  # prompts with two samples; fewer pairs, since some are left out


def ai_feedback(lab: Lab) -> dict:
    """Return the judge's agreement and preferences, and what DPO on its choices changes."""
    pairs = preference.preference_pairs(lab.world, N_PAIRS, 0)
    judged = choices_of_the_model(lab, pairs)
    unbiased = [c for c in judged if is_abstention(c.chosen) == is_abstention(c.rejected)]
    results = {"pairs": len(pairs), "agreement": agreement(pairs, judged)}
    results["pairs_without_abstentions"] = len(unbiased)
    results["prefers"] = {"model": prefers(lab, judged), "annotator": prefers(lab, pairs)}
    baselines = [lab.respond(lab.reference, temperature)[0] for temperature in (0.0, 1.0)]
    named = ("greedy", "sampled")
    results["before"] = {
        name: measure(grades, lab.world, grades) for name, grades in zip(named, baselines)
    }
    data_of = {"annotator": pairs, "model": judged, "model without abstentions": unbiased}
    kept = np.random.default_rng(0).choice(len(judged), len(unbiased), replace=False)
    data_of["model, as many pairs"] = [judged[i] for i in kept]
    for name, data in data_of.items():
        results[name] = []
        for seed in SEEDS:
            model = preference.tune_dpo(data, seed=seed).model
            grades = [lab.respond(model, temperature)[0] for temperature in (0.0, 1.0)]
            rows = zip(named, grades, baselines)
            row = {label: measure(part, lab.world, baseline) for label, part, baseline in rows}
            results[name].append({"seed": seed} | row)
            print("judge", name, seed, row["greedy"]["utility"], flush=True)
    return results


def choices_of_the_model(lab: Lab, pairs: Sequence[Comparison]) -> list[Comparison]:
    """Return the same pairs, with the response chosen that the model itself finds more likely."""
    texts = [(c.prompt, text) for c in pairs for text in (c.chosen, c.rejected)]
    dialogues = Dialogues.of(lab.tokenizer, texts)
    n_tokens = dialogues.is_response.sum(dim=1).numpy()
    scores = np.asarray(evaluate_response_logprobs(lab.reference, dialogues)) / n_tokens
    is_swapped = scores[0::2] < scores[1::2]  # (N,)
    return [
        swapped(c) if swap else replace(c, annotator="model") for c, swap in zip(pairs, is_swapped)
    ]


def swapped(c: Comparison) -> Comparison:
    """Return a comparison with the other choice."""
    return Comparison(c.prompt, c.rejected, c.chosen, "model", c.utility_rejected, c.utility_chosen)


def agreement(pairs: Sequence[Comparison], judged: Sequence[Comparison]) -> dict:
    """Return how often the model's choice has the higher true utility; and the annotator's."""

    def rate(choices: Sequence[Comparison]) -> dict:
        differences = [c.utility_chosen - c.utility_rejected for c in choices]
        decided = [difference > 0 for difference in differences if difference != 0]
        return as_dict(Rate.of(decided)) | {"n": len(decided)}

    same = Rate.of(a.chosen == b.chosen for a, b in zip(pairs, judged))
    return {"model": rate(judged), "annotator": rate(pairs), "between": as_dict(same)}


def prefers(lab: Lab, choices: Sequence[Comparison]) -> dict:
    """Return how the chosen responses differ from the rejected ones: words, sources, abstentions.

    A source is counted where exactly one of the two has one, an abstention likewise.
    """
    both = [
        [lab.world.features(c.prompt, text) for text in (c.chosen, c.rejected)] for c in choices
    ]
    words = Mean.of([chosen.words - rejected.words for chosen, rejected in both])

    def rate(name: str) -> dict:
        decided = [
            getattr(chosen, name)
            for chosen, rejected in both
            if getattr(chosen, name) != getattr(rejected, name)
        ]
        return as_dict(Rate.of(decided)) | {"n": len(decided)}

    return {"words": as_dict(words)} | {name: rate(name) for name in ("sourced", "abstains")}
