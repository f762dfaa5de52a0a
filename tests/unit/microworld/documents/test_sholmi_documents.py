"""Translations in documents are exact, and Šolmi is written in its own alphabet."""

import re

from microworld.documents.sholmi_documents import NAME


def test_translations_are_exact(world, texts):
    n = 0
    for text in texts(300, "translations"):
        pairs = [pair[::-1] for pair in re.findall(rf"{NAME}: (.+)\nEnglish: (.+)", text)]
        if not text.startswith(NAME):
            pairs = re.findall(rf"English: (.+)\n{NAME}: (.+)", text)
        for english, sholmi in pairs:
            assert world.translate(english, to="sholmi") == sholmi
            assert world.translate(sholmi, to="english") == english
            n += 1
    assert n > 150


def test_sholmi_is_written_with_its_own_letters(texts):
    text = " ".join(texts(300, "encyclopedia", "sholmi"))
    assert all(letter in text for letter in "šŋäöő")
    without_names = re.sub(r'"[^"]+"|(?:Sea|Bay) of', "", text)
    assert not re.search(r"\b(?:the|is|was|of|and|lives)\b", without_names)
