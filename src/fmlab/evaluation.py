"""How good is a model? Let it speak, and count how often what it says is right.

Nothing here asks how a model works: it gets prompts, and what it says is compared with what is
true. Every text that it reads begins with END_OF_TEXT, as in training. Prompts go through it in
batches of about equal length, small enough to need little memory however many prompts there are.

How far to trust a count is in ``fmlab.rates``, how well a model predicts a text that is there in
``fmlab.surprise``; both can be had from here.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from torch import nn

from fmlab.arguments import require, require_count
from fmlab.batches import END_OF_TEXT
from fmlab.generation import generate
from fmlab.rates import Bin, Rate, expected_calibration_error, reliability, wilson_interval
from fmlab.surprise import (
    Surprise,
    answer_logprobs,
    batches,
    bits_per_byte,
    end_of_text,
    loss_per_token,
    perplexity,
    require_texts,
    surprise,
)
from fmlab.tokenization import BPETokenizer
from fmlab.world import Exercise, MicroWorld, Question, is_abstention
from fmlab.world.english import capital
from fmlab.world.exercises import QA_FORMS

__all__ = [
    "Bin",
    "Rate",
    "Surprise",
    "answer_logprobs",
    "ask",
    "assertion_rate",
    "bits_per_byte",
    "chance",
    "complete",
    "exercise_accuracy",
    "expected_calibration_error",
    "hallucination_rate",
    "is_solved",
    "loss_per_token",
    "perplexity",
    "question_accuracy",
    "reliability",
    "surprise",
    "wilson_interval",
]

ROWS_AT_ONCE, TOKENS_AT_ONCE = 64, 8192  # most in a batch
ENDS_OF_SENTENCE = (".", "!", "?")


def complete(
    model: nn.Module,
    tokenizer: BPETokenizer,
    prompts: Sequence[str],
    max_new_tokens: int = 24,
    stop: Sequence[str] = ("\n",),
) -> list[str]:
    """Return what the model says next, greedily: the likeliest token each time.

    A completion ends before the first of the ``stop`` texts, where the model ends the text, after
    max_new_tokens, or where the context is full. Nothing else is cut off: most begin with a space.
    Errors: ``ValueError`` for a prompt that is longer than the context, an empty stop, or a
    tokenizer without END_OF_TEXT.
    """
    require_texts("prompts", prompts)
    require_texts("stop", stop)
    require(all(stop), "stop", "a sequence of texts that are not empty", stop)
    require_count("max_new_tokens", max_new_tokens)
    end, most = end_of_text(tokenizer), model.config.context_length
    ids = [[end, *tokenizer.encode(prompt)] for prompt in prompts]
    longest = max(map(len, ids), default=0)
    require(longest <= most, "prompts", f"at most {most} tokens long, {END_OF_TEXT} too", longest)
    stop_ids = [end, *(i for i, token in tokenizer.vocab.items() if _holds_any(token, stop))]
    texts = [""] * len(ids)
    for rows in batches([len(row) + max_new_tokens for row in ids], ROWS_AT_ONCE, TOKENS_AT_ONCE):
        said = generate(
            model, [ids[i] for i in rows], max_new_tokens, temperature=0, stop=stop_ids
        ).ids
        for i, new in zip(rows, said):
            texts[i] = _up_to(tokenizer.decode(token for token in new if token != end), stop)
    return texts


def ask(
    model: nn.Module,
    tokenizer: BPETokenizer,
    questions: Sequence[str | Question],
    form: str = QA_FORMS[0],
    max_new_tokens: int = 24,
) -> list[str]:
    """Return the model's answers, each up to the end of its line.

    ``form`` is how a question is put, with {} for it: as most documents of the world do, unless
    given. Errors as in ``complete``, and ``ValueError`` for a form without {}.
    """
    has_place = isinstance(form, str) and "{}" in form
    require(has_place, "form", "a text with {} where the question stands", form)
    require(not isinstance(questions, str), "questions", "a sequence of questions", questions)
    texts = [q.text if isinstance(q, Question) else q for q in questions]
    require_texts("questions", texts)
    prompts = [form.replace("{}", text) for text in texts]
    return [text.strip() for text in complete(model, tokenizer, prompts, max_new_tokens)]


def question_accuracy(
    model: nn.Module,
    tokenizer: BPETokenizer,
    world: MicroWorld,
    questions: Sequence[str | Question],
) -> Rate:
    """Return how often the model's answer is right, as ``world.is_correct`` judges it."""
    answers = ask(model, tokenizer, questions)
    return Rate.of(world.is_correct(q, answer) for q, answer in zip(questions, answers))


