"""Properties of fmlab.recipes.card: the entries of a model's card."""

import pytest

from fmlab.recipes.card import approximate_flops, loss_curve, samples_over_time
from fmlab.training.run import Run, Sample
from tests.unit.tiny_chat import tiny_model


def run_of(n_steps):
    run = Run()
    for number in range(n_steps):
        run.add({"reward": float(number)}, [Sample("a?", "b", 1.0)])
    return run


def test_samples_are_spread_from_the_first_step_to_the_last():
    samples = samples_over_time(run_of(31), n=4)
    assert [entry["step"] for entry in samples] == [0, 10, 20, 30]
    assert samples[0]["samples"] == [{"prompt": "a?", "response": "b", "reward": 1.0}]


def test_flops_are_two_per_weight_and_token_and_six_per_token_trained_on():
    model = tiny_model()
    n_params = sum(weight.numel() for weight in model.parameters())
    one = approximate_flops(model, {"generated": 1, "read": 0, "trained": 1})
    more = approximate_flops(model, {"generated": 3, "read": 2, "trained": 1})
    assert one == 8 * n_params
    assert more - one == 2 * n_params * 4


@pytest.mark.parametrize("n_steps", [1, 99, 100, 101, 375, 1000])
def test_loss_curve_is_the_means_of_equal_parts(n_steps):
    losses = [5 / (1 + i) for i in range(n_steps)]
    curve = loss_curve(losses)
    n_points = min(100, n_steps)
    assert len(curve) == n_points
    size, n_larger = divmod(n_steps, n_points)
    starts = [i * size + min(i, n_larger) for i in range(n_points + 1)]
    for start, end, value in zip(starts, starts[1:], curve):
        assert value == pytest.approx(sum(losses[start:end]) / (end - start), abs=5.1e-5)
