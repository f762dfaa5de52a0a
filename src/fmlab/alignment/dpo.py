"""Direct preference optimization: learn from comparisons, without a reward model or sampling.

The policy that maximizes reward - beta KL is pi* = pi_ref exp(r / beta) / Z. Conversely, any policy
is optimal for the reward beta log(pi / pi_ref), up to a term that depends on the prompt alone. In
the Bradley-Terry model of comparisons, that term cancels, and what is left can be fitted directly.

Shapes: N comparisons; a batch of them has 2N rows, in which chosen and rejected alternate.
Source: Rafailov et al. (2023), Direct Preference Optimization, section 4.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from fmlab.arguments import is_number, require
from fmlab.data.batching import Order
from fmlab.data.dialogues import Dialogues, Preference, encode_comparisons
from fmlab.models.language_model import LanguageModel
from fmlab.models.logprobs import evaluate_response_logprobs, response_logprobs
from fmlab.tokenization.tokenizers import BPETokenizer
from fmlab.training.finetuning import finetuning_settings
from fmlab.training.loop import OnStep, require_kl_within, training_steps, update
from fmlab.training.run import Run

ADVICE = "A lower learning_rate, a higher beta or fewer epochs may help"


def implicit_rewards(policy: Tensor, reference: Tensor, beta: float) -> Tensor:
    """Return the reward for which a policy is optimal: beta log(pi / pi_ref), of any shape.

    ``policy`` and ``reference`` are log-probabilities of whole responses, in nats.
    Errors: ``ValueError`` for shapes that differ, or a beta that is not above 0.
    """
    require(is_number(beta) and 0 < beta < math.inf, "beta", "a number above 0", beta)
    expected, shape = tuple(policy.shape), tuple(reference.shape)
    require(shape == expected, "reference", f"of the policy's shape, {expected}", shape)
    return beta * (policy - reference)


def dpo_loss(
    policy_chosen: Tensor,
    policy_rejected: Tensor,
    ref_chosen: Tensor,
    ref_rejected: Tensor,
    beta: float,
) -> Tensor:
    """Return the mean over comparisons of -log sigmoid(r(chosen) - r(rejected)), in nats.

    All four (N,) are summed log-probabilities of responses; r is the implicit reward. The loss is
    ln 2 if the policy is the reference. Errors: ``ValueError`` as in ``implicit_rewards``.
    Source: Rafailov et al. (2023), equation 7.
    """
    chosen = implicit_rewards(policy_chosen, ref_chosen, beta)
    rejected = implicit_rewards(policy_rejected, ref_rejected, beta)
    return -F.logsigmoid(chosen - rejected).mean()


def dpo(
    policy: LanguageModel,
    reference: LanguageModel,
    tokenizer: BPETokenizer,
    comparisons: Sequence[Preference],
    beta: float = 0.1,
    *,
    n_epochs: int = 1,
    n_steps: int | None = None,
    learning_rate: float = 3e-4,
    batch_size: int = 32,
    max_gradient: float = 1.0,
    distance_limit: float = 200.0,
    seed: int = 0,
    progress: bool = True,
    on_step: OnStep | None = None,
) -> Run:
    """Train the policy in place on comparisons, ``batch_size`` per step; return how it went.

    The reference's log-probabilities are computed once, before the first step. A ``Step`` has the
    loss (nats); accuracy, how often the implicit reward of the chosen response is higher; the mean
    implicit rewards chosen and rejected; and distance, the mean absolute change of a response's
    log-probability, in nats. Epochs, steps, the learning rate and interrupts are as in
    ``fmlab.training.finetune``.
    Errors: ``ValueError`` for no comparisons, one that is longer than the context, or a tokenizer
    of another vocabulary; ``FloatingPointError`` for a loss that is NaN or infinite, or a distance
    beyond ``distance_limit``.
    """
    data = encode_comparisons(policy, tokenizer, comparisons)
    lengths = (data.last + 1).view(-1, 2)  # (2N,) -> (N, 2)
    order = Order(lengths.amax(dim=1).tolist(), batch_size, seed)
    schedule = finetuning_settings(order, n_epochs, n_steps, learning_rate, seed)
    run = Run()
    optimizer = torch.optim.AdamW(policy.parameters(), weight_decay=0.0, fused=True)
    started = time.perf_counter()
    reference_logprobs = evaluate_response_logprobs(reference, data)  # (2N,)
    run.seconds += time.perf_counter() - started
    run.count(read=int(lengths.sum()))
    for number in training_steps(run, schedule.n_steps, "DPO", progress=progress, on_step=on_step):
        rows = [row for i in order[number] for row in (2 * i, 2 * i + 1)]
        loss, numbers = measured(policy, data.rows(rows), reference_logprobs[rows], beta)
        require_kl_within(distance_limit, numbers["distance"], "distance_limit", ADVICE)
        learning_rate = schedule.learning_rate_at(number)
        update(optimizer, loss, clip=max_gradient, advice=ADVICE, learning_rate=learning_rate)
        run.count(trained=int(lengths[order[number]].sum()))
        run.add(numbers)
    return run


def measured(
    policy: LanguageModel, dialogues: Dialogues, reference_logprobs: Tensor, beta: float
) -> tuple[Tensor, dict[str, float]]:
    """Return the loss of a batch, and the numbers of its ``Step``, from one forward pass."""
    logprobs = response_logprobs(policy, dialogues)  # (2N,)
    reference_logprobs = reference_logprobs.to(logprobs.device)
    chosen, rejected = logprobs[0::2], logprobs[1::2]  # (N,) each
    loss = dpo_loss(chosen, rejected, reference_logprobs[0::2], reference_logprobs[1::2], beta)
    log_ratios = logprobs.detach() - reference_logprobs
    return loss, {
        "loss": loss.item(),
        "accuracy": float((log_ratios[0::2] > log_ratios[1::2]).float().mean()),
        "chosen": beta * float(log_ratios[0::2].mean()),
        "rejected": beta * float(log_ratios[1::2].mean()),
        "distance": float(log_ratios.abs().mean()),
    }
