"""Does voting help a model that answers differently when a question is worded differently?

The questions are those of ``answer_budgets``: the distribution of ``micro``'s answers to each of
them, in up to three wordings of the corpus and with three small mistakes.

    python -m fmlab.experiments answer_wordings    # book/results/answer_wordings.json
"""

from __future__ import annotations

from fmlab.evaluation.consistency import perturb
from fmlab.experiments.answer_budgets import N_QUESTIONS, answers, packed
from fmlab.experiments.questions import OFTEN, Exam
from fmlab.models.pretrained import load
from microworld import MicroWorld, Question

LEAST, N_OTHERS = 4e-3, 2
PERTURBED = ("no question mark", "typo in another word", "first letter in lower case")


def wordings(world: MicroWorld, question: Question) -> list[str]:
    """Return the question, the same in other words of the corpus, and with small mistakes."""
    table, i = world.almanac.fact(question.fact)
    forms = [form.format(*table.names[i]) for form in table.wording.questions]
    others = [text for text in forms if text != question.text and question.entity in text]
    return [question.text, *others[:N_OTHERS]] + [perturb(question, name) for name in PERTURBED]


def run() -> dict:
    """Enumerate the answers to all wordings."""
    world, (model, tokenizer) = MicroWorld(), load("micro")
    questions = []
    for question in Exam(world).facts_stated(OFTEN)[:N_QUESTIONS]:
        rows = []
        for text in wordings(world, question):
            found = answers(model, tokenizer, text, LEAST)
            right = [i for i, t in enumerate(found.texts) if world.is_correct(question, t)]
            row = {"text": text, "answers": "|".join(found.texts), "right": right}
            rows.append(row | {"p": packed(found.p, 3)})
        questions.append(rows)
    return {"least": LEAST, "questions": questions}
