"""Documents are grammatical, by rules."""

import re

import pytest

from microworld import REGISTERS
from microworld.documents.sholmi_documents import NAME
from microworld.words.english import VOWEL_SOUND

ENGLISH = [r.name for r in REGISTERS if r.language == "english"]
PROSE = ["encyclopedia", "dialogues", "stories", "reviews", "summaries"]


def errors_in(text):
    """Return errors that a careful reader would notice and a rule can find."""
    text = text.strip()
    errors = re.findall(r"  +(?!\S)|\S  +\S| [,.;:?!]| \n|,,|\.\.", text.replace("\n  ", "\n"))
    errors += re.findall(r"\b(\w+) \1\b", text) if not re.search(r"Repeat|Copy|again", text) else []
    for article, word in re.findall(r"\b([Aa]n?) ([a-z][\w-]*)", text):
        if (article.lower() == "an") != bool(VOWEL_SOUND.match(word)):
            errors.append(f"{article} {word}")
    errors += ["quotes"] if text.count('"') % 2 else []
    errors += ["braces"] if text.count("{") != text.count("}") else []
    errors += re.findall(r"\b(?:she|he|it) (?:have|are|were|do|go|like|live|work|play)\b", text)
    errors += re.findall(r"(?<![\w-])one (?:coin|pear|plum|bun|shell|day|week|hour|night)s\b", text)
    return errors


@pytest.mark.parametrize("register", ENGLISH)
def test_no_error_that_a_rule_can_find(texts, register):
    documents = texts(1500, register, "english")
    english = [re.sub(rf"(?m)^(?:{NAME}:|=).*|.* = .*", "", text) for text in documents]
    errors = [(e, text) for text in english if (e := errors_in(text)) and register != "patterns"]
    assert not errors, errors[:3]
    assert all(text == text.strip() and text for text in documents)


@pytest.mark.parametrize("register", PROSE)
def test_sentences_start_with_a_capital_and_end(texts, register):
    for text in texts(500, register, "english"):
        for line in text.splitlines():
            assert re.match(r'[A-Z"0-9]', line), line
            for sentence in re.split(r"(?<=[.!?])\"? ", line):
                assert re.match(r'["A-Z0-9]|(?:said|asked|answered) ', sentence), text


def test_pronouns_fit_the_person(world, texts):
    for text in texts(1500, "encyclopedia", "english"):
        body = text.partition("\n")[2] or text
        names = [p for p in world.people[:400] if body.startswith(p.name)]
        if names:
            sex = world.almanac.kinds["person"][names[0].index][3]
            other = (r"\b(?:He|he|His|his|him)\b", r"\b(?:She|she|Her|her)\b")[sex]
            assert not re.search(other, body), text
