"""Every relation has phrasings for documents and held-out ones."""

from microworld.words.phrasing import HOMONYMS, PHRASINGS, WORDINGS, phrasings_of
from microworld.words.schema import BY_KEY
from microworld.words.sholmi_sentences import GRAMMAR


def test_every_relation_has_several_phrasings_and_held_out_ones():
    for key in BY_KEY:
        statements, questions = phrasings_of(key, "statement"), phrasings_of(key, "question")
        assert sum(not p.held_out for p in statements) >= 4, key
        assert sum(not p.held_out for p in questions) >= 3, key
        assert any(p.held_out for p in statements), key
        assert any(p.held_out for p in questions), key
        assert WORDINGS[key].yes_no_questions, key
        assert key in GRAMMAR


def test_words_before_values_are_found():
    words = {p.text: p.words_before_values() for p in PHRASINGS}
    assert words["{S} was born in {V}."] == ("in",)
    assert words["{S} ({V.birthplace}, {V.birth_year}) is {A.profession}."] == ("", "", "is")
    assert words["{V} is the mayor of {S}."] == ("",)


def test_relations_with_the_same_statement_are_homonyms_of_each_other():
    assert HOMONYMS["person.birthplace", "in"] == ("person.birth_year",)
    assert HOMONYMS["festival.month", "in"] == ("festival.town",)
    for (key, word), others in HOMONYMS.items():
        assert all(key in HOMONYMS[other, word] for other in others)
