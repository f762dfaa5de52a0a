"""The nulls of the self-check."""

import numpy as np
import torch
from torch import nn

from tests.notebooks.nulls.registry import null


@null("prerequisites-probability", before="distributions-7")
def all_tokens_are_equally_likely(namespace, patch):
    """Samples ignore the probabilities: all tokens are equally likely."""
    namespace["sample"] = lambda p, n, seed: np.random.default_rng(seed).integers(len(p), size=n)


@null("prerequisites-probability")
def seed_is_ignored(namespace, patch):
    """The random numbers do not depend on the seed."""
    rng = np.random.default_rng(0)
    namespace["sample"] = lambda p, n, seed: rng.choice(len(p), size=n, p=p)


@null("prerequisites-ml")
def labels_are_other_tokens(namespace, patch):
    """The label of each position is a token from somewhere else in the text."""
    contexts, labels = zip(*namespace["pairs"])
    order = np.random.default_rng(0).permutation(len(labels))
    namespace["pairs"] = [(context, labels[i]) for context, i in zip(contexts, order)]


@null("prerequisites-ml")
def loss_is_the_absolute_error(namespace, patch):
    """The loss grows with the error of the probability, not with its logarithm."""
    patch(np, "log", lambda p: p - 1)


class Identity(torch.autograd.Function):
    """The hyperbolic tangent, with the slope of a straight line."""

    @staticmethod
    def forward(context, x):
        return x.tanh()

    @staticmethod
    def backward(context, gradient):
        return gradient


@null("prerequisites-ml")
def chain_rule_skips_a_layer(namespace, patch):
    """Backpropagation leaves out the slope of the nonlinear layer."""
    patch(nn.Tanh, "forward", lambda self, x: Identity.apply(x))


class Noiseless:
    """Random numbers, except that the normal ones are all 0."""

    def __init__(self, seed):
        self.uniform = np.random.Generator(np.random.PCG64(seed)).uniform

    def normal(self, mean, deviation, size):
        return np.zeros(size)


@null("prerequisites-ml")
def data_contain_no_noise(namespace, patch):
    """The points lie exactly on the smooth curve."""
    patch(np.random, "default_rng", Noiseless)


@null("prerequisites-architectures", before="architectures-16")
def transformer_sees_the_future(namespace, patch):
    """The transformer has no mask."""
    namespace["mask"] = None


@null("prerequisites-architectures", before="architectures-16")
def state_is_forgotten(namespace, patch):
    """The recurrent network starts from an empty state at every position."""
    namespace["forward"]["recurrent"] = lambda net, x: net(x.transpose(0, 1))[0].transpose(0, 1)


@null("prerequisites-architectures", before="architectures-16")
def recurrent_weights_start_at_the_identity(namespace, patch):
    """The recurrent network starts out copying its state, so the first token is not forgotten."""

    def recurrent(seed):
        torch.manual_seed(seed)
        net = nn.RNN(16, 16, nonlinearity="relu", batch_first=True)
        nn.init.eye_(net.weight_hh_l0)
        return net

    namespace["recurrent"] = recurrent


@null("prerequisites-metrics")
def precision_and_recall_are_swapped(namespace, patch):
    """Precision and recall are mixed up."""
    by_hand = namespace["by_hand"]

    def swapped(truth, guess):
        accuracy, precision, recall, f1 = by_hand(truth, guess)
        return accuracy, recall, precision, f1

    namespace["by_hand"] = swapped


@null("prerequisites-metrics")
def cosine_is_a_dot_product(namespace, patch):
    """The vectors are not divided by their lengths."""
    namespace["cosine"] = lambda a, b: a @ b


@null("prerequisites-metrics")
def softmax_is_over_the_examples(namespace, patch):
    """Probabilities sum to 1 over the examples instead of over the classes."""

    def over_examples(logits, truth):
        p = np.exp(logits) / np.exp(logits).sum(axis=0, keepdims=True)
        return -np.log(p[np.arange(len(truth)), truth]).mean()

    namespace["cross_entropy"] = over_examples


@null("classical-algorithms", before="classical-14")
def language_model_has_one_answer(namespace, patch):
    """The language model continues every review with the same words."""
    namespace["continuations"] = namespace["continuations"][:1] * 100


@null("classical-algorithms", before="classical-5")
def clusters_are_random(namespace, patch):
    """Clustering assigns the reviews at random."""
    rng = np.random.default_rng(0)
    namespace["k_means"] = lambda X, k, seed: (1.0, rng.integers(k, size=len(X)))


@null("classical-algorithms", before="classical-8")
def labels_make_no_difference(namespace, patch):
    """The labels that the classifiers are trained on are already shuffled."""
    rows, labels = namespace["train_rows"], namespace["positive"]
    labels[rows] = np.random.default_rng(1).permutation(labels[rows])


@null("classical-algorithms", before="classical-11")
def ratings_are_filled_with_the_mean(namespace, patch):
    """Collaborative filtering predicts the mean rating everywhere."""
    namespace["factorize"] = lambda ratings, known: np.full(ratings.shape, ratings[known].mean())


@null("metrics-explorer")
def labels_belong_to_other_reviews(namespace, patch):
    """The labels belong to other reviews, so that the words say nothing about them."""
    namespace["labels"] = np.random.default_rng(0).permutation(namespace["labels"])


@null("metrics-explorer")
def twenty_labels_are_enough(namespace, patch):
    """The filter learns from all reviews, and is more accurate than the constant answer."""
    fit, X = namespace["logistic_regression"], namespace["X"]
    is_bad = (namespace["labels"] == "negative").astype(float)
    namespace["logistic_regression"] = lambda features, labels: fit(X, is_bad)
