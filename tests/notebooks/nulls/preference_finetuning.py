"""The nulls of the chapter on preference finetuning."""

import sys

import numpy as np

import fmlab.alignment.ppo  # noqa: F401  (the module; the room offers a function of this name)
from fmlab.alignment.reward_model import RewardModel
from fmlab.alignment.tabular import algorithms, exact
from fmlab.experiments import results
from tests.notebooks.nulls.registry import null


@null("token-level-vs-response-level")
def tuned_model_is_a_constant(namespace, patch):
    """The responses of *small-dpo* are the best constant."""
    grades = namespace["grades"]
    grades["small-dpo"] = grades["a constant"]


@null("comparison-data")
def everyone_uses_one_scale(namespace, patch):
    """All annotators use the scale of grades in the same way."""
    namespace["people"] = namespace["people"][:1] * 3


@null("reward-model")
def choices_are_coin_flips(namespace, patch):
    """The annotator chooses at random."""
    gaps = namespace["gaps"]
    signs = np.random.default_rng(0).choice([1.0, -1.0], size=(len(gaps), 1))
    namespace["gaps"] = gaps * signs


@null("reward-model")
def scores_are_random(namespace, patch):
    """The scores of the reward model are random numbers."""
    rng = np.random.default_rng(0)
    patch(RewardModel, "score", lambda self, tokenizer, prompts, texts: rng.normal(size=len(texts)))


@null("reward-model")
def scores_are_the_truth(namespace, patch):
    """The scores of the reward model are the true utility, so that it cannot be fooled."""
    utilities = namespace["lab"].utilities
    patch(RewardModel, "score", lambda self, tokenizer, *texts: utilities(*texts))


@null("reward-model-init")
def judges_flip_coins(namespace, patch):
    """Every judge ranks pairs by flipping a coin."""
    read, rng = results.read, np.random.default_rng(0)

    def read_coins(name):
        record = read(name)
        for point in record["points"]:
            point["right"] = int(rng.binomial(record["pairs"], 0.5))
        return record

    patch(results, "read", read_coins)


@null("reward-model-init")
def start_does_not_matter(namespace, patch):
    """Judges that start from random weights rank as many pairs correctly as pre-trained ones."""
    read = results.read

    def read_equal(name):
        record = read(name)
        right = {(p["judge"], p["seed"]): p["right"] for p in record["points"]}
        for point in record["points"]:
            size, _, is_random = point["judge"].partition(", ")
            if is_random:
                pre_trained = "small-sft" if size == "small" else size
                point["right"] = right[pre_trained, point["seed"]]
        return record

    patch(results, "read", read_equal)


@null("constant-policy")
def policy_does_not_collapse(namespace, patch):
    """PPO leaves *micro-sft* as it was."""
    rows = namespace["rows"]
    for name in rows:
        if "PPO" in name:
            rows[name] = rows["micro-sft"]


@null("constant-policy")
def finetuned_model_is_a_constant(namespace, patch):
    """*small-sft* gives the best constant to every prompt."""
    grades = namespace["grades"]
    grades["small-sft"] = grades["a constant"]


@null("kl-penalty")
def reward_has_the_wrong_sign(namespace, patch):
    """The optimum is computed for minus the reward."""
    optimum = exact.optimum
    patch(exact, "optimum", lambda p, rewards, beta: optimum(p, -np.asarray(rewards), beta))


@null("rlhf")
def samples_are_not_of_the_policy(namespace, patch):
    """The responses in the policy gradient are sampled uniformly instead of from the policy."""
    rng = np.random.default_rng(0)

    class Uniform:
        def choice(self, n, size, p):
            return rng.integers(n, size=size)

    patch(np.random, "default_rng", lambda seed: Uniform())


@null("rlhf")
def nothing_is_clipped(namespace, patch):
    """The objective of PPO has no clip."""

    def without_clip(logprobs, old_logprobs, advantages, mask=None, clip=0.2):
        return -((logprobs - old_logprobs).exp() * advantages).mean()

    patch(sys.modules["fmlab.alignment.ppo"], "clipped_policy_loss", without_clip)


@null("rlhf")
def advantages_have_the_wrong_sign(namespace, patch):
    """The advantages on the toy are those of a reward with the wrong sign."""
    gae = algorithms.gae
    patch(algorithms, "gae", lambda rewards, values, **options: gae(-rewards, values, **options))


