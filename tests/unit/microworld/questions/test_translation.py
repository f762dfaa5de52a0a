"""Translation between English and Šolmi is exact in both directions."""

from microworld.documents.sholmi_documents import say, value
from microworld.words.phrasing import fill, phrasings_of
from microworld.words.sholmi_sentences import CLAUSES, subject
from tests.unit.microworld.samples import some


def test_translation_is_exact_in_both_directions(world, tables):
    for key, table in tables.items():
        for i in some(table):
            for order in (0, 1):
                form = phrasings_of(key, "statement")[order].filled(table.names[i][3])
                english = fill(form, table.names[i], table.values[i])
                sholmi = world.translate(english, to="sholmi")
                assert sholmi == say(table, i, order)
                assert world.translate(sholmi, to="english") == english


def test_sholmi_questions_are_answered_in_sholmi(world, tables):
    for key, table in tables.items():
        for i in some(table):
            for order in (0, 1):
                question = CLAUSES[key].question(subject(table.names[i]), order)
                assert world.answer(question) == value(table, i), question
