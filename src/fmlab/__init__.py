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
``attention_heads``  what a head does, found by measurement
``configs``          the shapes of models, ours and published ones
``kv_cache``, ``blocks``, ``losses``, ``huggingface``, ``transformer``   GPT-2, and its files
``hub_tokenizer``                                            the tokenizers of other models
``decoder``, ``generation``                                  text from a model, token by token
``scaling``          parameters, FLOPs, bytes, and the best use of a budget
``batches``, ``checkpoints``, ``processes``, ``training``    from texts to a trained model
``ladder``, ``models``                                       the book's own models: made, loaded
``rates``, ``surprise``, ``evaluation``                      how good a model is, and how sure
``probing``          what parts of a model are for: cut them out
``recurrent``, ``masked``                                    two other kinds of model
``chat``, ``responses``                                      prompts, responses, how good they are
``finetuning``       a model that responds, from demonstrations
``preferences``, ``annotating``                              comparisons, and a model of them
``alignment``        from what people prefer to a model that does it
``posttraining``, ``tuning``                                 the models made from ``micro``, and how
``experiments``      what takes too long for a chapter
``sketching``        boxes and arrows for diagrams
``widgets``          the sliders of the book, in the notebook and on the page
``checks``           what the exercises are checked by
``grading``          a class graded: submissions run apart from the machine and from the marks

Importing the package loads none of them; each is imported where it is needed.
"""

__version__ = "0.1.0"