@null("rlhf")
def policy_was_not_trained(namespace, patch):
    """PPO on *small-sft* takes no gradient steps."""
    patch(sys.modules["fmlab.alignment.ppo"], "update", lambda *arguments, **options: None)


@null("verifiable-rewards")
def checker_is_a_coin(namespace, patch):
    """The models trained with the checker are those trained on coin flips."""
    namespace["checked"] = namespace["chance"]


@null("dpo")
def loss_has_no_reference(namespace, patch):
    """The implicit reward on the toy leaves out the reference."""
    patch(algorithms, "implicit_rewards", lambda policy, reference, beta: beta * policy)


@null("dpo")
def labels_are_permuted(namespace, patch):
    """The held-out pairs are labeled by coin flips."""
    comparisons, rng = namespace["comparisons"], np.random.default_rng(0)

    def with_coin_flips(world, n, held_out=False, **options):
        pairs = comparisons(world, n, held_out=held_out, **options)
        if not held_out:
            return pairs
        return [exchanged(c) if rng.random() < 0.5 else c for c in pairs]

    def exchanged(c):
        return type(c)(
            c.prompt, c.rejected, c.chosen, c.annotator, c.utility_rejected, c.utility_chosen
        )

    namespace["comparisons"] = with_coin_flips


@null("best-of-n")
def first_is_returned(namespace, patch):
    """The first of N samples is returned instead of the best."""
    patch(exact, "best_of_n", lambda reference, rewards, n: np.asarray(reference))


@null("best-of-n")
def selection_does_not_help(namespace, patch):
    """Selecting by the reward model is no better than a single sample."""
    rows = [row for row in namespace["record"]["methods"]["rows"] if row["method"] == "best of n"]
    for row in rows:
        row["expected_utility"] = rows[0]["expected_utility"]


@null("reward-hacking")
def proxy_is_the_truth(namespace, patch):
    """The scores of the reward model are the true utility."""
    utilities = namespace["lab"].utilities
    patch(RewardModel, "score", lambda self, tokenizer, *texts: utilities(*texts))


@null("reward-hacking")
def truth_follows_the_proxy(namespace, patch):
    """The true utility rises as long as the score rises."""
    for run in namespace["record"]["overoptimization"]["PPO"]:
        run["curve"]["true"] = run["curve"]["reward"]


@null("ai-feedback")
def judge_is_the_annotator(namespace, patch):
    """The judge model prefers what the annotator prefers."""
    feedback = namespace["record"]["ai_feedback"]
    feedback["prefers"]["model"] = feedback["prefers"]["annotator"]


@null("ai-feedback")
def bias_does_not_come_back(namespace, patch):
    """The models tuned on the judge's choices are as those tuned on the annotator's."""
    feedback = namespace["record"]["ai_feedback"]
    feedback["model"] = feedback["annotator"]


@null("ai-feedback")
def bias_is_not_the_cause(namespace, patch):
    """Without the pairs in which exactly one response abstains, nothing changes."""
    feedback = namespace["record"]["ai_feedback"]
    feedback["model without abstentions"] = feedback["model, as many pairs"]


@null("sft-vs-preference-vs-none")
def tuned_models_are_constants(namespace, patch):
    """All models tuned by DPO give the best constant to every prompt."""
    rows = namespace["by_method"]
    constant = rows[namespace["CONSTANTS"][2]][0]
    rows["DPO"] = [constant | {"seed": run["seed"]} for run in rows["DPO"]]


@null("sft-vs-preference-vs-none")
def program_does_as_well(namespace, patch):
    """The program with a threshold does as well as DPO, and no better."""
    grades = namespace["grades"]
    grades["base with a threshold"] = grades["small-dpo"]


@null("sft-vs-preference-vs-none")
def reward_model_is_as_good_as_the_truth(namespace, patch):
    """PPO with the reward model gains as much as PPO with the true utility."""
    rows = namespace["by_method"]
    rows["PPO"] = rows["PPO on the true utility"]


@null("sft-vs-preference-vs-none")
def pretraining_does_not_matter(namespace, patch):
    """The smaller pre-trained model does as well as the larger one, before and after PPO."""
    rows, less = namespace["by_method"], namespace["record"]["pretraining"]
    less["micro-sft"], less["micro-ppo"] = rows["SFT"][0], rows["PPO"]
