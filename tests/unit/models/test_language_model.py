"""What a language model is used for, with either architecture: a GPT and a Llama, each with a chat.

Generation, scoring, finetuning, evaluation and interpretability have tests of their own with a GPT.
Here is what they need of a model.
"""

import numpy as np
import pytest
import torch

from fmlab.alignment.dpo import dpo
from fmlab.data.dialogues import encode_comparisons, prompt_ids, response_text
from fmlab.evaluation.likelihood import answer_logprobs, surprise
from fmlab.evaluation.questions import complete
from fmlab.generation.chat import respond
from fmlab.generation.decoding import generate
from fmlab.generation.engines import NumPyEngine, TorchEngine, make_engine
from fmlab.generation.numpy_decoders import make_decoder
from fmlab.generation.search import beam_search
from fmlab.generation.untouched import is_untouched
from fmlab.interpretability.ablation import without_head
from fmlab.interpretability.heads import find_jobs, repeated_sequences
from fmlab.models.llama import Llama
from fmlab.models.logprobs import evaluate_response_logprobs, sequence_logprob
from fmlab.models.pretrained import next_tokens
from fmlab.tokenization.special_tokens import END_OF_TEXT, end_of_response
from fmlab.training.finetuning import finetune, response_loss
from fmlab.widgets.attention import AttentionExplorer
from tests.unit import tiny_chat, tiny_llama
from tests.unit.tiny import changed, weights_of

PAIRS = [("Hi?", "low"), ("low 12", "lower"), ("a", "b c")]
PROMPTS = ["low", "slow 1", "a"]


@pytest.fixture(params=["gpt", "llama"])
def either(request):
    """A model and the tokenizer that belongs to it."""
    if request.param == "gpt":
        return tiny_chat.tiny_model(), tiny_chat.TOKENIZER
    return tiny_llama.random_llama(), tiny_llama.chat_tokenizer()


def ids_of(tokenizer, texts=PROMPTS):
    return [[tokenizer.special_tokens[END_OF_TEXT], *tokenizer.encode(text)] for text in texts]


