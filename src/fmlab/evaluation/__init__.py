"""How good a model is: likelihood of text, graded answers, and the uncertainty of both."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "statistics": [
            "Mean",
            "Rate",
            "RateDifference",
            "cohen_kappa",
            "poisson_interval",
            "rank_correlation",
            "t_quantile",
            "wilson_interval",
        ],
        "agreement": ["Agreement"],
        "calibration": ["Bin", "expected_calibration_error", "reliability"],
        "consistency": [
            "PERTURBATIONS",
            "changed",
            "named_values",
            "other_words",
            "perturb",
            "swap_letters",
        ],
        "likelihood": [
            "Surprise",
            "answer_logprobs",
            "bits_per_byte",
            "loss_per_token",
            "perplexity",
            "surprise",
        ],
        "outcomes": ["OUTCOMES", "Outcome", "Outcomes", "RepeatedOutcomes", "mean_of_runs"],
        "questions": [
            "ask",
            "assertion_rate",
            "chance",
            "complete",
            "exercise_accuracy",
            "hallucination_rate",
            "is_solved",
            "question_accuracy",
        ],
        "selection": ["selected_by_majority", "selected_by_score"],
        "responses": ["Grades", "answer_rate", "answered", "grade"],
        "versions": ["set_version"],
    },
)
