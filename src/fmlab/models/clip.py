"""An image-text model: two encoders that map pictures and captions to one space.

A picture is cut into patches, and a caption into words. Each encoder is a small transformer over
its patches or words, without a causal mask, and the mean over positions is its embedding. A picture
and its caption should be close, and far from others.

Shapes: B batch, T positions, D model width, E embedding width. Source: Radford et al. (2021),
Learning Transferable Visual Models From Natural Language Supervision, figure 3; patches are those
of Dosovitskiy et al. (2021).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fmlab.arguments import Floats, require, require_texts
from fmlab.models.configs import GPTConfig
from fmlab.models.inference import inference
from fmlab.models.layers import Block, empty_embedding, initialize

FIRST_SCALE, LARGEST_SCALE = 1 / 0.07, 100.0  # of Radford et al. (2021), section 2.5
SPREAD = 0.1
PADDING, UNKNOWN = 0, 1  # the ids before those of words


@dataclass(frozen=True)
class ImageTextConfig:
    """The shape of an image-text model; pictures are square, with three color channels."""

    picture_size: int = 24
    patch_size: int = 8
    most_words: int = 12
    n_layers: int = 2
    n_heads: int = 2
    d_model: int = 64
    d_embedding: int = 32

    @property
    def n_patches(self) -> int:
        """The number of patches of a picture."""
        return (self.picture_size // self.patch_size) ** 2


class Encoder(nn.Module):
    """Blocks over T positions, and their mean, projected to a unit vector."""

    def __init__(self, config: ImageTextConfig, n_positions: int) -> None:
        super().__init__()
        shape = GPTConfig(1, n_positions, config.n_layers, config.n_heads, config.d_model)
        self.positions = nn.Parameter(torch.empty(n_positions, config.d_model))
        self.blocks = nn.ModuleList(Block(shape, causal=False) for _ in range(config.n_layers))
        self.norm = nn.LayerNorm(config.d_model)
        self.project = nn.Linear(config.d_model, config.d_embedding, bias=False)

    def forward(self, x: Tensor, present: Tensor | None = None) -> Tensor:
        """x (B, T, D) -> (B, E). ``present`` (B, T) is False for padding."""
        x = x + self.positions[: x.shape[1]]
        mask = None if present is None else present[:, None, None]  # (B, T) -> (B, 1, 1, T)
        for block in self.blocks:
            x = block(x, mask)
        x = self.norm(x)
        if present is None:
            mean = x.mean(dim=1)  # (B, T, D) -> (B, D)
        else:
            mean = (x * present[..., None]).sum(dim=1) / present.sum(dim=1, keepdim=True)
        return F.normalize(self.project(mean), dim=-1)


class ImageTextModel(nn.Module):
    """A picture encoder and a caption encoder with one embedding space; ``seed`` sets the weights.

    ``words`` are the words that the caption encoder knows; all others are one unknown word.

    >>> model = ImageTextModel(["a", "red", "circle"])
    >>> model.embed_captions(["a red circle", "a red herring"]).shape
    (2, 32)
    """

    def __init__(
        self,
        words: Sequence[str],
        config: ImageTextConfig | None = None,
        seed: int | torch.Generator = 0,
    ) -> None:
        super().__init__()
        require_texts("words", words)
        self.config = config = config or ImageTextConfig()
        self.ids = {word: i for i, word in enumerate(words, start=UNKNOWN + 1)}
        self.patch_embedding = nn.Linear(3 * config.patch_size**2, config.d_model)
        self.word_embedding = empty_embedding(len(words) + UNKNOWN + 1, config.d_model)
        self.picture_encoder = Encoder(config, config.n_patches)
        self.caption_encoder = Encoder(config, config.most_words)
        initialize(self, config.n_layers, seed, SPREAD)
        self.log_scale = nn.Parameter(torch.tensor(math.log(FIRST_SCALE)))

    def encode_pictures(self, pictures: Tensor) -> Tensor:
        """Pictures (B, 3, S, S), from 0 to 1 -> unit vectors (B, E)."""
        size = self.config.picture_size
        valid = pictures.dim() == 4 and tuple(pictures.shape[1:]) == (3, size, size)
        require(valid, "pictures", f"of shape (B, 3, {size}, {size})", tuple(pictures.shape))
        p = self.config.patch_size
        patches = F.unfold(2 * pictures - 1, p, stride=p).transpose(1, 2)  # (B, T, 3 p p)
        return self.picture_encoder(self.patch_embedding(patches))

    def encode_captions(self, ids: Tensor) -> Tensor:
        """Word ids (B, T), 0 for padding -> unit vectors (B, E)."""
        return self.caption_encoder(self.word_embedding(ids), ids != PADDING)

    def word_ids(self, captions: Sequence[str]) -> Tensor:
        """Return the ids of the words of captions (B, T), padded with 0.

        Errors: ``ValueError`` for a caption without words, or with too many.
        """
        require_texts("captions", captions)
        rows = [[self.ids.get(word, UNKNOWN) for word in text.split()] for text in captions]
        most, lengths = self.config.most_words, [len(row) for row in rows]
        valid = len(rows) > 0 and min(lengths) > 0 and max(lengths) <= most
        require(valid, "captions", f"texts of 1 to {most} words", captions)
        padded = [row + [PADDING] * (max(lengths) - len(row)) for row in rows]
        return torch.tensor(padded)

    def embed_pictures(self, pictures: Floats) -> Floats:
        """Return the embeddings of pictures (N, 3, S, S) as an array (N, E)."""
        with inference(self):
            return self.encode_pictures(torch.as_tensor(pictures, dtype=torch.float32)).numpy()

    def embed_captions(self, captions: Sequence[str]) -> Floats:
        """Return the embeddings of captions as an array (N, E)."""
        with inference(self):
            return self.encode_captions(self.word_ids(captions)).numpy()

    def loss(self, pictures: Tensor, ids: Tensor) -> Tensor:
        """Return the contrastive loss of a batch in which row i of both belong together."""
        scale = self.log_scale.exp().clamp(max=LARGEST_SCALE)
        return contrastive_loss(
            scale * self.encode_pictures(pictures) @ self.encode_captions(ids).T
        )


def contrastive_loss(similarities: Tensor) -> Tensor:
    """Return the mean cross-entropy of finding each row's column, and each column's row, in nats.

    ``similarities`` (B, B): row i is picture i, column j is caption j, and the diagonal has the
    pairs that belong together:

        loss = (CE(rows, diagonal) + CE(columns, diagonal)) / 2

    Source: Radford et al. (2021), figure 3; van den Oord et al. (2018), equation 4 (InfoNCE).

    >>> round(contrastive_loss(torch.zeros(8, 8)).item(), 4)  # ln 8: nothing is told apart
    2.0794
    """
    n = len(similarities)
    square = similarities.dim() == 2 and similarities.shape[1] == n > 1
    require(square, "similarities", "of shape (B, B), B > 1", tuple(similarities.shape))
    own = torch.arange(n, device=similarities.device)
    rows, columns = F.cross_entropy(similarities, own), F.cross_entropy(similarities.T, own)
    return (rows + columns) / 2
