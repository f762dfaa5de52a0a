"""The sampling explorer, Python side: traits, results, and errors for bad input."""

import html
import re

import ipywidgets
import numpy as np
import pytest
from traitlets import TraitError

from fmlab.sampling import entropy, restrict, sample, softmax
from fmlab.widgets import SamplingExplorer
from fmlab.widgets.page_models import OWN_TEXT, model_files, next_logits, vocabulary
from fmlab.widgets.vocabularies import MODELS, PublishedLogits

PROMPTS = ["It was", "Once upon a"]
TOKENS = [" a", " the", b"\xc3", "\n", "é"]
LOGITS = np.log([[0.5, 0.2, 0.15, 0.1, 0.05], [0.05, 0.05, 0.1, 0.4, 0.4]]).astype(np.float32)


@pytest.fixture
def explorer():
    return SamplingExplorer(PROMPTS, LOGITS, TOKENS)


def expected(explorer):
    """Return the results of an explorer's settings, from the sampling functions."""
    row = LOGITS[explorer.prompt].astype(float)
    given = dict(temperature=explorer.temperature, top_p=explorer.top_p)
    given["top_k"] = explorer.top_k or len(row)
    nucleus = restrict(row, **given)
    kept = restrict(row, **given, min_p=explorer.min_p or None)
    return {
        "nucleus_size": np.isfinite(nucleus).sum(),
        "n_kept": np.isfinite(kept).sum(),
        "mass": softmax(row, explorer.temperature)[np.isfinite(kept)].sum(),
        "entropy": entropy(softmax(kept)),
    }


def results(explorer):
    return {name: getattr(explorer, name) for name in expected(explorer)}


def test_at_first_nothing_is_cut(explorer):
    assert (explorer.temperature, explorer.top_k, explorer.top_p, explorer.min_p) == (1, 0, 1, 0)
    assert (explorer.nucleus_size, explorer.n_kept) == (5, 5)
    assert explorer.mass == pytest.approx(1)
    np.testing.assert_allclose(explorer.probs, np.exp(LOGITS[0]), rtol=1e-6)


@pytest.mark.parametrize(
    "settings",
    [
        {"temperature": 0},
        {"temperature": 2, "top_p": 0.9},
        {"top_k": 3, "top_p": 0.75},
        {"top_p": 0.9, "min_p": 0.25},
        {"prompt": 1, "top_k": 1},
        {"temperature": 0.5, "top_k": 4, "top_p": 0.95, "min_p": 0.1, "prompt": 1},
    ],
)
def test_results_are_those_of_the_sampling_functions(explorer, settings):
    for name, value in settings.items():
        setattr(explorer, name, value)
    assert results(explorer) == pytest.approx(expected(explorer))
    assert results(SamplingExplorer(PROMPTS, LOGITS, TOKENS, **settings)) == results(explorer)


def test_the_nucleus_is_what_top_p_leaves_and_min_p_may_leave_less(explorer):
    explorer.top_p, explorer.min_p = 0.9, 0.35
    assert (explorer.nucleus_size, explorer.n_kept) == (4, 2)


def test_the_logits_of_a_real_model_can_be_chosen(explorer):
    explorer.prompt, explorer.top_k = 1, 3
    explorer.source = "smollm2"
    prompts, rows, tokens = MODELS["smollm2"].load()
    assert explorer.prompt == 0
    assert (explorer.vocabulary, len(explorer.rows)) == (tokens, len(prompts))
    assert explorer.n_kept == 3
    explorer.top_k, explorer.top_p, explorer.prompt = 0, 0.9, 1
    kept = np.isfinite(restrict(rows[1], top_p=0.9))
    assert explorer.n_kept == explorer.nucleus_size == kept.sum()
    assert explorer.entropy == pytest.approx(entropy(explorer.probs))
    assert explorer.probs.shape == (49_152,)
    explorer.top_k = 40_000
    explorer.source = ""
    assert (explorer.prompt, explorer.top_k, explorer.top_p) == (0, 0, 0.9)
    assert results(explorer) == pytest.approx(expected(explorer))


