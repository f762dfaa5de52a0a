"""Five tasks that a real model, SmolLM2, does by completing a text: no finetuning, no chat.

Each prompt shows a few solved examples and an unsolved one. A completion is right if its first line
is the answer, apart from case, a final period, and a French article. We wrote the texts ourselves.

Two baselines need no model: the most frequent answer, and a simple rule (for translation: copy the
English word). The control grades each completion against the answer to the next prompt.

    python -m fmlab.experiments real_tasks    # about a minute

Results are written to book/results/real_tasks.json.
"""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from fmlab.evaluation.questions import complete
from fmlab.models.language_model import LanguageModel
from fmlab.models.pretrained import load
from fmlab.tokenization.tokenizers import BPETokenizer

N = 40  # prompts per task
N_LIVE = 4  # of them that a chapter asks again, per task
MAX_NEW_TOKENS = 6

WORDS = """water eau, bread pain, house maison, cat chat, dog chien, milk lait, sun soleil,
tree arbre, book livre, red rouge, green vert, white blanc, black noir, night nuit, day jour,
king roi, queen reine, father père, mother mère, brother frère, sister sœur, hand main, head tête,
heart cœur, eye œil, fire feu, fish poisson, bird oiseau, horse cheval, cheese fromage, wine vin,
apple pomme, school école, street rue, city ville, door porte, window fenêtre, friend ami,
winter hiver, summer été"""
NAMES = "Ana Ben Clara David Elena Farid Grace Hugo Ines Jonas Kate Liam Maya Noah Olga Paul"
CITIES = "Lisbon Oslo Vienna Dublin Prague Athens Madrid Warsaw Toronto Sydney Boston"
JOBS = "nurse baker teacher pilot farmer lawyer painter plumber chemist singer dentist"
PRAISE = """I loved every minute of it.
The food was delicious and the staff were kind.
A wonderful film, moving and funny.
It works perfectly and arrived early.
The best holiday we ever had.
Great value, I would buy it again.
What a beautiful, quiet room.
The music was superb.
She was patient and explained everything clearly.
My children adore this game.
Fresh bread, friendly service, fair prices.
I could not put the book down.
The battery lasts for days.
An elegant design that is easy to use.
They fixed my bike quickly and cheaply.
The view from the terrace is stunning.
Our guide knew everything and made us laugh.
The coat is warm and fits very well.
A charming little theater with great actors.
I sleep much better on this mattress."""
CRITICISM = """I hated every minute of it.
The food was cold and the staff were rude.
A boring film, slow and far too long.
It broke on the first day.
The worst holiday we ever had.
A waste of money, I want a refund.
The room was dirty and loud.
The music was terrible.
She was impatient and explained nothing.
My children were bored after a minute.
Stale bread, slow service, high prices.
I gave up on the book after ten pages.
The battery is empty after an hour.
An ugly design that is hard to use.
They lost my bike and never apologized.
The terrace faces a noisy road.
Our guide was late and knew nothing.
The coat is thin and the zipper is broken.
A cramped little theater with bad actors.
My back hurts since I bought this mattress."""

# For the simple rule. The list was written with the reviews in view, which is its best chance.
NEGATIVE = """awful bad boring broke broken cold dirty disappointed dull expensive hate hated
horrible late loud never no noisy not poor rude slow stale terrible ugly waste worst"""


@dataclass(frozen=True)
class Task:
    """Prompts, their answers, and what a simple rule would answer."""

    prompts: list[str]
    answers: list[str]
    rule: list[str]

    @property
    def most_frequent(self) -> int:
        """How many prompts the most frequent answer solves."""
        return Counter(self.answers).most_common(1)[0][1]


def tasks() -> dict[str, Task]:
    """Return the five tasks by name, ``N`` prompts each."""
    rng = random.Random(0)
    return {
        "translation": _translation(),
        "extraction": _extraction(rng),
        "sentiment": _sentiment(rng),
        "sums of digits": _sums(rng, 2, 9),
        "sums of two-digit numbers": _sums(rng, 11, 49),
    }


