"""What more samples buy: the whole distribution of ``micro``'s answers to 120 questions.

The questions are about facts of people that the corpus states at least 100 times. The record has
every answer with a probability of at least 0.001, and what is needed to select one: its
log-probability, and the scores of two verifiers:

- ``small``: the log-probability under the next larger model of the ladder;
- ``reward``: ``small-reward``, which was trained on preferences between whole sentences.

    python -m fmlab.experiments answer_budgets     # book/results/answer_budgets.json
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fmlab.alignment.reward_model import load_reward
from fmlab.arguments import Floats, Ids
from fmlab.evaluation.likelihood import answer_logprobs
from fmlab.experiments.questions import OFTEN, Exam
from fmlab.generation.search import likely_continuations
from fmlab.models.gpt import GPT
from fmlab.models.pretrained import load
from fmlab.tokenization.special_tokens import END_OF_TEXT
from fmlab.tokenization.tokenizers import BPETokenizer
from microworld import MicroWorld

N_QUESTIONS, LEAST, MAX_NEW_TOKENS = 120, 1e-3, 24


@dataclass(frozen=True)
class Answers:
    """The answers to a question, the most likely first: text, probability, tokens, logprob."""

    texts: list[str]
    p: Floats
    logprob: Floats  # of all tokens, in the most likely way to write the text
    n_tokens: list[int]


def stops(tokenizer: BPETokenizer) -> Ids:
    """Return the tokens that end an answer: the end of the text, and of the line."""
    lines = [i for i, token in tokenizer.vocab.items() if b"\n" in token]
    return [tokenizer.special_tokens[END_OF_TEXT], *lines]


def prompt_of(tokenizer: BPETokenizer, text: str) -> Ids:
    """Return the tokens of a question, up to where its answer begins."""
    end = tokenizer.special_tokens[END_OF_TEXT]
    return [end, *tokenizer.encode(f"Question: {text}\nAnswer:")]


def answer_text(tokenizer: BPETokenizer, ids: Ids) -> str:
    """Return an answer as text, without what ends it."""
    end = tokenizer.special_tokens[END_OF_TEXT]
    return tokenizer.decode(i for i in ids if i != end).strip()


def answers(model: GPT, tokenizer: BPETokenizer, question: str, least: float = LEAST) -> Answers:
    """Return the answers of at least this probability. Equal texts are one answer."""
    prompt, stop = prompt_of(tokenizer, question), stops(tokenizer)
    rows = likely_continuations(model, prompt, MAX_NEW_TOKENS, stop, least)
    found: dict[str, list] = {}
    for ids, score in zip(rows.ids, rows.scores):
        each = found.setdefault(answer_text(tokenizer, ids), [0.0, score, len(ids)])
        each[0] += float(np.exp(score))
    texts = sorted(found, key=lambda text: -found[text][0])
    p, logprob, n_tokens = zip(*(found[text] for text in texts))
    return Answers(texts, np.array(p), np.array(logprob), list(n_tokens))


def packed(numbers: Floats, digits: int) -> str:
    """Return numbers as one line of text."""
    return " ".join(f"{number:.{digits}f}" for number in numbers)


def unpacked(line: str) -> Floats:
    """Return the numbers of a line."""
    return np.array([float(number) for number in line.split()])


def run() -> dict:
    """Enumerate the answers, and score each of them."""
    world, (model, tokenizer) = MicroWorld(), load("micro")
    asked = Exam(world).facts_stated(OFTEN)[:N_QUESTIONS]
    found = [answers(model, tokenizer, question.text) for question in asked]
    texts = [text or "." for each in found for text in each.texts]
    owners = [question for question, each in zip(asked, found) for _ in each.texts]
    plain = [question.text for question in owners]

    larger, _ = load("small")
    prompts = [f"Question: {text}\nAnswer:" for text in plain]
    scores = {"small": answer_logprobs(larger, tokenizer, prompts, [f" {t}" for t in texts])}
    reward, chat_tokenizer = load_reward()
    scores["reward"] = reward.score(chat_tokenizer, plain, texts)
    starts = np.cumsum([0, *(len(each.texts) for each in found)])
    questions = []
    for question, each, a, b in zip(asked, found, starts, starts[1:]):
        right = [i for i, text in enumerate(each.texts) if world.is_correct(question, text)]
        row = {"text": question.text, "relation": question.relation, "answer": question.answer}
        row |= {"answers": "|".join(each.texts), "right": right, "p": packed(each.p, 4)}
        row |= {"logprob": packed(each.logprob, 2), "tokens": packed(each.n_tokens, 0)}
        row |= {name: packed(values[a:b], 2) for name, values in scores.items()}
        questions.append(row)
    return {"least": LEAST, "questions": questions}
