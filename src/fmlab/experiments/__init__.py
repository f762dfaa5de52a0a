"""Experiments that take too long for a chapter: ``python -m fmlab.experiments NAME`` runs one.

Each writes its results to ``book/results/NAME.json``, with date, versions, seconds and the command.
A chapter plots them, runs one point again, and asserts that it agrees.

======================= =========================================================================
``ladder``              what the book's models know and can do (their exam is in ``questions``)
``capitals``            what a real model, SmolLM2, knows about the countries of the world
``real_adaptation``     how wording, examples and retrieval change its answers
``specialists``         a pre-trained model against models that were trained for one task each
``three_ways``          the same questions answered by prompting, by retrieval and by finetuning
``two_fact_agent``      a model that calls a look-up tool in a loop, on questions of two facts
``prompt_grid``         prompts, retrieval and temperature on the same questions, and equal arms
``cost_ladder``         seconds per token and bytes, from ``nano`` to a real model
``real_hallucination``  what a real model invents, and whether it repeats a false statement
``confidence``          whether probabilities are right, before and after post-training
``small_answers``       what ``small`` answers when it is asked again, differently, or about nobody
``answer_budgets``      what more samples of answers buy, by the rule that selects one of them
``answer_verifiers``    whether a model can learn to tell its right answers from wrong ones
``answer_wordings``     whether votes help a model whose answer depends on the wording
``thinking_tokens``     whether a model answers better if it writes the first of two facts first
``real_votes``          the same for a real model, and the capitals of the world
``unknown_facts``       what finetuning on facts that a model does not know does to its answers
``mitigations``         seven ways to make a model invent less, and what each costs
``image_text``          what a small image-text model learns from drawn pictures
``seq2seq_copy``        what an encoder-decoder can copy, with attention and without
``reading_speed``       how long prefill and decoding take
``rotary_gaps``         what rotary positions do beyond the distances of a model's training
``training_profile``    where the time of a training step goes
``sampling_cost``       how long it takes to sample a token
``sampling_variety``    how varied text is, and how many words are invented
``sampling_penalties``  what penalties on repetition do to loops and records
``sampling_batches``    how far a prompt's logits depend on its batch
``real_preference``     whether a real model learns, by preferences, what it does not know (with
                        ``real_preference_lab``)
``real_sampling``       loops of a real model, and its certainty after open and closed questions
``real_structured``     records in JSON from a real model, by five techniques
``smollm2_logits``      all logits of a real model after a few prompts, for an explorer
``serving``             how fast the server answers 1 to 64 clients, and what continuous batching
                        gains
``extraction``          how well a model can be copied from its outputs
``label_scores``        which of four labels fits a question best, after it and after others
``ngram_ladder``        n-grams on the corpus of the book's models, against these models
``bigram_counts``       pairs of tokens in that corpus, counted for an explorer
``masked_and_causal``   what a masked and an autoregressive model are good for, trained alike
``capacity_grid``       two sizes of GPT on two amounts of text
``inverse_scaling``     a task at which the larger model makes more errors of one kind
``isoflop``             how large a model should be for a given compute (with ``scaling_lab``)
``mixture_of_experts``  a mixture of experts against dense models
``model_collapse``      what models learn from text that other models wrote
``width_transfer``      whether the best learning rate of a narrow model fits a wide one
``messy_corpus``        what cleaning a corpus with planted flaws finds, and does to a model
``real_prompts``        eight prompts for one task of a real model
``real_tasks``          five tasks that a real model does by completing a text
``model_swap``          the same prompts on a real model whose weights are rounded further
``chat_templates``      what a real model replies in its own chat template, in others, and in none
``structured_records``  records in JSON from the book's model, by five techniques
``data_decides``        whether a model learns a task that its text does not show (this and the
                        next four share ``mixture_lab``)
``data_quality``        clean or noisy, much or little, one register or many
``second_language``     what an under-represented language costs
``domain_text``         mixtures of general and domain text, and continued training
``planted_association`` how strong a planted association is in what a model writes
``supervised``          what finetuning learns from different demonstrations (with
                        ``supervised_lab``)
``reward_model_init``   which weights a reward model should start from
``preference_tuning``   a comparison of DPO, PPO and best-of-N (with ``preference_lab`` and
                        ``base_answers``); its other stages: ``overoptimization``,
                        ``first_guidelines``, ``verifiable_rewards``, ``ai_feedback``
======================= =========================================================================


``results``            writes and reads the files; ``wordings`` has right sentences in other words,
                       and ``feedback_loop`` a simulation
"""

import lazy_loader

EXPERIMENTS = (
    "answer_budgets",
    "answer_verifiers",
    "answer_wordings",
    "bigram_counts",
    "capacity_grid",
    "capitals",
    "chat_templates",
    "confidence",
    "cost_ladder",
    "data_decides",
    "data_quality",
    "domain_text",
    "extraction",
    "image_text",
    "inverse_scaling",
    "isoflop",
    "label_scores",
    "ladder",
    "masked_and_causal",
    "mitigations",
    "messy_corpus",
    "mixture_of_experts",
    "model_collapse",
    "model_swap",
    "ngram_ladder",
    "planted_association",
    "preference_tuning",
    "prompt_grid",
    "reading_speed",
    "real_adaptation",
    "real_hallucination",
    "real_preference",
    "real_prompts",
    "real_sampling",
    "real_structured",
    "real_tasks",
    "real_votes",
    "reward_model_init",
    "rotary_gaps",
    "sampling_batches",
    "sampling_cost",
    "sampling_penalties",
    "sampling_variety",
    "second_language",
    "seq2seq_copy",
    "serving",
    "small_answers",
    "smollm2_logits",
    "specialists",
    "structured_records",
    "supervised",
    "thinking_tokens",
    "three_ways",
    "training_profile",
    "two_fact_agent",
    "unknown_facts",
    "width_transfer",
)
MODULES = [
    *EXPERIMENTS,
    "ai_feedback",
    "base_answers",
    "feedback_loop",
    "first_guidelines",
    "mixture_lab",
    "overoptimization",
    "preference_lab",
    "questions",
    "real_preference_lab",
    "results",
    "scaling_lab",
    "supervised_lab",
    "verifiable_rewards",
    "wordings",
]

__getattr__, __dir__, __all__ = lazy_loader.attach(__name__, submodules=MODULES)
