"""fmlab.losses and GPT.loss: cross_entropy(hidden @ weight.T, targets), and its gradients."""

import pytest
import torch
import torch.nn.functional as F

from fmlab.configs import GPTConfig
from fmlab.losses import IGNORED, ROWS, LinearCrossEntropy
from fmlab.transformer import GPT

TINY = GPTConfig(vocab_size=17, context_length=12, n_layers=2, n_heads=2, d_model=8)
EXACT = {"rtol": 1e-10, "atol": 1e-12}


def drawn(n, seed=0, d_model=5, vocab_size=11):
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
    """A model whose weights are all far from 0, so that every one of them shows."""
    model, generator = GPT(TINY, seed), torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=generator), alpha=0.3)
    return model.double()


def some_ids(*shape, seed=0):
    return torch.randint(0, 17, shape, generator=torch.Generator().manual_seed(seed))


# --- LinearCrossEntropy ---------------------------------------------------------------------------


@pytest.mark.parametrize("n", [2, ROWS - 1, ROWS, ROWS + 1, 2 * ROWS + 7])
def test_loss_and_gradients_are_those_of_cross_entropy(n):
    hidden, weight, targets = drawn(n)
    found, expected = (f(hidden, weight, targets) for f in (LinearCrossEntropy.apply, reference))
    torch.testing.assert_close(found, expected, **EXACT)
    gradients = [torch.autograd.grad(loss, (hidden, weight)) for loss in (found, expected)]
    for ours, theirs in zip(*gradients):
        torch.testing.assert_close(ours, theirs, **EXACT)


def test_without_ignored_targets_too():
    hidden, weight, _ = drawn(9)
    targets = torch.arange(9)
    found, expected = (f(hidden, weight, targets) for f in (LinearCrossEntropy.apply, reference))
    torch.testing.assert_close(found, expected, **EXACT)


def test_gradients_are_the_slopes_of_the_loss():
    hidden, weight, targets = drawn(6)
    assert torch.autograd.gradcheck(LinearCrossEntropy.apply, (hidden, weight, targets))


def test_a_multiple_of_the_loss_has_that_multiple_of_the_gradients():
    hidden, weight, targets = drawn(7)
    once = torch.autograd.grad(LinearCrossEntropy.apply(hidden, weight, targets), (hidden, weight))
    loss = LinearCrossEntropy.apply(hidden, weight, targets)
    for one, many in zip(once, torch.autograd.grad(-2.5 * loss, (hidden, weight))):
        torch.testing.assert_close(many, -2.5 * one, **EXACT)


def test_an_ignored_row_has_no_gradient_and_no_say():
    hidden, weight, targets = drawn(7)
    loss = LinearCrossEntropy.apply(hidden, weight, targets)
    (gradient,) = torch.autograd.grad(loss, hidden)
    assert (gradient[targets == IGNORED] == 0).all()
    assert (gradient[targets != IGNORED] != 0).any(dim=1).all()
    changed = hidden.detach() + 100 * (targets == IGNORED)[:, None]
    assert LinearCrossEntropy.apply(changed, weight, targets).item() == loss.item()


def test_a_mean_over_nothing_is_nan_as_in_torch():
    hidden, weight, _ = drawn(4)
    targets = torch.full((4,), IGNORED)
    assert reference(hidden, weight, targets).isnan()
    assert LinearCrossEntropy.apply(hidden, weight, targets).isnan()


def test_logits_too_large_to_exponentiate_are_no_trouble():
    hidden, weight = torch.tensor([[1000.0]]), torch.tensor([[1.0], [0.0]])
    loss = LinearCrossEntropy.apply(hidden, weight, torch.tensor([1]))
    assert loss.item() == 1000.0


def test_arguments_are_left_as_they_are():
    hidden, weight, targets = drawn(7)
    before = [tensor.detach().clone() for tensor in (hidden, weight, targets)]
    LinearCrossEntropy.apply(hidden, weight, targets).backward()
    for tensor, copy in zip((hidden, weight, targets), before):
        assert torch.equal(tensor, copy)


# --- GPT.loss -------------------------------------------------------------------------------------


def test_the_loss_of_a_model_and_its_gradients_are_those_of_forward():
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


def test_the_loss_of_a_model_is_nan_where_nothing_is_asked_as_that_of_forward():
    ids, targets = some_ids(2, 3), torch.full((2, 3), IGNORED)
    assert lively()(ids, targets)[1].isnan()
    assert lively().loss(ids, targets).isnan()


@pytest.mark.parametrize("ask", [GPT.loss, GPT.forward], ids=["loss", "forward"])
@pytest.mark.parametrize(
    ("targets", "message"),
    [
        (some_ids(1, 2), r"targets must be of shape \(1, 3\); got \(1, 2\)"),
        (torch.tensor([[0, 1, 17]]), r"targets must be integers from 0 to 16, .*-100; got \[17\]"),
        (torch.tensor([[0, -1, 16]]), r"targets must be integers from 0 to 16, .* got \[-1\]"),
    ],
)
def test_bad_targets_are_named(ask, targets, message):
    with pytest.raises(ValueError, match=message):
        ask(lively(), some_ids(1, 3), targets)


def test_bad_ids_are_named():
    with pytest.raises(ValueError, match="ids must be integers from 0 to 16"):
        lively().loss(torch.tensor([[17]]), torch.tensor([[1]]))
    with pytest.raises(ValueError, match="ids must be at most 12 tokens, the context; got 13"):
        lively().loss(some_ids(1, 13), some_ids(1, 13))
