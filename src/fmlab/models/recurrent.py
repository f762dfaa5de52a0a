"""The recurrent encoder-decoder: how sequences were mapped to sequences before the transformer.

The encoder reads the source token by token and updates one state; the decoder starts from the last
state and generates the target. The whole source must fit into that state, unless the decoder can
attend to every state of the encoder: that is attention in its original use.

Shapes: B batch, S source positions, T target positions, V vocabulary, D width. Source: Cho et al.
(2014), Learning Phrase Representations using RNN Encoder-Decoder; Luong et al. (2015), Effective
Approaches to Attention-based Neural Machine Translation, section 3.1 (dot score).
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fmlab.arguments import require, require_count
from fmlab.data.batching import IGNORED
from fmlab.models.inference import inference

CELLS = {"gru": nn.GRU, "rnn": nn.RNN}


class EncoderDecoder(nn.Module):
    """One recurrent layer each to read and to write, optionally with attention between them.

    ``cell`` is "gru" or "rnn" (tanh). ``seed`` determines the initial weights, uniform between
    -1 / sqrt(D) and 1 / sqrt(D).
    Errors: ``ValueError`` for a size that is not an integer >= 1, or another cell.

    >>> model = EncoderDecoder(vocab_size=10, d_model=4, attention=True)
    >>> logits, loss = model(torch.tensor([[1, 2, 3]]), torch.tensor([[0, 3]]))
    >>> tuple(logits.shape)
    (1, 2, 10)
    """

    def __init__(
        self,
        vocab_size: int,
        d_model: int,
        cell: str = "gru",
        attention: bool = False,
        seed: int | torch.Generator = 0,
    ) -> None:
        super().__init__()
        require_count("vocab_size", vocab_size)
        require_count("d_model", d_model)
        require(cell in CELLS, "cell", f"one of {', '.join(CELLS)}", cell)
        with torch.random.fork_rng(devices=[]):  # torch samples weights, which are replaced below
            self.embedding = nn.Embedding(vocab_size, d_model)
            self.encoder = CELLS[cell](d_model, d_model, batch_first=True)
            self.decoder = CELLS[cell](d_model, d_model, batch_first=True)
            self.combine = nn.Linear(2 * d_model, d_model) if attention else None
            self.head = nn.Linear(d_model, vocab_size)
        is_seed = not isinstance(seed, torch.Generator)
        generator = torch.Generator().manual_seed(seed) if is_seed else seed
        bound = 1 / math.sqrt(d_model)
        for weight in self.parameters():
            nn.init.uniform_(weight, -bound, bound, generator=generator)

    def forward(
        self, source: Tensor, ids: Tensor, targets: Tensor | None = None
    ) -> tuple[Tensor, Tensor | None]:
        """Predict each next target token: source (B, S), ids (B, T) -> logits (B, T, V), loss.

        ``ids`` are a start token and the target so far; ``targets`` (B, T) the same shifted by one,
        -100 where there is nothing to predict. The loss is the mean cross-entropy, in nats, or
        None without targets.
        """
        states, last = self.encode(source)
        logits = self.decode(ids, states, last)[0]
        if targets is None:
            return logits, None
        rows = logits.flatten(0, 1)  # (B, T, V) -> (B T, V)
        return logits, F.cross_entropy(rows, targets.reshape(-1), ignore_index=IGNORED)

    def encode(self, source: Tensor) -> tuple[Tensor, Tensor]:
        """Read source (B, S); return all states (B, S, D) and the last (1, B, D)."""
        valid = source.dim() == 2 and source.shape[1] > 0
        require(valid, "source", "of shape (B, S), S >= 1", tuple(source.shape))
        return self.encoder(self.embedding(source))

    def decode(
        self, ids: Tensor, states: Tensor, last: Tensor
    ) -> tuple[Tensor, Tensor, Tensor | None]:
        """Continue from a state: logits (B, T, V), the last state (1, B, D), attention (B, T, S).

        The attention weights say how much each target position attended to each source position;
        None without attention.
        """
        outputs, last = self.decoder(self.embedding(ids), last)  # (B, T, D)
        weights = None
        if self.combine is not None:
            weights = self.attend(outputs, states)
            context = weights @ states  # (B, T, S) @ (B, S, D) -> (B, T, D)
            outputs = self.combine(torch.cat([context, outputs], dim=-1)).tanh()
        return self.head(outputs), last, weights

    def attend(self, outputs: Tensor, states: Tensor) -> Tensor:
        """Return the softmax of all dot products: (B, T, D), (B, S, D) -> weights (B, T, S)."""
        return (outputs @ states.transpose(1, 2)).softmax(dim=-1)

    def translate(
        self, source: Tensor, start: int, max_new_tokens: int, stop: int | None = None
    ) -> list[list[int]]:
        """Decode greedily, each row up to and including ``stop``: (B, S) -> B lists of ids."""
        require_count("max_new_tokens", max_new_tokens)
        with inference(self):
            states, last = self.encode(source)
            ids, columns = torch.full((len(source), 1), start), []
            for _ in range(max_new_tokens):
                logits, last, _ = self.decode(ids, states, last)
                ids = logits.argmax(dim=-1)  # (B, 1, V) -> (B, 1)
                columns.append(ids)
        rows = torch.cat(columns, dim=1).tolist()
        return [row[: row.index(stop) + 1] if stop in row else row for row in rows]
