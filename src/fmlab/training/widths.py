"""A learning rate that fits every width: scale updates and logits with the width of a model.

A matrix between hidden states adds up as many products as the model is wide. With Adam, every
weight moves by about the learning rate, and all in the direction that changes the output, so the
change of the output grows with the width. Dividing the learning rate by the width undoes that. The
same holds for the logits, which are divided instead. What reads tokens, biases and gains keep the
learning rate: their outputs do not add up over the width.
Source: Yang et al. (2022), Tensor Programs V, table 8 (the maximal update parametrization, muP).
"""

from __future__ import annotations

from torch import Tensor, nn

from fmlab.arguments import require_count
from fmlab.models.gpt import GPT


def scale_with_width(model: GPT, base_width: int) -> list[dict]:
    """Return groups of parameters with the ``scale`` of their learning rate, and scale the logits.

    The scale is base_width / d_model for matrices between hidden states, and 1 for all others. The
    model is changed in place: its logits are multiplied by base_width / d_model. Its initial
    weights should have a standard deviation of 1 / sqrt(d_model), up to a constant.
    With d_model equal to base_width, nothing changes.
    """
    require_count("base_width", base_width)
    ratio = base_width / model.config.d_model
    hidden, others = [], []
    for name, weight in model.named_parameters():
        is_hidden = weight.dim() > 1 and "wte" not in name and "wpe" not in name
        (hidden if is_hidden else others).append(weight)

    def divide(module: nn.Module, inputs: tuple, output: Tensor) -> Tensor:
        return output * ratio

    model.transformer.ln_f.register_forward_hook(divide)
    return [{"params": hidden, "scale": ratio}, {"params": others, "scale": 1.0}]
