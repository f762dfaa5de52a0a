"""The same prompts on a changed model: SmolLM2 as it is, and with its weights rounded further.

The prompts are those of ``real_tasks``, which were chosen with the model as it is; what it wrote
then is in the record of that experiment. The changed models stand for a provider that stores the
weights in fewer bits, and says nothing.

    python -m fmlab.experiments model_swap    # about two minutes

Results are written to book/results/model_swap.json. With ``--resume FILE``, each variant that is
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
VARIANTS = {"8 bits by group": (8, "group"), "4 bits by row": (4, "row")}
N_LIVE = 4  # prompts per task that a chapter asks again


def changed(variant: str) -> tuple[LanguageModel, BPETokenizer]:
    """Return SmolLM2, with its matrices rounded as the variant says."""
    model, tokenizer = load("smollm2")
    if variant != AS_IT_IS:
        quantize_model(model, *VARIANTS[variant])
    return model, tokenizer


def run_variant(variant: str) -> dict:
    """Let a variant complete every prompt; return completions, and which are right, by task."""
    model, tokenizer = changed(variant)
    found = {}
    for name, task in tasks().items():
        said = answer(model, tokenizer, task.prompts)
        found[name] = {"right": list(map(is_right, said, task.answers)), "completions": said}
        print(variant, name, sum(found[name]["right"]), flush=True)
    return found


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
    parser.add_argument("--only", choices=VARIANTS, help="run one variant, and record nothing")
    options = parser.parse_args(arguments)
    path = options.resume
    done = json.loads(path.read_text(encoding="utf-8")) if path and path.exists() else {}
    for variant in [options.only] if options.only else VARIANTS:
        if variant in done:
            continue
        started = time.perf_counter()
        found = run_variant(variant)
        done[variant] = {"found": found, "seconds": time.perf_counter() - started}
        if path:
            path.write_text(json.dumps(done), encoding="utf-8")
    if options.only:
        return
    versions = {name: set_version(t.prompts, t.answers) for name, t in tasks().items()}
    variants = {AS_IT_IS: before()} | {name: done[name]["found"] for name in VARIANTS}
    print(
        results.record(
            "model_swap",
            {"versions of tasks": versions, "variants": variants},
            command="python -m fmlab.experiments model_swap",
            seconds=sum(each["seconds"] for each in done.values()),
        )
    )
