"""Cross-entropy straight from the last hidden states, a few rows at a time.

The largest array of a language model in training is its logits: a number for every position and
token. They are needed for a moment only, to see how they should change. So this makes those of a
few rows, which fit the processor's cache, turns them into gradients on the spot, and forgets them.
What comes out is ``cross_entropy(hidden @ weight.T, targets)`` and its gradients.

Shapes: N rows, D model width, V vocabulary.
"""

from __future__ import annotations

import torch
from torch import Tensor

IGNORED = -100  # a target that adds nothing to the loss
ROWS = 256


class LinearCrossEntropy(torch.autograd.Function):
    """Mean cross-entropy, in nats, of hidden (N, D), output layer (V, D) and targets (N,).

    A row with probabilities p and target t has the gradient p - onehot(t) in its logits; that times
    the weight is the one of its hidden state, and the outer product of both its part of the
    weight's. All are there when the loss is, so going backward has nothing left to do.
    """

    @staticmethod
    def forward(ctx, hidden: Tensor, weight: Tensor, targets: Tensor) -> Tensor:
        counts = (targets != IGNORED).to(hidden.dtype)[:, None]  # (N, 1)
        shares = counts / counts.sum()
        targets = targets.clamp(min=0)[:, None]  # (N, 1)
        loss = hidden.new_zeros(())
        to_hidden, to_weight = torch.empty_like(hidden), torch.zeros_like(weight)
        for start in range(0, len(hidden), ROWS):
            rows = slice(start, start + ROWS)
            logits = hidden[rows] @ weight.T  # (rows, V)
            logits -= logits.amax(dim=1, keepdim=True)
            at_target = logits.gather(1, targets[rows])  # (rows, 1)
            exps = logits.exp_()
            sums = exps.sum(dim=1, keepdim=True)
            loss += ((sums.log() - at_target) * shares[rows]).sum()
            errors = exps.mul_(shares[rows] / sums).scatter_add_(1, targets[rows], -shares[rows])
            torch.mm(errors, weight, out=to_hidden[rows])
            to_weight.addmm_(errors.T, hidden[rows])
        ctx.save_for_backward(to_hidden, to_weight)
        return loss

    @staticmethod
    def backward(ctx, gradient: Tensor) -> tuple[Tensor, Tensor, None]:
        to_hidden, to_weight = ctx.saved_tensors
        return to_hidden * gradient, to_weight * gradient, None
