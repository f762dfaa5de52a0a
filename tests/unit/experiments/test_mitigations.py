"""Rules that turn an answer into an abstention."""

import numpy as np
import pytest

from fmlab import models
from fmlab.evaluation.likelihood import answer_logprobs
from fmlab.experiments import mitigations
from fmlab.experiments.results import read
from fmlab.experiments.supervised_lab import Lab
from microworld import MicroWorld, is_abstention
from microworld.words.exercises import QA_FORMS


@pytest.fixture(scope="module")
def lab():
    return Lab(MicroWorld())


def test_what_is_not_kept_abstains():
    kept = mitigations.kept_if(["Hemmel.", "Torn."], [True, False])
    assert kept[0] == "Hemmel."
    assert is_abstention(kept[1])


def test_the_threshold_has_the_most_right_minus_wrong():
    assert mitigations.best_threshold([0.9, 0.8, 0.3], [True, True, False]) == 0.8
    assert mitigations.best_threshold([0.9, 0.8, 0.3], [False, True, True]) == 0.3


def test_the_probability_is_that_of_the_answer_after_one_space():
    model, tokenizer = models.load("micro")
    question = "Where does Mabel live?"
    prompt = QA_FORMS[0].format(question)
    expected = np.exp(answer_logprobs(model, tokenizer, [prompt], [" Hemmel"]))
    for answer in ("Hemmel.", " Hemmel.", "Hemmel", " Hemmel"):
        p = mitigations.probabilities(model, tokenizer, [question], [answer])
        assert p == pytest.approx(expected, abs=1e-4)
    assert len(mitigations.probabilities(model, tokenizer, [question], ["."])) == 1


def test_the_file_states_half_of_the_facts(lab):
    sources = mitigations.Sources(lab)
    found = [sources.states(q.text, q.entity, q.answer) for q in lab.questions]
    assert sum(found[::2]) > 0.5 * len(found[::2])
    assert sum(found[1::2]) <= 0.05 * len(found[1::2])


def test_no_source_names_a_nonexistent_subject(lab):
    sources = mitigations.Sources(lab)
    for question, twin, name in zip(lab.questions, lab.unanswerable, mitigations.twin_names(lab)):
        assert name in twin
        assert not sources.states(twin, name, question.answer)


def test_only_the_first_sentence_is_kept():
    assert mitigations.first_sentences(["One. Two.", "No end"]) == ["One.", "No end"]


def test_the_record_grades_every_question(lab):
    for row in read("mitigations")["outcomes"].values():
        assert {len(letters) for letters in row.values()} == {len(lab.questions)}
