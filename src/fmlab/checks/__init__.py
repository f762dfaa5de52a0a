"""Automatic checks of the exercises, by chapter. Errors say what is wrong and which section helps.

>>> from fmlab import checks
>>> checks.tokenization.toy().encode("the")
[258]
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submodules=[
        "attention",
        "policy_gradients",
        "preference_finetuning",
        "sampling",
        "supervised_finetuning",
        "tokenization",
    ],
)
