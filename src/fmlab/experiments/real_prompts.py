"""One real model, one task, several prompts: only the prompt differs, never the weights.

SmolLM2 turns numbers in words into digits. Each prompt is tried on the same numbers. The best one
is chosen on one half of the numbers and measured on the other. The control has the examples of the
best prompt, each with the answer of another.

    python -m fmlab.experiments real_prompts    # about three minutes

Results are written to book/results/real_prompts.json.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence

import torch

from fmlab.evaluation.questions import complete
from fmlab.models.pretrained import load

UP_TO_19 = """zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen
fifteen sixteen seventeen eighteen nineteen"""
TENS_UP_TO_90 = "zero ten twenty thirty forty fifty sixty seventy eighty ninety"
ONES, TENS = UP_TO_19.split(), TENS_UP_TO_90.split()
EXAMPLES = (214, 560, 938, 107)
N_CHOOSE, N_REPORT = 60, 120
MAX_NEW_TOKENS = 8

Prompt = Callable[[str], str]


def in_words(n: int) -> str:
    """Return a number below 1,000 in words.

    >>> in_words(347), in_words(60), in_words(805)
    ('three hundred and forty-seven', 'sixty', 'eight hundred and five')
    """
    if n >= 100:
        rest = f" and {in_words(n % 100)}" if n % 100 else ""
        return f"{ONES[n // 100]} hundred{rest}"
    if n < 20:
        return ONES[n]
    return TENS[n // 10] + (f"-{ONES[n % 10]}" if n % 10 else "")


def solved(k: int, shift: int = 0) -> str:
    """Return k solved examples; with a shift, each has the answer of another."""
    answers = EXAMPLES[shift:] + EXAMPLES[:shift]
    return "".join(f"{in_words(n)} = {answer}\n" for n, answer in [*zip(EXAMPLES, answers)][:k])


PROMPTS: dict[str, Prompt] = {
    "bare": lambda words: f"{words} =",
    "sentence": lambda words: f"The number {words}, written in digits, is",
    "instruction": lambda words: f"Write the number {words} in digits.\nAnswer:",
    "role": lambda words: (
        f"You are a careful accountant.\nWrite the number {words} in digits.\nAnswer:"
    ),
    "one example": lambda words: f"{solved(1)}{words} =",
    "two examples": lambda words: f"{solved(2)}{words} =",
    "four examples": lambda words: f"{solved(4)}{words} =",
    "four wrong examples": lambda words: f"{solved(4, shift=1)}{words} =",
}
CONTROL = "four wrong examples"


def numbers() -> tuple[list[int], list[int]]:
    """Return the numbers to choose the prompt on, and those to report on; none is an example."""
    possible = [n for n in range(101, 1000) if n not in EXAMPLES]
    chosen = random.Random(0).sample(possible, N_CHOOSE + N_REPORT)
    return chosen[:N_CHOOSE], chosen[N_CHOOSE:]


def is_right(completion: str, number: int) -> bool:
    """Whether the first number in a completion is this one.

    >>> is_right(" 347.", 347), is_right(" 3,470", 347), is_right("", 347)
    (True, False, False)
    """
    found = re.search(r"\d+", completion.replace(",", ""))
    return found is not None and found[0] == str(number)


def grade(
    complete_all: Callable[[list[str]], list[str]], name: str, asked: Sequence[int]
) -> list[int]:
    """Return 1 for each number that a prompt gets right."""
    completions = complete_all([PROMPTS[name](in_words(n)) for n in asked])
    return [int(is_right(text, n)) for text, n in zip(completions, asked)]


def run() -> dict:
    """Try every prompt on both halves."""
    torch.set_num_threads(1)
    model, tokenizer = load("smollm2")

    def complete_all(prompts: list[str]) -> list[str]:
        return complete(model, tokenizer, prompts, MAX_NEW_TOKENS)

    choose, report = numbers()
    results = {}
    for name in PROMPTS:
        results[name] = {
            "choose": grade(complete_all, name, choose),
            "report": grade(complete_all, name, report),
        }
        print(name, {k: sum(v) for k, v in results[name].items()}, flush=True)
    return {"n": {"choose": N_CHOOSE, "report": N_REPORT}, "prompts": results}