def exercise_accuracy(
    model: nn.Module, tokenizer: BPETokenizer, exercises: Sequence[Exercise]
) -> Rate:
    """Return how often the model goes on with the one right answer; see ``is_solved``."""
    longest = max((len(tokenizer.encode(each.answer)) for each in exercises), default=1)
    prompts = [each.prompt for each in exercises]
    said = complete(model, tokenizer, prompts, longest + 4)
    return Rate.of(is_solved(each, text) for each, text in zip(exercises, said))


def is_solved(exercise: Exercise, completion: str) -> bool:
    """Return whether a completion is the answer, and not only the beginning of something else.

    After it may come a line's end or punctuation; a letter, digit or further word may not, unless
    the answer itself ends a sentence.

    >>> sum_of_two = Exercise("sum", "9 + 3 =", " 12")
    >>> [is_solved(sum_of_two, text) for text in (" 12", " 12, 13", " 120", " 12 apples")]
    [True, True, False, False]
    """
    if not completion.startswith(exercise.answer):
        return False
    rest = completion[len(exercise.answer) :]
    goes_on = rest.lstrip(" ")[:1].isalnum()
    return not goes_on or exercise.answer[-1:] in ENDS_OF_SENTENCE


def chance(exercises: Sequence[Exercise]) -> float:
    """Return how often blind guessing is right.

    Where exercises have choices: 1 over their number. Elsewhere: the share of the most frequent
    answer, which is what always giving that answer would score.
    Errors: ``ValueError`` if there are no exercises.
    """
    require(len(exercises) > 0, "exercises", "at least one", exercises)
    if all(each.choices for each in exercises):
        return math.fsum(1 / len(each.choices) for each in exercises) / len(exercises)
    answers = [each.answer for each in exercises]
    return max(map(answers.count, set(answers))) / len(answers)


def assertion_rate(answers: Sequence[str]) -> Rate:
    """Return the share of answers that claim something: not empty, and not "I do not know"."""
    return Rate.of(bool(answer.strip()) and not is_abstention(answer) for answer in answers)


def hallucination_rate(
    model: nn.Module,
    tokenizer: BPETokenizer,
    world: MicroWorld,
    names: Sequence[str],
    max_new_tokens: int = 40,
) -> Rate:
    """Return the share of names about which the first thing the model states is not true.

    It is given the heading and the name that begin an encyclopedia entry, and goes on to the end of
    the line; ``world.claims`` reads what it says. Of what does not exist, nothing is true. Only the
    first statement counts, so that there is one outcome for a name; none at all is no false one.
    Errors: ``ValueError`` for a name that the world does not know, not even as a nonexistent one.
    """
    require_texts("names", names)
    begun = [capital(name) for name in names]
    entries = [f"{name}\n{name}" for name in begun]
    said = complete(model, tokenizer, entries, max_new_tokens)
    found = [world.claims(a + b, name)[:1] for name, a, b in zip(names, begun, said)]
    return Rate.of(any(not claim.true for claim in claims) for claims in found)


def _holds_any(token: bytes, texts: Sequence[str]) -> bool:
    return any(text.encode() in token for text in texts)


def _up_to(text: str, stops: Sequence[str]) -> str:
    """Return what stands before the first of the stops."""
    return text[: min((at for stop in stops if (at := text.find(stop)) >= 0), default=None)]
