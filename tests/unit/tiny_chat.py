"""A tokenizer of bytes and a tiny model that chat, for the tests of preference finetuning."""

from dataclasses import dataclass

import torch

from fmlab.batches import END_OF_TEXT
from fmlab.chat import ASSISTANT, USER
from fmlab.configs import GPTConfig
from fmlab.tokenization import BPETokenizer
from fmlab.transformer import GPT

TOKENIZER = BPETokenizer(special_tokens=[END_OF_TEXT, USER, ASSISTANT])
CONFIG = GPTConfig(TOKENIZER.vocab_size, context_length=48, n_layers=1, n_heads=2, d_model=16)


@dataclass(frozen=True)
class Pair:
    prompt: str
    chosen: str
    rejected: str


def tiny_model(seed=0, spread=0.3):
    """Random weights, wide enough that responses differ and end."""
    model = GPT(CONFIG, seed)
    with torch.no_grad():
        for weight in model.parameters():
            noise = torch.randn(weight.shape, generator=torch.Generator().manual_seed(seed + 1))
            weight.add_(noise, alpha=spread)
    return model.eval()


def weights_of(model):
    return {name: weight.detach().clone() for name, weight in model.named_parameters()}


def changed(model, before):
    return any((weight != before[name]).any() for name, weight in model.named_parameters())
