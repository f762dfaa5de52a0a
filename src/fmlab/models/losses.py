"""Cross-entropy straight from the last hidden states, a few rows at a time.

The largest array in training a language model is the logits: one number per position and vocabulary
entry. They are needed only to compute their gradients. So this computes the logits of a few rows,
which fit into the processor's cache, turns them into gradients immediately, and discards them. The
result is ``cross_entropy(hidden @ weight.T, targets)`` and its gradients.

Shapes: N rows, D model width, V vocabulary.
"""

from __future__ import annotations

import torch
from torch import Tensor

from fmlab.data.batching import IGNORED

ROWS = 256


def linear_cross_entropy(hidden: Tensor, weight: Tensor, targets: Tensor) -> Tensor:
    """Return the mean cross-entropy, in nats, of hidden (N, D), output layer (V, D), targets (N,).

    Targets that are IGNORED do not count; NaN if all are. Under autocast the matrices are
    multiplied in the lower precision, and everything else is computed in float32.
    """
    device = hidden.device.type
    is_mixed = torch.is_autocast_enabled(device)
    dtype = torch.get_autocast_dtype(device) if is_mixed else hidden.dtype
    with torch.autocast(device, enabled=False):
        return _LinearCrossEntropy.apply(hidden, weight, targets, dtype)


class _LinearCrossEntropy(torch.autograd.Function):
    """The loss and its gradients in one pass.

    A row with probabilities p and target t has the gradient p - onehot(t) in its logits. Times the
    weight, that is the gradient of its hidden state; its outer product with the hidden state is its
    part of the weight's gradient. All of it is known as soon as the loss is, so the backward pass
    has nothing left to do.
    """

    @staticmethod
    def forward(ctx, hidden: Tensor, weight: Tensor, targets: Tensor, dtype: torch.dtype) -> Tensor:
        counts = (targets != IGNORED).to(hidden.dtype)[:, None]  # (N, 1)
        row_weights = counts / counts.sum()
        targets = targets.clamp(min=0)[:, None]  # (N, 1)
        loss = hidden.new_zeros(())
        hidden_grad, weight_grad = torch.empty_like(hidden), torch.zeros_like(weight)
        inputs, outputs = hidden.to(dtype), weight.to(dtype)
        for start in range(0, len(hidden), ROWS):
            rows = slice(start, start + ROWS)
            logits = (inputs[rows] @ outputs.T).to(hidden.dtype)  # (rows, V)
            logits -= logits.amax(dim=1, keepdim=True)
            at_target = logits.gather(1, targets[rows])  # (rows, 1)
            exps = logits.exp_()
            sums = exps.sum(dim=1, keepdim=True)
            loss += ((sums.log() - at_target) * row_weights[rows]).sum()
            exps.mul_(row_weights[rows] / sums)
            errors = exps.scatter_add_(1, targets[rows], -row_weights[rows])
            if dtype == hidden.dtype:  # without a copy
                torch.mm(errors, weight, out=hidden_grad[rows])
                weight_grad.addmm_(errors.T, hidden[rows])
            else:
                errors = errors.to(dtype)
                hidden_grad[rows] = (errors @ outputs).to(hidden.dtype)
                weight_grad += (errors.T @ inputs[rows]).to(weight.dtype)
        ctx.save_for_backward(hidden_grad, weight_grad)
        return loss

    @staticmethod
    def backward(ctx, gradient: Tensor) -> tuple[Tensor, Tensor, None, None]:
        hidden_grad, weight_grad = ctx.saved_tensors
        return hidden_grad * gradient, weight_grad * gradient, None, None
