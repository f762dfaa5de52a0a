"""Constrained decoding: from a regular expression or a JSON Schema to the tokens allowed next."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "expressions": ["Expression", "choice", "literal", "repeat", "sequence"],
        "regex": ["regex"],
        "json_schema": ["json_schema"],
        "automaton": ["Automaton"],
        "vocabulary": ["Vocabulary"],
        "constraint": ["Constraint"],
        "distribution": ["Output", "log_weights", "outputs"],
    },
)
