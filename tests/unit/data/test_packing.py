"""Properties of fmlab.data.packing: every token once per epoch, in a reproducible order."""

import numpy as np
import pytest
import torch

from fmlab.data.packing import Batches
from fmlab.tokenization.special_tokens import END_OF_TEXT
from fmlab.tokenization.tokenizers import BPETokenizer
from tests.unit.tiny import END, TOKENIZER

TEXTS = ["abcde", "fg", "", "hijklmnop", "qrstuvw", "xyz"]


def batches_of(texts=TEXTS, tokenizer=TOKENIZER, batch_size=2, context_length=3, seed=0):
    return Batches(texts, tokenizer, batch_size, context_length, seed)


def flat(batches, epoch):
    """Return the ids of an epoch in their order, and the last target."""
    numbers = range(epoch * batches.per_epoch, (epoch + 1) * batches.per_epoch)
    rows = [batches[i] for i in numbers]
    ids = torch.cat([ids.flatten() for ids, _ in rows]).tolist()
    return [*ids, rows[-1][1][-1, -1].item()]


def texts_in(ids):
    """Return the whole texts of an epoch, and the last one, which may be cut off."""
    parts = TOKENIZER.decode(ids).split(END_OF_TEXT)
    assert parts[0] == ""  # an epoch starts with the start of a text
    return parts[1:-1], parts[-1]


# --- content --------------------------------------------------------------------------------------


@pytest.mark.parametrize("epoch", [0, 1, 5])
@pytest.mark.parametrize(("batch_size", "context_length"), [(1, 1), (2, 3), (4, 2), (1, 31)])
def test_an_epoch_is_every_token_once_up_to_a_tail_too_short_for_a_batch(
    epoch, batch_size, context_length
):
    batches = batches_of(batch_size=batch_size, context_length=context_length)
    ids = flat(batches, epoch)
    whole, last = texts_in(ids)
    assert len(set(whole)) == len(whole)
    rest = sorted(set(TEXTS) - set(whole))
    assert set(whole) <= set(TEXTS)
    assert any(text.startswith(last) for text in rest)
    assert 0 <= batches.n_tokens - len(ids) < batch_size * context_length


def test_with_rows_of_one_token_nothing_is_left_out():
    whole, last = texts_in(flat(batches_of(batch_size=1, context_length=1), 0))
    assert sorted([*whole, last]) == sorted(TEXTS)


def test_each_text_follows_the_end_of_text_token():
    batches = batches_of(["abc"], batch_size=1, context_length=3)
    ids, targets = batches[0]
    assert ids.tolist() == [[END, *b"ab"]]
    assert targets.tolist() == [[*b"abc"]]
    assert batches.n_tokens == 4


def test_targets_are_the_ids_shifted_by_one_across_rows_and_batches():
    batches = batches_of()
    assert batches.per_epoch > 1
    ids = torch.cat([batches[i][0].flatten() for i in range(batches.per_epoch)])
    targets = torch.cat([batches[i][1].flatten() for i in range(batches.per_epoch)])
    assert torch.equal(targets[:-1], ids[1:])


def test_rows_have_the_shape_and_dtype_that_a_model_reads():
    for tensor in batches_of()[0]:
        assert tensor.shape == (2, 3)
        assert tensor.dtype == torch.int64


def test_epochs_differ_in_their_order():
    batches = batches_of()
    orders = {tuple(texts_in(flat(batches, epoch))[0]) for epoch in range(8)}
    assert len(orders) >= 7  # of 720 orders: two pairs alike by chance is below 1e-3; seed fixed


def test_ids_beyond_16_bits_stay_whole():
    class Wide(BPETokenizer):
        vocab_size = 70_000

        def encode(self, text):
            return [69_000 + ord(character) for character in text]

    batches = batches_of(["abc"], Wide(special_tokens=[END_OF_TEXT]), batch_size=1)
    assert batches[0][1].tolist() == [[69_097, 69_098, 69_099]]


