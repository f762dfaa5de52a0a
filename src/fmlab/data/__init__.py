"""What models are trained on: corpora, dialogues, and the batches they are read in."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "corpora": ["python_docs", "read"],
        "packing": ["Batches"],
        "batching": ["IGNORED", "Order", "batches"],
        "dialogues": [
            "Dialogues",
            "Preference",
            "encode_comparisons",
            "encode_pairs",
            "prompt_ids",
            "reading",
            "response_ids",
            "response_text",
        ],
    },
)
