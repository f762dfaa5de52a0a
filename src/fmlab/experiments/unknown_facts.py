"""What finetuning on facts that a model does not know does to its answers: a dose-response curve.

``micro`` is finetuned on demonstrations. One in five says "I don't know", always about the
same nonexistent names. In the others, a growing fraction is about facts that no document of the
corpus states, so the model cannot know them; the rest is about facts that the corpus states often.
Everything else is fixed: the number of demonstrations, the steps, the order, the fraction that
abstains. A control removes the known facts, too, but repeats those that remain instead of adding
unknown ones.

Every model is tested on names that no demonstration mentions. Two things are recorded per question:
the probability that its response is an "I don't know", and the outcome of the response
that it gives if the first word may not be "I". With both, models can be compared at any abstention
rate: the questions with the highest probability abstain, the others get their answer.

    python -m fmlab.experiments unknown_facts    # book/results/unknown_facts.json, some minutes
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fmlab import models
from fmlab.arguments import Floats, Ids, require
from fmlab.data.batching import ROWS_AT_ONCE
from fmlab.data.dialogues import Dialogues, Pairs
from fmlab.evaluation.outcomes import Outcomes
from fmlab.experiments.supervised_lab import MAX_NEW_TOKENS, Lab, encode
from fmlab.generation.chat import respond
from fmlab.models.gpt import GPT
from fmlab.models.logprobs import evaluate_response_logprobs
from fmlab.models.pretrained import add_chat_tokens
from fmlab.tokenization.tokenizers import BPETokenizer
from fmlab.training.finetuning import finetune
from microworld import MicroWorld, is_abstention
from microworld.questions.tasks import ABSTENTIONS

BASE, SEEDS = "micro", (0, 1, 2)
N_PAIRS, TRAINING = 1_600, dict(n_steps=100, batch_size=16, learning_rate=3e-4)
DOSES = (0.0, 1 / 3, 2 / 3, 1.0)  # of the answers, about facts that the model cannot know
CONTROL = 2 / 3  # of the answers, replaced by copies of the others
ABSTAINING = " I"  # the first token of each "I don't know"


def sources(lab: Lab, seed: int = 0) -> tuple[Pairs, Pairs]:
    """Return demonstrations of known and of unknown facts, which abstain in the same places."""
    known = lab.demonstrations(N_PAIRS, facts="stated often", seed=seed)
    unknown = lab.demonstrations(N_PAIRS, facts="never stated", seed=seed)
    return known, unknown


def mixed(
    known: Pairs, unknown: Pairs, dose: float, *, copies: bool = False, seed: int = 0
) -> Pairs:
    """Return ``known``, with a dose of its answers replaced by those of ``unknown``.

    With ``copies``, they are replaced by copies of the known ones that remain. What abstains stays.
    Errors: ``ValueError`` for a dose outside [0, 1], or of 1 with copies.
    """
    valid = 0 <= dose <= 1 and not (copies and dose == 1)
    require(valid, "dose", "from 0 to 1, and below 1 with copies", dose)
    places = [i for i, (_, response) in enumerate(known) if not is_abstention(response)]
    order = np.random.default_rng(seed).permutation(places)
    n, result = round(dose * len(places)), list(known)
    for j, i in enumerate(order[:n]):
        kept = order[n:]
        result[i] = known[kept[j % len(kept)]] if copies else unknown[i]
    return result


def train(pairs: Pairs, seed: int = 0) -> tuple[GPT, BPETokenizer]:
    """Finetune ``micro`` on demonstrations."""
    model, tokenizer = add_chat_tokens(*models.load(BASE))
    finetune(model, tokenizer, pairs, **TRAINING, seed=seed, progress=False).whole()
    return model, tokenizer


def abstention_probabilities(model: GPT, tokenizer: BPETokenizer, prompts: Sequence[str]) -> Floats:
    """Return the probability that the response to each prompt is one of ``ABSTENTIONS``, (N,)."""
    each = []
    for text in ABSTENTIONS:
        pairs = Dialogues.of(tokenizer, [(prompt, text) for prompt in prompts])
        each.append(evaluate_response_logprobs(model, pairs).double().exp().numpy())
    return np.sum(each, axis=0)


def forced_responses(model: GPT, tokenizer: BPETokenizer, prompts: Sequence[str]) -> list[str]:
    """Return a greedy response to each prompt that does not start with ``ABSTAINING``."""
    [token] = tokenizer.encode(ABSTAINING)

    def forbid(logits: np.ndarray, prompt: Ids, new: Ids) -> np.ndarray:
        if new:
            return logits
        return np.where(np.arange(len(logits)) == token, -np.inf, logits)

    texts: list[str] = []
    for start in range(0, len(prompts), ROWS_AT_ONCE):
        part = prompts[start : start + ROWS_AT_ONCE]
        texts += respond(model, tokenizer, part, MAX_NEW_TOKENS, processors=[forbid])
    return texts


def measure(lab: Lab, model: GPT, tokenizer: BPETokenizer) -> dict:
    """Return the outcomes of free and of forced responses, and the probabilities of abstaining."""
    forced = {
        kind: Outcomes.of(lab.world, prompts, forced_responses(model, tokenizer, prompts))
        for kind, prompts in lab.prompts.items()
    }
    probabilities = {
        kind: abstention_probabilities(model, tokenizer, prompts).round(4).tolist()
        for kind, prompts in lab.prompts.items()
    }
    free = encode(lab.outcomes(model, tokenizer))
    return {"free": free, "forced": encode(forced), "p(abstains)": probabilities}


def run() -> dict:
    """Train and measure all models; return the results."""
    lab = Lab(MicroWorld())
    arms = [dict(dose=dose, copies=False) for dose in DOSES] + [dict(dose=CONTROL, copies=True)]
    runs: list[list[dict]] = [[] for _ in arms]
    for seed in SEEDS:
        known, unknown = sources(lab, seed)
        for settings, results in zip(arms, runs):
            model, tokenizer = train(mixed(known, unknown, **settings, seed=seed), seed)
            results.append(measure(lab, model, tokenizer))
            print(settings, seed, flush=True)
    measured = [settings | {"runs": results} for settings, results in zip(arms, runs)]
    return {"base": BASE, "training": TRAINING, "seeds": SEEDS, "arms": measured}