# --- generation -----------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [1, 2])
def test_all_engines_continue_prompts_of_any_lengths_as_if_alone(either, n):
    model, tokenizer = either
    prompts = ids_of(tokenizer)
    rng = np.random.default_rng(0)
    options = dict(temperature=1.0, n=n)
    expected = [generate(model, p, 9, rng=rng, engine="uncached", **options) for p in prompts]
    for engine in ("auto", "torch", "uncached"):
        rows = generate(model, prompts, 9, rng=np.random.default_rng(0), engine=engine, **options)
        assert rows.ids == [ids for row in expected for ids in row.ids]
        for row, logprobs in enumerate(rows.logprobs):
            alone = expected[row // n].logprobs[row % n]
            np.testing.assert_allclose(logprobs, alone, atol=1e-4)


def test_stop_sequence_ends_a_row(either):
    model, tokenizer = either
    prompt, options = ids_of(tokenizer)[0], dict(temperature=1.0)
    (free,) = generate(model, prompt, 12, rng=np.random.default_rng(0), **options).ids
    stop = free[4:6]
    assert stop not in [free[i : i + 2] for i in range(4)]
    row = generate(model, prompt, 12, rng=np.random.default_rng(0), stop=[stop], **options)
    assert (row.ids[0], row.finish_reasons) == (free[:6], ["stop"])


def test_context_ends_a_row(either):
    model, _ = either
    longest = model.config.context_length
    row = generate(model, [1] * (longest - 2), 9, temperature=0)
    assert (len(row.ids[0]), row.finish_reasons) == (3, ["context"])


def double_queries(model):
    projection = model.model.layers[1].self_attn.q_proj
    projection.register_forward_hook(lambda _, __, output: 2 * output)


def other_epsilon(model):
    model.model.norm.epsilon = 0.5


def no_groups(model):
    model.model.layers[0].self_attn.n_kv_heads = 1


def other_mlp(model):
    model.model.layers[0].mlp.forward = torch.zeros_like


def untie(model):
    model.lm_head.weight = torch.nn.Parameter(2 * model.lm_head.weight.detach())


@pytest.mark.parametrize("change", [double_queries, other_epsilon, no_groups, other_mlp, untie])
def test_a_changed_llama_is_never_bypassed(change):
    model = tiny_llama.random_llama()
    assert is_untouched(model)
    assert type(make_engine("auto", model, n_rows=1)) is NumPyEngine
    change(model)
    assert not is_untouched(model)
    assert type(make_engine("auto", model, n_rows=1)) is TorchEngine
    message = "engine must be torch, uncached or auto for what is not an untouched float32 GPT or L"
    with pytest.raises(ValueError, match=message):
        generate(model, [1], 3, temperature=0, engine="numpy")


@torch.no_grad()
def test_the_numpy_decoder_is_the_llama():
    """Also where a weight or a rotation has changed: it reads the memory of the model."""
    model = tiny_llama.random_llama()
    model.model.layers[0].mlp.up_proj.weight.mul_(1.5)
    model.rotary.sin.mul_(-1)
    ids = torch.randint(0, 262, (1, 12), generator=torch.Generator().manual_seed(0))
    cache = model.make_cache(1)
    model(ids[:, :4], cache=cache)
    decoder, expected = make_decoder(model, cache), model(ids)[0][0]
    for position in range(4, 12):
        found = torch.from_numpy(decoder.step(int(ids[0, position])))
        torch.testing.assert_close(found, expected[position], atol=2e-5, rtol=1e-4)


def test_beam_search_finds_rows_with_the_scores_that_the_model_gives_them(either):
    model, tokenizer = either
    prompt = ids_of(tokenizer)[1]
    found = beam_search(model, prompt, 4, n_beams=3)
    assert found.scores == sorted(found.scores, reverse=True)
    for sequence, score in zip(found.sequences, found.scores):
        assert score == pytest.approx(sequence_logprob(model, sequence, len(prompt)), abs=1e-4)
    assert found.scores[0] >= sum(generate(model, prompt, 4, temperature=0).logprobs[0]) - 1e-4


def test_responses_end_with_the_token_that_the_tokenizer_names(either):
    model, tokenizer = either
    ids, end = prompt_ids(tokenizer, "low 12?"), end_of_response(tokenizer)
    options = dict(temperature=1.5, n=40)
    rows = generate(model, ids, 30, stop=[end], rng=np.random.default_rng(0), **options)
    assert set(rows.finish_reasons) == {"stop", "length"}
    texts = [response_text(tokenizer, new) for new in rows.ids]
    rng = np.random.default_rng(0)
    assert respond(model, tokenizer, ["low 12?"], 30, rng=rng, **options) == texts


# --- scoring and evaluation -----------------------------------------------------------------------


def test_likelihood_of_texts_is_that_of_their_tokens(either):
    model, tokenizer = either
    expected = [-sequence_logprob(model, ids) for ids in ids_of(tokenizer)]
    assert surprise(model, tokenizer, PROMPTS).nats == pytest.approx(expected, rel=1e-4)
    answers = answer_logprobs(model, tokenizer, ["low"] * 2, [" low", " b"])
    start = ids_of(tokenizer, ["low"])[0]
    for answer, logprob in zip((" low", " b"), answers):
        ids = start + tokenizer.encode(answer)
        assert logprob == pytest.approx(sequence_logprob(model, ids, len(start)), rel=1e-4)


def test_completions_are_greedy_and_end_before_a_stop(either):
    model, tokenizer = either
    ids = ids_of(tokenizer)[:1]
    end = tokenizer.special_tokens[END_OF_TEXT]
    (new,) = generate(model, ids, 8, temperature=0, stop=[end]).ids
    text = tokenizer.decode(i for i in new if i != end)
    stop = text[3]
    assert complete(model, tokenizer, PROMPTS[:1], 8, stop=[stop]) == [text.partition(stop)[0]]


def test_next_tokens_are_the_most_likely_ones(either):
    model, tokenizer = either
    (found,) = next_tokens(model, tokenizer, "low", 1)
    new = generate(model, ids_of(tokenizer)[:1], 1, temperature=0)
    assert found[0] == tokenizer.decode(new.ids[0])
    assert np.log(found[1]) == pytest.approx(new.logprobs[0][0], abs=1e-4)


# --- interpretability -----------------------------------------------------------------------------


def test_jobs_of_heads_are_found_in_the_attention_weights(either):
    model, _ = either
    ids = repeated_sequences(2, 5, range(3, 100))
    weights = np.stack(model.attention_weights(torch.from_numpy(ids)))
    assert weights.shape == (model.config.n_layers, 2, model.config.n_heads, 10, 10)
    assert set(find_jobs(weights, ids, least=0.0)) == {
        (layer, head)
        for layer in range(model.config.n_layers)
        for head in range(model.config.n_heads)
    }


def test_queries_and_keys_are_what_the_attention_weights_come_from(either):
    model, tokenizer = either
    (ids,) = ids_of(tokenizer, ["low 12 slow"])
    row, d = torch.tensor([ids, ids[::-1]]), model.config.d_head
    later = torch.ones(len(ids), len(ids), dtype=torch.bool).triu(1)
    for (q, k), weights in zip(model.queries_and_keys(row), model.attention_weights(row)):
        scores = (q @ k.transpose(-1, -2) / d**0.5).masked_fill(later, -torch.inf)
        torch.testing.assert_close(scores.softmax(dim=-1), weights, rtol=1e-4, atol=1e-5)
    assert not any(module._forward_hooks for module in model.modules())


def test_attention_explorer_shows_the_weights_of_the_heads(either):
    model, tokenizer = either
    explorer = AttentionExplorer.of(model, tokenizer, ["low 12 slow", "a b"], layer=0, head=1)
    weights = model.attention_weights(torch.tensor([tokenizer.encode("low 12 slow")]))[0][0, 1]
    np.testing.assert_allclose(explorer.weights, weights, atol=1e-4)


@torch.no_grad()
def test_ablating_a_head_is_zeroing_its_part_of_the_output_projection(either):
    model, tokenizer = either
    (ids,), head, layer = ids_of(tokenizer, ["low 12 slow"]), 1, model.config.n_layers - 1
    row = torch.tensor([ids])
    before = model(row)[0]
    with without_head(model, layer, head):
        ablated = model(row)[0]
        new = [generate(model, ids, 8, temperature=0, engine=e).ids for e in ("auto", "uncached")]
    assert new[0] == new[1]
    assert torch.equal(model(row)[0], before)
    weight = model.output_projection(layer).weight  # a Llama's is (out, in), a GPT's (in, out)
    inputs = weight.T if isinstance(model, Llama) else weight
    inputs[head * model.config.d_head : (head + 1) * model.config.d_head] = 0
    torch.testing.assert_close(model(row)[0], ablated, rtol=1e-4, atol=1e-5)
    assert (before - ablated).abs().max() > 0.01


# --- training -------------------------------------------------------------------------------------


def test_finetuning_lowers_the_loss_of_the_responses(either):
    model, tokenizer = either
    before = response_loss(model, tokenizer, PAIRS)
    run = finetune(model, tokenizer, PAIRS, n_steps=12, batch_size=3, progress=False)
    assert run.losses[0] == pytest.approx(before, rel=1e-4)
    assert response_loss(model, tokenizer, PAIRS) < before - 0.1
    assert not model.training


def test_dpo_prefers_what_was_chosen(either):
    model, tokenizer = either
    kind = tiny_chat.tiny_model if tokenizer is tiny_chat.TOKENIZER else tiny_llama.random_llama
    reference, pairs = kind(), tiny_chat.COMPARISONS
    before = weights_of(reference)
    data = encode_comparisons(model, tokenizer, pairs)
    run = dpo(model, reference, tokenizer, pairs, n_steps=6, learning_rate=1e-3, progress=False)
    assert run["loss"][0] == pytest.approx(np.log(2))
    margins = evaluate_response_logprobs(model, data) - evaluate_response_logprobs(reference, data)
    assert (margins[0::2] - margins[1::2]).mean() > 0.1
    assert not changed(reference, before)
