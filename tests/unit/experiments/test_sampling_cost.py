"""Properties of fmlab.experiments.sampling_cost: fast sampling from the right distribution."""

import numpy as np
import pytest

from fmlab.experiments import results, sampling_cost
from fmlab.sampling import keep_top_k, keep_top_p, softmax

LOGITS = np.log([0.05, 0.4, 0.1, 0.25, 0.2])
DISTRIBUTIONS = {
    "all": softmax(LOGITS),
    "top-k": softmax(keep_top_k(LOGITS, 2)),
    "top-p": softmax(keep_top_p(LOGITS, 0.7)),
}


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_evenly_spaced_numbers_give_each_token_its_probability(name):
    options = {"top-k": dict(k=2), "top-p": dict(p=0.7)}.get(name, {})
    numbers = (np.arange(4000) + 0.5) / 4000
    ids = [sampling_cost.DRAWS[name](LOGITS, number, **options) for number in numbers]
    assert np.bincount(ids, minlength=5) / 4000 == pytest.approx(DISTRIBUTIONS[name], abs=1e-3)


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_the_extreme_numbers_give_possible_tokens(name):
    logits = sampling_cost.example(100)
    draw = sampling_cost.DRAWS[name]
    for number in (0.0, np.nextafter(1, 0)):
        assert np.exp(logits[draw(logits, number)]) > 0


def test_time_is_measured_in_milliseconds():
    assert 0 < sampling_cost.milliseconds(lambda: sum(range(1000))) < 100


def test_the_recorded_results_have_these_settings():
    content = results.read("sampling_cost")
    assert (content["k"], content["p"]) == (sampling_cost.TOP_K, sampling_cost.TOP_P)
    assert content["vocabularies"] == sampling_cost.VOCABULARIES
    assert list(content["draws"]) == list(sampling_cost.DRAWS)
    assert all(len(times) == len(content["vocabularies"]) for times in content["draws"].values())
    assert content["step"] > 0
