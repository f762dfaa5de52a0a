"""The nulls of the chapter on planning."""

import numpy as np

from fmlab import evaluation, planning
from tests.notebooks.nulls.records import change_results
from tests.notebooks.nulls.registry import null


def change_inputs(namespace, name, change):
    """Let the chapter evaluate a model with some inputs replaced."""
    evaluate = namespace["evaluate"]

    def changed(which, **settings):
        if which == name:
            settings |= change(planning.defaults(name) | settings)
        return evaluate(which, **settings)

    namespace["evaluate"] = changed


def change_outputs(namespace, name, change):
    """Let the chapter get other outputs of a model."""
    evaluate = namespace["evaluate"]

    def changed(which, **settings):
        found = evaluate(which, **settings)
        return found | change(found, settings) if which == name else found

    namespace["evaluate"] = changed


# --- waiting --------------------------------------------------------------------------------------


@null("use-case-evaluation", before="waiting-4")
def success_is_left_out(namespace, patch):
    """The break-even probability is computed as if the project could not fail."""

    def change(found, settings):
        return {"break_even_success": found["break_even_success"] * 0.6}

    change_outputs(namespace, "waiting", change)


@null("use-case-evaluation", before="waiting-4")
def two_risks_are_left_out(namespace, patch):
    """Only competitors are counted, and not missed profit or a late start."""
    change_inputs(namespace, "waiting", lambda s: {"p_missed": 0.0, "p_late": 0.0})


@null("use-case-evaluation", before="waiting-8")
def grades_are_as_good_as_expected_losses(namespace, patch):
    """Added grades put the ideas into the same order as expected losses."""
    patch(planning, "ordinal_score", lambda p, losses, largest, **how: float(np.dot(p, losses)))


@null("use-case-evaluation", before="waiting-9")
def the_late_start_costs_most(namespace, patch):
    """The value depends most on the cost of starting late."""
    rows = namespace["sensitivity"]("waiting")
    namespace["sensitivity"] = lambda name: rows[::-1]


# --- role -----------------------------------------------------------------------------------------


@null("role-of-ai", before="role-3")
def the_fallback_is_ignored(namespace, patch):
    """The bar of a complementary feature is that of a critical one."""
    change_inputs(namespace, "role", lambda s: {"recovered": 0.0})


@null("role-of-ai", before="role-3")
def drift_is_ignored(namespace, patch):
    """The accuracy at release leaves no room for what is lost until the next update."""
    change_outputs(namespace, "role", lambda found, s: {"at_release": found["quality_bar"]})


@null("role-of-ai", before="role-3")
def a_proactive_feature_has_no_time(namespace, patch):
    """A proactive result has the latency budget of a reactive one."""
    change_outputs(namespace, "role", lambda found, s: {"latency_budget": 2.5})


# --- automation -----------------------------------------------------------------------------------


@null("human-in-the-loop", before="levels-8")
def the_ranking_is_the_same_for_all_steps(namespace, patch):
    """If every input changes by a tenth, the order of the inputs stays as it is."""
    sensitivity = namespace["sensitivity"]
    namespace["order_by_tenths"] = lambda name: [changed for changed, *_ in sensitivity(name)]


@null("human-in-the-loop", before="levels-4")
def people_make_no_errors(namespace, patch):
    """The break-even accuracy is computed as if people were always right."""
    change_outputs(
        namespace, "automation", lambda found, s: {"break_even": found["break_even"] + 0.05}
    )


@null("human-in-the-loop", before="levels-4")
def reviews_catch_everything(namespace, patch):
    """The formula assumes that a review catches every wrong draft."""
    change_inputs(namespace, "automation", lambda s: {"caught": 1.0})


@null("human-in-the-loop", before="levels-8")
def every_request_is_the_same(namespace, patch):
    """The simulated model is as good on hard requests as on easy ones."""
    simulate = planning.simulate_levels

    def without_hard(n, seed, **settings):
        return simulate(n, seed, **settings | {"hard_accuracy": settings["easy_accuracy"]})

    patch(planning, "simulate_levels", without_hard)


@null("human-in-the-loop", before="levels-6")
def a_better_model_may_lose_a_level(namespace, patch):
    """The levels are taken in the opposite order as the model improves."""
    best = planning.cheapest
    levels = ("human", "crawl", "walk", "run")
    patch(planning, "cheapest", lambda costs: levels[3 - levels.index(best(costs))])


@null("human-in-the-loop", before="levels-6")
def one_level_is_always_the_cheapest(namespace, patch):
    """However good the model is, running it alone is called the cheapest."""
    patch(planning, "cheapest", lambda costs: "run")


# --- flywheel -------------------------------------------------------------------------------------


@null("defensibility", before="moat-3")
def data_adds_nothing(namespace, patch):
    """Use brings data, but data adds no quality."""
    path = planning.flywheel_path
    patch(planning, "flywheel_path", lambda **s: path(**s | {"data_gain": 0.0}))


@null("defensibility", before="moat-3")
def the_alternative_stays_as_it_is(namespace, patch):
    """The layer below never ships the feature."""
    path = planning.flywheel_path
    patch(planning, "flywheel_path", lambda **s: path(**s | {"outside_after": s["outside"]}))


@null("defensibility", before="moat-5")
def a_little_data_is_enough(namespace, patch):
    """The first users bring all the data that there is to gain."""
    path = planning.flywheel_path
    namespace["flywheel_path"] = lambda **s: path(**s | {"half_data": 1.0})


