"""Properties of fmlab.batches: every token once, in order, and the same however one gets there."""

import numpy as np
import pytest
import torch

from fmlab.batches import END_OF_TEXT, Batches
from fmlab.tokenization import BPETokenizer

TOKENIZER = BPETokenizer(special_tokens=[END_OF_TEXT])  # bytes only: END_OF_TEXT is 256
END = 256
TEXTS = ["abcde", "fg", "", "hijklmnop", "qrstuvw", "xyz"]


def made(texts=TEXTS, tokenizer=TOKENIZER, batch_size=2, context_length=3, seed=0):
    return Batches(texts, tokenizer, batch_size, context_length, seed)


def flat(batches, epoch):
    """The ids of an epoch, in the order in which they come, and the last target."""
    numbers = range(epoch * batches.per_epoch, (epoch + 1) * batches.per_epoch)
    rows = [batches[i] for i in numbers]
    ids = torch.cat([ids.flatten() for ids, _ in rows]).tolist()
    return [*ids, rows[-1][1][-1, -1].item()]


def texts_in(ids):
    """What stands between the ends of text, all but the last, which may have been cut."""
    parts = TOKENIZER.decode(ids).split(END_OF_TEXT)
    assert parts[0] == ""  # an epoch begins with the beginning of a text
    return parts[1:-1], parts[-1]


# --- what is in them ------------------------------------------------------------------------------


@pytest.mark.parametrize("epoch", [0, 1, 5])
@pytest.mark.parametrize(("batch_size", "context_length"), [(1, 1), (2, 3), (4, 2), (1, 31)])
def test_an_epoch_is_every_token_once_up_to_a_tail_too_short_for_a_batch(
    epoch, batch_size, context_length
):
    batches = made(batch_size=batch_size, context_length=context_length)
    ids = flat(batches, epoch)
    whole, last = texts_in(ids)
    assert len(set(whole)) == len(whole)
    rest = sorted(set(TEXTS) - set(whole))
    assert set(whole) <= set(TEXTS)
    assert any(text.startswith(last) for text in rest)
    assert 0 <= batches.n_tokens - len(ids) < batch_size * context_length


def test_with_rows_of_one_token_nothing_is_left_out():
    whole, last = texts_in(flat(made(batch_size=1, context_length=1), 0))
    assert sorted([*whole, last]) == sorted(TEXTS)


def test_each_text_follows_the_token_that_says_so():
    batches = made(["abc"], batch_size=1, context_length=3)
    ids, targets = batches[0]
    assert ids.tolist() == [[END, *b"ab"]]
    assert targets.tolist() == [[*b"abc"]]
    assert batches.n_tokens == 4


def test_targets_are_the_ids_moved_on_by_one_across_rows_and_batches():
    batches = made()
    assert batches.per_epoch > 1
    ids = torch.cat([batches[i][0].flatten() for i in range(batches.per_epoch)])
    targets = torch.cat([batches[i][1].flatten() for i in range(batches.per_epoch)])
    assert torch.equal(targets[:-1], ids[1:])


def test_rows_are_of_the_shape_and_kind_that_a_model_reads():
    for tensor in made()[0]:
        assert tensor.shape == (2, 3)
        assert tensor.dtype == torch.int64


def test_epochs_differ_in_their_order():
    batches = made()
    orders = {tuple(texts_in(flat(batches, epoch))[0]) for epoch in range(8)}
    assert len(orders) >= 7  # of 720 orders: two pairs alike by chance is below 1e-3; seed fixed


def test_ids_beyond_16_bits_stay_whole():
    class Wide(BPETokenizer):
        vocab_size = 70_000

        def encode(self, text):
            return [69_000 + ord(character) for character in text]

    batches = made(["abc"], Wide(special_tokens=[END_OF_TEXT]), batch_size=1)
    assert batches[0][1].tolist() == [[69_097, 69_098, 69_099]]


# --- the same again -------------------------------------------------------------------------------


def test_a_batch_does_not_depend_on_those_asked_for_before():
    numbers = [7, 0, 31, 2, 7, 8]
    together = made()
    for i in numbers:
        for found, alone in zip(together[i], made()[i]):
            assert torch.equal(found, alone)


def test_changing_a_batch_changes_no_other():
    batches = made()
    before = batches[0][0].clone()
    batches[0][0].zero_()
    batches[0][1].zero_()
    assert torch.equal(batches[0][0], before)


def test_a_seed_decides_the_order():
    assert flat(made(seed=1), 0) == flat(made(seed=1), 0)
    assert flat(made(seed=1), 0) != flat(made(seed=2), 0)
    assert flat(made(seed=1), 0) != flat(made(seed=0), 1)


def test_texts_may_come_from_a_generator():
    assert made(iter(TEXTS)).fingerprint == made().fingerprint


def test_the_fingerprint_is_that_of_all_that_matters_and_of_nothing_else():
    merged = BPETokenizer([(0x61, 0x62)], special_tokens=[END_OF_TEXT])
    larger = BPETokenizer(special_tokens=[END_OF_TEXT, "<|more|>"])
    moved = [*TEXTS[:-1], "xyw"]
    others = [
        made(TEXTS[::-1]),
        made(moved),
        made(tokenizer=merged),
        made(tokenizer=larger),
        made(batch_size=3),
        made(context_length=2),
        made(batch_size=3, context_length=2),
        made(seed=1),
    ]
    found = [batches.fingerprint for batches in [made(), *others]]
    assert len(set(found)) == len(found)
    again = made()
    again[100]
    assert again.fingerprint == made(seed=np.int64(0), batch_size=np.int32(2)).fingerprint
    assert again.fingerprint == found[0]


def test_where_texts_end_is_part_of_the_fingerprint():
    """The same tokens, cut elsewhere, come in another order."""

    class Silent(BPETokenizer):
        def encode(self, text):
            return [END if character == "|" else ord(character) for character in text]

    tokenizer = Silent(special_tokens=[END_OF_TEXT])
    one, two = made(["abc|defg"], tokenizer), made(["abc", "defg"], tokenizer)
    assert one.n_tokens == two.n_tokens
    assert one.fingerprint != two.fingerprint


# --- errors ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: made(batch_size=0), "batch_size must be an integer >= 1; got 0"),
        (lambda: made(context_length=2.0), "context_length must be an integer >= 1; got 2.0"),
        (lambda: made(seed=-1), "seed must be an integer >= 0; got -1"),
        (lambda: made(tokenizer=BPETokenizer()), "tokenizer must be one with <|endoftext|>"),
        (lambda: made([]), "texts must be at least 7 tokens long; got 0"),
        (lambda: made(["abcde"]), "texts must be at least 7 tokens long; got 6"),
        (lambda: made("abcdefghijkl"), "texts must be several texts, not one; got 'abcdefghijkl'"),
        (lambda: made([f"a{END_OF_TEXT}b"]), "text holds the special token '<|endoftext|>'"),
        (lambda: made()[-1], "i must be an integer >= 0; got -1"),
        (lambda: made()[0.5], "i must be an integer >= 0; got 0.5"),
    ],
)
def test_bad_arguments_are_named(call, message):
    with pytest.raises(ValueError, match=message.replace("|", r"\|")):
        call()


def test_just_enough_text_is_enough():
    assert made(["abcdef"]).per_epoch == 1
