"""Properties of fmlab.models.recurrent."""

import pytest
import torch

from fmlab.models.recurrent import EncoderDecoder

variants = pytest.mark.parametrize(
    ("cell", "attention"), [("gru", False), ("gru", True), ("rnn", False), ("rnn", True)]
)


def random_ids(*shape, seed=0):
    return torch.randint(0, 9, shape, generator=torch.Generator().manual_seed(seed))


@variants
@torch.no_grad()
def test_decoding_step_by_step_equals_decoding_at_once(cell, attention):
    model, source, ids = EncoderDecoder(9, 8, cell, attention), random_ids(2, 5), random_ids(2, 4)
    states, last = model.encode(source)
    parts = []
    for step in ids.split(1, dim=1):
        logits, last, _ = model.decode(step, states, last)
        parts.append(logits)
    torch.testing.assert_close(torch.cat(parts, dim=1), model(source, ids)[0])


@variants
@torch.no_grad()
def test_a_later_target_changes_nothing_and_the_first_source_token_changes_all(cell, attention):
    model, source, ids = EncoderDecoder(9, 8, cell, attention), random_ids(1, 5), random_ids(1, 4)
    later, first = ids.clone(), source.clone()
    later[0, 3], first[0, 0] = (ids[0, 3] + 1) % 9, (source[0, 0] + 1) % 9
    before = model(source, ids)[0]
    assert torch.equal(model(source, later)[0][:, :3], before[:, :3])
    assert (model(first, ids)[0] - before).abs().amax(dim=-1).min() > 1e-6


@torch.no_grad()
def test_without_attention_the_decoder_knows_only_the_last_state():
    source, ids = random_ids(1, 5), random_ids(1, 4)
    for attention in (False, True):
        model = EncoderDecoder(9, 8, attention=attention)
        states, last = model.encode(source)
        same = torch.equal(
            model.decode(ids, states, last)[0], model.decode(ids, states.flip(1) * 2, last)[0]
        )
        assert same != attention


@torch.no_grad()
def test_attention_is_a_distribution_over_the_source():
    model = EncoderDecoder(9, 8, attention=True)
    weights = model.decode(random_ids(2, 4), *model.encode(random_ids(2, 5)))[2]
    assert weights.shape == (2, 4, 5)
    torch.testing.assert_close(weights.sum(-1), torch.ones(2, 4))
    assert (weights > 0).all()


def test_it_learns_to_copy_backwards():
    model, generator = EncoderDecoder(7, 32, attention=True), torch.Generator().manual_seed(0)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    for _ in range(300):
        source = torch.randint(1, 6, (32, 4), generator=generator)
        target = torch.cat([source.flip(1), torch.full((32, 1), 6)], dim=1)  # 6 ends
        ids = torch.cat([torch.zeros(32, 1, dtype=torch.long), target[:, :-1]], dim=1)  # 0 starts
        loss = model(source, ids, target)[1]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    source = torch.tensor([[1, 2, 3, 4], [5, 5, 1, 3]])
    assert model.translate(source, 0, 8, stop=6) == [[4, 3, 2, 1, 6], [3, 1, 5, 5, 6]]


def test_a_seed_determines_the_weights_and_leaves_the_random_state_alone():
    before = torch.random.get_rng_state()
    first, again, other = (EncoderDecoder(9, 8, seed=seed).head.weight for seed in (1, 1, 2))
    assert torch.equal(torch.random.get_rng_state(), before)
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: EncoderDecoder(9, 8, "lstm"), "cell must be one of gru, rnn; got 'lstm'"),
        (lambda: EncoderDecoder(0, 8), "vocab_size must be an integer >= 1; got 0"),
        (lambda: EncoderDecoder(9, 8)(random_ids(5), random_ids(1, 2)), r"source must be of shape"),
        (lambda: EncoderDecoder(9, 8).translate(random_ids(1, 2), 0, 0), "max_new_tokens must be"),
    ],
)
def test_bad_arguments_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
