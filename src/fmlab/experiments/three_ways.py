"""The same questions answered in three ways: by prompting, by retrieval and by finetuning.

The questions ask about facts that no document of the corpus states, so the pre-trained model cannot
know the answers. A file of sentences states them. Retrieval searches the file and puts a sentence
into the prompt; finetuning trains on the file, or on questions and answers made from it.

    python -m fmlab.experiments three_ways    # book/results/three_ways.json
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch

from fmlab.data.dialogues import Dialogues
from fmlab.data.search import Search
from fmlab.evaluation.questions import complete
from fmlab.evaluation.statistics import Rate
from fmlab.experiments.ladder import as_dict
from fmlab.models.gpt import GPT
from fmlab.models.pretrained import load
from fmlab.scaling.costs import forward_flops
from fmlab.tokenization.special_tokens import end_of_text
from fmlab.tokenization.tokenizers import BPETokenizer
from fmlab.training.finetuning import finetune_encoded
from fmlab.training.run import Run
from microworld import MicroWorld
from microworld.words.phrasing import fill

BASE, SEEDS = "small", (0, 1, 2)
N_FACTS, N_OTHERS, N_KNOWN = 200, 800, 200  # facts asked, other sentences in the file, known facts
RELATIONS = ("birthplace", "home", "profession", "food", "hobby", "pet", "instrument", "collection")
KEYS = tuple(f"person.{name}" for name in RELATIONS)
PLAIN = "Question: {}\nAnswer:"
TRAINING = dict(n_epochs=15, learning_rate=5e-4, batch_size=16)


@dataclass(frozen=True)
class Asked:
    """A fact, in a sentence and in two questions: one to train on, one for the test."""

    number: int
    relation: str
    sentence: str
    training_question: str
    question: str
    answer: str


class Task:
    """The questions, the file of sentences, and examples for prompts, of one world."""

    def __init__(self, world: MicroWorld | None = None) -> None:
        self.world = world or MicroWorld()
        facts = self._facts(N_FACTS + N_OTHERS, split="held-out facts")
        self.asked, others = facts[:N_FACTS], facts[N_FACTS:]
        self.file = [each.sentence for each in facts]
        self.examples = others[:4]
        self.random = random.Random(0).sample(range(N_FACTS, len(self.file)), N_FACTS)
        self.known = self._facts(N_KNOWN, exposure=(100, float("inf")))

    def _facts(self, n: int, **filters: object) -> list[Asked]:
        found: dict[int, Asked] = {}
        for question in self.world.questions(2 * n, relations=KEYS, **filters):
            if question.fact not in found:
                found[question.fact] = self._put_in_words(question.fact)
        return list(found.values())[:n]

    def _put_in_words(self, number: int) -> Asked:
        table, i = self.world.almanac.fact(number)
        name, value, rnd = table.names[i], table.values[i], random.Random(number)
        wording = table.wording
        first, second = rnd.sample(wording.questions, 2)
        sentence = fill(rnd.choice(wording.statements[name[3]]), name, value)
        texts = (sentence, first.format(*name, *value), second.format(*name, *value))
        return Asked(number, table.key, *texts, value[0])

    @cached_property
    def search(self) -> Search:
        """The index of the file."""
        return Search(self.file)

    # --- prompts ---------------------------------------------------------------------------------

    def plain(self, asked: Asked) -> str:
        """The question alone."""
        return PLAIN.format(asked.question)

    def reworded(self, asked: Asked) -> str:
        """The question in another form that documents have."""
        return f"Q: {asked.question}\nA:"

    def with_examples(self, asked: Asked) -> str:
        """Four other questions with their answers, and then the question."""
        shown = [f"{PLAIN.format(e.question)} {e.answer}." for e in self.examples]
        return "\n".join([*shown, self.plain(asked)])

    def retrieved(self, asked: Asked) -> str:
        """The sentence that the search finds, and the question."""
        return self.with_sentence(self.file[self.search.best(asked.question)[0]], asked)

    def random_sentence(self, asked: Asked) -> str:
        """The control: a random sentence about another fact, and the question."""
        return self.with_sentence(self.file[self.random[self.asked.index(asked)]], asked)

    def same_relation(self, asked: Asked) -> str:
        """A harder control: the sentence of another person that answers the same question."""
        others = [a for a in self.asked if a.relation == asked.relation and a != asked]
        return self.with_sentence(others[asked.number % len(others)].sentence, asked)

    def with_sentence(self, sentence: str, asked: Asked) -> str:
        """Return a prompt with a sentence in front of the question, as documents have it."""
        return f"Passage: {sentence}\n{self.plain(asked)}"

    @cached_property
    def hits(self) -> Rate:
        """How often the search finds the sentence that states the fact."""
        found = [self.search.best(asked.question)[0] for asked in self.asked]
        return Rate.of(i == place for place, i in enumerate(found))

    @cached_property
    def majority(self) -> dict[str, str]:
        """The most frequent answer of each relation, among the questions themselves."""
        by_relation: dict[str, list[str]] = {}
        for asked in self.asked:
            by_relation.setdefault(asked.relation, []).append(asked.answer)
        return {key: max(set(answers), key=answers.count) for key, answers in by_relation.items()}

    # --- answers ---------------------------------------------------------------------------------

    def right(
        self,
        model: GPT,
        tokenizer: BPETokenizer,
        prompt: Callable[[Asked], str],
        asked: Sequence[Asked] | None = None,
    ) -> list[bool]:
        """Tell for each question whether the model's answer is right."""
        asked = self.asked if asked is None else asked
        answers = complete(model, tokenizer, [prompt(each) for each in asked], max_new_tokens=16)
        return [self.world.is_correct(a.question, answer) for a, answer in zip(asked, answers)]

    # --- finetuning ------------------------------------------------------------------------------

    def texts(self, on: str, seed: int) -> list[tuple[str, str]]:
        """Return (prompt, continuation) texts to finetune on.

        ``on`` is "sentences", "questions", in other words than those of the test, or "shuffled
        answers": the same questions with the answers of other questions about the same relation.
        """
        if on == "sentences":
            return [("", each.sentence) for each in self.asked]
        answers = [each.answer for each in self.asked]
        if on == "shuffled answers":
            for key in KEYS:
                places = [i for i, each in enumerate(self.asked) if each.relation == key]
                moved = random.Random(seed).sample(places, len(places))
                for place, other in zip(places, moved):
                    answers[place] = self.asked[other].answer
        questions = [PLAIN.format(each.training_question) for each in self.asked]
        return [(question, f" {answer}.") for question, answer in zip(questions, answers)]


