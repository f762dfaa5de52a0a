"""The logits of a real model, SmolLM2, over its whole vocabulary after a few prompts.

The explorer in the chapter on sampling shows them. A prompt follows the model's start token,
without its chat template. The logits, rounded to 1/32, are in ``smollm2_logits.bin`` beside the
results; `fmlab.sampling.recorded` reads it.

    python -m fmlab.experiments smollm2_logits    # seconds
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
import torch

from fmlab import models
from fmlab.arguments import Floats
from fmlab.files import book_folder, write_atomically
from fmlab.models.inference import inference
from fmlab.models.language_model import LanguageModel
from fmlab.models.pretrained import SMOLLM2, SMOLLM2_FILE, SMOLLM2_SHA256
from fmlab.sampling import entropy, softmax
from fmlab.sampling.recorded import pack_logits, unpack_logits
from fmlab.tokenization.huggingface import HubTokenizer
from fmlab.tokenization.special_tokens import end_of_text

FILE = "smollm2_logits.bin"
PROMPTS = [
    "The capital of France is",
    "The capital of Burkina Faso is",
    "Once upon a time, there was a",
    "for i in range(",
    "2 + 2 =",
]


def logits_after(
    model: LanguageModel, tokenizer: HubTokenizer, prompts: Sequence[str] = PROMPTS
) -> Floats:
    """Return the logits (n_prompts, V) of the next token after each prompt."""
    rows = []
    for prompt in prompts:
        ids = torch.tensor([[end_of_text(tokenizer), *tokenizer.encode(prompt)]])
        with inference(model):
            rows.append(model(ids, last_only=True)[0][0, 0].double().numpy())
    return np.stack(rows)


def recorded() -> tuple[list[str], Floats]:
    """Return the prompts and their recorded logits (n_prompts, V).

    Errors: ``ValueError`` for a damaged file.
    """
    return unpack_logits((book_folder() / "results" / FILE).read_bytes())


def run() -> dict:
    """Compute the logits, write their file, and return what describes it."""
    torch.set_num_threads(1)
    data = pack_logits(PROMPTS, logits_after(*models.load(SMOLLM2)))
    write_atomically(book_folder() / "results" / FILE, data)
    bits = entropy(softmax(unpack_logits(data)[1]))
    return {
        "model": {"file": SMOLLM2_FILE, "sha256": SMOLLM2_SHA256},
        "file": {"name": FILE, "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()},
        "bits": dict(zip(PROMPTS, np.round(bits, 2).tolist(), strict=True)),
    }
