"""Properties of fmlab.models.masked_lm: it sees both sides, and learns to fill in."""

import pytest
import torch

from fmlab.models.configs import GPTConfig
from fmlab.models.gpt import GPT
from fmlab.models.masked_lm import MaskedModel, mask_tokens

TINY = GPTConfig(vocab_size=17, context_length=12, n_layers=2, n_heads=2, d_model=8)


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.fixture(scope="module")
def model():
    """A model whose weights are large enough for every position to matter."""
    model, generator = MaskedModel(TINY).eval(), seeded()
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(torch.randn(weight.shape, generator=generator), alpha=0.3)
    return model


def random_ids(*shape):
    return torch.randint(0, 17, shape, generator=seeded())


@pytest.mark.parametrize("changed", [0, 4, 7])
@torch.no_grad()
def test_every_position_sees_every_other(model, changed):
    ids = random_ids(1, 8)
    other = ids.clone()
    other[0, changed] = (ids[0, changed] + 1) % 17
    assert (model(ids)[0] - model(other)[0]).abs().amax(dim=-1).min() > 1e-4


@torch.no_grad()
def test_padding_is_not_seen(model):
    ids = random_ids(2, 8)
    padding = torch.zeros(2, 8, dtype=torch.bool)
    padding[1, 5:] = True
    logits = model(ids, padding=padding)[0]
    torch.testing.assert_close(logits[0], model(ids[:1])[0][0], rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(logits[1, :5], model(ids[1:, :5])[0][0], rtol=1e-5, atol=1e-5)


def test_it_has_the_weights_of_a_gpt():
    ours, gpt = MaskedModel(TINY, seed=3).state_dict(), GPT(TINY, seed=3).state_dict()
    assert ours.keys() == gpt.keys() - {"lm_head.weight"}
    assert all(torch.equal(ours[name], gpt[name]) for name in ours)


def test_it_learns_to_fill_in_what_follows_from_both_sides():
    """Rows count up by one, so either neighbor determines a masked token."""
    model, generator = MaskedModel(GPTConfig(11, 6, 1, 2, 32)), seeded()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    for _ in range(250):
        ids = torch.randint(0, 5, (32, 1), generator=generator) + torch.arange(6)
        loss = model(*mask_tokens(ids, 10, 10, generator, p=0.3))[1]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    ids = torch.arange(5)[:, None] + torch.arange(6)
    for position in (0, 3, 5):
        masked = ids.clone()
        masked[:, position] = 10
        assert (model(masked)[0][:, position].argmax(-1) == ids[:, position]).all()


def test_selected_tokens_are_15_percent_80_10_10():
    """100000 tokens; each rate within 6 standard errors: fails falsely below 1e-8; seeded."""
    ids = torch.randint(0, 1000, (100, 1000), generator=seeded())
    masked, targets = mask_tokens(ids, 1000, 1000, seeded(1))
    selected = targets != -100
    assert torch.equal(targets[selected], ids[selected])
    assert torch.equal(masked[~selected], ids[~selected])
    assert selected.float().mean().item() == pytest.approx(0.15, abs=0.007)
    kept = masked[selected] == ids[selected]
    assert (masked[selected] == 1000).float().mean().item() == pytest.approx(0.8, abs=0.02)
    assert kept.float().mean().item() == pytest.approx(0.1, abs=0.015)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda model: model(random_ids(1, 13)), "ids must be at most 12 tokens, the .*; got 13"),
        (lambda model: model(torch.tensor([[17]])), "ids must be integers from 0 to 16"),
        (lambda model: model(torch.tensor([1])), r"ids must be of shape \(B, T\)"),
        (lambda _: mask_tokens(random_ids(3), 16, 17, seeded(), p=0), r"p must be a number in \(0"),
        (lambda _: mask_tokens(random_ids(3), -1, 17, seeded()), "mask_id must be an integer >= 0"),
    ],
)
def test_bad_arguments_are_named(model, call, message):
    with pytest.raises(ValueError, match=message):
        call(model)
