"""Training data: corpora, dialogues, drawn pictures, batches of them, and keyword search."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "cleaning": [
            "Familiarity",
            "chance_of_candidate",
            "duplicates",
            "hash_numbers",
            "jaccard",
            "minhashes",
            "personal_data",
            "redact",
            "repeated_lines",
            "shingles",
            "similar_pairs",
            "without_lines",
        ],
        "corpora": ["python_docs", "read", "split_pages"],
        "pictures": [
            "COLORS",
            "HELD_OUT_PAIRS",
            "PAIRS",
            "SCENES",
            "SHAPES",
            "Captioned",
            "Scene",
            "captioned_pictures",
            "draw",
        ],
        "search": ["Search"],
        "mixtures": ["mix", "take"],
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
