"""The attention explorer, Python side: traits, weights, a model's scores, errors for bad input."""

import ipywidgets
import numpy as np
import pytest
import torch

from fmlab.models.attention import causal_mask, scaled_dot_product_attention
from fmlab.models.configs import GPTConfig
from fmlab.models.gpt import GPT
from fmlab.models.pretrained import load
from fmlab.tokenization.tokenizers import BPETokenizer
from fmlab.widgets import AttentionExplorer
from fmlab.widgets.attention import attention_scores
from fmlab.widgets.page_models import document_ids

D = 4  # width of a head
TEXTS = [["rain", " falls", "\n"], ["a", "b", "c", "d", "e"]]
TEXT = "<|end|>low lower lowest"


def random_heads():
    """Return for each of the texts the queries and keys (L, H, T, d) of 2 layers of 3 heads."""
    generator = np.random.default_rng(0)
    return [3 * generator.normal(size=(2, 2, 3, len(tokens), D)) for tokens in TEXTS]


HEADS = random_heads()
SCORES = [q @ k.swapaxes(-1, -2) for q, k in HEADS]


def explore(**options):
    return AttentionExplorer(TEXTS, SCORES, D, **options)


@pytest.fixture(scope="module")
def tokenizer():
    return BPETokenizer.train(TEXT, 262, special_tokens=["<|end|>"])


@pytest.fixture(scope="module")
def model(tokenizer):
    size = dict(n_layers=3, n_heads=2, d_model=16, context_length=32)
    model = GPT(GPTConfig(vocab_size=tokenizer.vocab_size, **size, dropout=0.5))
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for weight in model.parameters():
            weight += 0.6 * torch.randn(weight.shape, generator=generator)
    return model.eval()


@pytest.mark.parametrize("scaled", [True, False])
@pytest.mark.parametrize("masked", [True, False])
def test_weights_are_those_of_attention_on_the_same_queries_and_keys(scaled, masked):
    explorer = explore(text=1, layer=1, head=2, scaled=scaled, masked=masked)
    q, k = (part[1, 2] for part in HEADS[1])
    mask = causal_mask(5) if masked else None
    wider = q if scaled else q * np.sqrt(D)
    _, expected = scaled_dot_product_attention(wider, k, k, mask, return_weights=True)
    assert explorer.weights == pytest.approx(expected, abs=1e-5)


def test_it_opens_with_the_last_token_and_the_first_head():
    explorer = explore()
    assert (explorer.text, explorer.layer, explorer.head, explorer.position) == (0, 0, 0, 2)
    assert explorer.scaled
    assert explorer.masked


def test_it_opens_with_the_first_head_that_has_a_name():
    names = {(1, 2): "induction", (0, 1): "previous token"}
    explorer = explore(names=names)
    assert (explorer.layer, explorer.head) == (1, 2)
    assert explorer.names == [[1, 2, "induction"], [0, 1, "previous token"]]
    assert (explore(names=names, layer=0).layer, explore(names=names, layer=0).head) == (0, 0)


def test_settings_can_be_observed_and_linked():
    one, two = explore(), explore()
    changes = []
    one.observe(lambda change: changes.append((change.name, change.new)), ["head", "masked"])
    ipywidgets.link((one, "head"), (two, "head"))
    two.head = 2
    one.masked = False
    assert changes == [("head", 2), ("masked", False)]
    assert (one.weights[0] > 0).all()


def test_weights_follow_what_the_page_sends():
    explorer = explore()
    explorer.set_state({"text": 1, "position": 4, "layer": 1, "scaled": False})
    assert explorer.weights == pytest.approx(explore(text=1, layer=1, scaled=False).weights)
    assert explorer.position == 4


def test_a_shorter_text_moves_the_position_within():
    explorer = explore(text=1)
    assert explorer.position == 4
    explorer.text = 0
    assert explorer.position == 2


