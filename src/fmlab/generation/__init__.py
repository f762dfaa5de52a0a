"""Text generation: sampling, beam search, chat, and the inference engines behind them."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "decoding": ["Generated", "TokenStep", "generate", "stream"],
        "engines": ["ENGINES"],
        "search": ["beam_search", "likely_continuations"],
        "chat": ["respond"],
    },
)
