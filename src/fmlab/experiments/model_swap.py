"""The same prompts on a changed model: SmolLM2 as it is, and with its weights rounded further.

The prompts are those of ``real_tasks``, which were chosen with the model as it is. The changed
models stand for a provider that stores the weights in fewer bits, and says nothing.

    python -m fmlab.experiments model_swap    # about four minutes

Results are written to book/results/model_swap.json.
"""

from __future__ import annotations

import torch

from fmlab.evaluation.versions import set_version
from fmlab.experiments.real_tasks import answer, is_right, tasks
from fmlab.models.language_model import LanguageModel
from fmlab.models.pretrained import load
from fmlab.models.quantization import quantize_model
from fmlab.tokenization.tokenizers import BPETokenizer

VARIANTS = {"8 bits by group": (8, "group"), "4 bits by group": (4, "group")}
VARIANTS["4 bits by row"] = (4, "row")
N_LIVE = 4  # prompts per task that a chapter asks again


def changed(variant: str | None) -> tuple[LanguageModel, BPETokenizer]:
    """Return SmolLM2, with its matrices rounded as the variant says; None: as it is."""
    model, tokenizer = load("smollm2")
    if variant is not None:
        quantize_model(model, *VARIANTS[variant])
    return model, tokenizer


def run() -> dict:
    """Let every variant complete every prompt; return completions, and which are right."""
    torch.set_num_threads(2)
    items = tasks()
    results: dict[str, dict] = {}
    for variant in ("as it is", *VARIANTS):
        model, tokenizer = changed(None if variant == "as it is" else variant)
        results[variant] = {}
        for name, task in items.items():
            said = answer(model, tokenizer, task.prompts)
            right = list(map(is_right, said, task.answers))
            results[variant][name] = {"right": right, "completions": said}
            print(variant, name, sum(right), flush=True)
    versions = {name: set_version(task.prompts, task.answers) for name, task in items.items()}
    return {"versions of tasks": versions, "variants": results}
