"""Properties of fmlab.experiments.sampling_cost: quick draws are draws from the right law."""

import numpy as np
import pytest

from fmlab.experiments import recording, sampling_cost
from fmlab.sampling import keep_top_k, keep_top_p, softmax

LOGITS = np.log([0.05, 0.4, 0.1, 0.25, 0.2])
LAWS = {
    "all": softmax(LOGITS),
    "top-k": softmax(keep_top_k(LOGITS, 2)),
    "top-p": softmax(keep_top_p(LOGITS, 0.7)),
}


@pytest.mark.parametrize("name", LAWS)
def test_even_darts_hit_each_token_as_often_as_its_law_says(name):
    options = {"top-k": dict(k=2), "top-p": dict(p=0.7)}.get(name, {})
    darts = (np.arange(4000) + 0.5) / 4000
    drawn = [sampling_cost.DRAWS[name](LOGITS, dart, **options) for dart in darts]
    assert np.bincount(drawn, minlength=5) / 4000 == pytest.approx(LAWS[name], abs=1e-3)


@pytest.mark.parametrize("name", LAWS)
def test_the_ends_of_the_line_are_tokens_too(name):
    logits = sampling_cost.example(100)
    draw = sampling_cost.DRAWS[name]
    for dart in (0.0, np.nextafter(1, 0)):
        assert np.exp(logits[draw(logits, dart)]) > 0


def test_time_is_measured_in_milliseconds():
    assert 0 < sampling_cost.milliseconds(lambda: sum(range(1000))) < 100


def test_the_record_is_of_these_settings():
    found = recording.read("sampling_cost")
    assert (found["k"], found["p"]) == (sampling_cost.TOP_K, sampling_cost.TOP_P)
    assert found["vocabularies"] == sampling_cost.VOCABULARIES
    assert list(found["draws"]) == list(sampling_cost.DRAWS)
    assert all(len(times) == len(found["vocabularies"]) for times in found["draws"].values())
    assert found["step"] > 0
