"""Properties of fmlab.masked."""

import pytest
import torch

from fmlab.configs import GPTConfig
from fmlab.masked import MaskedModel, mask_tokens
from fmlab.transformer import GPT

TINY = GPTConfig(vocab_size=17, context_length=12, n_layers=2, n_heads=2, d_model=8)


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def lively():
    model, generator = MaskedModel(TINY).eval(), seeded()
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(torch.randn(weight.shape, generator=generator), alpha=0.3)
    return model


def some_ids(*shape):
    return torch.randint(0, 17, shape, generator=seeded())


@pytest.mark.parametrize("changed", [0, 4, 7])
@torch.no_grad()
def test_every_position_sees_every_other(changed):
    model, ids = lively(), some_ids(1, 8)
    other = ids.clone()
    other[0, changed] = (ids[0, changed] + 1) % 17
    assert (model(ids)[0] - model(other)[0]).abs().amax(dim=-1).min() > 1e-4


@torch.no_grad()
def test_padding_is_not_seen():
    model, ids = lively(), some_ids(2, 8)
    padding = torch.zeros(2, 8, dtype=torch.bool)
    padding[1, 5:] = True
    found = model(ids, padding=padding)[0]
    torch.testing.assert_close(found[0], model(ids[:1])[0][0], rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(found[1, :5], model(ids[1:, :5])[0][0], rtol=1e-5, atol=1e-5)


def test_it_has_the_weights_of_a_gpt():
    ours, gpt = MaskedModel(TINY, seed=3).state_dict(), GPT(TINY, seed=3).state_dict()
    assert ours.keys() == gpt.keys() - {"lm_head.weight"}
    assert all(torch.equal(ours[name], gpt[name]) for name in ours)


def test_it_learns_to_fill_in_what_follows_from_both_sides():
    """Rows count up by one: either neighbour gives a hidden token away."""
    model, generator = MaskedModel(GPTConfig(11, 6, 1, 2, 32)), seeded()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    for _ in range(250):
        ids = torch.randint(0, 5, (32, 1), generator=generator) + torch.arange(6)
        loss = model(*mask_tokens(ids, 10, 10, generator, p=0.3))[1]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    ids = torch.arange(5)[:, None] + torch.arange(6)
    for hidden in (0, 3, 5):
        read = ids.clone()
        read[:, hidden] = 10
        assert (model(read)[0][:, hidden].argmax(-1) == ids[:, hidden]).all()


def test_hidden_tokens_are_15_percent_80_10_10():
    """100000 tokens; each share within 6 standard errors: fails falsely below 1e-8; seeded."""
    ids = torch.randint(0, 1000, (100, 1000), generator=seeded())
    read, targets = mask_tokens(ids, 1000, 1000, seeded(1))
    asked = targets != -100
    assert torch.equal(targets[asked], ids[asked])
    assert torch.equal(read[~asked], ids[~asked])
    assert asked.float().mean().item() == pytest.approx(0.15, abs=0.007)
    assert (read[asked] == 1000).float().mean().item() == pytest.approx(0.8, abs=0.02)
    assert (read[asked] == ids[asked]).float().mean().item() == pytest.approx(0.1, abs=0.015)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: lively()(some_ids(1, 13)), "ids must be at most 12 tokens, the context; got 13"),
        (lambda: lively()(torch.tensor([[17]])), "ids must be integers from 0 to 16"),
        (lambda: lively()(torch.tensor([1])), r"ids must be of shape \(B, T\)"),
        (lambda: mask_tokens(some_ids(1, 3), 16, 17, seeded(), p=0), r"p must be a number in \(0"),
        (lambda: mask_tokens(some_ids(1, 3), -1, 17, seeded()), "mask_id must be an integer >= 0"),
    ],
)
def test_bad_arguments_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
