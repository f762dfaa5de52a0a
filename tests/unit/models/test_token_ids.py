"""Properties of fmlab.models.token_ids: what every model accepts as tokens and targets."""

import pytest
import torch

from fmlab.models.gpt import GPT
from fmlab.models.masked_lm import MaskedModel
from tests.unit.tiny import TINY, V
from tests.unit.tiny_llama import random_llama

MODELS = {"GPT": GPT(TINY).eval(), "Llama": random_llama(), "MaskedModel": MaskedModel(TINY).eval()}
IDS = torch.tensor([[1, 2, 3], [4, 5, 6]])


@pytest.fixture(params=MODELS)
def model(request):
    return MODELS[request.param]


@pytest.mark.parametrize("dtype", [torch.int32, torch.int16, torch.uint8])
def test_smaller_integers_are_read_as_ids_and_as_targets(model, dtype):
    logits, loss = model(IDS, IDS)
    same_logits, same_loss = model(IDS.to(dtype), IDS.to(dtype))
    assert torch.equal(same_logits, logits)
    assert torch.equal(same_loss, loss)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bool, torch.complex64])
@pytest.mark.parametrize("name", ["ids", "targets"])
def test_other_numbers_are_refused(model, name, dtype):
    arguments = {"ids": IDS, "targets": IDS} | {name: IDS.to(dtype)}
    with pytest.raises(ValueError, match=f"{name} must be integers from 0 to"):
        model(**arguments)


@pytest.mark.parametrize("shape", [(0, 3), (2, 0), (0, 0), (3,), (1, 2, 3), ()])
def test_ids_need_a_row_and_a_position(model, shape):
    with pytest.raises(ValueError, match="ids must be of shape"):
        model(torch.zeros(shape, dtype=torch.long))


@pytest.mark.parametrize("ids", [[[1, 2]], None, "ab"])
def test_ids_are_a_tensor(model, ids):
    with pytest.raises(ValueError, match="ids must be a tensor"):
        model(ids)


@pytest.mark.parametrize("wrong", [-1, 10**6])
def test_unknown_ids_and_targets_are_refused(model, wrong):
    with pytest.raises(ValueError, match="ids must be integers"):
        model(torch.tensor([[1, wrong]]))
    with pytest.raises(ValueError, match="targets must be integers"):
        model(IDS[:, :2], torch.tensor([[1, wrong], [1, 1]]))


@pytest.mark.parametrize("targets", [IDS[:1], IDS[:, :2], [[1, 2, 3], [4, 5, 6]]])
def test_targets_have_the_shape_of_the_ids(model, targets):
    with pytest.raises(ValueError, match="targets must be"):
        model(IDS, targets)


def test_losses_of_gpt_are_checked_like_its_forward_pass():
    gpt = MODELS["GPT"]
    assert torch.equal(gpt.loss(IDS, IDS.int()), gpt(IDS, IDS)[1])
    with pytest.raises(ValueError, match=f"targets must be integers from 0 to {V - 1}"):
        gpt.loss(IDS, IDS.float())
