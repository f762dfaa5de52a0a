"""The playground: the book's own models, running in the page."""

from __future__ import annotations

ENGINE = ("bpe.js", "distributions.js", "gpt.js", "writer.js")
