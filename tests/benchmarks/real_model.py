"""SmolLM2 in float32 against Hugging Face's ``generate`` with the same weights, prompts and ids.

Reading a prompt (prefill) is timed by generating one token after a long prompt, and generating
(decode) by many tokens after a short one. Needs the packages of requirements-models.txt.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np
import torch

from fmlab.generation.decoding import generate
from fmlab.models.inference import inference
from fmlab.models.llama import Llama
from fmlab.models.pretrained import SMOLLM2, load
from fmlab.scaling.costs import kv_cache_bytes
from tests.benchmarks.bench import progress, race, row

PACKAGES = ["torch", "transformers"]
# What is done, rows, tokens of a prompt, new tokens, and the aim: where a step is short, the peer's
# overhead counts; in a large batch and for a long prompt, both do little but the same products.
WORK = [
    ("read a prompt", 1, 256, 1, 1),
    ("read a prompt", 32, 64, 1, 1),
    ("generate", 1, 8, 64, 1.3),
    ("generate", 32, 8, 64, 1),
]
MOST_DIFFERENT = 0.1  # of the rows: greedy tokens part where two are equally likely up to rounding


def rows(rounds: int, quick: bool = False) -> Iterator[dict]:
    ours, _ = load(SMOLLM2)
    theirs = ours.to_huggingface().eval()
    rng = np.random.default_rng(0)

    def their_ids(prompts, n_tokens):
        ids = torch.tensor(prompts)
        out = theirs.generate(
            ids,
            attention_mask=torch.ones_like(ids),
            max_new_tokens=n_tokens,
            min_new_tokens=n_tokens,
            do_sample=False,
            pad_token_id=0,
            eos_token_id=None,
            use_cache=True,
        )
        return out[:, ids.shape[1] :].tolist()

    def our_ids(prompts, n_tokens):
        return generate(ours, prompts, n_tokens, temperature=0).ids

    for what, n_rows, length, n_tokens, target in WORK:
        n_rows, n_tokens = (min(n_rows, 4), min(n_tokens, 4)) if quick else (n_rows, n_tokens)
        prompts = rng.integers(100, 40_000, (n_rows, length)).tolist()
        here, there = partial(our_ids, prompts, n_tokens), partial(their_ids, prompts, n_tokens)
        different = np.mean([a != b for a, b in zip(here(), there())])
        if different > max(MOST_DIFFERENT, 1 / n_rows if quick else 0):
            raise RuntimeError("the two generate different ids, so their times do not compare")
        amount = f"of {length} tokens" if n_tokens == 1 else f"{n_tokens} tokens greedily"
        work = f"{what} {amount}, batch {n_rows}, SmolLM2 with 135M parameters in float32"
        megabytes = cache_bytes(ours, n_rows, length, n_tokens) / 1e6
        work += f", a KV cache of {megabytes:.1f} MB at the end"
        progress(work)
        seconds = race(rounds, fmlab=lambda work=here: work, peer=lambda work=there: work)
        peer = "Hugging Face generate, same weights, cache on"
        yield row(work, peer, seconds["fmlab"], seconds["peer"], target=target)


def cache_bytes(model: Llama, n_rows: int, length: int, n_tokens: int) -> int:
    """Return the bytes of the cache at the end, by the formula, checked on one prompt.

    The last new token is not read any more, so it is not in the cache.
    """
    config, cache = model.config, model.make_cache()
    with inference(model):
        model.hidden_states(torch.zeros(1, length, dtype=torch.long), cache)

    def formula(n_rows: int, n_tokens: int) -> int:
        sizes = config.n_layers, config.n_kv_heads, config.d_head
        return kv_cache_bytes(*sizes, n_tokens, batch=n_rows, bytes_per_value=4)

    if cache.bytes != formula(1, length):
        raise RuntimeError(f"the cache has {cache.bytes} bytes, not {formula(1, length)}")
    return formula(n_rows, length + n_tokens - 1)
