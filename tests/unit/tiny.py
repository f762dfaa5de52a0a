"""Tiny models, a tokenizer of bytes and other helpers that tests share."""

from dataclasses import replace

import torch

from fmlab.data.packing import Batches
from fmlab.models.configs import GPTConfig
from fmlab.models.gpt import GPT
from fmlab.tokenization.special_tokens import END_OF_TEXT
from fmlab.tokenization.tokenizers import BPETokenizer
from fmlab.training.loop import Settings

TOKENIZER = BPETokenizer(special_tokens=[END_OF_TEXT])  # bytes only: END_OF_TEXT is 256
END, V = 256, 257
TINY = GPTConfig(vocab_size=V, context_length=8, n_layers=2, n_heads=2, d_model=8)
DROPOUT = replace(TINY, dropout=0.3)
SETTINGS = Settings(8, learning_rate=0.01, warmup_steps=3)


def unmeasured(*_):
    """A peak in FLOP/s for ``measure_peak``: measuring takes half a second."""
    return 1e9


QUIET = dict(precision="float32", progress=False, measure_peak=unmeasured)


def texts(n=40):
    return [f"{i} and {i} is {2 * i}." for i in range(n)]


def batches(n_texts=40, batch_size=4, context_length=8, seed=0, tokenizer=TOKENIZER):
    return Batches(texts(n_texts), tokenizer, batch_size, context_length, seed)


def with_noise(model, spread, seed=0):
    """Move all weights away from where they start, so that every one of them matters."""
    with torch.no_grad():
        for weight in model.parameters():
            noise = torch.randn(weight.shape, generator=torch.Generator().manual_seed(seed))
            weight.add_(noise, alpha=spread)
    return model


def random_gpt(context_length=12, dropout=0.0):
    config = GPTConfig(V, context_length, n_layers=2, n_heads=2, d_model=8, dropout=dropout)
    return with_noise(GPT(config), 0.4, seed=1)


def weights_of(model):
    return {name: weight.detach().clone() for name, weight in model.named_parameters()}


def changed(model, before):
    return any((weight != before[name]).any() for name, weight in model.named_parameters())


def flip(path, bit):
    """Flip a bit of a file."""
    data = bytearray(path.read_bytes())
    data[bit // 8] ^= 1 << bit % 8
    path.write_bytes(data)
