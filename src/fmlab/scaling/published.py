"""Published models in numbers: parameters, training tokens, and what their cache depends on."""

from __future__ import annotations

from dataclasses import dataclass

from fmlab.scaling.costs import training_flops


@dataclass(frozen=True)
class PublishedModel:
    """A model as its authors describe it.

    ``n_active`` parameters take part in the computation of a token; they are all unless the model
    is a mixture of experts. ``cite`` is the key of the source in the book's bibliography.
    """

    name: str
    year: int
    n_params: float
    n_tokens: float
    n_layers: int
    n_kv_heads: int
    head_dim: int
    cite: str
    n_active: float | None = None

    @property
    def active(self) -> float:
        """The parameters that one token uses."""
        return self.n_active or self.n_params

    @property
    def flops(self) -> float:
        """The FLOPs of its training by the formula 6 N D, with the active parameters."""
        return training_flops(self.active, self.n_tokens)


PUBLISHED_MODELS = (
    PublishedModel("GPT-3", 2020, 175e9, 300e9, 96, 96, 128, "brown2020"),
    PublishedModel("Gopher", 2021, 280e9, 300e9, 80, 128, 128, "rae2021"),
    PublishedModel("Chinchilla", 2022, 70e9, 1.4e12, 80, 64, 128, "hoffmann2022"),
    PublishedModel("PaLM", 2022, 540e9, 780e9, 118, 1, 256, "chowdhery2022"),
    PublishedModel("LLaMA 65B", 2023, 65.2e9, 1.4e12, 80, 64, 128, "touvron2023llama1"),
    PublishedModel("Llama 2 70B", 2023, 69e9, 2e12, 80, 8, 128, "touvron2023"),
    PublishedModel("Llama 3 8B", 2024, 8.03e9, 15e12, 32, 8, 128, "grattafiori2024"),
    PublishedModel("Llama 3.1 405B", 2024, 405e9, 15.6e12, 126, 8, 128, "grattafiori2024"),
    PublishedModel("Gemma 2 9B", 2024, 9.24e9, 8e12, 42, 8, 256, "gemma2024"),
    PublishedModel("Qwen2.5 7B", 2024, 7.61e9, 18e12, 28, 4, 128, "qwen2024"),
    PublishedModel(
        "DeepSeek-V3", 2024, 671e9, 14.8e12, 61, 1, 288, "deepseek2024v3", n_active=37e9
    ),  # its compressed cache has 576 = 2 * 288 values per token and layer
    PublishedModel("SmolLM2 135M", 2025, 134_515_008, 2e12, 30, 3, 64, "allal2025"),
)
"""A dozen models whose authors say how many tokens they were trained on, by year."""
