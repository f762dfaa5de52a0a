"""Automatic checks of the exercises, by chapter. Errors say what is wrong and which section helps.

``controls`` and ``rates`` check the exercises on evidence, of several chapters. ``material`` has
what answers may use: data to work on. A label at the end of a message, such as #kv-cache, is the
last part of the address of the section that helps.

>>> from fmlab import checks
>>> checks.tokenization.toy().encode("the")
[258]
"""

import lazy_loader

from fmlab.checks.empty_answers import explain_in_notebooks

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submodules=[
        "ai_engineering",
        "ai_stack",
        "attention",
        "bug_hunts",
        "chain",
        "controls",
        "foundation_models",
        "labels",
        "material",
        "model_size",
        "language_models",
        "planning",
        "policy_gradients",
        "preference_finetuning",
        "probabilistic_nature",
        "rates",
        "sampling",
        "self_check",
        "structured_outputs",
        "supervised_finetuning",
        "test_time_compute",
        "tokenization",
        "training_data",
        "windows",
    ],
)

explain_in_notebooks()
