"""Properties of fmlab.finetuning: what is learned from, in which order, and what is left alone."""

import math
import os
import signal

import pytest
import torch

from fmlab.batches import END_OF_TEXT
from fmlab.chat import ASSISTANT, Dialogues, response_ids, response_logprobs
from fmlab.finetuning import Order, finetune, reading, response_loss, targets_of
from fmlab.losses import IGNORED
from fmlab.scaling import forward_flops
from fmlab.tokenization import BPETokenizer
from fmlab.transformer import GPT
from tests.unit.tiny_chat import CONFIG, TOKENIZER, changed, tiny_model, weights_of

PAIRS = [("Hi?", "Yes"), ("How are you?", "Well."), ("A?", "B"), ("What is it?", "No idea")]
PAIRS += [(f"{n}?", f"{n} {n}") for n in range(4)]
QUIET = dict(progress=False, batch_size=4)


@pytest.fixture
def model():
    return GPT(CONFIG, seed=0).eval()


def same(model, other):
    return all(torch.equal(a, b) for a, b in zip(model.parameters(), other.parameters()))


# --- the loss -------------------------------------------------------------------------------------


def test_the_loss_of_a_step_is_that_of_the_responses_of_its_batch():
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
    for loss_on, asked in (("response", rows.is_response), ("all", None)):
        logits.grad = None
        targets = targets_of(rows, loss_on)
        flat = logits.view(-1, CONFIG.vocab_size)
        loss = torch.nn.functional.cross_entropy(flat, targets.view(-1), ignore_index=IGNORED)
        loss.backward(retain_graph=True)
        learns = logits.grad.abs().sum(dim=-1)[:, :-1] > 0  # (B, T - 1)
        there = torch.arange(rows.ids.shape[1]) <= rows.last[:, None]
        assert torch.equal(learns, (there if asked is None else asked)[:, 1:])


def test_a_loss_on_all_asks_for_every_token_but_padding():
    rows = Dialogues.of(TOKENIZER, PAIRS)
    for ids, last, targets in zip(rows.ids, rows.last, targets_of(rows, "all")):
        assert targets[:last].tolist() == ids[1 : last + 1].tolist()
        assert (targets[last:] == IGNORED).all()


def test_a_loss_on_all_learns_something_else(model):
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


def test_what_is_shown_is_what_is_learned():
    prompt, response = "Hi?", "Yes"
    shown = reading(TOKENIZER, prompt, response)
    rows = Dialogues.of(TOKENIZER, [(prompt, response)])
    ids, targets = rows.ids[0, :-1], rows.targets[0, :-1]
    assert [text for text, _ in shown] == [TOKENIZER.decode([i]) for i in ids.tolist()]
    for (_, said), target in zip(shown, targets.tolist()):
        assert said == (None if target == IGNORED else TOKENIZER.decode([target]))
    assert [said for text, said in shown if text == ASSISTANT] == [" "]
    assert shown[-1] == ("s", END_OF_TEXT)
    assert all(said is not None for _, said in reading(TOKENIZER, prompt, response, "all"))


# --- the run --------------------------------------------------------------------------------------


def test_a_model_learns_its_few_examples_by_heart(model):
    run = finetune(
        model, TOKENIZER, PAIRS, n_epochs=60, learning_rate=0.02, held_out=PAIRS, **QUIET
    )
    before, after = run.held_out_losses
    assert run.finished
    assert before == pytest.approx(math.log(CONFIG.vocab_size), rel=0.1)
    assert after < 0.5
    assert after == pytest.approx(response_loss(model, TOKENIZER, PAIRS))
    assert not model.training


def test_what_was_done_is_counted(model):
    steps = []
    run = finetune(
        model, TOKENIZER, PAIRS, n_epochs=2, on_step=lambda r: steps.append(r.n_tokens), **QUIET
    )
    lengths = (Dialogues.of(TOKENIZER, PAIRS).last + 1).tolist()
    assert len(run.losses) == len(run.gradient_norms) == len(steps) == 4
    assert steps[1] == sum(lengths)
    assert run.n_tokens == steps[3] == 2 * sum(lengths)
    order = Order(lengths, 4)
    longest = [max(lengths[i] for i in order[number]) for number in range(4)]
    assert run.flops == sum(3 * forward_flops(CONFIG, n, batch=4) for n in longest)
    assert run.seconds > 0


