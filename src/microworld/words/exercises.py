"""Prompts with one correct continuation, worded as in the documents; evaluations use them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Exercise:
    """A prompt and its answer. ``prompt + answer`` reads like a document.

    The answer starts with its space. ``choices`` are the answers to choose from, where the set is
    small.
    """

    task: str
    prompt: str
    answer: str
    choices: tuple[str, ...] = ()


# How documents format questions; the answer follows the form.
QA_FORMS = ("Question: {}\nAnswer:", "Q: {}\nA:", "{}", "- {}\n ", "Question: {}\nAnswer:")
