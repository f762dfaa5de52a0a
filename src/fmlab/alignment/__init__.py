"""Preference finetuning: reward models, DPO, PPO and best-of-N."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "annotation": [
            "choices",
            "choices_by_score",
            "compare",
            "compare_samples",
            "noise_ceiling",
        ],
        "reward_model": [
            "RewardModel",
            "bradley_terry_loss",
            "load_reward",
            "margins",
            "pair_accuracy",
            "train_reward_model",
        ],
        "kl": ["kl_k1", "kl_k2", "kl_k3"],
        "advantages": ["gae", "group_relative", "leave_one_out", "whiten"],
        "rollouts": ["Reward", "Rollout", "ValueHead", "roll_out"],
        "dpo": ["dpo", "dpo_loss", "implicit_rewards"],
        "ppo": ["PPOSettings", "clipped_policy_loss", "clipped_value_loss", "ppo"],
        "best_of_n": ["best_of_n", "expected_best"],
    },
)
