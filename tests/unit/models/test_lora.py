"""LoRA: a model starts as it was, only corrections are trained, and merging keeps the logits."""

import pytest
import torch

from fmlab.models.lora import add_lora, corrections, matrices, merge_lora
from fmlab.training.distributed import Processes
from fmlab.training.loop import Settings, Trainer
from tests.unit.tiny import changed, random_gpt, weights_of

IDS = torch.tensor([[1, 2, 3, 4]])


@pytest.fixture
def trained():
    """A model with LoRA after three steps of training."""
    model = add_lora(random_gpt(), rank=2)
    trainer = Trainer(model, Settings(3, 1e-2, warmup_steps=0), "float32", Processes())
    for number in range(3):
        trainer.step(number, IDS[:, :-1], IDS[:, 1:])
    return model.eval()


def test_a_model_with_untrained_corrections_is_as_it_was():
    plain, model = random_gpt(), add_lora(random_gpt(), rank=2)
    assert torch.equal(model(IDS)[0], plain(IDS)[0])


def test_every_matrix_of_attention_and_mlp_has_a_correction_of_the_rank():
    model = add_lora(random_gpt(), rank=3)
    names = [name for name, weight in model.named_parameters() if weight.requires_grad]
    assert len(names) == 2 * len(matrices(model)) == 8 * model.config.n_layers
    for name, factor in corrections(model).items():
        assert factor.shape[1 if name.endswith("down") else 0] == 3


def test_training_changes_the_corrections_only(trained):
    before = weights_of(random_gpt())
    for name, weight in trained.state_dict().items():
        original = name.replace("parametrizations.weight.original", "weight")
        if original in before:
            assert torch.equal(weight, before[original])
    assert all(factor.abs().sum() > 0 for factor in corrections(trained).values())


def test_merged_model_is_plain_and_gives_the_same_logits(trained):
    merged = merge_lora(random_gpt(), corrections(trained)).eval()
    assert not corrections(merged)
    assert torch.allclose(merged(IDS)[0], trained(IDS)[0], atol=1e-6)
    assert not torch.allclose(merged(IDS)[0], random_gpt().eval()(IDS)[0], atol=1e-3)
    assert changed(merged, weights_of(random_gpt()))


def test_the_seed_determines_the_corrections():
    first, same, other = (corrections(add_lora(random_gpt(), 2, seed)) for seed in (0, 0, 1))
    name = next(iter(first))
    assert torch.equal(first[name], same[name])
    assert not torch.equal(first[name], other[name])


def test_bad_arguments_are_named(trained):
    with pytest.raises(ValueError, match="rank must be an integer >= 1; got 0"):
        add_lora(random_gpt(), 0)
    with pytest.raises(ValueError, match="model must be one without LoRA"):
        add_lora(trained)
    factors = corrections(trained)
    with pytest.raises(ValueError, match="factors must be two for each matrix"):
        merge_lora(random_gpt(), dict(list(factors.items())[1:]))
    name = next(iter(factors))
    with pytest.raises(ValueError, match=r"in factors must be of shape"):
        merge_lora(random_gpt(), factors | {name: factors[name][1:]})
