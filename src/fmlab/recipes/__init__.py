"""How each model that comes with the book is made: ``python -m fmlab.recipes NAME``."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "data": [
            "ENDED",
            "ENDINGS",
            "OPENINGS",
            "SOURCE",
            "SOURCED",
            "comparisons",
            "demonstrations",
            "is_held_out",
            "preference_prompts",
            "prompts",
            "sft_pairs",
            "with_manners",
        ],
        "pretrain": ["LADDER", "Rung", "initial_spread", "train"],
        "preference": ["as_reward", "preference_pairs", "tune_dpo", "tune_ppo"],
        "thinking": ["follows", "is_right", "think"],
        "two_facts": ["TwoFacts", "two_fact_questions"],
        "make": ["RECIPES", "make"],
    },
)
