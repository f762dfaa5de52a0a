"""Properties of fmlab.experiments.bigram_counts: what is recorded describes the file."""

import hashlib
import json

import numpy as np

from fmlab.experiments import results
from fmlab.experiments.bigram_counts import MODEL
from fmlab.experiments.ngram_ladder import held_out
from fmlab.models import SHIPPED, load
from fmlab.models.bigram_file import COUNTED, unpack_bigrams
from fmlab.models.pretrained import folder_of


def test_the_record_describes_the_file():
    recorded, data = results.read("bigram_counts"), COUNTED.read_bytes()
    described = {
        "name": COUNTED.name,
        "bytes": len(data),
        "sha256": hashlib.sha256(data).hexdigest(),
    }
    assert recorded["file"] == described
    assert len(data) < 150_000
    bigrams = unpack_bigrams(data)
    assert bigrams.n_stored(2) == recorded["pairs"]
    assert bigrams.counts(2)[1].sum() == recorded["corpus_tokens"]


def test_it_is_the_bigram_model_of_the_ladder():
    recorded, ladder = results.read("bigram_counts"), results.read("ngram_ladder")
    assert recorded["corpus_tokens"] == ladder["corpus_tokens"]
    point = next(point for point in ladder["ngrams"] if point["n"] == 2)
    assert (recorded["pairs"], recorded["loss"]) == (point["stored"], point["loss"])


def test_the_loss_on_held_out_documents_is_as_recorded():
    _, tokenizer = load(MODEL)
    bigrams = unpack_bigrams(COUNTED.read_bytes())
    losses = [-bigrams.logprobs(tokenizer.encode(text)) for text in held_out()]
    assert abs(np.concatenate(losses).mean() - results.read("bigram_counts")["loss"]) < 1e-4


def test_the_tokenizer_is_that_of_the_models_it_is_compared_with():
    saved = [json.loads((folder_of(name) / "bpe.json").read_text()) for name in ("micro", "small")]
    assert {MODEL, "micro", "small"} <= {*SHIPPED}
    assert all(each == json.loads((folder_of(MODEL) / "bpe.json").read_text()) for each in saved)
