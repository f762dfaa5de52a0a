"""Interpretability: measure what attention heads attend to, and ablate them."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "heads": [
            "find_jobs",
            "first_token_score",
            "induction_score",
            "job_scores",
            "previous_token_score",
            "repeated_sequences",
            "same_token_score",
            "uniform_attention",
        ],
        "ablation": ["mean_head_outputs", "tokens_of", "without_head"],
    },
)
