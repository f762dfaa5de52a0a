"""The helper package of The Foundation Model Lab.

Modules, in the order in which they may import one another:

``arguments``        what functions ask of their arguments
``corpora``          text to learn from
``world``            the micro world: generated text whose every fact is known
``bpe``              byte-pair encoding: learn merges, apply them
``pretokenization``  text into words
``tokenization``     text to token ids and back
``sampling``         from logits to the next token
``attention``        how positions look at each other
``configs``          the shapes of models, ours and published ones
``kv_cache``, ``blocks``, ``huggingface``, ``transformer``   GPT-2 to the letter, and its files
``decoder``, ``generation``                                  text from a model, token by token
``scaling``          parameters, FLOPs, bytes, and the best use of a budget
``recurrent``, ``masked``                                    two other kinds of model
``widgets``          the sliders of the book, in the notebook and on the page
``checks``           what the exercises are checked by

Importing the package loads none of them; each is imported where it is needed.
"""

__version__ = "0.1.0"
