"""Properties of fmlab.evaluation.likelihood: cross-entropy of texts and answers.

Models are mocks whose every prediction the test decides, or tiny random GPTs.
"""

import math

import numpy as np
import pytest

from fmlab.evaluation.likelihood import (
    answer_logprobs,
    bits_per_byte,
    loss_per_token,
    perplexity,
    surprise,
)
from fmlab.models import logprobs
from fmlab.models.logprobs import sequence_logprob
from fmlab.tokenization.tokenizers import BPETokenizer
from tests.unit.evaluation.mock_models import Indifferent
from tests.unit.tiny import END, TOKENIZER, V, random_gpt


@pytest.mark.parametrize("length", [1, 7, 8, 9, 12, 13, 50])
def test_every_token_of_a_text_of_any_length_counts_once(length):
    model = Indifferent(context_length=8)
    found = surprise(model, TOKENIZER, ["x" * length, "yy"])
    assert found.tokens.tolist() == [length, 2]
    assert found.nats == pytest.approx(np.log(V) * found.tokens)
    assert found.loss_per_token == pytest.approx(math.log(V))
    assert found.perplexity == pytest.approx(V)
    assert found.bits_per_byte == pytest.approx(math.log2(V))
    assert model.longest <= 8


def test_text_that_fits_the_context_has_its_log_probability_alone_or_in_a_batch():
    model, texts = random_gpt(), ["abc", "a", "other text", "é"]
    expected = [-sequence_logprob(model, [END, *text.encode()]) for text in texts]
    assert surprise(model, TOKENIZER, texts).nats == pytest.approx(expected, rel=1e-5)
    for text, nats in zip(texts, expected):
        assert surprise(model, TOKENIZER, [text]).nats == pytest.approx([nats], rel=1e-5)


def test_windows_of_a_long_text_overlap_by_half():
    model, context = random_gpt(), 12
    ids = [END, *b"a text that is longer than the context"]
    total = sequence_logprob(model, ids[: context + 1])
    past = context + 1
    while past < len(ids):
        end = min(len(ids), past + context // 2)
        window = ids[end - context - 1 : end]
        total += sequence_logprob(model, window, past - (end - context - 1))
        past = end
    text = bytes(ids[1:]).decode()
    assert surprise(model, TOKENIZER, [text]).nats == pytest.approx([-total], rel=1e-5)


def test_three_measures_are_those_of_all_texts_together():
    model, texts = random_gpt(), ["some", "longer é text", "x"]
    whole = surprise(model, TOKENIZER, texts)
    n_bytes = sum(len(text.encode()) for text in texts)
    assert loss_per_token(model, TOKENIZER, texts) == whole.loss_per_token
    assert perplexity(model, TOKENIZER, texts) == pytest.approx(math.exp(whole.loss_per_token))
    expected = whole.nats.sum() / math.log(2) / n_bytes
    assert bits_per_byte(model, TOKENIZER, texts) == pytest.approx(expected)


def test_margin_shrinks_with_the_root_of_the_number_of_texts():
    model = random_gpt()
    few = surprise(model, TOKENIZER, ["some", "é text", "xyz", "ooo"])
    many = surprise(model, TOKENIZER, ["some", "é text", "xyz", "ooo"] * 25)
    assert many.margin == pytest.approx(few.margin / 5 * math.sqrt(100 / 99 * 3 / 4), rel=1e-4)
    assert surprise(model, TOKENIZER, ["alone"]).margin == math.inf
    sure = surprise(Indifferent(), TOKENIZER, ["abc", "de"])  # the same for every token
    assert sure.margin == pytest.approx(0, abs=1e-9)


def test_answers_are_scored_given_their_prompts():
    model = random_gpt()
    prompts, answers = ["ab", "", "abcde"], [" c", "x", " longer"]
    expected = [
        sequence_logprob(model, [END, *p.encode(), *a.encode()], 1 + len(p))
        for p, a in zip(prompts, answers)
    ]
    assert answer_logprobs(model, TOKENIZER, prompts, answers) == pytest.approx(expected, rel=1e-5)


def test_batches_are_small_for_any_number_of_texts(monkeypatch):
    model = Indifferent()
    monkeypatch.setattr(logprobs, "LOGITS_AT_ONCE", 10 * V)
    surprise(model, TOKENIZER, ["abc"] * 20)
    assert 0 < model.largest <= 10


@pytest.mark.parametrize(
    "evaluate",
    [
        lambda model: surprise(model, TOKENIZER, ["abc", "x" * 30]).nats.tolist(),
        lambda model: answer_logprobs(model, TOKENIZER, ["ab"], [" c"]).tolist(),
    ],
)
def test_model_is_left_in_its_mode_and_used_without_dropout(evaluate):
    model = random_gpt(dropout=0.5).train()
    assert evaluate(model) == evaluate(model) == evaluate(random_gpt())
    assert model.training


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda m: surprise(m, TOKENIZER, "one text"), "texts"),
        (lambda m: surprise(m, TOKENIZER, []), "texts"),
        (lambda m: surprise(m, TOKENIZER, ["a", ""]), "texts"),
        (lambda m: surprise(m, BPETokenizer(), ["a"]), "tokenizer"),
        (lambda m: answer_logprobs(m, TOKENIZER, ["a"], []), "answers"),
        (lambda m: answer_logprobs(m, TOKENIZER, ["a"], [""]), "answers"),
        (lambda m: answer_logprobs(m, TOKENIZER, ["a" * 4], ["a" * 5]), "prompts"),
    ],
)
def test_bad_arguments_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call(Indifferent(context_length=8))
