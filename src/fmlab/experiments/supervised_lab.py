"""The parts of ``fmlab.experiments.supervised``: questions, demonstrations, and their measures.

Every question about a held-out name has a twin: the same words about a name that nothing has. The
two sets therefore agree in everything but the names, and a model that has learned only which kinds
of questions are met with "I don't know" treats them alike.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import cycle

import numpy as np

from fmlab.arguments import require
from fmlab.data.batching import ROWS_AT_ONCE
from fmlab.data.dialogues import Pairs
from fmlab.evaluation.outcomes import OUTCOMES, Outcomes, RepeatedOutcomes
from fmlab.generation.chat import respond
from fmlab.models.gpt import GPT
from fmlab.recipes import data
from fmlab.recipes.data import KNOWN, N_QUESTIONS, is_held_out
from fmlab.tokenization.tokenizers import BPETokenizer
from fmlab.training.finetuning import response_loss
from microworld import Demonstrator, MicroWorld, Question
from microworld.words.exercises import QA_FORMS

FACTS = {  # of the demonstrations, by how often the corpus states them
    "stated often": dict(exposure=KNOWN),
    "stated seldom": dict(exposure=(1, 10)),
    "never stated": dict(exposure=None, split="held-out facts"),
}
ABSTAINING = 0.2  # of the demonstrations: those about nonexistent names
TASKS = {"question": 1 - ABSTAINING, "unknown": ABSTAINING}
N_PAIRS = 100  # demonstrations about held-out names, for the loss
MAX_NEW_TOKENS = 40
CODES = dict(zip(OUTCOMES, "RWAN"))  # for the record: a letter per response


@dataclass(frozen=True)
class Lab:
    """The world, and the questions for every model. ``n`` questions are sampled to choose from."""

    world: MicroWorld
    n: int = N_QUESTIONS

    @cached_property
    def questions(self) -> list[Question]:
        """A question per fact about a held-out name that the corpus states often."""
        questions = self.world.questions(self.n, exposure=KNOWN, phrasing="any", seed=5)
        by_fact: dict[int, Question] = {}
        for question in questions:
            if is_held_out(question.text):
                by_fact.setdefault(question.fact, question)
        return [*by_fact.values()]

    @cached_property
    def answerable(self) -> list[str]:
        """The texts of these questions."""
        return [question.text for question in self.questions]

    @cached_property
    def unanswerable(self) -> list[str]:
        """Their twins: the same words about nonexistent names that are held out, too."""
        kinds = {question.entity_kind for question in self.questions}
        names = {kind: cycle(self.world.nonexistent(kind)) for kind in sorted(kinds)}

        def twin(question: Question) -> str:
            texts = (question.text.replace(question.entity, n) for n in names[question.entity_kind])
            return next(filter(is_held_out, texts))

        return [*map(twin, self.questions)]

    def few_shot(self, prompts: Sequence[str]) -> list[str]:
        """Return prompts in the form of the corpus, after four examples.

        Two of them have answers, and two are answered "I do not know." So even a model that was
        never finetuned is shown both.
        """
        known = self.world.questions(40, exposure=KNOWN, seed=11)
        unknown = self.world.questions(40, split="nonexistent", seed=11)
        examples = ""
        for group in (unknown, known):
            for question in [q for q in group if not is_held_out(q.text)][:2]:
                examples += f"{question.prompt} {question.answer or 'I do not know'}.\n\n"
        return [f"{examples}{QA_FORMS[0].replace('{}', prompt)}" for prompt in prompts]

    @cached_property
    def pairs(self) -> Pairs:
        """Demonstrations without errors about held-out names, to measure the loss on."""
        return self._held_out_pairs[::2]

    @cached_property
    def validation_pairs(self) -> Pairs:
        """Others, to choose a checkpoint by."""
        return self._held_out_pairs[1::2]

    @cached_property
    def _held_out_pairs(self) -> Pairs:
        examples = data.demonstrations(self.world, 4 * N_PAIRS, held_out=True, tasks=TASKS, seed=5)
        pairs = list({d.prompt: (d.prompt, d.response) for d in examples}.values())
        return pairs[: 2 * N_PAIRS]

    @cached_property
    def names(self) -> list[str]:
        """The names in the questions, as they occur within a sentence."""
        return sorted({question.entity.removeprefix("the ") for question in self.questions})

    def demonstrations(
        self,
        n: int,
        *,
        error_rate: float = 0.0,
        invented: float = 0.0,
        removed: float = 0.0,
        facts: str = "stated often",
        mentions: bool = False,
        seed: int = 0,
    ) -> Pairs:
        """Return n (prompt, response) pairs to train on; 20% are about nonexistent names.

        ``error_rate`` is the fraction of wrong answers among the other 80%. Of the 20%, the
        fraction ``invented`` gets an invented answer instead of "I don't know", and the fraction
        ``removed`` is replaced by questions that have an answer. No pair mentions one of ``names``,
        unless ``mentions``: then only ``is_held_out`` applies, which misses names in lower case and
        at the start of a sentence.
        """
        require(facts in FACTS, "facts", f"one of {', '.join(FACTS)}", facts)
        n_unknown = round(ABSTAINING * n)
        n_removed, n_invented = round(removed * n_unknown), round(invented * n_unknown)
        options = dict(seed=seed, facts=facts, mentions=mentions)
        answers = Demonstrator(verbosity="sentence", error_rate=error_rate)
        known = self._of_task("question", n - n_unknown + n_removed, answers, **options)
        honest = Demonstrator(verbosity="sentence")
        unknown = self._of_task("unknown", n_unknown, honest, **options)
        liar = Demonstrator(verbosity="sentence", admit_unknown=False)
        lies = self._of_task("unknown", n_invented, liar, **options) if n_invented else []
        pairs = [*known, *lies, *unknown[n_invented + n_removed :]]
        return [pairs[i] for i in np.random.default_rng(seed).permutation(n)]

    def _of_task(
        self, task: str, n: int, demonstrator: Demonstrator, seed: int, facts: str, mentions: bool
    ) -> list[tuple[str, str]]:
        pairs: list[tuple[str, str]] = []
        options = dict(tasks={task: 1.0}, demonstrator=demonstrator, seed=seed) | FACTS[facts]
        n_sampled = n
        while len(pairs) < n:
            examples = data.demonstrations(self.world, n_sampled, **options)
            pairs = [(d.prompt, d.response) for d in examples]
            if not mentions:
                pairs = [pair for pair in pairs if not self._mentions_a_name(*pair)]
            n_sampled *= 2
        return pairs[:n]

    def _mentions_a_name(self, *texts: str) -> bool:
        return any(name in text for name in self.names for text in texts)

    # --- measures --------------------------------------------------------------------------------

    def outcomes(self, model: GPT, tokenizer: BPETokenizer) -> dict[str, Outcomes]:
        """Return the outcomes of greedy responses to answerable and unanswerable questions."""
        return {
            kind: Outcomes.of(self.world, prompts, self.responses(model, tokenizer, prompts))
            for kind, prompts in self.prompts.items()
        }

    @property
    def prompts(self) -> dict[str, list[str]]:
        """The two kinds of questions; equal places hold twins."""
        return {"answerable": self.answerable, "unanswerable": self.unanswerable}

    def responses(self, model: GPT, tokenizer: BPETokenizer, prompts: Sequence[str]) -> list[str]:
        """Return a greedy response to each prompt."""
        texts = []
        for start in range(0, len(prompts), ROWS_AT_ONCE):
            part = prompts[start : start + ROWS_AT_ONCE]
            texts += respond(model, tokenizer, part, MAX_NEW_TOKENS)
        return texts

    def measure(self, model: GPT, tokenizer: BPETokenizer) -> dict[str, float | str]:
        """Return the measures of a model for the record: loss to 4 decimals, and outcomes."""
        loss = round(response_loss(model, tokenizer, self.pairs), 4)
        return {"loss": loss} | encode(self.outcomes(model, tokenizer))


def encode(outcomes: Mapping[str, Outcomes]) -> dict[str, str]:
    """Return outcomes as in the record: a letter of CODES per response.

    >>> encode({"answerable": Outcomes(["right", "no answer"])})
    {'answerable': 'RN'}
    """
    return {kind: "".join(CODES[label] for label in o.labels) for kind, o in outcomes.items()}


def decode(codes: Sequence[str]) -> RepeatedOutcomes:
    """Return the outcomes behind the codes of several runs.

    >>> decode(["RW", "RR"]).rate("right").mean
    0.75
    """
    names = {code: name for name, code in CODES.items()}
    return RepeatedOutcomes([Outcomes([names[code] for code in run]) for run in codes])
