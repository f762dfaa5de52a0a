"""Properties of fmlab.interpretability.heads: handmade heads score 1 for their own job only."""

import numpy as np
import pytest
import torch

from fmlab.interpretability.heads import (
    JOBS,
    find_jobs,
    first_token_score,
    induction_score,
    job_scores,
    previous_token_score,
    repeated_sequences,
    same_token_score,
    uniform_attention,
)
from fmlab.models.configs import GPTConfig
from fmlab.models.gpt import GPT

N = 6  # tokens before the repetition
IDS = repeated_sequences(5, length=N, tokens=range(100), seed=1)  # (5, 12)
T = 2 * N


def head(target_of):
    """Return weights (B, 1, T, T) of a head whose query i attends to position target_of(i) only."""
    weights = np.zeros((len(IDS), 1, T, T))
    for i in range(T):
        weights[:, 0, i, target_of(i)] = 1
    return weights


HANDMADE = {
    "previous token": head(lambda i: max(i - 1, 0)),
    "first token": head(lambda i: 0),
    "same token": head(lambda i: i - N if i >= N else i),
    "induction": head(lambda i: i - N + 1 if i >= N else i),
}


@pytest.mark.parametrize("job", JOBS)
def test_a_head_that_does_only_its_job_scores_one(job):
    assert JOBS[job](HANDMADE[job], IDS) == pytest.approx([1])


@pytest.mark.parametrize("job", JOBS)
@pytest.mark.parametrize("other", JOBS)
def test_a_head_with_another_job_scores_little(job, other):
    if job != other:
        assert JOBS[job](HANDMADE[other], IDS) < 0.2


def test_scores_are_fractions_of_attention():
    half = (HANDMADE["induction"] + HANDMADE["same token"]) / 2
    assert induction_score(half, IDS) == pytest.approx([0.5])
    assert same_token_score(half, IDS) == pytest.approx([0.5])


def test_earlier_occurrences_of_a_token_count_together():
    ids = [[7, 7, 8, 7]]
    weights = np.array([[[[1, 0, 0, 0], [0.4, 0.6, 0, 0], [0, 0, 1, 0], [0.1, 0.2, 0.3, 0.4]]]])
    assert same_token_score(weights, ids) == pytest.approx([(0.4 + 0.1 + 0.2) / 2])
    assert induction_score(weights, ids) == pytest.approx([0.2 + 0.3])  # only the last has a target


def test_a_token_repeated_at_once_has_no_induction_target():
    with pytest.raises(ValueError, match="some position has a target"):
        induction_score(uniform_attention(2), [[7, 7]])


@pytest.mark.parametrize(
    ("job", "expected"),
    [
        ("previous token", np.mean([1 / (i + 1) for i in range(1, T)])),
        ("first token", np.mean([1 / (i + 1) for i in range(1, T)])),
        ("same token", np.mean([1 / (i + 1) for i in range(N, T)])),
        ("induction", np.mean([1 / (i + 1) for i in range(N, T)])),
    ],
)
def test_chance_is_the_score_of_uniform_attention(job, expected):
    scores, chance = job_scores(HANDMADE[job], IDS)[job]
    assert chance == pytest.approx(expected)
    assert scores == pytest.approx([1])


def test_layers_come_as_a_list_of_tensors_or_as_one_array():
    config = GPTConfig(vocab_size=100, context_length=T, n_layers=3, n_heads=2, d_model=8)
    layers = GPT(config).attention_weights(torch.tensor(IDS))
    scores = induction_score(layers, IDS)
    assert scores.shape == (3, 2)
    assert scores == pytest.approx(induction_score(torch.stack(layers).numpy(), IDS))
    assert scores[1] == pytest.approx(induction_score(layers[1], IDS))


