"""From logits to the next token: penalties, temperature, top-k, top-p, min-p, and sampling.

A language model outputs one number per vocabulary entry, the logits. This room turns them into
the next token.

The last axis of every array is the vocabulary (V); leading axes are independent rows (the penalties
take one row). Input may be float32 or integer and is never changed; arithmetic and results are
float64. A logit of -inf masks a token: its probability is 0, it is never sampled, and it stays at
-inf. Logits that are NaN or +inf, a row of only -inf, and V = 0 raise ``ValueError`` everywhere.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "distributions": ["entropy", "log_softmax", "softmax"],
        "truncation": ["keep_min_p", "keep_top_k", "keep_top_p", "restrict"],
        "penalties": [
            "Penalties",
            "frequency_penalty",
            "logit_bias",
            "presence_penalty",
            "repetition_penalty",
        ],
        "sampler": ["sample"],
    },
)
