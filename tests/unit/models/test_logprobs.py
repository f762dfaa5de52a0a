"""Properties of fmlab.models.logprobs for dialogues; see test_sequence_logprobs for sequences."""

import pytest
import torch

from fmlab.data.dialogues import Dialogues, prompt_ids, response_ids
from fmlab.models import logprobs as module
from fmlab.models.logprobs import (
    evaluate_response_logprobs,
    response_logprobs,
    response_token_logprobs,
    sequence_logprob,
    token_logprobs,
)
from tests.unit.tiny import random_gpt
from tests.unit.tiny_chat import CONFIG, TOKENIZER, tiny_model

PAIRS = [("Hi?", "Yes"), ("How are you, Ada?", "Well, thank you."), ("?", "Šolmi")]


def test_logprob_of_a_response_is_that_of_its_tokens_after_the_prompt():
    model = tiny_model()
    logprobs = response_logprobs(model, Dialogues.of(TOKENIZER, PAIRS))
    for (prompt, response), value in zip(PAIRS, logprobs.tolist()):
        before, after = prompt_ids(TOKENIZER, prompt), response_ids(TOKENIZER, response)
        expected = sequence_logprob(model, before + after, start=len(before))
        assert value == pytest.approx(expected, rel=1e-5)


def test_a_model_in_float64_keeps_its_precision_and_one_in_16_bits_gets_32():
    model, dialogues = tiny_model().double(), Dialogues.of(TOKENIZER, PAIRS)
    found = evaluate_response_logprobs(model, dialogues)
    assert found.dtype == torch.float64
    for row, value in enumerate(found.tolist()):
        n = int(dialogues.last[row]) + 1
        with torch.no_grad():
            logp = model(dialogues.ids[row : row + 1, :n])[0][0].log_softmax(dim=-1)
        columns = dialogues.is_response[row, :n].nonzero().flatten()
        expected = logp[columns - 1, dialogues.ids[row, columns]].sum()
        assert value == pytest.approx(float(expected), rel=1e-12)
    assert response_logprobs(tiny_model().bfloat16(), dialogues).dtype == torch.float32


def test_columns_are_about_the_next_token_and_zero_outside_responses():
    model, batch = tiny_model(), Dialogues.of(TOKENIZER, PAIRS)
    found = response_token_logprobs(model, batch)
    logits = model(batch.ids[:, :-1])[0].log_softmax(dim=-1)
    every = logits.gather(2, batch.ids[:, 1:, None]).squeeze(2)
    mask = batch.is_response[:, 1:]
    torch.testing.assert_close(found[mask], every[mask])
    assert (found[~mask] == 0).all()


def test_temperature_divides_the_logits():
    model, batch = tiny_model(), Dialogues.of(TOKENIZER, PAIRS[:1])
    logits = model(batch.ids[:, :-1])[0] / 2.5
    every = logits.log_softmax(dim=-1).gather(2, batch.ids[:, 1:, None]).squeeze(2)
    mask = batch.is_response[:, 1:]
    torch.testing.assert_close(response_token_logprobs(model, batch, 2.5)[mask], every[mask])


def test_padding_changes_no_logprob_and_gradients_flow():
    model = tiny_model()
    together = response_logprobs(model, Dialogues.of(TOKENIZER, PAIRS))
    alone = [response_logprobs(model, Dialogues.of(TOKENIZER, [pair]))[0] for pair in PAIRS]
    torch.testing.assert_close(together, torch.stack(alone))
    together.sum().backward()
    assert all(weight.grad is not None for weight in model.parameters())


def test_last_token_may_lie_one_beyond_the_context():
    """It is only predicted, not read."""
    length = CONFIG.context_length + 1
    dialogue = Dialogues.from_ids([[65] * 40], [[66] * (length - 40)])
    assert response_token_logprobs(tiny_model(), dialogue).shape == (1, length - 1)
    with pytest.raises(ValueError, match="ids must be at most 48 tokens, the context; got 49"):
        response_token_logprobs(tiny_model(), Dialogues.from_ids([[65] * 40], [[66] * 10]))


def test_evaluation_is_the_same_without_gradients_and_in_many_batches(monkeypatch):
    model, batch = tiny_model(), Dialogues.of(TOKENIZER, PAIRS * 3)
    expected = response_logprobs(model, batch)
    torch.testing.assert_close(evaluate_response_logprobs(model, batch), expected)
    monkeypatch.setattr(module, "TOKENS_AT_ONCE", 40)
    found = evaluate_response_logprobs(model, batch)
    torch.testing.assert_close(found, expected)
    assert not found.requires_grad
    assert all(weight.grad is None for weight in model.parameters())


@pytest.mark.parametrize(
    "evaluate",
    [
        lambda model: token_logprobs(model, [1, 2, 3]).tolist(),
        lambda model: sequence_logprob(model, [1, 2, 3]),
        lambda model: evaluate_response_logprobs(model, Dialogues.from_ids([[1]], [[2]])).tolist(),
    ],
)
def test_evaluation_switches_dropout_off_and_leaves_the_mode(evaluate):
    model = random_gpt(dropout=0.5).train()
    assert evaluate(model) == evaluate(model) == evaluate(random_gpt())
    assert model.training
