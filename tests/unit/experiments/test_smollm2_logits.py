"""Properties of fmlab.experiments.smollm2_logits: what is recorded describes the file beside it."""

import hashlib

import numpy as np

from fmlab.experiments import results, smollm2_logits
from fmlab.experiments.smollm2_logits import FILE, PROMPTS
from fmlab.files import book_folder
from fmlab.sampling import entropy, softmax


def test_the_record_describes_the_file():
    recorded = results.read("smollm2_logits")
    data = (book_folder() / "results" / FILE).read_bytes()
    described = {"name": FILE, "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    assert recorded["file"] == described
    prompts, rows = smollm2_logits.recorded()
    assert prompts == PROMPTS == list(recorded["bits"])
    assert rows.shape == (len(PROMPTS), 49_152)
    bits = entropy(softmax(rows))
    np.testing.assert_allclose(bits, list(recorded["bits"].values()), atol=0.0051)


def test_the_file_is_small_enough_to_be_committed():
    assert results.read("smollm2_logits")["file"]["bytes"] < 300_000


def test_the_prompts_differ_in_how_certain_the_model_is():
    bits = results.read("smollm2_logits")["bits"]
    assert min(bits.values()) < 1
    assert max(bits.values()) > 7
    assert bits["The capital of Burkina Faso is"] > 3 * bits["The capital of France is"]
