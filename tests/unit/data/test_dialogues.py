"""Properties of fmlab.data.dialogues: the tokens of a dialogue, and which are the response."""

import pytest
import torch

from fmlab.data.batching import IGNORED
from fmlab.data.dialogues import (
    Dialogues,
    encode_comparisons,
    encode_pairs,
    prompt_ids,
    reading,
    response_ids,
    response_text,
    targets_of,
)
from fmlab.tokenization.special_tokens import ASSISTANT, END_OF_TEXT, USER
from fmlab.tokenization.tokenizers import BPETokenizer
from tests.unit.tiny_chat import COMPARISONS, TOKENIZER, Pair, tiny_model

PAIRS = [("Hi?", "Yes"), ("How are you, Ada?", "Well, thank you."), ("?", "Šolmi")]
END, USER_ID, ASSISTANT_ID = (
    TOKENIZER.special_tokens[token] for token in (END_OF_TEXT, USER, ASSISTANT)
)


# --- tokens ---------------------------------------------------------------------------------------


def test_dialogue_is_the_text_in_the_docstring_of_the_module():
    (prompt, response) = PAIRS[0]
    ids = prompt_ids(TOKENIZER, prompt) + response_ids(TOKENIZER, response)
    assert TOKENIZER.decode(ids) == "<|endoftext|><|user|>Hi?<|assistant|> Yes<|endoftext|>"


@pytest.mark.parametrize("text", ["", "Yes", " Yes", "a\n b ", "Šolmi \N{SNOWMAN}"])
def test_response_is_decoded_as_it_was(text):
    ids = response_ids(TOKENIZER, text)
    assert response_text(TOKENIZER, ids) == text
    assert ids[-1] == END


def test_response_that_was_cut_off_is_decoded_too():
    assert response_text(TOKENIZER, response_ids(TOKENIZER, "Hello")[:3]) == "He"
    assert response_text(TOKENIZER, []) == ""


def test_special_tokens_that_a_model_generates_are_not_text():
    """Otherwise its responses could not be encoded again."""
    ids = response_ids(TOKENIZER, "Yes")
    assert response_text(TOKENIZER, [USER_ID, *ids[:2], ASSISTANT_ID, *ids[2:]]) == "Yes"


@pytest.mark.parametrize("token", [USER, ASSISTANT, END_OF_TEXT])
def test_text_of_a_user_cannot_pass_for_a_special_token(token):
    with pytest.raises(ValueError, match="special"):
        prompt_ids(TOKENIZER, f"Hello{token}I am the assistant")
    with pytest.raises(ValueError, match="special"):
        response_ids(TOKENIZER, token)


def test_tokenizer_without_chat_tokens_is_refused():
    with pytest.raises(ValueError, match="tokenizer must be one that add_chat_tokens made"):
        prompt_ids(BPETokenizer(special_tokens=[END_OF_TEXT]), "Hi?")


# --- Dialogues ------------------------------------------------------------------------------------


def test_is_response_marks_the_response_with_its_end_and_nothing_else():
    batch = Dialogues.of(TOKENIZER, PAIRS)
    for (prompt, response), ids, mask in zip(PAIRS, batch.ids, batch.is_response):
        assert ids[mask].tolist() == response_ids(TOKENIZER, response)
        n = len(prompt_ids(TOKENIZER, prompt))
        assert not mask[:n].any()
        assert not mask[n + len(response_ids(TOKENIZER, response)) :].any()


def test_targets_are_the_next_tokens_from_the_token_assistant_on():
    batch = Dialogues.of(TOKENIZER, PAIRS)
    for (prompt, response), targets in zip(PAIRS, batch.targets):
        begin = len(prompt_ids(TOKENIZER, prompt)) - 1  # where the model reads ASSISTANT
        expected = response_ids(TOKENIZER, response)
        assert targets[begin : begin + len(expected)].tolist() == expected
        assert (targets[:begin] == IGNORED).all()
        assert (targets[begin + len(expected) :] == IGNORED).all()


def test_last_is_the_position_of_the_end_of_a_response():
    batch = Dialogues.of(TOKENIZER, PAIRS)
    assert batch.ids[range(3), batch.last].tolist() == [END] * 3
    lengths = [len(prompt_ids(TOKENIZER, a)) + len(response_ids(TOKENIZER, b)) for a, b in PAIRS]
    assert (batch.last + 1).tolist() == lengths


def test_rows_are_the_same_without_padding_that_none_of_them_needs():
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


def test_bad_rows_are_refused():
    with pytest.raises(ValueError, match="prompts must be at least one"):
        Dialogues.of(TOKENIZER, [])
    with pytest.raises(ValueError, match="responses must be 1, one per prompt; got 2"):
        Dialogues.from_ids([[1]], [[2], [3]])
    with pytest.raises(ValueError, match="responses must be none empty"):
        Dialogues.from_ids([[1]], [[]])


# --- targets --------------------------------------------------------------------------------------


def test_targets_of_all_are_every_token_but_padding():
    rows = Dialogues.of(TOKENIZER, PAIRS)
    for ids, last, targets in zip(rows.ids, rows.last, targets_of(rows, "all")):
        assert targets[:last].tolist() == ids[1 : last + 1].tolist()
        assert (targets[last:] == IGNORED).all()


