"""What models cost, and how their loss falls with size and data."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "costs": [
            "count_parameters",
            "forward_flops",
            "inference_flops",
            "kv_cache_bytes",
            "parameter_parts",
            "peak_flops",
            "training_flops",
            "utilization",
            "weight_bytes",
        ],
        "laws": ["BESIROGLU", "HOFFMANN", "LossLaw", "chinchilla_optimal", "fit_power_law"],
        "planning": [
            "PEAKS",
            "break_even_tokens",
            "tokens_for_loss",
            "training_cost",
            "training_energy",
            "training_seconds",
            "year_reached",
        ],
        "prices": ["LIST_PRICES", "ListPrice", "cheapest", "monthly_cost", "price_history"],
        "published": ["PUBLISHED_MODELS", "PublishedModel"],
    },
)
