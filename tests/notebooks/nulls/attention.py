"""Nulls of the chapter on attention."""

import contextlib
import functools
import types
from dataclasses import replace

import numpy as np
import torch

from fmlab import interpretability, scaling
from fmlab.experiments import reading_speed, rotary_gaps, seq2seq_copy
from fmlab.models import GPT, KVCache, Llama
from tests.notebooks.nulls.registry import null


@null("seq2seq", before="state-4")
def decoder_sees_every_state(namespace, patch):
    """The decoder gets all states of the encoder, not the last one only."""
    train = seq2seq_copy.train
    patch(seq2seq_copy, "train", lambda way, **settings: train("attention", **settings))


@null("seq2seq-sequential", before="steps-2")
def chain_is_cut(namespace, patch):
    """The recurrent network reads in a loop in which no position waits for another."""

    @functools.wraps(reading_speed.in_steps)
    def in_steps(x, w):
        return reading_speed.one_by_one(x, w)

    patch(reading_speed, "in_steps", in_steps)


@null("attention-fixes-bottleneck", before="back-2")
def weights_are_equal(namespace, patch):
    """The decoder gets all states of the encoder, with equal weights."""
    train = seq2seq_copy.train
    patch(seq2seq_copy, "train", lambda way, **settings: train("mean", **settings))


@null("attention-mechanism", before="hand-4")
def every_word_asks_the_same(namespace, patch):
    """The queries of all words are equal."""
    namespace["w_q"] = 0 * namespace["w_q"]


@null("causal-mask")
def model_has_no_mask(namespace, patch):
    """Each position of the model attends to the positions after it as well."""
    for block in namespace["model"].transformer.h:
        patch(block.attn, "causal", False)


@null("multi-head")
def one_head_only(namespace, patch):
    """The width is not cut into heads."""
    namespace["n_heads"] = 1


@null("multi-head")
def model_is_untrained(namespace, patch):
    """The heads are those of a model with random weights."""
    load = namespace["load"]

    def untrained(name):
        model, tokenizer = load(name)
        return GPT(model.config, seed=1).eval(), tokenizer

    namespace["load"] = untrained


@null("multi-head")
def attention_is_uniform(namespace, patch):
    """Every head attends equally to all positions that it may see."""

    def uniform(model, ids):
        weights = torch.tensor(interpretability.uniform_attention(ids.shape[1]))
        return model.config.n_layers * [weights.expand(len(ids), model.config.n_heads, -1, -1)]

    patch(GPT, "attention_weights", uniform)


@null("multi-head")
def ablation_changes_nothing(namespace, patch):
    """A head that is replaced by its average, or by zeros, is not missed."""
    without_head = contextlib.contextmanager(lambda model, *head, **how: (yield model))
    patch(interpretability, "without_head", without_head)


@null("transformer-block")
def no_mlp(namespace, patch):
    """The blocks have no MLP."""
    namespace["mlp"] = lambda x, name: 0 * x


@null("prefill-decode", before="decode-6")
def prompt_is_read_token_by_token(namespace, patch):
    """The prompt is read token by token, as the answer is written."""

    def pass_seconds(model, n_tokens):
        return sum(reading_speed.step_seconds(model, n_tokens, cache=True))

    patch(reading_speed, "pass_seconds", pass_seconds)


@null("kv-cache", before="cache-2")
def cache_forgets(namespace, patch):
    """The cache keeps the latest ten tokens only."""
    make = namespace["model"].make_cache

    def make_cache():
        cache = make()
        extend = cache.extend

        def forget(self, layer, k, v):
            return tuple(array[:, :, -10:] for array in extend(layer, k, v))

        cache.extend = types.MethodType(forget, cache)
        return cache

    patch(namespace["model"], "make_cache", make_cache)


@null("context-length", before="context-2")
def work_is_constant(namespace, patch):
    """A further token costs the same however many tokens there are before it."""
    patch(scaling, "forward_flops", lambda config, n_tokens, n_cached=0: 2_000_000)


@null("other-architectures")
def state_is_as_good_as_a_cache(namespace, patch):
    """The state keeps every pair, as the cache of attention does."""
    recalled = namespace["recalled"]
    namespace["recalled"] = lambda n, d, keep_all: recalled(n, d, keep_all=True)


@null("other-architectures")
def every_answer_counts_as_right(namespace, patch):
    """Whatever comes back counts as the value that was asked for."""
    namespace["nearest_is_right"] = lambda answers, v: np.ones(len(answers), dtype=bool)


@null("modern-block")
def norm_subtracts_the_mean(namespace, patch):
    """The assembled model normalizes as GPT-2 does."""
    rms_norm = namespace["rms_norm"]
    namespace["rms_norm"] = lambda x, name: rms_norm(x - x.mean(-1, keepdims=True), name)


@null("modern-block")
def heads_are_shared_in_another_order(namespace, patch):
    """Each query head uses the keys and values of another group."""
    namespace["share"] = lambda x: np.tile(x, (3, 1, 1))


@null("modern-block")
def texts_are_random_tokens(namespace, patch):
    """Nothing can be predicted in the texts, whatever parts the model has."""
    random_tokens = torch.Generator().manual_seed(0)
    size = (4, 65)
    texts = torch.randint(1000, 40_000, size, generator=random_tokens)
    patch(rotary_gaps, "halves", lambda tokenizer, passages, half: texts)


@null("rotary-positions")
def rotation_depends_on_the_square_of_the_position(namespace, patch):
    """The angle grows with the square of the position."""
    rotate = namespace["rotate"]
    namespace["rotate"] = lambda x, positions: rotate(x, np.square(positions))


@null("rotary-positions")
def far_positions_do_no_harm(namespace, patch):
    """The losses at the largest gap are those without a gap."""
    read, losses = namespace["results"].read, rotary_gaps.losses

    def without_gap(name):
        record = read(name)
        for kinds in record.get("bases", {}).values():
            for by_gap in kinds.values():
                by_gap["16384"] = by_gap["0"]
        return record

    patch(namespace["results"], "read", without_gap)
    patch(rotary_gaps, "losses", lambda model, ids, gap=0: losses(model, ids))


@null("grouped-query-cache")
def nothing_is_shared(namespace, patch):
    """The cache holds keys and values of its own for every query head."""

    def make_cache(model):
        config = model.config
        n_shared = config.n_heads // config.n_kv_heads
        cache = KVCache(replace(config, n_kv_heads=config.n_heads))
        extend = cache.extend

        def unshared(layer, k, v):
            copies = (each.repeat_interleave(n_shared, dim=1) for each in (k, v))
            return extend(layer, *copies)

        cache.extend = unshared
        return cache

    patch(Llama, "make_cache", make_cache)
