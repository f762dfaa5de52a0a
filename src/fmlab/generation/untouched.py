"""Whether a GPT or Llama is plain: computes what its weights say, and nothing else.

An engine that reads the weights alone must not bypass an adapter, an ablated head, a quantized
layer or a replaced method. So the model is compared, module by module, with a new one of the same
configuration. What cannot be compared counts as a change.
"""

from __future__ import annotations

import functools

import torch
from torch import nn
from torch.nn.modules import module as torch_module

from fmlab.models import llama_layers
from fmlab.models.configs import GPTConfig, LlamaConfig
from fmlab.models.gpt import GPT
from fmlab.models.language_model import LanguageModel
from fmlab.models.layers import MLP, Attention, Block, Conv1D
from fmlab.models.llama import Llama

CONFIGS = {GPT: GPTConfig, Llama: LlamaConfig}
CLASSES = (
    *(GPT, Block, Attention, MLP, Conv1D, nn.Embedding, nn.LayerNorm, nn.Linear),
    *(Llama, llama_layers.LlamaBlock, llama_layers.GroupedQueryAttention, llama_layers.SwiGLU),
    *(llama_layers.RMSNorm, llama_layers.Rotary, llama_layers.Linear),
)
METHODS = {
    (kind, name): getattr(kind, name)
    for kind in CLASSES
    for name in (
        *("forward", "hidden_states", "__call__", "_call_impl", "state_dict"),
        *("_prepare", "_embed", "_embedded", "_stack"),
    )
    if hasattr(kind, name)
}  # as they were when this was imported
HOOKS = ("_forward_hooks", "_forward_pre_hooks", "_state_dict_hooks", "_state_dict_pre_hooks")
CONSTANTS = (int, float, bool, str, tuple, type(None))
NO_MATTER = {"training", "dropout", "_non_persistent_buffers_set"}  # dropout is off in inference


def is_untouched(model: nn.Module) -> bool:
    """Return whether a model is a plain float32 GPT or Llama on the CPU, without autocast."""
    return (
        type(model) in CONFIGS
        and type(model.config) is CONFIGS[type(model)]
        and _description(model) == _plain_description(type(model), model.config)
        and all(getattr(kind, name) is method for (kind, name), method in METHODS.items())
        and not torch_module._global_forward_hooks
        and not torch_module._global_forward_pre_hooks
        and not torch.is_autocast_enabled("cpu")
        and _is_tied(model)
        and all(map(_is_plain, model.parameters()))
    )


def _is_plain(weight: nn.Parameter) -> bool:
    on_cpu = weight.device.type == "cpu" and weight.dtype == torch.float32
    return type(weight) is nn.Parameter and on_cpu and not weight.is_neg()


def _is_tied(model: LanguageModel) -> bool:
    if type(model) is GPT:
        return model.lm_head.weight is model.transformer.wte.weight
    shares = model.lm_head.weight is model.model.embed_tokens.weight
    return shares == model.config.tied


@functools.lru_cache(maxsize=16)
def _plain_description(kind: type, config: GPTConfig | LlamaConfig) -> dict[str, tuple]:
    return _description(Llama(config, seed=None) if kind is Llama else GPT(config))


def _description(model: nn.Module) -> dict[str, tuple]:
    """Return what could change the output of each module, by name, weights aside."""
    return {
        name: _description_of(module)
        for name, module in model.named_modules(remove_duplicate=False)
    }


def _description_of(module: nn.Module) -> tuple:
    own = vars(module)
    constants = {
        name: (type(value), value)
        for name, value in own.items()
        if isinstance(value, CONSTANTS) and name not in NO_MATTER
    }
    weights = {
        name: None if weight is None else tuple(weight.shape)
        for name, weight in module._parameters.items()
    }
    has_hooks = any(own[name] for name in HOOKS)
    attributes = own.keys() - NO_MATTER
    return type(module), constants, attributes, weights, tuple(module._buffers), has_hooks
