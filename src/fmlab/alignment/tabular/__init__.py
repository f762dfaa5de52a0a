"""Preference finetuning with a known optimum: a task so small that all responses can be listed."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submodules=["algorithms", "exact"],
    submod_attrs={"policy": ["TabularPolicy", "Task"]},
)
