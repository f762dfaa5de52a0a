"""The nulls of the chapter on model size."""

import copy
from dataclasses import replace

import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

from fmlab import models, scaling
from fmlab.experiments import (
    inverse_scaling,
    isoflop,
    model_collapse,
    results,
    scaling_lab,
    width_transfer,
)
from fmlab.models import ExpertMLP, LlamaConfig
from tests.notebooks.nulls.records import change_record, change_results
from tests.notebooks.nulls.registry import null


@null("opening")
def every_model_follows_the_rule(namespace, patch):
    """Every model read 20 tokens per parameter."""
    same = [replace(model, n_tokens=20 * model.active) for model in scaling.PUBLISHED_MODELS]
    patch(scaling, "PUBLISHED_MODELS", same)


@null("opening")
def only_the_smallest_model_read_more(namespace, patch):
    """Every model but the smallest read as many tokens as GPT-3."""
    models = scaling.PUBLISHED_MODELS
    less = [replace(m, n_tokens=3e11) if m.active > 1e9 else m for m in models]
    patch(scaling, "PUBLISHED_MODELS", less)


# --- the three numbers ----------------------------------------------------------------------------


@null("parameter-count")
def a_tied_matrix_counts_twice(namespace, patch):
    """The embedding is counted twice in models that use it as the output layer, too."""
    count = scaling.count_parameters

    def twice(config):
        tied = not isinstance(config, LlamaConfig) or config.tied
        return count(config) + tied * config.vocab_size * config.d_model

    patch(scaling, "count_parameters", twice)


@null("parameter-count")
def bits_are_taken_for_bytes(namespace, patch):
    """The number of bits per parameter is taken for the number of bytes."""
    patch(scaling, "weight_bytes", lambda n_params, bits: n_params * bits)


@null("sparsity")
def every_token_uses_every_expert(namespace, patch):
    """All experts process all tokens, and their outputs are averaged."""

    def forward(self, x):
        return sum(expert(x) for expert in self.experts) / len(self.experts)

    patch(ExpertMLP, "forward", forward)


@null("sparsity")
def random_weights_are_set_to_zero(namespace, patch):
    """Random weights are set to zero instead of the smallest ones."""
    generator = torch.Generator().manual_seed(0)
    for share in (0.3, 0.8):
        model, tokenizer = models.load("micro")
        with torch.no_grad():
            for weight in model.parameters():
                if weight.dim() == 2:
                    weight[torch.rand(weight.shape, generator=generator) < share] = 0
        loss = namespace["loss_per_token"](model, tokenizer, namespace["texts"])
        namespace["losses"][share] = loss


@null("sparsity")
def the_losses_belong_to_other_kinds(namespace, patch):
    """The losses of the dense models and of the balanced mixtures are exchanged."""
    read = results.read

    def exchanged(which):
        record = copy.deepcopy(read(which))
        other = {"dense": "balanced", "balanced": "dense"}
        losses = {(r["kind"], r["steps"], r["seed"]): r["loss"] for r in record["runs"]}
        for run in record["runs"]:
            kind = other.get(run["kind"], run["kind"])
            run["loss"] = losses[kind, run["steps"], run["seed"]]
        return record

    patch(results, "read", exchanged)


@null("sparsity")
def routing_by_position_is_as_good(namespace, patch):
    """A mixture that chooses experts by position ends with the losses of the balanced one."""

    def change(record):
        key = ("steps", "seed")
        balanced = {tuple(r[k] for k in key): r for r in record["runs"] if r["kind"] == "balanced"}
        for run in record["runs"]:
            if run["kind"] == "by position":
                run["loss"] = balanced[run["steps"], run["seed"]]["loss"]

    change_results(patch, "mixture_of_experts", change)


@null("dataset-size-tokens")
def both_datasets_have_the_same_register(namespace, patch):
    """Both datasets contain documents of the same kind."""
    world = namespace["world"]
    documents = world.documents
    patch(world, "documents", lambda n, *kinds, **options: documents(n, "stories", **options))