def test_the_page_sets_a_source_and_its_prompt_at_once(explorer):
    explorer.prompt = 1
    explorer.set_state({"source": "smollm2", "prompt": 4, "top_k": 49_152})
    assert explorer.n_kept == 49_152
    explorer.set_state({"source": "", "prompt": 0, "top_k": 0})
    assert results(explorer) == pytest.approx(expected(explorer))


@pytest.mark.parametrize("settings", [{}, {"prompt": 2}, {"top_k": 40_000, "temperature": 0.5}])
def test_it_can_start_with_a_real_model(settings):
    explorer = SamplingExplorer(["It"], [[0.2, 0.5]], [" is", " was"], source="smollm2", **settings)
    assert {name: getattr(explorer, name) for name in settings} == settings
    row = MODELS["smollm2"].load()[1][explorer.prompt]
    kept = np.isfinite(restrict(row, **explorer.settings))
    assert explorer.n_kept == kept.sum()
    assert "smollm2" not in explorer.without_script().data
    assert MODELS["smollm2"].load()[0][explorer.prompt] in html.unescape(
        explorer.without_script().data
    )


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"source": "gpt"}, "source must be one of"),
        ({"source": "smollm2", "published": []}, "source must be one of"),
        ({"source": "smollm2", "prompt": 999}, "prompt must be an integer from 0 to"),
        ({"source": "smollm2", "top_k": 50_000}, "top_k must be an integer from 0 to 49152"),
    ],
)
def test_it_cannot_start_with_what_a_model_does_not_have(settings, message):
    with pytest.raises(ValueError, match=message):
        SamplingExplorer(["It"], [[0.2, 0.5]], [" is", " was"], **settings)


def test_the_state_of_the_widget_does_not_hold_the_loaded_logits(explorer):
    before = len(repr(explorer.get_state()))
    explorer.source = "smollm2"
    assert abs(len(repr(explorer.get_state())) - before) < 100


def test_a_source_that_cannot_be_had_changes_nothing(explorer, monkeypatch):
    with pytest.raises(
        ValueError, match=r"source must be one of \['', 'smollm2', 'micro'\]; got 'gpt4'"
    ):
        explorer.source = "gpt4"

    def missing(self):
        raise FileNotFoundError("get it with pip")

    monkeypatch.setattr(PublishedLogits, "load", missing)
    explorer.prompt = 1
    with pytest.raises(FileNotFoundError, match="get it with pip"):
        explorer.source = "smollm2"
    assert (explorer.source, explorer.prompt) == ("", 1)
    with pytest.raises(ValueError, match="names out of smollm2, micro; got 'gpt4'"):
        SamplingExplorer(PROMPTS, LOGITS, TOKENS, published=["gpt4"])


def test_results_can_be_observed(explorer):
    changes = []
    explorer.observe(lambda change: changes.append((change.name, change.new)), ["n_kept"])
    explorer.top_k = 2
    explorer.top_p = 0.05
    explorer.prompt = 1  # one token again: no change
    assert changes == [("n_kept", 2), ("n_kept", 1)]


def test_results_follow_what_the_page_sends(explorer):
    explorer.set_state({"prompt": 1, "temperature": 0.5, "top_k": 3})
    assert results(explorer) == pytest.approx(expected(explorer))


def test_results_cannot_be_set(explorer):
    with pytest.raises(TraitError, match="entropy"):
        explorer.entropy = 3.0


def test_two_explorers_can_be_linked(explorer):
    other = SamplingExplorer(PROMPTS, LOGITS, TOKENS)
    ipywidgets.link((explorer, "top_k"), (other, "top_k"))
    explorer.top_k = 2
    assert other.n_kept == 2


def test_settings_are_arguments_of_sample_and_give_the_distribution_shown(explorer):
    assert explorer.settings == dict(temperature=1.0, top_k=None, top_p=None, min_p=None)
    explorer.temperature, explorer.top_k, explorer.top_p, explorer.min_p = 0.8, 4, 0.9, 0.1
    assert explorer.settings == dict(temperature=0.8, top_k=4, top_p=0.9, min_p=0.1)
    draws = sample(LOGITS[0], **explorer.settings, rng=np.random.default_rng(0), size=1000)
    assert set(draws) == set(np.flatnonzero(explorer.probs))