def test_scores_are_packed_in_three_bytes_and_the_kernel_uses_the_same():
    explorer = explore()
    digits = np.frombuffer(explorer.packed, np.uint8).reshape(-1, 3).astype(np.int64)
    integers = digits @ [1, 256, 65536]
    integers[integers >= 2**23] -= 2**24
    flat = np.concatenate([scores.ravel() for scores in explorer.scores])
    assert np.array_equal(integers * explorer.step, flat)
    assert len(explorer.packed) == 3 * 6 * (3**2 + 5**2)


@pytest.mark.parametrize("size", [0.0, 1e-3, 1.0, 170.0, 2.0**23 - 1, 2.0**23, 1e30])
@pytest.mark.parametrize("sign", [1, -1])
def test_the_largest_score_of_any_size_fits(size, sign):
    scores = [np.array([[[[0.0, sign * size], [size / 3, 0.0]]]])]
    explorer = AttentionExplorer([["a", "b"]], scores, D)
    assert explorer.scores[0] == pytest.approx(scores[0], abs=max(size * 2**-22, 1e-29))
    assert np.frexp(explorer.step)[0] == 0.5  # a power of two


def test_scores_of_a_model_make_the_weights_of_the_model(model, tokenizer):
    ids = tokenizer.encode(TEXT, allowed_special="all")
    explorer = AttentionExplorer.of(model, tokenizer, ["low", TEXT], text=1)
    assert explorer.tokens[1] == [tokenizer.decode([i]) for i in ids]
    for layer, expected in enumerate(model.attention_weights(torch.tensor([ids]))):
        for head in range(2):
            explorer.layer, explorer.head = layer, head
            assert explorer.weights == pytest.approx(expected[0, head].numpy(), abs=1e-5)
    assert explorer.weights[-1].max() > 0.3  # the test model attends to some tokens clearly


def test_a_model_gives_scores_of_the_future_too(model, tokenizer):
    ids = tokenizer.encode("lower lowest")
    scores = attention_scores(model, ids)
    assert scores.shape == (3, 2, len(ids), len(ids))
    assert scores.dtype == np.float64
    assert (abs(scores) > 0).all()


def test_a_model_is_left_as_it_was(model, tokenizer):
    model.train()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    one = AttentionExplorer.of(model, tokenizer, [TEXT])
    assert model.training
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())
    assert not any(module._forward_hooks for module in model.modules())
    model.eval()
    assert AttentionExplorer.of(model, tokenizer, [TEXT]).packed == one.packed  # without dropout


def test_bytes_that_form_no_character_are_shown_as_escapes(model, tokenizer):
    assert AttentionExplorer.of(model, tokenizer, ["é"]).tokens == [["\\xc3", "\\xa9"]]


def test_five_texts_of_32_tokens_are_small_enough_for_a_page():
    scores = [np.random.default_rng(0).normal(size=(4, 4, 32, 32))] * 5
    explorer = AttentionExplorer([["a"] * 32] * 5, scores, 32)
    base64 = 4 * len(explorer.packed) / 3
    assert base64 + len(explorer._esm) + len(explorer._css) < 400_000


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"text": 2}, "text must be an integer from 0 to 1; got 2"),
        ({"layer": 2}, "layer must be an integer from 0 to 1; got 2"),
        ({"head": -1}, "head must be an integer >= 0; got -1"),
        ({"head": 1.0}, "head must be an integer >= 0"),
        ({"position": 3}, "position must be an integer from 0 to 2; got 3"),
        ({"position": True}, "position must be an integer >= 0; got True"),
        ({"scaled": 1}, "scaled must be True or False; got 1"),
        ({"names": {(2, 0): "x"}}, r"names must be of heads from \(0, 0\) to \(1, 2\)"),
        ({"names": {(0, 0): 3}}, r"names\[\(0, 0\)\] must be text"),
        ({"names": ["x"]}, "names must be a mapping"),
    ],
)
def test_bad_options_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        explore(**options)