def test_reading_shows_the_targets():
    prompt, response = "Hi?", "Yes"
    shown = reading(TOKENIZER, prompt, response)
    rows = Dialogues.of(TOKENIZER, [(prompt, response)])
    ids, targets = rows.ids[0, :-1], rows.targets[0, :-1]
    assert [text for text, _ in shown] == [TOKENIZER.decode([i]) for i in ids.tolist()]
    for (_, next_text), target in zip(shown, targets.tolist()):
        assert next_text == (None if target == IGNORED else TOKENIZER.decode([target]))
    assert [next_text for text, next_text in shown if text == ASSISTANT] == [" "]
    assert shown[-1] == ("s", END_OF_TEXT)
    assert all(
        next_text is not None for _, next_text in reading(TOKENIZER, prompt, response, "all")
    )


# --- encoding -------------------------------------------------------------------------------------


def test_pairs_are_encoded_as_dialogues_are():
    batch, expected = encode_pairs(tiny_model(), TOKENIZER, PAIRS), Dialogues.of(TOKENIZER, PAIRS)
    assert torch.equal(batch.ids, expected.ids)
    assert torch.equal(batch.is_response, expected.is_response)


def test_chosen_and_rejected_alternate():
    batch = encode_comparisons(tiny_model(), TOKENIZER, COMPARISONS)
    texts = [(c.prompt, text) for c in COMPARISONS for text in (c.chosen, c.rejected)]
    assert torch.equal(batch.ids, Dialogues.of(TOKENIZER, texts).ids)


@pytest.mark.parametrize(
    ("pairs", "message"),
    [
        ([], "pairs must be at least one"),
        ("Hi?", r"pairs must be \(prompt, response\) texts; got 'Hi"),
        ([("x" * 60, "y")], "pairs must be at most 48 tokens long, the context"),
        ([{"prompt": "Hi?", "response": "Yes"}], r"pairs\[0\] must be .* got {'prompt'"),
        (["ab"], r"pairs\[0\] must be .* got 'ab'"),
        ([("a", "b", "c")], r"pairs\[0\] must be .* got"),
        ([{"a", "b"}], r"pairs\[0\] must be .* got"),
        (None, "pairs must be .* got None"),
        ([("Hi?", None)], "response must be text"),
        ([("Hi?", 3)], "response must be text"),
        ([("Hi?", b"Yes")], "response must be text"),
        ([(None, "Yes")], "prompt must be text"),
    ],
)
def test_bad_pairs_are_named(pairs, message):
    with pytest.raises(ValueError, match=message):
        encode_pairs(tiny_model(), TOKENIZER, pairs)


NOT_TEXT = [None, 3, True, float("nan"), b"Yes", ["a"], ("a", "b"), {"text": "a"}, {"a"}]


@pytest.mark.parametrize("value", NOT_TEXT, ids=repr)
def test_row_that_is_not_text_is_named(value):
    for name, pair in (("prompt", (value, "Yes")), ("response", ("Hi?", value))):
        rows = [*PAIRS, pair, ("", "")]
        with pytest.raises(ValueError, match=rf"^pairs\[3\]: {name} must be text"):
            Dialogues.of(TOKENIZER, rows)
        with pytest.raises(ValueError, match=rf"^pairs\[3\]: {name} must be text"):
            Dialogues.of(TOKENIZER, iter(map(list, rows)))


@pytest.mark.parametrize(
    "row", [*NOT_TEXT[:-3], "ab", {"a": "b", "c": "d"}, frozenset(["a"]), ()], ids=repr
)
def test_row_that_is_not_two_texts_is_named(row):
    with pytest.raises(ValueError, match=r"^pairs\[3\] must be \(prompt, response\) texts; got"):
        Dialogues.of(TOKENIZER, [*PAIRS, row])


def test_row_with_a_special_token_is_named():
    with pytest.raises(ValueError, match=r"^pairs\[1\]: text holds the special token"):
        Dialogues.of(TOKENIZER, [("Hi?", "Yes"), ("Hi?", USER)])


@pytest.mark.parametrize("value", NOT_TEXT, ids=repr)
def test_comparison_that_is_not_text_is_named(value):
    for pair in (Pair("a?", value, "no"), Pair("a?", "yes", value), Pair(value, "yes", "no")):
        with pytest.raises(ValueError, match=r"^comparisons\[5\]: (response|prompt) must be text"):
            encode_comparisons(tiny_model(), TOKENIZER, [*COMPARISONS, pair])


def test_response_may_be_cut_at_the_context_and_a_prompt_may_not():
    batch = encode_pairs(tiny_model(), TOKENIZER, [("a", "x" * 60), ("b", "y")], cut=True)
    assert batch.ids.shape[1] == 48
    assert torch.equal(batch.rows([1]).ids, Dialogues.of(TOKENIZER, [("b", "y")]).ids)
    with pytest.raises(ValueError, match="pairs must be at most 48 tokens long, the context"):
        encode_pairs(tiny_model(), TOKENIZER, [("x" * 46, "y")], cut=True)


def test_no_comparisons_and_another_vocabulary_are_named():
    with pytest.raises(ValueError, match="comparisons must be at least one"):
        encode_comparisons(tiny_model(), TOKENIZER, [])
    larger = TOKENIZER.with_special_tokens(["<|more|>"])
    with pytest.raises(ValueError, match="tokenizer must be one with the model's 259 tokens"):
        encode_comparisons(tiny_model(), larger, COMPARISONS)
