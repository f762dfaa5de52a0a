"""fmlab.models.losses and GPT.loss: cross_entropy(hidden @ weight.T, targets) and its gradients."""

import pytest
import torch
import torch.nn.functional as F

from fmlab.data.batching import IGNORED
from fmlab.models.configs import GPTConfig
from fmlab.models.gpt import GPT
from fmlab.models.losses import ROWS, linear_cross_entropy
from tests.unit.tiny import with_noise

TINY = GPTConfig(vocab_size=17, context_length=12, n_layers=2, n_heads=2, d_model=8)
EXACT = {"rtol": 1e-10, "atol": 1e-12}


def random_inputs(n, seed=0, d_model=5, vocab_size=11):
    """Hidden states, output layer and targets, the first of every three ignored."""
    generator = torch.Generator().manual_seed(seed)
    hidden = torch.randn(n, d_model, generator=generator, dtype=torch.float64)
    weight = torch.randn(vocab_size, d_model, generator=generator, dtype=torch.float64)
    targets = torch.randint(0, vocab_size, (n,), generator=generator)
    targets[::3] = IGNORED
    return hidden.requires_grad_(), weight.requires_grad_(), targets


def reference(hidden, weight, targets):
    return F.cross_entropy(hidden @ weight.T, targets, ignore_index=-100)


def lively(seed=0):
    """A model whose weights are all far from 0, so that every one of them matters."""
    return with_noise(GPT(TINY, seed), 0.3, seed).double()


def some_ids(*shape, seed=0):
    return torch.randint(0, 17, shape, generator=torch.Generator().manual_seed(seed))


# --- linear_cross_entropy -------------------------------------------------------------------------


@pytest.mark.parametrize("n", [2, ROWS - 1, ROWS, ROWS + 1, 2 * ROWS + 7])
def test_loss_and_gradients_are_those_of_cross_entropy(n):
    hidden, weight, targets = random_inputs(n)
    found, expected = (f(hidden, weight, targets) for f in (linear_cross_entropy, reference))
    torch.testing.assert_close(found, expected, **EXACT)
    gradients = [torch.autograd.grad(loss, (hidden, weight)) for loss in (found, expected)]
    for ours, theirs in zip(*gradients):
        torch.testing.assert_close(ours, theirs, **EXACT)


def test_without_ignored_targets_too():
    hidden, weight, _ = random_inputs(9)
    targets = torch.arange(9)
    found, expected = (f(hidden, weight, targets) for f in (linear_cross_entropy, reference))
    torch.testing.assert_close(found, expected, **EXACT)


def test_gradients_are_the_slopes_of_the_loss():
    hidden, weight, targets = random_inputs(6)
    assert torch.autograd.gradcheck(linear_cross_entropy, (hidden, weight, targets))


def test_multiple_of_the_loss_has_that_multiple_of_the_gradients():
    hidden, weight, targets = random_inputs(7)
    once = torch.autograd.grad(linear_cross_entropy(hidden, weight, targets), (hidden, weight))
    loss = linear_cross_entropy(hidden, weight, targets)
    for one, many in zip(once, torch.autograd.grad(-2.5 * loss, (hidden, weight))):
        torch.testing.assert_close(many, -2.5 * one, **EXACT)


def test_ignored_rows_have_no_gradient_and_no_effect():
    hidden, weight, targets = random_inputs(7)
    loss = linear_cross_entropy(hidden, weight, targets)
    (gradient,) = torch.autograd.grad(loss, hidden)
    assert (gradient[targets == IGNORED] == 0).all()
    assert (gradient[targets != IGNORED] != 0).any(dim=1).all()
    changed = hidden.detach() + 100 * (targets == IGNORED)[:, None]
    assert linear_cross_entropy(changed, weight, targets).item() == loss.item()


def test_mean_over_no_targets_is_nan_as_in_torch():
    hidden, weight, _ = random_inputs(4)
    targets = torch.full((4,), IGNORED)
    assert reference(hidden, weight, targets).isnan()
    assert linear_cross_entropy(hidden, weight, targets).isnan()


def test_logits_too_large_to_exponentiate_do_not_overflow():
    hidden, weight = torch.tensor([[1000.0]]), torch.tensor([[1.0], [0.0]])
    loss = linear_cross_entropy(hidden, weight, torch.tensor([1]))
    assert loss.item() == 1000.0


def test_arguments_are_left_as_they_are():
    hidden, weight, targets = random_inputs(7)
    before = [tensor.detach().clone() for tensor in (hidden, weight, targets)]
    linear_cross_entropy(hidden, weight, targets).backward()
    for tensor, copy in zip((hidden, weight, targets), before):
        assert torch.equal(tensor, copy)


@pytest.mark.parametrize("n", [2, ROWS + 1])
def test_autocast_multiplies_in_bfloat16_and_keeps_everything_else_in_float32(n):
    """Within 2%: 8 bits have a rounding error of 0.4% at most, and errors average out."""
    hidden, weight, targets = random_inputs(n)
    hidden, weight = (tensor.detach().float().requires_grad_() for tensor in (hidden, weight))
    expected = linear_cross_entropy(hidden, weight, targets)
    exact = torch.autograd.grad(expected, (hidden, weight))
    with torch.autocast("cpu", torch.bfloat16):
        found = linear_cross_entropy(hidden, weight, targets)
    gradients = torch.autograd.grad(found, (hidden, weight))
    assert found.dtype == torch.float32
    assert 0 < abs(found - expected) < 0.02 * expected
    for ours, theirs in zip(gradients, exact):
        assert ours.dtype == torch.float32
        assert 0 < (ours - theirs).norm() < 0.02 * theirs.norm()


# --- GPT.loss -------------------------------------------------------------------------------------


def test_loss_of_a_model_and_its_gradients_are_those_of_forward():
    ids, targets = some_ids(3, 12), some_ids(3, 12, seed=1)
    targets[0, :5] = IGNORED
    found, expected = lively(), lively()
    loss, same = found.loss(ids, targets), expected(ids, targets)[1]
    torch.testing.assert_close(loss, same, **EXACT)
    loss.backward()
    same.backward()
    for (name, ours), theirs in zip(found.named_parameters(), expected.parameters()):
        assert theirs.grad.abs().max() > 0, name
        torch.testing.assert_close(ours.grad, theirs.grad, **EXACT)


def test_loss_of_a_model_without_targets_is_nan_as_that_of_forward():
    ids, targets = some_ids(2, 3), torch.full((2, 3), IGNORED)
    assert lively()(ids, targets)[1].isnan()
    assert lively().loss(ids, targets).isnan()


@pytest.mark.parametrize("compute", [GPT.loss, GPT.forward], ids=["loss", "forward"])
@pytest.mark.parametrize(
    ("targets", "message"),
    [
        (some_ids(1, 2), r"targets must be of shape \(1, 3\); got \(1, 2\)"),
        (torch.tensor([[0, 1, 17]]), r"targets must be integers from 0 to 16, .*-100; got \[17\]"),
        (torch.tensor([[0, -1, 16]]), r"targets must be integers from 0 to 16, .* got \[-1\]"),
    ],
)
def test_bad_targets_are_named(compute, targets, message):
    with pytest.raises(ValueError, match=message):
        compute(lively(), some_ids(1, 3), targets)


def test_bad_ids_are_named():
    with pytest.raises(ValueError, match="ids must be integers from 0 to 16"):
        lively().loss(torch.tensor([[17]]), torch.tensor([[1]]))
    with pytest.raises(ValueError, match="ids must be at most 12 tokens, the context; got 13"):
        lively().loss(some_ids(1, 13), some_ids(1, 13))