# --- reproducibility ------------------------------------------------------------------------------


def test_a_batch_does_not_depend_on_those_read_before():
    numbers = [7, 0, 31, 2, 7, 8]
    together = batches_of()
    for i in numbers:
        for tensor, alone in zip(together[i], batches_of()[i]):
            assert torch.equal(tensor, alone)


def test_changing_a_batch_changes_no_other():
    batches = batches_of()
    before = batches[0][0].clone()
    batches[0][0].zero_()
    batches[0][1].zero_()
    assert torch.equal(batches[0][0], before)


def test_a_seed_decides_the_order():
    assert flat(batches_of(seed=1), 0) == flat(batches_of(seed=1), 0)
    assert flat(batches_of(seed=1), 0) != flat(batches_of(seed=2), 0)
    assert flat(batches_of(seed=1), 0) != flat(batches_of(seed=0), 1)


def test_texts_may_come_from_a_generator():
    assert batches_of(iter(TEXTS)).fingerprint == batches_of().fingerprint


def test_the_fingerprint_depends_on_everything_that_matters_and_on_nothing_else():
    merged = BPETokenizer([(0x61, 0x62)], special_tokens=[END_OF_TEXT])
    larger = BPETokenizer(special_tokens=[END_OF_TEXT, "<|more|>"])
    moved = [*TEXTS[:-1], "xyw"]
    others = [
        batches_of(TEXTS[::-1]),
        batches_of(moved),
        batches_of(tokenizer=merged),
        batches_of(tokenizer=larger),
        batches_of(batch_size=3),
        batches_of(context_length=2),
        batches_of(batch_size=3, context_length=2),
        batches_of(seed=1),
    ]
    fingerprints = [batches.fingerprint for batches in [batches_of(), *others]]
    assert len(set(fingerprints)) == len(fingerprints)
    again = batches_of()
    again[100]
    assert again.fingerprint == batches_of(seed=np.int64(0), batch_size=np.int32(2)).fingerprint
    assert again.fingerprint == fingerprints[0]


def test_where_texts_end_is_part_of_the_fingerprint():
    """The same tokens, split into other texts, come in another order."""

    class Silent(BPETokenizer):
        def encode(self, text):
            return [END if character == "|" else ord(character) for character in text]

    tokenizer = Silent(special_tokens=[END_OF_TEXT])
    one, two = batches_of(["abc|defg"], tokenizer), batches_of(["abc", "defg"], tokenizer)
    assert one.n_tokens == two.n_tokens
    assert one.fingerprint != two.fingerprint


# --- errors ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: batches_of(batch_size=0), "batch_size must be an integer >= 1; got 0"),
        (lambda: batches_of(context_length=2.0), "context_length must be an integer >= 1; got 2.0"),
        (lambda: batches_of(seed=-1), "seed must be an integer >= 0; got -1"),
        (lambda: batches_of(tokenizer=BPETokenizer()), "tokenizer must be one with <|endoftext|>"),
        (lambda: batches_of([]), "texts must be at least 7 tokens long; got 0"),
        (lambda: batches_of(["abcde"]), "texts must be at least 7 tokens long; got 6"),
        (
            lambda: batches_of("abcdefghijkl"),
            "texts must be several texts, not one; got 'abcdefghijkl'",
        ),
        (lambda: batches_of([f"a{END_OF_TEXT}b"]), "text holds the special token '<|endoftext|>'"),
        (lambda: batches_of()[-1], "i must be an integer >= 0; got -1"),
        (lambda: batches_of()[0.5], "i must be an integer >= 0; got 0.5"),
    ],
)
def test_bad_arguments_are_named(call, message):
    with pytest.raises(ValueError, match=message.replace("|", r"\|")):
        call()


def test_just_enough_text_is_enough():
    assert batches_of(["abcdef"]).per_epoch == 1
