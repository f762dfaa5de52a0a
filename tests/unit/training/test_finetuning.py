"""Properties of fmlab.training.finetuning: the loss of a step, and a run."""

import math
import os
import signal
from dataclasses import replace

import pytest
import torch

from fmlab.data.batching import IGNORED, Order
from fmlab.data.dialogues import Dialogues, response_ids, targets_of
from fmlab.models.gpt import GPT
from fmlab.models.logprobs import response_logprobs
from fmlab.scaling.costs import forward_flops
from fmlab.tokenization.tokenizers import BPETokenizer
from fmlab.training.finetuning import finetune, response_loss
from fmlab.training.loop import Trainer
from tests.unit.tiny_chat import CONFIG, TOKENIZER, changed, tiny_model, weights_of

PAIRS = [("Hi?", "Yes"), ("How are you?", "Well."), ("A?", "B"), ("What is it?", "No idea")]
PAIRS += [(f"{n}?", f"{n} {n}") for n in range(4)]
QUIET = dict(progress=False, batch_size=4)


@pytest.fixture
def model():
    return GPT(CONFIG, seed=0).eval()


def same(model, other):
    return not changed(model, weights_of(other))


# --- the loss -------------------------------------------------------------------------------------


def test_loss_of_a_step_is_that_of_the_responses_of_its_batch():
    model, rows = GPT(CONFIG, seed=0), Dialogues.of(TOKENIZER, PAIRS)
    n_tokens = sum(len(response_ids(TOKENIZER, response)) for _, response in PAIRS)
    expected = -response_logprobs(model, rows).sum() / n_tokens
    torch.testing.assert_close(model.loss(rows.ids, targets_of(rows)), expected)
    run = finetune(model, TOKENIZER, PAIRS, batch_size=8, n_steps=1, progress=False)
    assert run.losses == pytest.approx([expected.item()], rel=1e-5)


def test_no_gradient_comes_from_predicting_the_prompt():
    model, rows = tiny_model(), Dialogues.of(TOKENIZER, PAIRS)
    hidden = model.hidden_states(rows.ids)
    logits = model.lm_head(hidden)
    logits.retain_grad()
    is_text = torch.arange(rows.ids.shape[1]) <= rows.last[:, None]
    for loss_on, counts in (("response", rows.is_response), ("all", is_text)):
        logits.grad = None
        targets = targets_of(rows, loss_on)
        flat = logits.view(-1, CONFIG.vocab_size)
        loss = torch.nn.functional.cross_entropy(flat, targets.view(-1), ignore_index=IGNORED)
        loss.backward(retain_graph=True)
        has_gradient = logits.grad.abs().sum(dim=-1)[:, :-1] > 0  # (B, T - 1)
        assert torch.equal(has_gradient, counts[:, 1:])


def test_loss_on_all_learns_something_else(model):
    other = GPT(CONFIG, seed=0)
    finetune(model, TOKENIZER, PAIRS, n_steps=2, **QUIET)
    finetune(other, TOKENIZER, PAIRS, n_steps=2, loss_on="all", **QUIET)
    assert not same(model, other)


def test_padding_changes_neither_loss_nor_gradient():
    model, wide = tiny_model(), Dialogues.of(TOKENIZER, [*PAIRS, ("x" * 20, "y" * 20)])
    tight = Dialogues.of(TOKENIZER, PAIRS)
    gradients = []
    for rows in (tight, Dialogues(wide.ids[:-1], wide.is_response[:-1])):
        model.zero_grad()
        loss = model.loss(rows.ids, targets_of(rows))
        loss.backward()
        gradients.append([loss.detach(), *(w.grad.clone() for w in model.parameters())])
    for a, b in zip(*gradients):
        n = min(len(a), len(b)) if a.dim() else None
        torch.testing.assert_close(a[:n] if n else a, b[:n] if n else b, atol=1e-6, rtol=1e-4)


def test_a_batch_of_eight_is_eight_of_one_weighted_by_their_tokens():
    model, rows = tiny_model(), Dialogues.of(TOKENIZER, PAIRS)
    model.loss(rows.ids, rows.targets).backward()
    together = [weight.grad.clone() for weight in model.parameters()]
    model.zero_grad()
    total = int(rows.is_response.sum())
    for i in range(8):
        one = rows.rows([i])
        share = int(one.is_response.sum()) / total
        (share * model.loss(one.ids, one.targets)).backward()
    for weight, expected in zip(model.parameters(), together):
        torch.testing.assert_close(weight.grad, expected, atol=1e-6, rtol=1e-4)


# --- the run --------------------------------------------------------------------------------------


def test_few_examples_are_memorized(model):
    run = finetune(
        model, TOKENIZER, PAIRS, n_epochs=60, learning_rate=0.02, held_out=PAIRS, **QUIET
    )
    before, after = run.held_out_losses
    assert run.finished
    assert before == pytest.approx(math.log(CONFIG.vocab_size), rel=0.1)
    assert after < 0.5
    assert after == pytest.approx(response_loss(model, TOKENIZER, PAIRS))
    assert not model.training


