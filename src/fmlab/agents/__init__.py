"""A small agent: a model that calls a look-up tool in a loop, and what goes wrong in it."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "tools": ["LookUp", "OtherRecord", "no_tool"],
        "questions": [
            "KINDS",
            "TRAINED",
            "UNSEEN",
            "Task",
            "in_plain_form",
            "one_fact_tasks",
            "plain_kinds",
            "plain_tasks",
            "two_fact_tasks",
        ],
        "loop": ["State", "model_policy", "program_policy", "run_agent"],
        "failures": ["OUTCOMES", "count_outcomes", "outcome"],
        "training": ["demonstrations", "finetune_agent", "split_plain_kinds"],
    },
)
