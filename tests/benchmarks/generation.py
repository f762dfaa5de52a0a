"""Generation, one prompt at a time, against Hugging Face's ``generate`` with the same weights."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch

from fmlab.generation.decoding import generate
from fmlab.models.configs import GPTConfig
from fmlab.models.gpt import GPT
from fmlab.scaling.costs import count_parameters
from tests.benchmarks.bench import progress, race, row

PACKAGES = ["torch", "transformers"]
CONFIG = GPTConfig(vocab_size=2048, context_length=512, n_layers=4, n_heads=4, d_model=128)
PROMPT = list(range(1, 10))


def rows(rounds: int, quick: bool = False) -> Iterator[dict]:
    n_tokens = 20 if quick else 200
    ours = GPT(CONFIG).eval()
    theirs = ours.to_huggingface().eval()
    prompt = torch.tensor([PROMPT])
    settings = dict(attention_mask=torch.ones_like(prompt), pad_token_id=0)
    settings |= dict(max_new_tokens=n_tokens, use_cache=True)

    def greedy():
        return generate(ours, PROMPT, n_tokens, temperature=0).sequences[0]

    def their_greedy():
        return theirs.generate(prompt, do_sample=False, **settings)[0].tolist()

    def sampled():
        return generate(ours, PROMPT, n_tokens, top_k=50, rng=np.random.default_rng(0))

    def their_sampled():
        return theirs.generate(prompt, do_sample=True, top_k=50, **settings)

    if greedy() != their_greedy():
        raise RuntimeError("the two generate different ids, so their times do not compare")
    size = f"{count_parameters(CONFIG) / 1e6:.1f}M parameters, vocabulary {CONFIG.vocab_size}"
    peer = "Hugging Face generate, same weights, cache on"
    for how, here, there in (
        ("greedily", greedy, their_greedy),
        ("with top-k of 50", sampled, their_sampled),
    ):
        progress(f"generating {n_tokens} tokens {how}")
        seconds = race(rounds, fmlab=lambda work=here: work, peer=lambda work=there: work)
        work = f"generate {n_tokens} tokens {how}, batch 1, {size}"
        yield row(work, peer, seconds["fmlab"], seconds["peer"], target=3)