def _translation() -> Task:
    pairs = [tuple(pair.split()) for pair in WORDS.split(",")][:N]
    solved = [("thank you", "merci"), ("moon", "lune"), ("garden", "jardin")]
    examples = "".join(f"English: {word}\nFrench: {french}\n\n" for word, french in solved)
    prompts = [f"{examples}English: {word}\nFrench:" for word, _ in pairs]
    return Task(prompts, [french for _, french in pairs], [word for word, _ in pairs])


def _extraction(rng: random.Random) -> Task:
    def text(name: str, city: str, job: str) -> str:
        return f"Text: {name} moved to {city} three years ago and now works there as a {job}."

    solved = [("Leo", "Berlin", "tailor"), ("Mia", "Geneva", "librarian")]
    examples = "".join(f"{text(*row)}\nCity: {row[1]}\nJob: {row[2]}\n\n" for row in solved)
    choices = [names.split() for names in (NAMES, CITIES, JOBS)]
    rows = [[rng.choice(values) for values in choices] for _ in range(N)]
    prompts = [f"{examples}{text(*row)}\nCity: {row[1]}\nJob:" for row in rows]
    last = [text(*row).rstrip(".").split()[-1] for row in rows]
    return Task(prompts, [row[2] for row in rows], last)


def _sentiment(rng: random.Random) -> Task:
    rows = [(text, "positive") for text in PRAISE.splitlines()]
    rows += [(text, "negative") for text in CRITICISM.splitlines()]
    rng.shuffle(rows)
    solved = [
        ("Absolutely fantastic, five stars.", "positive"),
        ("Awful, never again.", "negative"),
    ]
    solved += [("I regret that I bought it.", "negative"), ("It made my day.", "positive")]
    examples = "".join(f"Review: {text}\nSentiment: {label}\n\n" for text, label in solved)
    prompts = [f"{examples}Review: {text}\nSentiment:" for text, _ in rows]
    words = [set(re.findall(r"[a-z]+", text.lower())) for text, _ in rows]
    listed = ["negative" if found & {*NEGATIVE.split()} else "positive" for found in words]
    return Task(prompts, [label for _, label in rows], listed)


def _sums(rng: random.Random, low: int, high: int) -> Task:
    pairs = [(a, b) for a in range(low, high + 1) for b in range(low, high + 1)]
    chosen = rng.sample(pairs, N)
    examples = "".join(f"{a} + {b} = {a + b}\n" for a, b in [(1, 4), (11, 3), (7, 10)])
    prompts = [f"{examples}{a} + {b} =" for a, b in chosen]
    return Task(prompts, [str(a + b) for a, b in chosen], [str(max(pair)) for pair in chosen])


def is_right(completion: str, answer: str) -> bool:
    """Whether the first line of a completion is the answer.

    >>> is_right(" La maison.", "maison"), is_right(" house", "maison"), is_right(" 1", "12")
    (True, False, False)
    """
    first = completion.strip().partition("\n")[0].strip().rstrip(".").lower()
    for article in ("le ", "la ", "l'", "un ", "une "):
        first = first.removeprefix(article)
    return first == answer.lower()


def answer(model: LanguageModel, tokenizer: BPETokenizer, prompts: Sequence[str]) -> list[str]:
    """Return the first lines of the model's greedy completions."""
    return [text.strip() for text in complete(model, tokenizer, prompts, MAX_NEW_TOKENS)]


def run() -> dict:
    """Let SmolLM2 complete every prompt; return what it wrote, and how many are right."""
    torch.set_num_threads(1)
    model, tokenizer = load("smollm2")
    results = {}
    for name, task in tasks().items():
        said = answer(model, tokenizer, task.prompts)
        following = task.answers[1:] + task.answers[:1]
        results[name] = {
            "right": sum(map(is_right, said, task.answers)),
            "next_prompt": sum(map(is_right, said, following)),
            "most_frequent": task.most_frequent,
            "completions": said,
        }
        print(name, {k: v for k, v in results[name].items() if k != "completions"}, flush=True)
    return {"n": N, "tasks": results}