def test_run_records_the_work(model):
    n_tokens = []
    options = QUIET | dict(n_epochs=2, on_step=lambda run: n_tokens.append(run.n_tokens))
    run = finetune(model, TOKENIZER, PAIRS, **options)
    lengths = (Dialogues.of(TOKENIZER, PAIRS).last + 1).tolist()
    assert len(run.losses) == len(run.gradient_norms) == len(n_tokens) == 4
    assert n_tokens[1] == sum(lengths)
    assert run.n_tokens == n_tokens[3] == 2 * sum(lengths)
    order = Order(lengths, 4)
    longest = [max(lengths[i] for i in order[number]) for number in range(4)]
    assert run.flops == sum(3 * forward_flops(CONFIG, n, batch=4) for n in longest)
    assert run.seconds > 0


def test_seed_determines_the_model(model):
    second, third = GPT(CONFIG, seed=0), GPT(CONFIG, seed=0)
    state = torch.random.get_rng_state()
    finetune(model, TOKENIZER, PAIRS, n_steps=3, seed=1, **QUIET)
    finetune(second, TOKENIZER, PAIRS, n_steps=3, seed=1, **QUIET)
    finetune(third, TOKENIZER, PAIRS, n_steps=3, seed=2, **QUIET)
    assert same(model, second)
    assert not same(model, third)
    assert torch.equal(state, torch.random.get_rng_state())


def test_evaluating_held_out_pairs_changes_nothing(model):
    other, before = GPT(CONFIG, seed=0), weights_of(model)
    response_loss(model, TOKENIZER, PAIRS)
    assert not changed(model, before)
    finetune(model, TOKENIZER, PAIRS, n_steps=2, held_out=PAIRS[:2], **QUIET)
    finetune(other, TOKENIZER, PAIRS, n_steps=2, **QUIET)
    assert same(model, other)


def test_response_loss_does_without_dropout_and_leaves_the_mode():
    model = GPT(replace(CONFIG, dropout=0.5)).train()
    expected = response_loss(GPT(CONFIG), TOKENIZER, PAIRS)
    for _ in range(2):
        assert response_loss(model, TOKENIZER, PAIRS) == expected
    assert model.training


def test_interrupt_ends_the_run_after_a_step_and_the_model_keeps_what_it_learned(model):
    other = GPT(CONFIG, seed=0)
    options = dict(n_epochs=5, learning_rate=0.01, **QUIET)

    def interrupt(run):
        if len(run.losses) == 3:
            os.kill(os.getpid(), signal.SIGINT)

    run = finetune(model, TOKENIZER, PAIRS, on_step=interrupt, **options)
    assert (len(run.losses), run.finished) == (3, False)
    assert not model.training
    whole = finetune(other, TOKENIZER, PAIRS, **options)
    assert whole.losses[:3] == run.losses
    assert run.n_tokens < whole.n_tokens


def test_divergence_is_named(model):
    with torch.no_grad():
        model.lm_head.weight[0, 0] = math.nan
    with pytest.raises(
        FloatingPointError, match=r"training diverged: the loss is nan .*lower learn"
    ):
        finetune(model, TOKENIZER, PAIRS, **QUIET)
    assert not model.training


def test_learning_rate_rises_and_falls_to_0(model, monkeypatch):
    rates = []

    def step(trainer, number, *_):
        rates.append(trainer.settings.learning_rate_at(number))
        trainer.run.add({"loss": 0.0})

    monkeypatch.setattr(Trainer, "step", step)
    finetune(model, TOKENIZER, PAIRS, n_steps=40, learning_rate=1.0, **QUIET)
    assert rates[:2] == [0.5, 1.0] == [max(rates) / 2, max(rates)]
    assert rates[1:] == sorted(rates[1:], reverse=True)
    assert rates[-1] == pytest.approx(0, abs=1e-9)


# --- bad arguments --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (dict(loss_on="prompt"), "loss_on must be one of response, all; got 'prompt'"),
        (dict(pairs=[]), "pairs must be at least one"),
        (dict(pairs="Hi?"), "pairs must be .prompt, response. texts; got 'Hi"),
        (dict(pairs=[("x" * 60, "y")]), "pairs must be at most 48 tokens long, the context"),
        (dict(n_epochs=0), "n_epochs must be an integer >= 1; got 0"),
        (dict(n_steps=0), "n_steps must be an integer >= 1; got 0"),
        (dict(batch_size=0), "batch_size must be an integer >= 1; got 0"),
        (dict(learning_rate=0), "learning_rate must be a number above 0; got 0"),
        (dict(seed=-1), "seed must be an integer >= 0; got -1"),
        (
            dict(tokenizer=BPETokenizer([(72, 105)], special_tokens=[*TOKENIZER.special_tokens])),
            "tokenizer must be one with the model's 259 tokens; got 260",
        ),
    ],
)
def test_bad_arguments_are_named(model, options, message):
    options = dict(tokenizer=TOKENIZER, pairs=PAIRS, progress=False) | options
    with pytest.raises(ValueError, match=message):
        finetune(model, options.pop("tokenizer"), options.pop("pairs"), **options)
