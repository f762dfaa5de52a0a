"""The same prompts on a changed model: SmolLM2 as it is, and with its weights rounded further.

The prompts are those of ``real_tasks``, which were chosen with the model as it is; what it wrote
then is in the record of that experiment. The changed models stand for a provider that stores the
weights in fewer bits, and says nothing.

    python -m fmlab.experiments model_swap    # about a minute and a half

Results are written to book/results/model_swap.json. With ``--resume FILE``, each task that is
finished is kept in FILE, and a second run continues there.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

from fmlab.evaluation.versions import set_version
from fmlab.experiments import results
from fmlab.experiments.real_tasks import answer, is_right, tasks
from fmlab.models.language_model import LanguageModel
from fmlab.models.pretrained import load
from fmlab.models.quantization import quantize_model
from fmlab.tokenization.tokenizers import BPETokenizer

AS_IT_IS = "as it is"
VARIANTS = {
    "8 bits by group": (8, "group"),
    "4 bits by group": (4, "group"),
    "4 bits by row": (4, "row"),
}
N_LIVE = 2  # prompts per task that a chapter asks again


def changed(variant: str) -> tuple[LanguageModel, BPETokenizer]:
    """Return SmolLM2, with its matrices rounded as the variant says."""
    model, tokenizer = load("smollm2")
    if variant != AS_IT_IS:
        quantize_model(model, *VARIANTS[variant])
    return model, tokenizer


def run_task(model: LanguageModel, tokenizer: BPETokenizer, name: str) -> dict:
    """Let a model complete the prompts of a task; return completions, and which are right."""
    task = tasks()[name]
    said = answer(model, tokenizer, task.prompts)
    return {"right": list(map(is_right, said, task.answers)), "completions": said}


def before() -> dict:
    """Return the same of the model as it is, from the record of ``real_tasks``."""
    record = results.read("real_tasks")["tasks"]
    said = {name: record[name]["completions"] for name in tasks()}
    return {
        name: {"right": list(map(is_right, said[name], task.answers)), "completions": said[name]}
        for name, task in tasks().items()
    }


def main(arguments: list[str]) -> None:
    """Run what is missing, and record all variants."""
    parser = argparse.ArgumentParser(prog="python -m fmlab.experiments model_swap")
    parser.add_argument("--resume", type=Path)
    options = parser.parse_args(arguments)
    path = options.resume
    done = json.loads(path.read_text(encoding="utf-8")) if path and path.exists() else {}
    started = time.perf_counter() - done.pop("seconds", 0.0)
    for variant in VARIANTS:
        found = done.setdefault(variant, {})
        if set(found) == set(tasks()):
            continue
        model, tokenizer = changed(variant)
        for name in tasks():
            if name not in found:
                found[name] = run_task(model, tokenizer, name)
                print(variant, name, sum(found[name]["right"]), flush=True)
            if path:
                kept = done | {"seconds": time.perf_counter() - started}
                path.write_text(json.dumps(kept), encoding="utf-8")
    variants = {AS_IT_IS: before()} | {variant: done[variant] for variant in VARIANTS}
    versions = {name: set_version(t.prompts, t.answers) for name, t in tasks().items()}
    print(
        results.record(
            "model_swap",
            {"versions of tasks": versions, "variants": variants},
            command="python -m fmlab.experiments model_swap",
            seconds=time.perf_counter() - started,
        )
    )
