"""Supervised finetuning: a model that continues any text learns to respond to prompts.

The training steps are those of ``fmlab.training.pretraining``; only the data differ. Each example
is a prompt with a demonstrated response, and the loss counts the tokens of the response only: the
model learns to respond, not to write prompts. A batch holds examples of about equal length, so
that little of it is padding.

Shapes: B batch, T positions. Source: Ouyang et al. (2022), Training Language Models to Follow
Instructions with Human Feedback, section 3.
"""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn

from fmlab.arguments import require, require_count
from fmlab.data.batching import Order
from fmlab.data.dialogues import LOSS_ON, Dialogues, Pairs, encode_pairs, targets_of
from fmlab.models.language_model import LanguageModel
from fmlab.models.logprobs import evaluate_response_logprobs
from fmlab.scaling.costs import forward_flops
from fmlab.tokenization.tokenizers import BPETokenizer
from fmlab.training.distributed import Processes
from fmlab.training.loop import OnStep, Settings, Trainer, training_steps
from fmlab.training.run import Run

Batch = Callable[[int], tuple[Tensor, Tensor]]


def finetune(
    model: LanguageModel,
    tokenizer: BPETokenizer,
    pairs: Pairs,
    *,
    n_epochs: int = 1,
    n_steps: int | None = None,
    learning_rate: float = 1e-3,
    batch_size: int = 16,
    loss_on: str = "response",
    held_out: Pairs = (),
    seed: int = 0,
    progress: bool = True,
    on_step: OnStep | None = None,
) -> Run:
    """Train the model in place on (prompt, response) texts; return how it went.

    It trains for ``n_epochs`` over the pairs, or for ``n_steps`` if given, in an order that the
    ``seed`` determines. The learning rate warms up for 5% of the steps and then decays to 0.
    ``loss_on`` "all" counts the tokens of the prompt as well, as in pre-training. ``on_step`` is
    called with the run after each step. Ctrl-C ends training after the current step. However
    training ends, the model is left in evaluation mode.
    Errors: ``ValueError`` for no pairs, one that is longer than the context, or a tokenizer of
    another vocabulary; ``FloatingPointError`` once the loss is NaN or infinite.
    """
    data = encode_pairs(model, tokenizer, pairs)
    run = Run()
    if len(held_out) > 0:
        run.held_out_losses.append(response_loss(model, tokenizer, held_out))
    finetune_encoded(
        model,
        data,
        n_epochs=n_epochs,
        n_steps=n_steps,
        learning_rate=learning_rate,
        batch_size=batch_size,
        loss_on=loss_on,
        seed=seed,
        progress=progress,
        on_step=on_step,
        run=run,
    )
    if len(held_out) > 0:
        run.held_out_losses.append(response_loss(model, tokenizer, held_out))
    return run


def finetune_encoded(
    model: nn.Module,
    data: Dialogues,
    *,
    n_epochs: int = 1,
    n_steps: int | None = None,
    learning_rate: float = 1e-3,
    batch_size: int = 16,
    loss_on: str = "response",
    seed: int = 0,
    progress: bool = True,
    on_step: OnStep | None = None,
    run: Run | None = None,
) -> Run:
    """Train on prompts and responses that are token ids already; return the run.

    So they can have any form, such as that of the documents. Arguments and errors are those of
    ``finetune``; the model is one for ``train_on``.
    """
    require(loss_on in LOSS_ON, "loss_on", f"one of {', '.join(LOSS_ON)}", loss_on)
    lengths = (data.last + 1).tolist()
    order = Order(lengths, batch_size, seed)
    settings = finetuning_settings(order, n_epochs, n_steps, learning_rate, seed)

    def batch(number: int) -> tuple[Tensor, Tensor]:
        rows = data.rows(order[number])
        return rows.ids, targets_of(rows, loss_on)

    def count_tokens(number: int) -> int:
        return sum(lengths[i] for i in order[number])

    options = dict(count_tokens=count_tokens, progress=progress, on_step=on_step, run=run)
    return train_on(model, batch, settings, **options)


def train_on(
    model: nn.Module,
    batch: Batch,
    settings: Settings,
    *,
    count_tokens: Callable[[int], int],
    progress: bool = True,
    on_step: OnStep | None = None,
    run: Run | None = None,
) -> Run:
    """Train for the steps of ``settings`` on ``model.loss(*batch(number))``; return the run.

    The model has ``config``, ``device`` and ``loss``: a language model, or one built on it. It is
    left in evaluation mode. ``count_tokens`` returns the number of tokens of a step, without
    padding.
    Errors: ``FloatingPointError`` once the loss is NaN or infinite.
    """
    trainer = Trainer(model, settings, "float32", Processes(), run)
    run = trainer.run
    model.train()
    try:
        for number in training_steps(
            run,
            settings.n_steps,
            "finetuning",
            progress=progress,
            on_step=on_step,
            summary=lambda run: f"loss {run.recent('loss'):.3f}",
        ):
            ids, targets = batch(number)
            trainer.step(number, ids, targets)
            n_rows, length = ids.shape
            run.count(trained=count_tokens(number))
            run.flops += 3 * forward_flops(model.config, length, batch=n_rows)
    finally:
        model.eval()
    return run


def finetuning_settings(
    order: Order, n_epochs: int, n_steps: int | None, learning_rate: float, seed: int
) -> Settings:
    """Return settings for that many epochs or steps, with a warm-up of 5% of the steps."""
    require_count("n_epochs", n_epochs)
    if n_steps is None:
        n_steps = n_epochs * len(order)
    require_count("n_steps", n_steps)
    return Settings(n_steps, learning_rate, warmup_steps=n_steps // 20, final_share=0.0, seed=seed)


def response_loss(model: LanguageModel, tokenizer: BPETokenizer, pairs: Pairs) -> float:
    """Return the mean loss of the responses, in nats per token, without training on them."""
    dialogues = encode_pairs(model, tokenizer, pairs)
    total = evaluate_response_logprobs(model, dialogues).double().sum()
    return -float(total) / int(dialogues.is_response.sum())
