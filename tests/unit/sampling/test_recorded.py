"""Properties of fmlab.sampling.recorded: rounded logits come back, damage is an error."""

import gzip
import json

import numpy as np
import pytest

from fmlab.sampling.recorded import STEPS, pack_logits, unpack_logits

ROWS = np.random.default_rng(0).normal(0, 8, (3, 700))
PROMPTS = ["one", "zwei \N{SNOWMAN}", "a\nb"]


def test_prompts_and_logits_come_back_rounded():
    prompts, rows = unpack_logits(pack_logits(PROMPTS, ROWS))
    assert prompts == PROMPTS
    assert np.abs(rows - ROWS).max() <= 0.5 / STEPS
    assert pack_logits(prompts, rows) == pack_logits(PROMPTS, ROWS)


def test_extreme_logits_fit():
    _, rows = unpack_logits(pack_logits(["a"], [[-1023.0, 1023.0, 0.0, -1 / STEPS]]))
    assert rows.tolist() == [[-1023.0, 1023.0, 0.0, -1 / STEPS]]


@pytest.mark.parametrize("value", [1100.0, -1100.0, np.inf, np.nan])
def test_logits_out_of_range_are_refused(value):
    with pytest.raises(ValueError, match="logits must be"):
        pack_logits(["a"], [[value, 0.0]])


def test_each_prompt_has_a_row():
    with pytest.raises(ValueError, match=r"logits must be of shape \(2, V\)"):
        pack_logits(["a", "b"], ROWS)


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data[:-20],
        lambda data: b"no gzip",
        lambda data: gzip.compress(b"no json\n"),
        lambda data: gzip.compress(gzip.decompress(data)[:-1]),
        lambda data: gzip.compress(json.dumps({"prompts": ["a"]}).encode() + b"\n"),
    ],
)
def test_a_damaged_file_is_refused(damage):
    with pytest.raises(ValueError, match="the file of logits is damaged"):
        unpack_logits(damage(pack_logits(PROMPTS, ROWS)))