PROMPTING = ("plain", "reworded", "with_examples")
RETRIEVAL = ("retrieved", "random_sentence", "same_relation")
FINETUNING = ("sentences", "questions", "shuffled answers")


def finetuned(task: Task, on: str, seed: int) -> tuple[GPT, BPETokenizer, Run]:
    """Finetune the base model on texts of the task; the loss counts the continuations."""
    model, tokenizer = load(BASE)
    if torch.cuda.is_available():
        model.to("cuda")
    end, texts = end_of_text(tokenizer), task.texts(on, seed)
    prompts = [[end, *tokenizer.encode(prompt)] for prompt, _ in texts]
    responses = [[*tokenizer.encode(text), end] for _, text in texts]
    data = Dialogues.from_ids(prompts, responses)
    run = finetune_encoded(model, data, **TRAINING, seed=seed, progress=False)
    return model, tokenizer, run.whole()


def cost(model: GPT, tokenizer: BPETokenizer, prompts: Sequence[str]) -> dict:
    """Return the mean number of tokens of prompts, and of FLOPs to read one."""
    lengths = [len(tokenizer.encode(prompt)) + 1 for prompt in prompts]
    flops = np.mean([forward_flops(model.config, n) for n in lengths])
    return {"tokens": round(float(np.mean(lengths)), 1), "flops": float(flops)}


def run() -> dict:
    """Answer the questions in every way; return the rates and the costs."""
    task = Task()
    model, tokenizer = load(BASE)
    guesses = [task.world.is_correct(a.question, task.majority[a.relation]) for a in task.asked]
    results: dict = {
        "base": BASE,
        "majority": as_dict(Rate.of(guesses)),
        "search finds the sentence": as_dict(task.hits),
        "known before": as_dict(Rate.of(task.right(model, tokenizer, task.plain, task.known))),
        "prompts": {},
        "finetuning": [],
    }
    for name in (*PROMPTING, *RETRIEVAL):
        prompt = getattr(task, name)
        texts = [prompt(asked) for asked in task.asked]
        results["prompts"][name] = {
            "right": as_dict(Rate.of(task.right(model, tokenizer, prompt))),
            **cost(model, tokenizer, texts),
        }
        print(name, results["prompts"][name], flush=True)
    for on in FINETUNING:
        for seed in SEEDS:
            tuned, _, run_ = finetuned(task, on, seed)
            outcome = {
                "on": on,
                "seed": seed,
                "right": as_dict(Rate.of(task.right(tuned, tokenizer, task.plain))),
                "known after": as_dict(
                    Rate.of(task.right(tuned, tokenizer, task.plain, task.known))
                ),
                "flops": run_.flops,
                "tokens": run_.n_tokens,
                "seconds": round(run_.seconds, 1),
            }
            results["finetuning"].append(outcome)
            print(outcome, flush=True)
    return results
