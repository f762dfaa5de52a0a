"""How ``micro-sft`` and ``small-sft`` are made: ``micro`` or ``small``, finetuned."""

from __future__ import annotations

from fmlab import models
from fmlab.evaluation.responses import grade
from fmlab.models.gpt import GPT
from fmlab.models.pretrained import add_chat_tokens
from fmlab.recipes.card import card, loss_curve, rates_of
from fmlab.recipes.data import N_GRADED, SFT_TASKS, demonstrations, prompts, sft_pairs
from fmlab.tokenization.tokenizers import BPETokenizer
from fmlab.training.finetuning import finetune
from microworld import MicroWorld

N_DEMONSTRATIONS, SFT = 6_000, dict(n_epochs=1, batch_size=16, learning_rate=3e-4)


def make_sft(base: str, progress: bool = True) -> tuple[GPT, BPETokenizer, dict]:
    """Finetune a model on demonstrations; return it, its tokenizer and its card."""
    world = MicroWorld()
    model, tokenizer = add_chat_tokens(*models.load(base))
    pairs = sft_pairs(world, N_DEMONSTRATIONS)
    test = demonstrations(world, N_GRADED, held_out=True, seed=1)
    held_out = [(d.prompt, d.response) for d in test]
    run = finetune(model, tokenizer, pairs, held_out=held_out, progress=progress, **SFT)
    grades = grade(model, tokenizer, world, prompts(world, N_GRADED, held_out=True, seed=2))
    curve = loss_curve(run.losses)
    contents = card(
        f"{base}-sft",
        model,
        run,
        base=base,
        loss=curve[-1],
        curve=curve,
        data=f"sft_pairs(MicroWorld(), {N_DEMONSTRATIONS})",
        settings=SFT | {"tasks": SFT_TASKS},
        held_out_loss=[round(loss, 4) for loss in run.held_out_losses],
        greedy=rates_of(grades),
    )
    return model, tokenizer, contents
