"""Properties of fmlab.generation.chat: the responses of a model to prompts."""

import numpy as np
import pytest
import torch

from fmlab.data.dialogues import prompt_ids, response_text
from fmlab.generation.chat import respond
from fmlab.tokenization.special_tokens import END_OF_TEXT
from tests.unit.tiny_chat import CONFIG, TOKENIZER, tiny_model


def test_responses_are_greedily_decoded_up_to_the_end():
    model, prompt = tiny_model(), "Hi?"
    ids = prompt_ids(TOKENIZER, prompt)
    for _ in range(9):
        with torch.no_grad():
            ids.append(int(model(torch.tensor([ids]))[0][0, -1].argmax()))
        if ids[-1] == TOKENIZER.special_tokens[END_OF_TEXT]:
            break
    expected = response_text(TOKENIZER, ids[len(prompt_ids(TOKENIZER, prompt)) :])
    assert respond(model, TOKENIZER, [prompt], 9) == [expected]


def test_n_responses_to_a_prompt_stand_together_and_a_seed_determines_them():
    model, prompts = tiny_model(), ["Hi?", "And you, Ada?"]

    def sampled(seed, n=3):
        rng = np.random.default_rng(seed)
        return respond(model, TOKENIZER, prompts, 8, temperature=1.0, n=n, rng=rng)

    assert len(sampled(0)) == 6
    assert sampled(0) == sampled(0) != sampled(1)
    rng = np.random.default_rng(0)
    one = [respond(model, TOKENIZER, [p], 8, temperature=1.0, n=3, rng=rng) for p in prompts]
    assert sampled(0) == one[0] + one[1]


def test_response_has_no_end_of_text_and_options_reach_the_generator():
    model = tiny_model()
    texts = respond(
        model, TOKENIZER, ["Hi?"] * 20, 8, temperature=1.0, rng=np.random.default_rng(0)
    )
    assert not any(END_OF_TEXT in text for text in texts)
    greedy = respond(model, TOKENIZER, ["Hi?"], 8)
    options = dict(temperature=1.0, rng=np.random.default_rng(0))
    assert respond(model, TOKENIZER, ["Hi?"], 8, top_k=1, **options) == greedy


def test_prompt_beyond_the_context_is_refused():
    with pytest.raises(ValueError, match="at most 48 tokens"):
        respond(tiny_model(), TOKENIZER, ["x" * CONFIG.context_length], 8)
