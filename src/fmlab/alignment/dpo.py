"""Direct preference optimization: learn from comparisons, without a reward model or sampling.

The policy that maximizes reward - beta KL is pi* = pi_ref exp(r / beta) / Z; turned round, any
policy is the best one for the reward beta log(pi / pi_ref), up to a term of the prompt alone. Put
that into the Bradley-Terry law of comparisons, where the term cancels, and fit.

Shapes: N comparisons; a batch of them has 2N rows, in which chosen and rejected take turns.
Source: Rafailov et al. (2023), Direct Preference Optimization, section 4.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor
from tqdm import tqdm

from fmlab.alignment.runs import Run, Step, go_backward, require_near
from fmlab.arguments import is_number, require
from fmlab.chat import Dialogues, prompt_ids, response_ids, response_logprobs
from fmlab.finetuning import TOKENS_AT_ONCE, Order, finetuning_settings, fitting
from fmlab.generation import inference
from fmlab.preferences import Preference
from fmlab.processes import stop_requested
from fmlab.surprise import batches as of_equal_length
from fmlab.tokenization import BPETokenizer
from fmlab.transformer import GPT

ADVICE = "A lower learning_rate, a higher beta or fewer epochs may help"


def implicit_rewards(policy: Tensor, reference: Tensor, beta: float) -> Tensor:
    """Return the reward for which a policy is the best one: beta log(pi / pi_ref), any shape.

    Both are log-probabilities of whole responses, in nats.
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

    All four (N,) are summed log-probabilities of responses, r the implicit reward. It is ln 2 where
    the policy is the reference. Errors: ``ValueError`` as in ``implicit_rewards``.
    Source: Rafailov et al. (2023), equation 7.
    """
    chosen = implicit_rewards(policy_chosen, ref_chosen, beta)
    rejected = implicit_rewards(policy_rejected, ref_rejected, beta)
    return -F.logsigmoid(chosen - rejected).mean()


def dpo(
    policy: GPT,
    reference: GPT,
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
    on_step: Callable[[Step], object] | None = None,
) -> Run:
    """Train the policy in place on comparisons, ``batch_size`` of them a step; return how it went.

    What the reference says of them is computed once, before the first step. A ``Step`` has the loss
    (nats); accuracy, how often the implicit reward of the chosen one is higher; the mean implicit
    rewards chosen and rejected; and distance, by how many nats a response changed on average.
    Epochs, steps, the learning rate and interrupts are as in ``fmlab.finetuning.finetune``.
    Errors: ``ValueError`` for no comparisons, one that is longer than the context, or a tokenizer
    that does not fit; ``FloatingPointError`` for a loss that is no number, or a distance beyond
    the limit.
    """
    data = encode(policy, tokenizer, comparisons)
    lengths = (data.last + 1).view(-1, 2)  # (2N,) -> (N, 2)
    order = Order(lengths.amax(dim=1).tolist(), batch_size, seed)
    schedule = finetuning_settings(order, n_epochs, n_steps, learning_rate, seed)
    weights, run = list(policy.parameters()), Run()
    optimizer = torch.optim.AdamW(weights, weight_decay=0.0, fused=True)
    started = time.perf_counter()
    reference_logprobs = known_logprobs(reference, data)  # (2N,)
    run.seconds += time.perf_counter() - started
    run.count(read=int(lengths.sum()))
    bar = tqdm(desc="DPO", total=schedule.n_steps, unit="step", disable=not progress)
    with stop_requested() as stopped, bar:
        for number in range(schedule.n_steps):
            if stopped():
                break
            started = time.perf_counter()
            rows = [row for i in order[number] for row in (2 * i, 2 * i + 1)]
            loss, numbers = measured(policy, data.rows(rows), reference_logprobs[rows], beta)
            require_near(numbers["distance"], distance_limit, ADVICE)
            go_backward(loss, weights, max_gradient, ADVICE)
            optimizer.param_groups[0]["lr"] = schedule.learning_rate_at(number)
            optimizer.step()
            run.seconds += time.perf_counter() - started
            run.count(trained=int(lengths[order[number]].sum()))
            run.add(Step(number, numbers), bar, on_step)
    run.finished = len(run.steps) == schedule.n_steps
    return run


def measured(
    policy: GPT, dialogues: Dialogues, reference_logprobs: Tensor, beta: float
) -> tuple[Tensor, dict[str, float]]:
    """Return the loss of a batch, and the numbers of its ``Step``; one pass through the policy."""
    logprobs = response_logprobs(policy, dialogues)  # (2N,)
    reference_logprobs = reference_logprobs.to(logprobs.device)
    (chosen, rejected), (ref_chosen, ref_rejected) = (
        (each[0::2], each[1::2]) for each in (logprobs, reference_logprobs)
    )
    loss = dpo_loss(chosen, rejected, ref_chosen, ref_rejected, beta)
    moved = logprobs.detach() - reference_logprobs
    return loss, {
        "loss": loss.item(),
        "accuracy": float((moved[0::2] > moved[1::2]).float().mean()),
        "chosen": beta * float(moved[0::2].mean()),
        "rejected": beta * float(moved[1::2].mean()),
        "distance": float(moved.abs().mean()),
    }


def encode(model: GPT, tokenizer: BPETokenizer, comparisons: Sequence[Preference]) -> Dialogues:
    """Return comparisons as 2N rows, in which chosen and rejected take turns.

    Errors: ``ValueError`` for none, one longer than the context, or a tokenizer that does not fit.
    """
    require(len(comparisons) > 0, "comparisons", "at least one", comparisons)
    prompts = [prompt_ids(tokenizer, each.prompt) for each in comparisons for _ in range(2)]
    texts = [text for each in comparisons for text in (each.chosen, each.rejected)]
    return fitting(model, tokenizer, prompts, [response_ids(tokenizer, text) for text in texts])


def known_logprobs(model: GPT, data: Dialogues) -> Tensor:
    """Return log p(response | prompt) of all rows, (2N,), without gradients."""
    found = torch.zeros(len(data))
    for rows in of_equal_length((data.last + 1).tolist(), len(data), TOKENS_AT_ONCE):
        with inference(model):
            found[rows] = response_logprobs(model, data.rows(rows)).cpu()
    return found