def test_the_page_gets_the_whole_vocabulary_as_it_is(explorer):
    assert np.frombuffer(explorer.logits, "<f4").reshape(2, 5).tolist() == LOGITS.tolist()
    assert explorer.tokens == b"\2\0 a\4\0 the\1\0\xc3\1\0\n\2\0\xc3\xa9"
    assert explorer.prompts == PROMPTS


def test_a_page_of_2048_tokens_and_6_prompts_stays_below_100_kilobytes():
    logits = np.random.default_rng(0).normal(size=(6, 2048))
    explorer = SamplingExplorer(["x"] * 6, logits, [f" token{i}" for i in range(2048)])
    assert 4 / 3 * (len(explorer.logits) + len(explorer.tokens)) < 100_000


def test_results_are_of_the_numbers_that_the_page_has():
    third = SamplingExplorer(["x"], [[1 / 3, 0.0]], ["a", "b"])
    assert third.rows.dtype == np.float64
    assert third.rows[0, 0] == np.float32(1 / 3)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"prompts": []}, "prompts must be a sequence of at least one text"),
        ({"prompts": "It was"}, "prompts must be a sequence"),
        ({"prompts": ["It was", 3]}, "prompts must be a sequence"),
        ({"prompts": ["It was", "\ud83d"]}, r"prompts\[1\] must be without lone surrogates"),
        ({"prompts": ["It was"]}, r"logits must be of shape \(1, V\).*got \(2, 5\)"),
        ({"logits": LOGITS[0]}, r"logits must be of shape \(2, V\).*got \(5,\)"),
        ({"logits": LOGITS[:, :4]}, "tokens must be 4, one per logit; got 5"),
        ({"logits": [["a"]]}, "logits must be an array of real numbers"),
        ({"logits": np.where(LOGITS < -2, np.nan, LOGITS)}, "logits must be finite"),
        ({"logits": np.where(LOGITS < -2, -np.inf, LOGITS)}, "logits must be finite"),
        ({"logits": np.full((2, 5), 1e39)}, "logits must be finite, as 32-bit floats too"),
        ({"logits": np.zeros((2, 0))}, "logits must be of shape"),
        ({"tokens": TOKENS[:4]}, "tokens must be 5, one per logit; got 4"),
        ({"tokens": "abcde"}, "tokens must be a sequence"),
        ({"tokens": [*TOKENS[:4], None]}, r"tokens\[4\] must be text \(str\) or bytes; got None"),
        ({"tokens": [*TOKENS[:4], "\ud83d"]}, r"tokens\[4\] must be without lone surrogates"),
        ({"tokens": [*TOKENS[:4], "x" * 65_536]}, r"tokens\[4\] must be at most 65535 bytes"),
    ],
)
def test_what_does_not_fit_together_is_refused(change, message):
    arguments = {"prompts": PROMPTS, "logits": LOGITS, "tokens": TOKENS} | change
    with pytest.raises(ValueError, match=message):
        SamplingExplorer(**arguments)


BAD_SETTINGS = [
    ("prompt", 2, "prompt must be an integer from 0 to 1; got 2"),
    ("prompt", -1, "prompt must be an integer >= 0; got -1"),
    ("temperature", -0.1, "temperature must be a number from 0 to 2; got -0.1"),
    ("temperature", 2.1, "temperature must be a number from 0 to 2"),
    ("temperature", float("nan"), "temperature must be a number from 0 to 2; got nan"),
    ("top_k", 6, "top_k must be an integer from 0 to 5; got 6"),
    ("top_k", -1, "top_k must be an integer >= 0"),
    ("top_p", 0.0, r"top_p must be a number from 0\.05 to 1; got 0\.0"),
    ("top_p", 1.01, "top_p must be"),
    ("min_p", 0.6, r"min_p must be a number from 0 to 0\.5; got 0\.6"),
    ("seed", 2**32, "seed must be an integer from 0 to 4294967295"),
]


@pytest.mark.parametrize(("name", "value", "message"), BAD_SETTINGS)
def test_settings_that_the_sliders_cannot_show_are_refused_and_change_nothing(
    explorer, name, value, message
):
    before = getattr(explorer, name)
    with pytest.raises(ValueError, match=message):
        setattr(explorer, name, value)
    assert getattr(explorer, name) == before
    with pytest.raises(ValueError, match=message):
        SamplingExplorer(PROMPTS, LOGITS, TOKENS, **{name: value})


