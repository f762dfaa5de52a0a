"""The helper package of The Foundation Model Lab: what the chapters of the book import.

From bottom to top; each builds on some of those above its line and on none below (`pyproject.toml`
has the exact order):

====================== ==========================================================================
``arguments``          checks of arguments; ``files`` (downloads, writes), ``plotting`` (diagrams)
``sampling``           from logits to the next token
``tokenization``       from text to token ids and back
``data``               what models are trained on: corpora, dialogues, batches
``models``             architectures, and the weights that come with the book
``generation``         text from a model, token by token
``interpretability``   what the parts of a model do: attention heads, ablation
``scaling``            parameters, FLOPs, memory, scaling laws
``training``           pretraining and finetuning, with checkpoints
``evaluation``         how good a model is, and how certain that is
``alignment``          from preferences to a model that follows them: reward models, DPO, PPO
``recipes``            how each of the book's models is made
``experiments``        runs that take too long for a chapter
``widgets``            interactive figures, in the notebook and on the page
``checks``             the automatic checks of the exercises
====================== ==========================================================================

Importing the package loads none of them; each is imported where it is needed.
"""

__version__ = "0.1.0"
