"""Properties of fmlab.experiments.serving."""

import numpy as np
import pytest

from fmlab.experiments import serving
from fmlab.experiments.serving import Arrival, arrivals, load_test, running_server, serve, simulate
from tests.unit.generation.small_models import lively


@pytest.mark.parametrize("static", [True, False])
def test_every_request_is_served_with_the_tokens_that_it_gets(static):
    requests = [Arrival(0.001 * i, 1 + i % 5) for i in range(30)]
    made = serve(lively(), [1, 2], requests, static=static, max_rows=4)
    assert len(made["latency"]) == 30
    assert min(made["latency"]) > 0
    assert 0 < made["occupied"] <= 1


def test_a_static_batch_takes_more_steps_when_lengths_differ():
    requests = [Arrival(1e-9 * i, 1 if i % 4 else 12) for i in range(32)]
    made = {way: serve(lively(), [1], requests, static=way, max_rows=4) for way in (True, False)}
    assert made[True]["steps"] == 8 * 12  # every batch waits for its longest row
    assert made[False]["steps"] < 0.6 * made[True]["steps"]


def test_equal_lengths_are_the_null():
    requests = [Arrival(1e-9 * i, 6) for i in range(16)]
    made = [
        serve(lively(), [1], requests, static=way, max_rows=4)["steps"] for way in (True, False)
    ]
    assert made == [24, 24]


@pytest.mark.parametrize("static", [True, False])
def test_the_simulation_takes_the_steps_of_the_batch(static):
    requests = [Arrival(1e-9 * i, 1 + (7 * i) % 11) for i in range(40)]
    made = serve(lively(), [1], requests, static=static, max_rows=4)["steps"]
    at_once = [Arrival(0, request.tokens) for request in requests]
    assert simulate(at_once, static=static, max_rows=4)[1] == made


def test_equal_requests_at_the_same_time_are_all_served():
    made = serve(lively(), [1], [Arrival(0, 3)] * 5, static=False, max_rows=2)
    assert len(made["latency"]) == 5
    assert made["steps"] == 9


def test_a_simulated_step_takes_the_time_that_it_is_given():
    requests = [Arrival(0, 4), Arrival(0, 2), Arrival(1, 3)]
    calls = []

    def step_time(n_rows, is_mixed):
        calls.append((n_rows, is_mixed))
        return n_rows * (1.5 if is_mixed else 1.0)

    assert simulate(requests, static=True, step_time=step_time) == ([6.0, 4.0, 8.0], 7)
    assert calls == [(2, False)] * 2 + [(1, False)] * 5
    calls.clear()
    assert simulate(requests, static=False, step_time=step_time) == ([12.5, 6.5, 11.5], 4)
    assert calls == [(2, False), (3, True), (2, True), (2, True)]


def test_an_idle_server_serves_each_request_at_once():
    requests = [Arrival(100 * i, 5) for i in range(6)]
    for static in (True, False):
        assert simulate(requests, static=static) == ([5] * 6, 30)


def test_arrivals_come_at_the_rate_and_in_order():
    requests = arrivals(20, n=4000, seed=1)
    times = [request.at for request in requests]
    assert times == sorted(times)
    assert times[-1] == pytest.approx(200, rel=0.1)  # fails falsely with a chance below 1e-9
    lengths = [request.tokens for request in requests]
    assert min(lengths) >= 1
    assert max(lengths) <= serving.MOST_TOKENS
    assert np.mean(lengths) == pytest.approx(serving.MEAN_TOKENS, rel=0.1)


def test_a_load_test_accounts_for_every_request():
    with running_server("nano") as address:
        made = load_test(address, "nano", n_clients=5, n_requests=12, tokens=6)
        missing = load_test(address, "micro", n_clients=2, n_requests=3, tokens=6)
    assert [answer["status"] for answer in made["answers"]] == [200] * 12
    assert all(0 < answer["tokens"] <= 6 for answer in made["answers"])
    assert all(0 < answer["first"] <= answer["total"] for answer in made["answers"])
    assert [answer["status"] for answer in missing["answers"]] == [404] * 3
