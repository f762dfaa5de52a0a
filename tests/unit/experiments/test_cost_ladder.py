"""The time per token is positive, and threads are as before."""

import torch

from fmlab.experiments.cost_ladder import seconds_per_token
from fmlab.models import load


def test_time_is_measured_on_one_thread_and_threads_are_restored():
    before = torch.get_num_threads()
    assert 0 < seconds_per_token(load("nano")[0], 2, 1) < 10
    assert torch.get_num_threads() == before
