"""The profile of a training step: every operation belongs to one group, and shares add up to 1."""

import pytest

from fmlab.experiments import training_profile
from fmlab.experiments.results import read


@pytest.mark.parametrize(
    ("operation", "group"),
    [
        ("aten::mm", "matrix products"),
        ("aten::_scaled_dot_product_flash_attention_for_cpu_backward", "attention"),
        ("aten::native_layer_norm", "layer normalization"),
        ("aten::_fused_adamw_", "optimizer"),
        ("aten::copy_", "moving data"),
        ("aten::sum", training_profile.REST),
    ],
)
def test_operations_are_grouped_by_what_they_do(operation, group):
    assert training_profile.group_of(operation) == group


def test_shares_add_up_to_one():
    found = training_profile.shares("nano", n_steps=1)
    assert sum(found.values()) == pytest.approx(1, abs=0.001)
    assert set(found) == {*training_profile.GROUPS, training_profile.REST}
    assert min(found.values()) >= 0


def test_the_record_shows_that_matrix_products_take_most_of_the_time():
    for shares in read("training_profile")["shares"].values():
        assert sum(shares.values()) == pytest.approx(1, abs=0.001)
        assert max(shares, key=shares.get) == "matrix products"
