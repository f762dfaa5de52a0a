"""The widgets of the book: the same slider in JupyterLab, on Binder and on the plain page.

A widget is an `anywidget` whose JavaScript does the arithmetic of the picture, so that it needs no
kernel. Python holds the settings as traits (observe them, link them) and works out its own results.

>>> from fmlab.widgets import TokenizerExplorer
"""

from importlib import import_module

_MODULES = {
    "AttentionExplorer": "attention",
    "KLExplorer": "kl",
    "SamplingExplorer": "sampling",
    "TokenizerExplorer": "tokenizer",
}

__all__ = list(_MODULES)


def __getattr__(name: str) -> object:
    # Loaded when asked for: anywidget costs 0.3 s, and some widgets need more than others.
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
