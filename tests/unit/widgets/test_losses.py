"""The loss explorer, Python side: losses equal those of the models, and errors."""

import numpy as np
import pytest

from fmlab.evaluation import loss_per_token
from fmlab.models import load, token_logprobs
from fmlab.widgets import LossExplorer
from fmlab.widgets.losses import COUNTED, MODELS, N_LIKELY, token_losses
from fmlab.widgets.page_models import document_ids

TEXT = "The baker was kind, and the bread was fresh."


@pytest.fixture
def explorer():
    return LossExplorer({"a sentence": TEXT, "<b>": "fresh was bread the"}, model="nano")


@pytest.mark.parametrize("name", MODELS[1:])
def test_losses_are_the_negative_log_probabilities_of_the_model(name):
    ids, result = document_ids(name, TEXT), token_losses(name, TEXT)
    np.testing.assert_allclose(result.losses, -token_logprobs(load(name)[0], ids, 1), atol=1e-4)
    assert result.ids == ids[1:]


def test_the_mean_is_that_of_the_evaluation_without_the_end_of_the_document():
    model, tokenizer = load("nano")
    result = token_losses("nano", TEXT)
    with_end = loss_per_token(model, tokenizer, [TEXT]) * (len(result.ids) + 1)
    end = with_end - result.losses.sum()
    assert 0 < end < 15


def test_a_rank_is_one_more_than_the_number_of_likelier_tokens():
    for name in MODELS:
        result = token_losses(name, TEXT)
        for token, loss, rank, likely in zip(
            result.ids, result.losses, result.ranks, result.likely, strict=True
        ):
            assert len(likely) == N_LIKELY
            assert [p for _, p in likely] == sorted((p for _, p in likely), reverse=True)
            if rank <= N_LIKELY:
                assert likely[rank - 1] == pytest.approx((token, np.exp(-loss)))
            else:
                assert token not in {i for i, _ in likely}


def test_counts_give_the_same_token_the_same_loss_after_the_same_token():
    result = token_losses(COUNTED, "the bread, the bread, the bread")
    losses = {}
    for pair, loss in zip(zip(result.ids, result.ids[1:]), result.losses[1:]):
        assert losses.setdefault(pair, loss) == loss
    assert len(losses) < len(result.ids) - 1


def test_settings_choose_the_text_and_the_model(explorer):
    first = explorer.mean_loss
    assert explorer.perplexity == pytest.approx(np.exp(first))
    explorer.example = 1
    shuffled = explorer.mean_loss
    explorer.own = "The town is small."
    assert (explorer.text, explorer.position) == ("The town is small.", 0)
    assert len({first, shuffled, explorer.mean_loss}) == 3
    explorer.example = 0
    assert (explorer.own, explorer.mean_loss) == ("", first)
    explorer.model = COUNTED
    assert explorer.mean_loss == token_losses(COUNTED, TEXT).losses.mean()


def test_the_means_are_those_of_each_example(explorer):
    means = explorer.mean_losses()
    for explorer.model in MODELS:
        for explorer.example in range(2):
            assert means[explorer.model][explorer.example] == explorer.mean_loss


def test_the_page_gets_every_result_of_every_example(explorer):
    for found, (_, text) in zip(explorer.recorded, explorer.examples, strict=True):
        for name in MODELS:
            expected, recorded = token_losses(name, text), found["models"][name]
            np.testing.assert_allclose(recorded["losses"], expected.losses, atol=5e-5)
            assert recorded["ranks"] == expected.ranks.tolist()
            ids = {i for best in recorded["likely"] for i, _ in best} | {*found["ids"]}
            assert {str(i) for i in ids} <= {*explorer.vocabulary}


def test_a_kernel_sends_the_models_the_worker_and_the_counts(explorer, monkeypatch):
    sent = []
    monkeypatch.setattr(explorer, "send", lambda content, buffers=None: sent.append(content))
    requests = [{"kind": "model", "name": name} for name in MODELS[1:]]
    for request in [{"kind": "worker"}, *requests, {"request": "bigram-counts"}]:
        explorer._handle_custom_msg(request, [])
    assert [content.get("name") for content in sent] == [None, *MODELS[1:], None]
    assert (sent[0]["kind"], sent[-1]["data"]) == ("worker", "bigram-counts")


def test_without_script_there_is_a_table_and_no_markup_from_the_texts():
    picture = LossExplorer({"<b>": "<b>bold</b>"}).without_script().data
    assert picture.startswith("<noscript>")
    assert "<b>bold" not in picture
    assert "uniform guess" in picture


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"examples": {}}, "examples must be texts"),
        ({"examples": ["a"]}, "examples must be texts"),
        ({"examples": {"a": ""}}, "must be a text with at least one token"),
        ({"examples": {"a": " the" * 256}}, "must be short enough: at most 255 tokens; got 256"),
        ({"examples": {"a": "b"}, "model": "gpt2"}, "model must be one of"),
        ({"examples": {"a": "b"}, "example": 1}, "example must be an integer from 0 to 0"),
        ({"examples": {"a": "b"}, "position": 9}, "position must be an integer from 0 to 0"),
        ({"examples": {"a": "b"}, "own": "\ud800"}, "own must be without lone surrogates"),
    ],
)
def test_bad_arguments_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        LossExplorer(**arguments)