@pytest.mark.parametrize(
    ("texts", "scores", "d_head", "message"),
    [
        ([], [], 4, "texts must be at least one text"),
        ("ab", SCORES, 4, "texts must be at least one text"),
        (["ab"], SCORES[:1], 4, r"texts\[0\] must be a sequence of tokens"),
        ([["a", 3]], SCORES[:1], 4, r"texts\[0\] must be a sequence of tokens"),
        ([["a", "\ud83d"]], SCORES[:1], 4, "without lone surrogates"),
        ([[]], SCORES[:1], 4, "texts must be 1 to 64 tokens long; got 0"),
        ([["a"] * 65], SCORES[:1], 4, "texts must be 1 to 64 tokens long; got 65"),
        (TEXTS, SCORES[:1], 4, "scores must be a sequence of 2 arrays"),
        (TEXTS, None, 4, "scores must be a sequence of 2 arrays"),
        (TEXTS, SCORES[::-1], 4, r"scores\[0\] must be of shape \(L, H, 3, 3\)"),
        (TEXTS, [SCORES[0], SCORES[1][:1]], 4, r"scores\[1\] must be of shape \(L, H, 5, 5\)"),
        (TEXTS, [SCORES[0], SCORES[1] * np.nan], 4, r"scores\[1\] must be finite"),
        (TEXTS, SCORES, 0, "d_head must be an integer >= 1"),
    ],
)
def test_inconsistent_arguments_are_refused(texts, scores, d_head, message):
    with pytest.raises(ValueError, match=message):
        AttentionExplorer(texts, scores, d_head)


def test_texts_that_a_model_cannot_read_are_refused(model, tokenizer):
    with pytest.raises(ValueError, match="texts must be a sequence of texts"):
        AttentionExplorer.of(model, tokenizer, "low")
    with pytest.raises(ValueError, match="texts must be 1 to 64 tokens long; got 0"):
        AttentionExplorer.of(model, tokenizer, [""])
    with pytest.raises(ValueError, match="ids must be at most 32 tokens"):
        AttentionExplorer.of(model, tokenizer, ["x" * 33])


def test_bad_settings_are_refused_and_change_nothing():
    explorer = explore()
    for name in ("text", "layer", "head", "position"):
        with pytest.raises(ValueError, match=f"{name} must be an integer from 0 to"):
            setattr(explorer, name, 9)
    assert (explorer.text, explorer.layer, explorer.head, explorer.position) == (0, 0, 0, 2)


def test_without_script_there_is_a_picture_and_no_markup_from_the_text():
    explorer = AttentionExplorer([["<b>", " é"]], [np.zeros((1, 1, 2, 2))], D)
    picture = explorer.without_script().data
    assert picture.startswith("<noscript>")
    assert "<b>" not in picture
    assert "␣é" in picture
    assert picture.count("<small>50%</small>") == 2


def test_the_reader_can_type_a_text_which_a_model_of_the_book_reads():
    explorer = explore(own_model="micro")
    explorer.source, explorer.own = "micro", "The cat sat"
    model, _ = load("micro")
    ids = document_ids("micro", "The cat sat")
    weights = model.double().attention_weights(torch.tensor([ids]))
    explorer.layer, explorer.head, explorer.position = 3, 2, len(ids) - 1
    np.testing.assert_allclose(explorer.weights, weights[3][0, 2], atol=1e-6)
    assert "cat" in explorer.without_script().data
    explorer.source = ""
    assert (explorer.layer, explorer.head, explorer.position) == (1, 2, 2)


def test_an_own_text_that_is_too_long_or_a_model_that_is_not_offered_is_refused():
    explorer = explore(own_model="micro")
    with pytest.raises(ValueError, match="own must be at most 64 tokens long; got 65"):
        explorer.own = " the" * 64
    with pytest.raises(ValueError, match="source must be one of"):
        explorer.source = "small"


def test_the_names_of_heads_hold_for_the_own_text_if_it_is_the_same_model():
    model, tokenizer = load("micro")
    options = dict(names={(0, 1): "a job"}, own_model="micro")
    assert AttentionExplorer.of(model, tokenizer, ["low"], **options).own_named
    with torch.no_grad():
        next(model.parameters()).add_(1)
    assert not AttentionExplorer.of(model, tokenizer, ["low"], **options).own_named
