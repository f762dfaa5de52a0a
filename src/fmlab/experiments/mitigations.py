"""Seven ways to make a model invent less, on the same questions, with what each costs in answers.

The questions are those of ``fmlab.experiments.supervised_lab``: their facts are stated often, and
each has a twin about something that does not exist. ``small`` answers them in the form of its
corpus. Then come a prompt that shows how to abstain, post-trained models, and rules that turn an
answer into "I do not know": if its probability is low, if the question in other words gets another
answer, if samples disagree, or if a file of sentences does not state it. The file states half of
the facts. For shorter answers, entries about the same names are cut after their first sentence.

    python -m fmlab.experiments mitigations    # book/results/mitigations.json, a few minutes
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence

import numpy as np

from fmlab import models
from fmlab.data.search import Search
from fmlab.evaluation.consistency import other_words
from fmlab.evaluation.likelihood import answer_logprobs
from fmlab.evaluation.outcomes import Outcomes
from fmlab.evaluation.questions import ask, complete
from fmlab.experiments.supervised_lab import Lab, encode
from fmlab.generation.decoding import generate
from fmlab.models.gpt import GPT
from fmlab.tokenization.special_tokens import end_of_text
from fmlab.tokenization.tokenizers import BPETokenizer
from microworld import MicroWorld
from microworld.questions.oracle import SENTENCE_END
from microworld.words.english import capital
from microworld.words.exercises import QA_FORMS
from microworld.words.phrasing import fill

BASE, POST_TRAINED = "small", ("small-sft", "small-dpo", "small-ppo")
ABSTENTION = "I do not know."
N_SAMPLES, N_AGREE = 5, 4
MAX_NEW_TOKENS, N_OTHERS = 16, 400  # tokens of an answer; other sentences in the file
N_VALIDATION = 200  # other questions, to choose the threshold of the probability with


def twin_names(lab: Lab) -> list[str]:
    """Return the nonexistent name in the twin of each question."""
    names = []
    for question, twin in zip(lab.questions, lab.unanswerable):
        before, _, after = question.text.partition(question.entity)
        names.append(twin[len(before) : len(twin) - len(after)])
    return names


def samples(
    model: GPT, tokenizer: BPETokenizer, questions: Sequence[str], n: int, seed: int = 0
) -> list[list[str]]:
    """Return n sampled answers to each question, in the form of the corpus."""
    end = end_of_text(tokenizer)
    stop = [end, *(i for i, token in tokenizer.vocab.items() if b"\n" in token)]
    rng, texts = np.random.default_rng(seed), []
    for start in range(0, len(questions), 32):
        part = [QA_FORMS[0].format(text) for text in questions[start : start + 32]]
        rows = [[end, *tokenizer.encode(text)] for text in part]
        result = generate(model, rows, MAX_NEW_TOKENS, n=n, rng=rng, stop=stop)
        texts += [tokenizer.decode(i for i in ids if i != end).split("\n")[0] for ids in result.ids]
    return [texts[i : i + n] for i in range(0, len(texts), n)]


def probabilities(
    model: GPT, tokenizer: BPETokenizer, questions: Sequence[str], answers: Sequence[str]
) -> list[float]:
    """Return p(answer | question) of each answer, without its last full stop.

    An answer follows the question after one space, as in the corpus.
    """
    prompts = [QA_FORMS[0].format(text) for text in questions]
    spaced = [" " + answer.strip().removesuffix(".") for answer in answers]
    return np.exp(answer_logprobs(model, tokenizer, prompts, spaced)).round(4).tolist()


def kept_if(answers: Sequence[str], keep: Sequence[bool]) -> list[str]:
    """Return the answers that are kept, and "I do not know." in place of the others."""
    return [a if kept else ABSTENTION for a, kept in zip(answers, keep)]


def best_threshold(confidences: Sequence[float], right: Sequence[bool]) -> float:
    """Return the threshold with the most right minus wrong answers; the rest abstains.

    >>> best_threshold([0.9, 0.8, 0.3, 0.2], [True, True, False, True])
    0.8
    """
    scores = {
        t: sum((1 if r else -1) for c, r in zip(confidences, right) if c >= t) for t in confidences
    }
    return max(sorted(scores, reverse=True), key=scores.__getitem__)


class Sources:
    """A file of true sentences. It states half of the facts of the lab, and many others."""

    def __init__(self, lab: Lab) -> None:
        world = lab.world
        others = world.questions(N_OTHERS, exposure=(30, float("inf")), seed=8)
        asked = {question.fact for question in lab.questions}
        numbers = [q.fact for q in lab.questions[::2]]
        numbers += sorted({q.fact for q in others} - asked)
        self.sentences = [self._sentence(world, number) for number in numbers]
        self.search = Search(self.sentences)

    @staticmethod
    def _sentence(world: MicroWorld, number: int) -> str:
        table, i = world.almanac.fact(number)
        name = table.names[i]
        return fill(
            random.Random(number).choice(table.wording.statements[name[3]]), name, table.values[i]
        )

    def find(self, question: str) -> str:
        """Return the sentence that fits a question best."""
        return self.sentences[self.search.best(question)[0]]

    def states(self, question: str, name: str, answer: str) -> bool:
        """Tell whether the best sentence names both the subject and the answer."""
        sentence = self.find(question).lower()
        answer = answer.strip().rstrip(".").lower()
        return name.lower() in sentence and bool(answer) and answer in sentence


def first_sentences(texts: Sequence[str]) -> list[str]:
    """Return each text up to the end of its first sentence."""
    return [SENTENCE_END.split(text.strip())[0] for text in texts]


def entries(lab: Lab, model: GPT, tokenizer: BPETokenizer) -> dict[str, dict[str, list[list[int]]]]:
    """Return [claims, false ones] of encyclopedia entries, whole and cut to one sentence."""
    names = {
        "exist": list(dict.fromkeys(q.entity for q in lab.questions)),
        "do not exist": list(dict.fromkeys(twin_names(lab))),
    }
    counts = {}
    for kind, group in names.items():
        subjects = [capital(name) for name in group]
        prompts = [f"{subject}\n{subject}" for subject in subjects]
        texts = map(str.__add__, subjects, complete(model, tokenizer, prompts, 60))
        whole = list(texts)
        counts[kind] = {
            length: [_count(lab.world.claims(text, name)) for name, text in zip(group, part)]
            for length, part in (("whole", whole), ("one sentence", first_sentences(whole)))
        }
    return counts


def _count(claims: Sequence) -> list[int]:
    return [len(claims), sum(not claim.true for claim in claims)]


def by_rules(
    lab: Lab, model: GPT, tokenizer: BPETokenizer
) -> tuple[dict[str, dict[str, list[str]]], float]:
    """Return the responses of ``small``, plain and after each rule, and the threshold of p."""
    world, sources = lab.world, Sources(lab)
    validation = [
        q for q in world.questions(3 * N_VALIDATION, seed=21) if q.text not in lab.answerable
    ][:N_VALIDATION]
    texts = [q.text for q in validation]
    answers = ask(model, tokenizer, texts)
    right = [world.is_correct(q, a) for q, a in zip(validation, answers)]
    threshold = best_threshold(probabilities(model, tokenizer, texts, answers), right)
    again = [other_words(world, question) for question in lab.questions]
    twins = twin_names(lab)
    renamed = [t.replace(q.entity, n) for t, q, n in zip(again, lab.questions, twins)]
    names = [question.entity for question in lab.questions]
    responses: dict[str, dict[str, list[str]]] = {}
    for kind, others, about in (("answerable", again, names), ("unanswerable", renamed, twins)):
        prompts = lab.prompts[kind]
        plain = ask(model, tokenizer, prompts)
        confidences = probabilities(model, tokenizer, prompts, plain)
        second = ask(model, tokenizer, others)
        votes = [
            Counter(s).most_common(1)[0] for s in samples(model, tokenizer, prompts, N_SAMPLES)
        ]
        passages = [f"Passage: {sources.find(q)}\n{QA_FORMS[0].format(q)}" for q in prompts]
        quoted = complete(model, tokenizer, passages, MAX_NEW_TOKENS)
        shots = complete(model, tokenizer, lab.few_shot(prompts))
        rules = {
            "plain": plain,
            "prompt that shows abstaining": shots,
            "probability above a threshold": kept_if(plain, [c >= threshold for c in confidences]),
            "same answer in other words": kept_if(plain, [a == b for a, b in zip(plain, second)]),
            "four of five samples agree": kept_if(
                [answer for answer, _ in votes], [n >= N_AGREE for _, n in votes]
            ),
            "a source states it": kept_if(
                quoted, [sources.states(*each) for each in zip(prompts, about, quoted)]
            ),
        }
        for name, texts in rules.items():
            responses.setdefault(name, {})[kind] = texts
    return responses, threshold


def run() -> dict:
    """Measure everything; return outcomes as letters, and the counts of claims."""
    lab = Lab(MicroWorld())
    model, tokenizer = models.load(BASE)
    responses, threshold = by_rules(lab, model, tokenizer)
    measured = {
        name: encode(
            {kind: Outcomes.of(lab.world, lab.prompts[kind], texts) for kind, texts in r.items()}
        )
        for name, r in responses.items()
    }
    print("rules", flush=True)
    for name in POST_TRAINED:
        measured[name] = encode(lab.outcomes(*models.load(name)))
        print(name, flush=True)
    found = entries(lab, model, tokenizer)
    return {"base": BASE, "threshold": threshold, "outcomes": measured, "entries": found}
