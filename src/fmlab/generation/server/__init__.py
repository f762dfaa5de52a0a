"""A server that speaks the OpenAI API: ``python -m fmlab.generation.server``.

A request passes through the modules in this order: ``app`` receives it, ``requests`` checks it,
``service`` finds the model and encodes the prompt, ``scheduler`` generates the tokens of all
running requests in one batch, ``text`` turns a choice's tokens into text, ``responses`` into JSON.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "app": ["make_app"],
        "errors": ["ApiError"],
        "scheduler": ["Scheduler"],
        "service": ["Service"],
    },
)
