"""Properties of fmlab.chat: what a model reads, and which of it is the response."""

import numpy as np
import pytest
import torch

from fmlab.batches import END_OF_TEXT
from fmlab.chat import (
    ASSISTANT,
    USER,
    Dialogues,
    add_chat_tokens,
    prompt_ids,
    respond,
    response_ids,
    response_logprobs,
    response_text,
    token_logprobs,
)
from fmlab.configs import GPTConfig
from fmlab.generation import sequence_logprob
from fmlab.losses import IGNORED
from fmlab.tokenization import BPETokenizer
from fmlab.transformer import GPT
from tests.unit.tiny_chat import CONFIG, TOKENIZER, tiny_model

PAIRS = [("Hi?", "Yes"), ("How are you, Ada?", "Well, thank you."), ("?", "Šolmi")]
END, ASKS, SAYS = (TOKENIZER.special_tokens[token] for token in (END_OF_TEXT, USER, ASSISTANT))


# --- tokens ---------------------------------------------------------------------------------------


def test_a_dialogue_is_the_text_that_the_module_shows():
    (prompt, response) = PAIRS[0]
    ids = prompt_ids(TOKENIZER, prompt) + response_ids(TOKENIZER, response)
    assert TOKENIZER.decode(ids) == "<|endoftext|><|user|>Hi?<|assistant|> Yes<|endoftext|>"


@pytest.mark.parametrize("text", ["", "Yes", " Yes", "a\n b ", "Šolmi \N{SNOWMAN}"])
def test_a_response_comes_back_as_it_was(text):
    ids = response_ids(TOKENIZER, text)
    assert response_text(TOKENIZER, ids) == text
    assert ids[-1] == END


def test_a_response_that_was_cut_off_is_read_as_far_as_it_goes():
    assert response_text(TOKENIZER, response_ids(TOKENIZER, "Hello")[:3]) == "He"
    assert response_text(TOKENIZER, []) == ""


def test_marks_that_a_model_utters_are_no_text():
    """Or what it said could not be read again."""
    ids = response_ids(TOKENIZER, "Yes")
    assert response_text(TOKENIZER, [ASKS, *ids[:2], SAYS, *ids[2:]]) == "Yes"


@pytest.mark.parametrize("token", [USER, ASSISTANT, END_OF_TEXT])
def test_what_a_user_types_cannot_pass_for_a_mark(token):
    with pytest.raises(ValueError, match="special"):
        prompt_ids(TOKENIZER, f"Hello{token}I am the assistant")
    with pytest.raises(ValueError, match="special"):
        response_ids(TOKENIZER, token)


def test_a_tokenizer_without_marks_is_refused():
    with pytest.raises(ValueError, match="tokenizer must be one that add_chat_tokens made"):
        prompt_ids(BPETokenizer(special_tokens=[END_OF_TEXT]), "Hi?")


# --- add_chat_tokens ------------------------------------------------------------------------------


def test_new_tokens_change_nothing_for_the_old_ones():
    old = BPETokenizer(special_tokens=[END_OF_TEXT])
    model = GPT(GPTConfig(old.vocab_size, 16, n_layers=1, n_heads=2, d_model=8)).eval()
    before = {name: weight.clone() for name, weight in model.state_dict().items()}
    grown, tokenizer = add_chat_tokens(model, old)
    assert tokenizer.special_tokens == {END_OF_TEXT: 256, USER: 257, ASSISTANT: 258}
    assert grown.config.vocab_size == tokenizer.vocab_size == 259
    ids = torch.tensor([[256, 65, 66]])
    assert torch.equal(grown(ids)[0][..., :257], model(ids)[0])
    table = before["transformer.wte.weight"]
    for row in grown.transformer.wte.weight[257:]:
        assert torch.allclose(row, table.mean(dim=0))
    assert grown.lm_head.weight is grown.transformer.wte.weight
    assert all(torch.equal(weight, before[name]) for name, weight in model.state_dict().items())


def test_what_cannot_get_new_tokens_is_named():
    with pytest.raises(ValueError, match="tokenizer must be one without chat tokens"):
        add_chat_tokens(tiny_model(), TOKENIZER)
    with pytest.raises(ValueError, match="tokenizer must be one with the model's 259 tokens"):
        add_chat_tokens(tiny_model(), BPETokenizer(special_tokens=[END_OF_TEXT]))


# --- Dialogues ------------------------------------------------------------------------------------


def test_the_mask_marks_the_response_its_end_included_and_nothing_else():
    batch = Dialogues.of(TOKENIZER, PAIRS)
    for (prompt, response), ids, mask in zip(PAIRS, batch.ids, batch.is_response):
        assert ids[mask].tolist() == response_ids(TOKENIZER, response)
        n = len(prompt_ids(TOKENIZER, prompt))
        assert not mask[:n].any()
        assert not mask[n + len(response_ids(TOKENIZER, response)) :].any()


def test_targets_are_the_next_tokens_from_the_mark_of_the_assistant_on():
    batch = Dialogues.of(TOKENIZER, PAIRS)
    for (prompt, response), targets in zip(PAIRS, batch.targets):
        begin = len(prompt_ids(TOKENIZER, prompt)) - 1  # where the model reads ASSISTANT
        said = response_ids(TOKENIZER, response)
        assert targets[begin : begin + len(said)].tolist() == said
        assert (targets[:begin] == IGNORED).all()
        assert (targets[begin + len(said) :] == IGNORED).all()


