"""How ``small-thinking`` is made: ``small``, with LoRA, learns to write the first of two facts."""

from __future__ import annotations

from collections.abc import Sequence

from fmlab import models
from fmlab.generation.decoding import generate
from fmlab.models.gpt import GPT
from fmlab.models.lora import add_lora, corrections
from fmlab.recipes.card import card, loss_curve
from fmlab.recipes.two_facts import (
    TwoFacts,
    answer_part,
    encoded,
    first_step,
    prompt_of,
    split,
    two_fact_questions,
)
from fmlab.tokenization.special_tokens import end_of_text
from fmlab.tokenization.tokenizers import BPETokenizer
from fmlab.training.finetuning import finetune_encoded
from microworld import MicroWorld

THINKING_BASE, RANK = "small", 4
THINKING = dict(n_steps=250, batch_size=16, learning_rate=3e-3)
MAX_NEW_TOKENS = 72
FIRST_FACTS = ("its own", "given", "corrupted")


def make_thinking(progress: bool = True) -> tuple[GPT, BPETokenizer, dict]:
    """Finetune a model on steps; return it with its corrections, its tokenizer and its card."""
    world, (model, tokenizer) = MicroWorld(), models.load(THINKING_BASE)
    train, test = split(two_fact_questions(world, world.count_mentions()))
    data = encoded(tokenizer, train, "steps")
    run = finetune_encoded(add_lora(model, RANK), data, progress=progress, **THINKING)
    curve, right = loss_curve(run.losses), {}
    for first_fact in FIRST_FACTS:
        texts, _ = think(model, tokenizer, test, first_fact)
        n_right = sum(is_right(world, question, text) for question, text in zip(test, texts))
        right[first_fact] = f"{n_right} of {len(test)}"
    contents = card(
        "small-thinking",
        model,
        run,
        base=THINKING_BASE,
        rank=RANK,
        trained_parameters=sum(factor.numel() for factor in corrections(model).values()),
        loss=curve[-1],
        curve=curve,
        data=f"{len(train)} questions of two_fact_questions(MicroWorld(), ...)",
        settings=THINKING,
        right=right,
    )
    return model, tokenizer, contents


def think(
    model: GPT, tokenizer: BPETokenizer, asked: Sequence[TwoFacts], first_fact: str = "its own"
) -> tuple[list[str], list[int]]:
    """Return responses with steps, as ``responses`` does.

    The first fact is the model's own, or "given" by us, or "corrupted": a wrong one is given.
    """
    values = {"given": [q.step for q in asked], "corrupted": [q.wrong_step for q in asked]}
    begun = [first_step(q, value) for q, value in zip(asked, values.get(first_fact, ()))]
    return responses(model, tokenizer, asked, begun)


def responses(
    model: GPT,
    tokenizer: BPETokenizer,
    asked: Sequence[TwoFacts],
    begun: Sequence[str] = (),
    max_new_tokens: int = MAX_NEW_TOKENS,
    **options: object,
) -> tuple[list[str], list[int]]:
    """Return responses, without the texts ``begun`` that they begin with, and their tokens.

    The tokens of ``begun`` count, too.
    """
    begun = begun or [""] * len(asked)
    rows = [prompt_of(tokenizer, question, text) for question, text in zip(asked, begun)]
    end = end_of_text(tokenizer)
    options = dict(temperature=0, stop=[end]) | options
    new = generate(model, rows, max_new_tokens, **options).ids
    n = len(new) // len(asked)
    texts = [tokenizer.decode(i for i in ids if i != end) for ids in new]
    lengths = [len(tokenizer.encode(text)) for text in begun]
    return texts, [len(ids) + lengths[i // n] for i, ids in enumerate(new)]


def is_right(world: MicroWorld, question: TwoFacts, text: str) -> bool:
    """Return whether the answer in a response is right, whatever its steps are."""
    return bool(world.is_correct(question.text, answer_part(text)))


def follows(question: TwoFacts, text: str) -> bool:
    """Return whether a response ends in what follows from the wrong step."""
    return question.wrong_answer.lower() in answer_part(text).lower()