@pytest.mark.parametrize("name", ["prompt", "temperature", "top_k", "top_p", "min_p", "seed"])
@pytest.mark.parametrize("value", ["1", None, True])
def test_settings_must_be_numbers(name, value):
    with pytest.raises(ValueError, match=f"^{name} must be"):
        SamplingExplorer(PROMPTS, LOGITS, TOKENS, **{name: value})


def test_numbers_of_numpy_are_numbers():
    explorer = SamplingExplorer(PROMPTS, LOGITS, TOKENS, top_k=np.int64(2), top_p=np.float32(0.5))
    assert explorer.settings["top_k"] == 2
    assert explorer.settings["top_p"] == 0.5


def test_one_token_and_many_are_fine():
    assert SamplingExplorer(["x"], [[3]], ["a"]).n_kept == 1
    many = SamplingExplorer(["x"], np.zeros((1, 5000)), ["a"] * 5000, top_p=0.5)
    assert many.nucleus_size == 2500


def test_without_script_there_is_a_picture_and_no_markup_from_the_texts():
    tokens = ["<b>", "\n", b"\xc3", " the", "é"]
    logits = LOGITS[[0, 0]]
    explorer = SamplingExplorer(["<i>It", "x"], logits, tokens, top_k=2)
    picture = explorer.without_script().data
    assert picture.startswith("<noscript>")
    assert "<b>" not in picture
    assert "<i>" not in picture
    rows = re.findall(r"<tr><th>([^<]*)</th><td>([^<]*)</td><td[^>]*>([^<]*)", picture)
    shares = [("50.0%", "71.4%"), ("20.0%", "28.6%"), ("15.0%", "0.0%"), ("10.0%", "0.0%")]
    names = ["&lt;b&gt;", "↵", "⟨C3⟩", "␣the", "é"]
    assert rows == [(n, *s) for n, s in zip(names, [*shares, ("5.0%", "0.0%")], strict=True)]


def test_the_reader_can_type_a_text_which_a_model_of_the_book_reads(explorer):
    explorer.source = "micro"
    explorer.text = "The capital of"
    assert explorer.vocabulary == vocabulary("micro")
    np.testing.assert_allclose(explorer.rows[0], next_logits("micro", "The capital of"))
    explorer.top_k = 3
    assert explorer.n_kept == 3


def test_an_appended_token_changes_the_next_distribution_and_a_new_text_forgets_it(explorer):
    explorer.source, explorer.text = "micro", "The capital of"
    before = explorer.probs
    token = int(before.argmax())
    explorer.response = [token]
    np.testing.assert_allclose(explorer.rows[0], next_logits("micro", "The capital of", [token]))
    assert abs(explorer.probs - before).max() > 0.01
    assert vocabulary("micro")[token].decode() in explorer.without_script().data
    explorer.text = "Another"
    assert explorer.response == []


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("text", " the" * 300, "text must be short enough: 256 tokens in all; got 301"),
        ("text", "x" * 2001, "text must be at most 2000 characters long; got 2001"),
        ("response", [2048], "response must be a sequence of ids from 0 to 2047"),
        ("response", [1] * 256, "response must be short enough: 256 tokens in all"),
    ],
)
def test_a_text_that_does_not_fit_is_refused(explorer, name, value, message):
    with pytest.raises(ValueError, match=message):
        setattr(explorer, name, value)


def test_the_page_is_told_how_large_a_model_is(explorer):
    for name, entry in OWN_TEXT.items():
        size = sum(path.stat().st_size for path in model_files(name))
        assert entry.kilobytes == round(size / 1e4) * 10
    assert explorer.published[-1] == ["micro", "micro", 2048, OWN_TEXT["micro"].kilobytes, []]


def test_in_a_notebook_the_kernel_sends_worker_and_model(explorer, monkeypatch):
    sent = []
    monkeypatch.setattr(explorer, "send", lambda content, buffers=None: sent.append(content))
    for request in ({"kind": "worker"}, {"kind": "model", "name": "micro"}, {"kind": "model"}):
        explorer._handle_custom_msg(request, [])
    assert [content["kind"] for content in sent] == ["worker", "model"]
