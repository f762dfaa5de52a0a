"""A mixture of experts: several MLPs per layer, and every token uses only one of them.

A router gives each token a probability for each of E experts, and the most probable expert
processes the token. Its output is multiplied by its probability, which is how the router gets a
gradient. The model has the parameters of all experts, but a token pays for one.

Nothing makes the router use all experts, so the loss has an extra term, which is lowest when the
experts are used equally: E times the sum over experts of (fraction of tokens) * (mean probability).
Source: Fedus et al. (2022), Switch Transformers, section 2; Shazeer et al. (2017).

Shapes: B batch, T positions, D model width, E experts, N = B T tokens.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fmlab.arguments import require, require_count
from fmlab.models.configs import GPTConfig
from fmlab.models.gpt import GPT
from fmlab.models.layers import MLP, initialize

ROUTINGS = ("learned", "random")


class ExpertMLP(nn.Module):
    """E MLPs and a router that sends each token to one of them.

    ``fractions`` (E,) is the fraction of the last tokens that each expert received, and
    ``balance`` the extra loss of the last forward pass: 1 if they are used equally, up to E.
    With "random" routing, a token's expert depends on its position only, and its output counts in
    full: a control for what the choice contributes.
    """

    def __init__(self, config: GPTConfig, n_experts: int, routing: str = "learned") -> None:
        super().__init__()
        require_count("n_experts", n_experts)
        require(routing in ROUTINGS, "routing", " or ".join(ROUTINGS), routing)
        self.routing = routing
        self.router = nn.Linear(config.d_model, n_experts, bias=False)
        self.experts = nn.ModuleList(MLP(config) for _ in range(n_experts))
        self.fractions = torch.full((n_experts,), 1 / n_experts)
        self.balance = torch.ones(())

    def forward(self, x: Tensor) -> Tensor:
        """Send each token to its expert: x (B, T, D) -> (B, T, D)."""
        rows = x.reshape(-1, x.shape[-1])  # (B, T, D) -> (N, D)
        probabilities = self.router(rows).softmax(dim=-1)  # (N, E)
        weights, choices = probabilities.max(dim=-1)  # (N,) each
        if self.routing == "random":
            choices = torch.arange(len(rows), device=x.device) % len(self.experts)
            weights = torch.ones_like(weights)
        outputs = torch.zeros_like(rows)
        for i, expert in enumerate(self.experts):
            places = (choices == i).nonzero()[:, 0]  # the tokens of this expert
            if len(places):
                outputs = outputs.index_add(0, places, expert(rows[places]))
        chosen = F.one_hot(choices, len(self.experts)).to(x.dtype)  # (N, E)
        self.fractions = chosen.mean(dim=0).detach()
        self.balance = len(self.experts) * (self.fractions * probabilities.mean(dim=0)).sum()
        return (outputs * weights[:, None]).view_as(x)  # (N, D) -> (B, T, D)


class MixtureGPT(GPT):
    """A GPT whose MLPs are mixtures of experts.

    >>> model = MixtureGPT(GPTConfig(10, 8, n_layers=1, n_heads=1, d_model=4), n_experts=3)
    >>> model.n_parameters(), model.n_parameters(active=True)
    (632, 336)
    """

    def __init__(
        self,
        config: GPTConfig,
        n_experts: int,
        routing: str = "learned",
        seed: int = 0,
        spread: float = 0.02,
    ) -> None:
        super().__init__(config, seed, spread)
        for block in self.transformer.h:
            block.mlp = ExpertMLP(config, n_experts, routing)
        initialize(self, config.n_layers, seed, spread)

    @property
    def mixtures(self) -> list[ExpertMLP]:
        """The mixture of every layer."""
        return [block.mlp for block in self.transformer.h]

    def n_parameters(self, active: bool = False) -> int:
        """Return the number of parameters: all, or those that one token uses."""
        total = sum(weight.numel() for weight in self.parameters())
        if not active:
            return total
        unused = [expert for mixture in self.mixtures for expert in mixture.experts[1:]]
        return total - sum(weight.numel() for expert in unused for weight in expert.parameters())

    def balance(self) -> Tensor:
        """Return the extra loss of the last forward pass, averaged over the layers."""
        return torch.stack([mixture.balance for mixture in self.mixtures]).mean()
