"""Questions and exercises: let a model answer, and count how often it is right.

Nothing here depends on how a model works: it gets prompts, and its answers are compared with the
truth. Every prompt begins with END_OF_TEXT, as texts do in training. Prompts go through the model
in batches of about equal length, small enough to need little memory however many prompts there are.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from torch import nn

from fmlab.arguments import require, require_count, require_texts
from fmlab.data.batching import ROWS_AT_ONCE, TOKENS_AT_ONCE, batches
from fmlab.evaluation.statistics import Rate
from fmlab.generation.decoding import generate
from fmlab.tokenization.special_tokens import END_OF_TEXT, end_of_text
from fmlab.tokenization.tokenizers import BPETokenizer
from microworld import Exercise, MicroWorld, Question, is_abstention
from microworld.words.english import capital
from microworld.words.exercises import QA_FORMS

ENDS_OF_SENTENCE = (".", "!", "?")


def complete(
    model: nn.Module,
    tokenizer: BPETokenizer,
    prompts: Sequence[str],
    max_new_tokens: int = 24,
    stop: Sequence[str] = ("\n",),
) -> list[str]:
    """Return the model's continuation of each prompt, by greedy decoding.

    A completion ends before the first of the ``stop`` texts, where the model ends the text, after
    max_new_tokens, or when the context is full. It is not stripped, and usually begins with a
    space.
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
    stop_ids = [end, *(i for i, token in tokenizer.vocab.items() if _contains_any(token, stop))]
    texts = [""] * len(ids)
    for rows in batches([len(row) + max_new_tokens for row in ids], ROWS_AT_ONCE, TOKENS_AT_ONCE):
        batch = [ids[i] for i in rows]
        new_ids = generate(model, batch, max_new_tokens, temperature=0, stop=stop_ids).ids
        for i, new in zip(rows, new_ids):
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

    ``form`` is the prompt, with {} in place of the question; by default, as in most documents of
    the world. Errors as in ``complete``, and ``ValueError`` for a form without {}.
    """
    has_placeholder = isinstance(form, str) and "{}" in form
    require(has_placeholder, "form", "a text with {} in place of the question", form)
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
    """Return how often the model's answer is right according to ``world.is_correct``."""
    answers = ask(model, tokenizer, questions)
    return Rate.of(world.is_correct(q, answer) for q, answer in zip(questions, answers))


def exercise_accuracy(
    model: nn.Module, tokenizer: BPETokenizer, exercises: Sequence[Exercise]
) -> Rate:
    """Return how often the model's continuation is the right answer; see ``is_solved``."""
    lengths = (len(tokenizer.encode(exercise.answer)) for exercise in exercises)
    prompts = [exercise.prompt for exercise in exercises]
    completions = complete(model, tokenizer, prompts, max(lengths, default=1) + 4)
    return Rate.of(map(is_solved, exercises, completions))


def is_solved(exercise: Exercise, completion: str) -> bool:
    """Return whether a completion is the answer, and not just begins like it.

    The answer may be followed by the end of the line or punctuation, but by a letter, a digit or
    another word only if the answer itself ends a sentence.

    >>> sum_of_two = Exercise("sum", "9 + 3 =", " 12")
    >>> [is_solved(sum_of_two, text) for text in (" 12", " 12, 13", " 120", " 12 apples")]
    [True, True, False, False]
    """
    if not completion.startswith(exercise.answer):
        return False
    rest = completion[len(exercise.answer) :]
    is_continued = rest.lstrip(" ")[:1].isalnum()
    return not is_continued or exercise.answer[-1:] in ENDS_OF_SENTENCE


def chance(exercises: Sequence[Exercise]) -> float:
    """Return how often guessing is right: the baseline for ``exercise_accuracy``.

    For exercises with choices, 1 over their number. For others, the fraction that have the most
    frequent answer, which is the score of always giving that answer.
    Errors: ``ValueError`` if there are no exercises.
    """
    require(len(exercises) > 0, "exercises", "at least one", exercises)
    if all(exercise.choices for exercise in exercises):
        return math.fsum(1 / len(exercise.choices) for exercise in exercises) / len(exercises)
    answers = [exercise.answer for exercise in exercises]
    return max(map(answers.count, set(answers))) / len(answers)


def assertion_rate(answers: Sequence[str]) -> Rate:
    """Return the fraction of answers that assert something: not empty, not "I do not know"."""
    return Rate.of(bool(answer.strip()) and not is_abstention(answer) for answer in answers)


def hallucination_rate(
    model: nn.Module,
    tokenizer: BPETokenizer,
    world: MicroWorld,
    names: Sequence[str],
    max_new_tokens: int = 40,
) -> Rate:
    """Return the fraction of names about which the model's first claim is false.

    The prompt is the heading and the name that start an encyclopedia entry, which the model
    continues to the end of the line; ``world.claims`` extracts its claims. Any claim about
    something nonexistent is false. Only the first claim counts, so that each name has one outcome;
    no claim at all is not a false one.
    Errors: ``ValueError`` for a name that is neither in the world nor one of its nonexistent names.
    """
    require_texts("names", names)
    subjects = [capital(name) for name in names]
    prompts = [f"{subject}\n{subject}" for subject in subjects]
    completions = complete(model, tokenizer, prompts, max_new_tokens)
    entries = map(str.__add__, subjects, completions)
    claims = [world.claims(entry, name)[:1] for name, entry in zip(names, entries)]
    return Rate.of(any(not claim.true for claim in first) for first in claims)


def _contains_any(token: bytes, texts: Sequence[str]) -> bool:
    return any(text.encode() in token for text in texts)


def _up_to(text: str, stops: Sequence[str]) -> str:
    """Return the text before the first of the stops."""
    return text[: min((i for stop in stops if (i := text.find(stop)) >= 0), default=None)]