def test_an_untrained_model_is_at_chance():
    config = GPTConfig(vocab_size=100, context_length=T, n_layers=2, n_heads=2, d_model=16)
    jobs = job_scores(GPT(config).attention_weights(torch.tensor(IDS)), IDS)
    for scores, chance in jobs.values():
        assert scores == pytest.approx(np.full((2, 2), chance), abs=0.02)


def test_jobs_are_found_in_the_heads_that_do_them():
    idle = np.broadcast_to(uniform_attention(T), HANDMADE["induction"].shape)
    pairs = [("previous token", "induction"), ("first token", None)]
    layers = [
        np.concatenate([HANDMADE.get(job, idle) for job in jobs], axis=1) for jobs in pairs
    ]  # two layers of two heads
    assert find_jobs(layers, IDS) == {
        (0, 0): "previous token",
        (0, 1): "induction",
        (1, 0): "first token",
    }
    assert len(find_jobs(layers, IDS, least=0)) == 4


def test_a_head_gets_the_job_with_the_highest_score():
    mixed = 0.6 * HANDMADE["induction"] + 0.4 * HANDMADE["same token"]
    assert find_jobs(mixed[None], IDS, least=0.3) == {(0, 0): "induction"}


def test_repeated_sequences_have_each_token_exactly_twice():
    assert (IDS[:, :N] == IDS[:, N:]).all()
    assert all(len(set(row)) == N for row in IDS.tolist())
    assert len({tuple(row) for row in IDS.tolist()}) == len(IDS)


def test_repeated_sequences_use_the_given_tokens():
    ids = repeated_sequences(50, length=4, tokens=[3, 5, 7, 9, 9], first=0)
    assert ids.shape == (50, 9)
    assert (ids[:, 0] == 0).all()
    assert all(sorted(row) == [3, 5, 7, 9] for row in ids[:, 1:5].tolist())


def test_the_same_seed_gives_the_same_sequences():
    first, again, other = (
        repeated_sequences(2, 5, range(100), seed).tolist() for seed in (0, 0, 1)
    )
    assert first == again != other


@pytest.mark.parametrize(
    ("weights", "ids", "message"),
    [
        (np.ones((3, 3)), IDS, r"weights must be of shape \(..., B, H, T, T\); got \(3, 3\)"),
        (np.ones((1, 1, T, T)), IDS, "weights must be at least 0, rows summing to 1"),
        (HANDMADE["induction"], IDS[:, 1:], r"ids must be of shape \(5, 12\).* got \(5, 11\)"),
        (HANDMADE["induction"], IDS[:2], r"ids must be of shape \(5, 12\).* got \(2, 12\)"),
        (HANDMADE["induction"], IDS[0], r"ids must be integers of shape \(B, T\)"),
        (HANDMADE["induction"], IDS / 2, r"ids must be integers of shape \(B, T\)"),
        (uniform_attention(3), [[1, 2, 3]], "text in which some position has a target"),
    ],
)
def test_weights_and_ids_that_do_not_fit_are_refused(weights, ids, message):
    with pytest.raises(ValueError, match=message):
        induction_score(weights, ids)


@pytest.mark.parametrize("score", [previous_token_score, first_token_score])
def test_a_single_token_has_no_target(score):
    with pytest.raises(ValueError, match="some position has a target"):
        score(uniform_attention(1))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n": 0}, "n must be an integer >= 1"),
        ({"length": 0}, "length must be an integer >= 1"),
        ({"tokens": [1, 1, 2]}, "tokens must be at least 3 different ids; got 2"),
    ],
)
def test_impossible_sequences_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        repeated_sequences(**{"n": 2, "length": 3, "tokens": range(9), **options})


def test_find_jobs_needs_all_layers_and_a_score_in_0_to_1():
    with pytest.raises(ValueError, match=r"weights must be of shape \(L, B, H, T, T\)"):
        find_jobs(HANDMADE["induction"], IDS)
    with pytest.raises(ValueError, match="least must be a number in"):
        find_jobs(HANDMADE["induction"][None], IDS, least=2)