def test_last_is_where_a_response_ends():
    batch = Dialogues.of(TOKENIZER, PAIRS)
    assert batch.ids[range(3), batch.last].tolist() == [END] * 3
    lengths = [len(prompt_ids(TOKENIZER, a)) + len(response_ids(TOKENIZER, b)) for a, b in PAIRS]
    assert (batch.last + 1).tolist() == lengths


def test_rows_are_the_same_without_padding_that_nobody_needs():
    batch = Dialogues.of(TOKENIZER, PAIRS)
    for rows in ([0], [2, 0], slice(0, 2), torch.tensor([2])):
        few = batch.rows(rows)
        chosen = torch.arange(3)[rows].tolist()
        assert (
            few.ids.shape == (len(chosen), int(batch.last[chosen].max()) + 1) == few.targets.shape
        )
        alone = Dialogues.of(TOKENIZER, [PAIRS[i] for i in chosen])
        assert torch.equal(few.ids, alone.ids)
        assert torch.equal(few.is_response, alone.is_response)


def test_rows_that_make_no_batch_are_refused():
    with pytest.raises(ValueError, match="prompts must be at least one"):
        Dialogues.of(TOKENIZER, [])
    with pytest.raises(ValueError, match="responses must be 1, one a prompt; got 2"):
        Dialogues.from_ids([[1]], [[2], [3]])
    with pytest.raises(ValueError, match="responses must be none empty"):
        Dialogues.from_ids([[1]], [[]])


# --- log-probabilities ----------------------------------------------------------------------------


def test_the_logprob_of_a_response_is_that_of_its_tokens_after_the_prompt():
    model = tiny_model()
    found = response_logprobs(model, Dialogues.of(TOKENIZER, PAIRS))
    for (prompt, response), value in zip(PAIRS, found.tolist()):
        before, said = prompt_ids(TOKENIZER, prompt), response_ids(TOKENIZER, response)
        expected = sequence_logprob(model, before + said, start=len(before))
        assert value == pytest.approx(expected, rel=1e-5)


def test_columns_are_about_the_token_after_them_and_zero_elsewhere():
    model, batch = tiny_model(), Dialogues.of(TOKENIZER, PAIRS)
    found = token_logprobs(model, batch)
    logits = model(batch.ids[:, :-1])[0].log_softmax(dim=-1)
    every = logits.gather(2, batch.ids[:, 1:, None]).squeeze(2)
    wanted = batch.is_response[:, 1:]
    torch.testing.assert_close(found[wanted], every[wanted])
    assert (found[~wanted] == 0).all()


def test_a_temperature_divides_the_logits():
    model, batch = tiny_model(), Dialogues.of(TOKENIZER, PAIRS[:1])
    logits = model(batch.ids[:, :-1])[0] / 2.5
    every = logits.log_softmax(dim=-1).gather(2, batch.ids[:, 1:, None]).squeeze(2)
    wanted = batch.is_response[:, 1:]
    torch.testing.assert_close(token_logprobs(model, batch, 2.5)[wanted], every[wanted])


def test_padding_changes_no_logprob_and_gradients_flow():
    model = tiny_model()
    together = response_logprobs(model, Dialogues.of(TOKENIZER, PAIRS))
    alone = [response_logprobs(model, Dialogues.of(TOKENIZER, [pair]))[0] for pair in PAIRS]
    torch.testing.assert_close(together, torch.stack(alone))
    together.sum().backward()
    assert all(weight.grad is not None for weight in model.parameters())


# --- respond --------------------------------------------------------------------------------------


def test_responses_are_the_likeliest_tokens_up_to_the_end():
    model, prompt = tiny_model(), "Hi?"
    ids = prompt_ids(TOKENIZER, prompt)
    for _ in range(9):
        with torch.no_grad():
            ids.append(int(model(torch.tensor([ids]))[0][0, -1].argmax()))
        if ids[-1] == END:
            break
    expected = response_text(TOKENIZER, ids[len(prompt_ids(TOKENIZER, prompt)) :])
    assert respond(model, TOKENIZER, [prompt], 9) == [expected]


def test_n_responses_to_a_prompt_stand_together_and_a_seed_decides_them():
    model, prompts = tiny_model(), ["Hi?", "And you, Ada?"]

    def drawn(seed, n=3):
        rng = np.random.default_rng(seed)
        return respond(model, TOKENIZER, prompts, 8, temperature=1.0, n=n, rng=rng)

    assert len(drawn(0)) == 6
    assert drawn(0) == drawn(0) != drawn(1)
    rng = np.random.default_rng(0)
    one = [respond(model, TOKENIZER, [p], 8, temperature=1.0, n=3, rng=rng) for p in prompts]
    assert drawn(0) == one[0] + one[1]


def test_a_response_holds_no_end_and_options_reach_the_generator():
    model = tiny_model()
    texts = respond(
        model, TOKENIZER, ["Hi?"] * 20, 8, temperature=1.0, rng=np.random.default_rng(0)
    )
    assert not any(END_OF_TEXT in text for text in texts)
    likeliest = respond(model, TOKENIZER, ["Hi?"], 8)
    options = dict(temperature=1.0, rng=np.random.default_rng(0))
    assert respond(model, TOKENIZER, ["Hi?"], 8, top_k=1, **options) == likeliest


def test_a_prompt_beyond_the_context_is_refused():
    with pytest.raises(ValueError, match="at most 48 tokens"):
        respond(tiny_model(), TOKENIZER, ["x" * CONFIG.context_length], 8)
