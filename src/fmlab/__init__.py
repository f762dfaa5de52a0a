"""The helper package of The Foundation Model Lab: what the chapters of the book import.

The rooms, from the bottom layer to the top. A room imports only from rooms above it in this table
(`pyproject.toml` has the exact order):

====================== ==========================================================================
``arguments``          argument checks; also ``files`` (downloads, writes), ``plotting`` (diagrams)
``sampling``           from logits to the next token
``tokenization``       from text to token ids and back
``data``               what models are trained on: corpora, dialogues, batches
``models``             architectures, and the weights that come with the book
``generation``         text from a model, token by token
``interpretability``   what the parts of a model do: attention heads, ablation
``scaling``            parameters, FLOPs, memory, scaling laws
``training``           pretraining and finetuning, with checkpoints
``evaluation``         how good a model is, with confidence intervals
``alignment``          from preferences to a model that follows them: reward models, DPO, PPO
``recipes``            how each of the book's models is made
``experiments``        runs that take too long for a chapter
``widgets``            interactive figures, in the notebook and on the page
``checks``             the automatic checks of the exercises
====================== ==========================================================================

``import fmlab`` loads none of them; import the ones you need.
"""

__version__ = "0.1.0"
