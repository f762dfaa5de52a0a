"""Prompts with one right continuation, as the documents pose them: what evaluations are made of."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Exercise:
    """``prompt + answer`` is text as it stands in documents; the answer starts with its space."""

    task: str
    prompt: str
    answer: str
    choices: tuple[str, ...] = ()  # answers that a guesser would guess among, where there are some


# Forms in which documents put questions; the answer stands where the form ends.
QA_FORMS = ("Question: {}\nAnswer:", "Q: {}\nA:", "{}", "- {}\n ", "Question: {}\nAnswer:")