@null("defensibility", before="moat-5")
def the_threshold_forgets_the_data(namespace, patch):
    """The break-even retention does not depend on what data can add."""
    outcome = planning.flywheel
    namespace["flywheel"] = lambda **s: outcome(**s | {"data_gain": 0.0})


# --- usefulness -----------------------------------------------------------------------------------


@null("usefulness-threshold", before="useful-2")
def fixed_costs_are_left_out(namespace, patch):
    """The threshold is computed without the fixed costs."""

    def change(found, settings):
        s = planning.defaults("usefulness")
        return {"break_even": 1 - (s["saved"] - found["request_cost"]) / s["error_cost"]}

    change_outputs(namespace, "usefulness", change)


@null("usefulness-threshold", before="useful-6")
def verdicts_ignore_the_interval(namespace, patch):
    """A verdict compares the middle of the interval with the threshold."""
    judge = planning.verdict

    def by_the_middle(low, high, threshold):
        middle = (low + high) / 2
        return judge(middle, middle, threshold)

    patch(planning, "verdict", by_the_middle)


@null("usefulness-threshold", before="useful-8")
def all_minutes_are_alike(namespace, patch):
    """No minute is slow, so that averages of percentiles are nearly right."""
    rng = np.random.default_rng

    class Steady:
        def __init__(self, seed):
            self.rng = rng(seed)

        def random(self, n):
            return np.ones(n)

        def lognormal(self, mean, sigma):
            return self.rng.lognormal(mean, sigma)

    patch(np.random, "default_rng", lambda seed: Steady(seed) if seed == 0 else rng(seed))


@null("usefulness-threshold", before="useful-2")
def limits_are_not_compared(namespace, patch):
    """Every limit counts as met."""
    change_outputs(namespace, "usefulness", lambda found, s: {"met": 5.0})


# --- last mile ------------------------------------------------------------------------------------


@null("milestone-last-mile", before="mile-5")
def problems_are_equally_common(namespace, patch):
    """All kinds of problems are equally common."""
    change_inputs(namespace, "last_mile", lambda s: {"skew": 0.0})


@null("milestone-last-mile", before="mile-5")
def quality_rises_with_the_work(namespace, patch):
    """The number of fixes is proportional to the quality."""

    def linear(quality, kinds, skew):
        return round(quality * kinds)

    patch(planning, "fixes_needed", linear)
    namespace["fixes_needed"] = linear


@null("milestone-last-mile", before="mile-5")
def any_start_saves_the_same_fraction(namespace, patch):
    """A start at 60% saves 60% of the work."""

    def change(found, settings):
        return {"weeks": (1 - settings.get("start", 0.6)) * found["weeks_from_zero"]}

    change_outputs(namespace, "last_mile", change)


# --- maintenance ----------------------------------------------------------------------------------


@null("maintenance", before="swap-6")
def the_upgrade_is_the_same_model(namespace, patch):
    """The upgrade answers exactly as the model before."""
    runs = namespace["runs"]
    for prompt in namespace["PROMPTS"]:
        runs["small", prompt] = runs["micro", prompt]


@null("maintenance", before="swap-6")
def the_better_model_is_better_everywhere(namespace, patch):
    """The upgrade answers the chat as well as the form."""
    runs = namespace["runs"]
    chat = runs["small", "chat"] | {"right": runs["small", "form"]["right"]}
    runs["small", "chat"] = chat


@null("maintenance", before="swap-6")
def in_eight_bits_other_questions_are_right(namespace, patch):
    """The model in 8 bits gets as many questions right, but not the same ones."""
    runs, rng = namespace["runs"], np.random.default_rng(0)
    eight = dict(runs["micro, 8 bits", "form"])
    eight["right"] = [bool(ok) for ok in rng.permutation(eight["right"])]
    runs["micro, 8 bits", "form"] = eight


@null("maintenance", before="swap-6")
def no_wording_works(namespace, patch):
    """With the other wording of the chat, the upgrade is no better than the model before."""
    namespace["reworded"]["small"] = namespace["reworded"]["micro"]


@null("maintenance", before="swap-9")
def every_drop_is_an_alarm(namespace, patch):
    """A set raises an alarm if its mean is below 0, whatever its interval."""
    runs, rng = namespace["runs"], np.random.default_rng(0)
    right = [runs[name, "chat"]["right"] for name in ("micro", "micro, 4 bits")]
    d = np.subtract(*right, dtype=float)

    def alarms(n):
        samples = d[rng.integers(len(d), size=(2000, n))] * rng.choice([-1, 1], size=(2000, n))
        return float((samples.mean(axis=1) < 0).mean())

    namespace["power"][namespace["NULL"]] = [alarms(n) for n in namespace["SIZES"]]


@null("maintenance", before="swap-3")
def versions_are_ignored(namespace, patch):
    """Every evaluation set has the same version."""
    patch(evaluation, "set_version", lambda prompts, answers: "1")
    namespace["set_version"] = lambda prompts, answers: "1"


@null("maintenance", before="swap-10")
def growth_is_left_out(namespace, patch):
    """The bill follows the price alone."""
    compute = planning.drift

    def without_growth(found, settings):
        return compute(**planning.defaults("drift") | settings | {"growth": 0.0})

    change_outputs(namespace, "drift", without_growth)


@null("maintenance", before="swap-10")
def four_bits_change_nothing(namespace, patch):
    """The recorded answers of the real model in four bits are those of the model as it is."""

    def change(record):
        for variant in ("4 bits by group", "4 bits by row"):
            record["variants"][variant] = record["variants"]["as it is"]

    change_results(patch, "model_swap", change)
