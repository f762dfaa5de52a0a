"""Preference finetuning: from what people prefer to a model that does it.

Modules, in the order in which they may import one another:

``kl``           how far a policy is from its reference, estimated from samples
``exact``        laws over few enough outcomes to list them: no estimate anywhere
``advantages``   how much better an action was than expected
``runs``, ``settings``, ``rollouts``   what a run of training is, asks for and learns from
``dpo``          direct preference optimization: the loss, and training by it
``ppo``          proximal policy optimization: the loss, the value head, and training by it
``best_of_n``    many responses, the one kept that a reward likes best
``tabular``      a policy that can be any law over the sequences of a tiny vocabulary
``enumerable``   every method run on it, and where it must land
"""