@null("training-tokens-vs-dataset")
def every_document_was_read_once(namespace, patch):
    """Training read every token of the dataset once."""
    card = models.card

    def once(name):
        found = dict(card(name))
        found["tokens"] = found.get("corpus_tokens", 0)
        return found

    patch(models, "card", once)


@null("flop")
def only_the_forward_pass_is_counted(namespace, patch):
    """The work of the backward pass is left out."""
    total = FlopCounterMode.get_total_flops
    patch(FlopCounterMode, "get_total_flops", lambda self: total(self) // 3)


@null("flop")
def a_multiplication_and_addition_count_once(namespace, patch):
    """A multiplication with its addition counts as one FLOP."""
    rule = scaling.training_flops
    patch(scaling, "training_flops", lambda *given: rule(*given) / 2)


@null("flop")
def work_is_taken_for_speed(namespace, patch):
    """A peak in FLOP/s is taken for FLOPs, so that time does not depend on the accelerators."""
    patch(scaling, "training_seconds", lambda flops, n, peak, utilization: flops / peak)


@null("utilization")
def the_peak_is_work_and_not_speed(namespace, patch):
    """The peak is the work of one product, not its speed."""
    namespace["peak"] = 2.0 * 1024**3
    namespace["peak_flops"] = lambda precision: 2.0 * 1024**3


@null("utilization")
def the_work_of_one_row_is_counted(namespace, patch):
    """The work of one token is counted, and the time of a whole batch is taken."""
    flops = namespace["forward_flops"]
    namespace["forward_flops"] = lambda config, n, batch=1: flops(config, 1)


@null("three-numbers")
def tokens_are_taken_for_characters(namespace, patch):
    """Tokens are counted as words of a text with three quarters of a word per token."""
    fake = [copy.copy(model) for model in namespace["PUBLISHED_MODELS"]]
    for model in fake:
        object.__setattr__(model, "n_tokens", 0.75 * model.n_tokens)
    namespace["PUBLISHED_MODELS"] = fake


# --- quantization ---------------------------------------------------------------------------------


@null("quantization")
def every_scale_is_that_of_the_tensor(namespace, patch):
    """Rows and groups share one scale, whatever is asked for."""
    added = namespace["quantized_losses"]
    for bits, by in added:
        if (bits, "tensor") in added:
            added[bits, by] = added[bits, "tensor"]


@null("quantization")
def nothing_is_rounded(namespace, patch):
    """The weights stay as they are."""
    same = namespace["losses"][0.0]
    added = namespace["quantized_losses"]
    for key, (stored, error, _) in added.items():
        added[key] = (stored, error, same)


@null("quantization")
def the_minimum_is_forgotten(namespace, patch):
    """The book's reader adds no minimum to the weights of a block."""
    reader = models.dequantize

    def without(data, kind, shape):
        found = reader(data, kind, shape)
        return found - found.reshape(-1, 32).min(axis=1).repeat(32).reshape(shape)

    patch(models, "dequantize", without)


@null("quantization")
def the_cruder_rounding_does_nothing(namespace, patch):
    """The weights of the real model stay as they are."""
    namespace["quantize_model"] = lambda model, bits, by: 16.0


# --- size and data --------------------------------------------------------------------------------


@null("inverse-scaling")
def both_models_answer_alike(namespace, patch):
    """The larger model answers from memory exactly where the smaller one does."""

    def change(record):
        record["models"]["small"]["memory"] = record["models"]["micro"]["memory"]

    change_record(namespace, "inverse_scaling", change)


@null("inverse-scaling")
def memory_is_independent_of_what_is_known(namespace, patch):
    """The exercises that a model answers from memory are random ones."""

    def change(record):
        rng = np.random.default_rng(0)
        for found in record["models"].values():
            wrong = sorted(set(range(record["n"])) - set(found["passage"]))
            found["memory"] = rng.permutation(wrong)[: len(found["memory"])].tolist()

    change_record(namespace, "inverse_scaling", change)


@null("inverse-scaling")
def the_live_model_never_learned(namespace, patch):
    """The model that answers again is the smallest one."""
    outcomes = inverse_scaling.outcomes
    patch(inverse_scaling, "outcomes", lambda name, given: outcomes("nano", given))


@null("chinchilla")
def the_constants_are_those_in_print(namespace, patch):
    """The constants of the formula are those that were published first."""
    namespace["BESIROGLU"] = namespace["HOFFMANN"]


@null("chinchilla")
def the_budget_makes_no_difference(namespace, patch):
    """Losses are shuffled over the sizes of a budget, and the exponents are fitted to them."""

    def change(record):
        rng = np.random.default_rng(1)
        for budget in isoflop.BUDGETS:
            points = [p for p in record["points"] if p["budget"] == budget]
            losses = [p["loss"] for p in points]
            for point, loss in zip(points, rng.permutation(losses)):
                point["loss"] = float(loss)
        record.update(isoflop.fit(record["points"]))

    change_record(namespace, "isoflop", change)


@null("chinchilla")
def the_live_model_is_not_trained(namespace, patch):
    """The model that is trained again keeps its random weights."""
    patch(scaling_lab, "train", lambda *given, **options: None)


@null("smaller-is-used", before="use-small-2")
def use_costs_nothing(namespace, patch):
    """The cost of use is left out, so a smaller model never pays back its longer training."""
    patch(scaling, "break_even_tokens", lambda larger, smaller: 1e30)


@null("smaller-is-used", before="use-small-2")
def a_smaller_model_needs_no_more_tokens(namespace, patch):
    """A model of half the size reaches the same loss with as many tokens."""
    large = scaling.chinchilla_optimal(1e23, namespace["BESIROGLU"])
    patch(scaling, "tokens_for_loss", lambda fit, loss, n_params: large[1])


@null("scaling-bottlenecks")
def the_stock_is_exhausted_linearly(namespace, patch):
    """Demand grows by the same amount every year."""
    namespace["year_reached"] = lambda year, amount, growth, limit: year + limit / amount / growth


@null("scaling-bottlenecks")
def generated_text_is_as_good_as_real(namespace, patch):
    """Training on generated text gives the losses of training on real text."""

    def change(record):
        lines = {(x["source"], x["seed"]): x for x in record["lines"]}
        for (source, seed), line in lines.items():
            if source == "generated":
                line["loss"] = lines["real", seed]["loss"]

    change_record(namespace, "model_collapse", change)


@null("scaling-bottlenecks")
def generated_text_is_worth_nothing(namespace, patch):
    """Mixed text gives the losses of its real half alone."""

    def change(record):
        half = record["n_characters"] // 2
        for line in record["lines"]:
            if line["source"] == "mixed":
                alone, _ = model_collapse.learn(model_collapse.real_text(line["seed"])[:half], 0)
                rise = [1 - 4.0**-g for g in range(len(line["loss"]))]
                line["loss"] = [line["loss"][0] + r * (alone - line["loss"][0]) for r in rise]

    change_record(namespace, "model_collapse", change)


@null("scaling-bottlenecks")
def the_model_copies_its_text(namespace, patch):
    """The model writes its training text again, word for word."""
    patch(model_collapse, "write_ngrams", lambda text, n, seed: text[:n])


@null("hyperparameter", before="hyper-2")
def both_rules_are_the_standard_rule(namespace, patch):
    """The width-aware rule gives the losses of the standard rule."""

    def change(record):
        runs = [run for run in record["runs"] if run["rule"] == "standard"]
        record["runs"] = runs + [run | {"rule": "width-aware"} for run in runs]

    change_record(namespace, "width_transfer", change)


@null("hyperparameter")
def the_learning_rate_is_always_the_same(namespace, patch):
    """All runs of the live sweep have the same learning rate."""
    train = width_transfer.train_model
    patch(width_transfer, "train_model", lambda w, rule, rate, seed: train(w, rule, 0.0025, seed))
