"""Training data: corpora, dialogues, and the batches in which models read them."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "corpora": ["python_docs", "read", "split_pages"],
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