def test_the_same_seed_gives_the_same_model_and_another_one_another(model):
    second, third = GPT(CONFIG, seed=0), GPT(CONFIG, seed=0)
    state = torch.random.get_rng_state()
    finetune(model, TOKENIZER, PAIRS, n_steps=3, seed=1, **QUIET)
    finetune(second, TOKENIZER, PAIRS, n_steps=3, seed=1, **QUIET)
    finetune(third, TOKENIZER, PAIRS, n_steps=3, seed=2, **QUIET)
    assert same(model, second)
    assert not same(model, third)
    assert torch.equal(state, torch.random.get_rng_state())


def test_looking_at_held_out_pairs_changes_nothing(model):
    other, before = GPT(CONFIG, seed=0), weights_of(model)
    response_loss(model, TOKENIZER, PAIRS)
    assert not changed(model, before)
    finetune(model, TOKENIZER, PAIRS, n_steps=2, held_out=PAIRS[:2], **QUIET)
    finetune(other, TOKENIZER, PAIRS, n_steps=2, **QUIET)
    assert same(model, other)


def test_an_interrupt_ends_it_after_a_step_and_the_model_keeps_what_it_learned(model):
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


def test_divergence_is_said(model):
    with torch.no_grad():
        model.lm_head.weight[0, 0] = math.nan
    with pytest.raises(
        FloatingPointError, match=r"the loss is nan .* at step 0: training diverged"
    ):
        finetune(model, TOKENIZER, PAIRS, **QUIET)
    assert not model.training


def test_the_learning_rate_rises_and_falls_to_nothing(model, monkeypatch):
    rates = []

    def step(trainer, number, *_):
        rates.append(trainer.settings.learning_rate_at(number))
        trainer.run.losses.append(0.0)

    monkeypatch.setattr("fmlab.training.Trainer.step", step)
    finetune(model, TOKENIZER, PAIRS, n_steps=40, learning_rate=1.0, **QUIET)
    assert rates[:2] == [0.5, 1.0] == [max(rates) / 2, max(rates)]
    assert rates[1:] == sorted(rates[1:], reverse=True)
    assert rates[-1] == pytest.approx(0, abs=1e-9)


# --- the order ------------------------------------------------------------------------------------

LENGTHS = [3, 9, 5, 5, 2, 8, 1, 7, 6, 4]


@pytest.mark.parametrize("batch_size", [1, 3, 5, 10, 99])
def test_every_epoch_has_every_example_once(batch_size):
    order = Order(LENGTHS, batch_size)
    for epoch in range(3):
        rows = [order[epoch * len(order) + i] for i in range(len(order))]
        assert sorted(i for batch in rows for i in batch) == list(range(10))
        assert all(0 < len(batch) <= batch_size for batch in rows)


def test_a_step_can_be_had_without_those_before_it():
    order = [Order(LENGTHS, 2, seed=3)[i] for i in range(15)]
    assert [Order(LENGTHS, 2, seed=3)[14]] == order[14:]
    assert order[:5] != order[5:10]
    assert order != [Order(LENGTHS, 2, seed=4)[i] for i in range(15)]


def test_examples_of_a_batch_are_about_equally_long():
    lengths = list(range(100))
    order = Order(lengths, 10)  # ten batches: fewer than are sorted together
    assert all(max(batch) - min(batch) == 9 for batch in (order[i] for i in range(10)))


# --- what is refused ------------------------------------------------------------------------------


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
def test_what_cannot_be_learned_from_is_named(model, options, message):
    options = dict(tokenizer=TOKENIZER, pairs=PAIRS, progress=False) | options
    with pytest.raises(ValueError, match=message):
        finetune(model, options.pop("tokenizer"), options.pop("pairs"), **options)
