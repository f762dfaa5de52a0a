"""A constraint on generated text: a logits processor that forbids what can't be finished.

At each step it masks the logits of all tokens after which no text of a set could follow. What is
left can always be finished, and the end token is allowed only where the text is complete.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from fmlab.arguments import Ids, require
from fmlab.constrained.automaton import DEAD, Automaton
from fmlab.constrained.expressions import NOTHING, Expression
from fmlab.constrained.vocabulary import Vocabulary
from fmlab.tokenization.tokenizers import BPETokenizer

REMEMBERED = 4096  # rows whose state is remembered


class Constraint:
    """Restricts what a model generates to the texts of an expression.

    Give it to ``fmlab.generation.generate`` as a processor, and ``end`` as a stop::

        generate(model, ids, 100, processors=[constraint], stop=[constraint.end], ...)

    A row that finishes with "stop" is a text of the set. One that reaches the token limit is not
    finished: ``is_complete`` tells. Masks are made once per state, when it is first reached.
    Characters whose bytes the vocabulary does not have are left out of the set.
    Errors: ``ValueError`` for an expression without any text that the vocabulary can write.
    """

    def __init__(self, expression: Expression, vocabulary: Vocabulary | BPETokenizer) -> None:
        if not isinstance(vocabulary, Vocabulary):
            vocabulary = Vocabulary.of(vocabulary)
        self.vocabulary, self.end = vocabulary, vocabulary.end
        try:
            expression = expression.limited_to(vocabulary.alphabet)
        except RecursionError as error:
            raise ValueError("expression must be nested less deeply") from error
        require(expression is not NOTHING, "expression", "one with at least one text", expression)
        self.automaton = Automaton(expression)
        self._masks: dict[int, NDArray[np.bool_]] = {}
        self._states: dict[tuple[int, ...], int] = {(): 0}

    def allowed(self, state: int) -> NDArray[np.bool_]:
        """Return which tokens may come next (V,); don't change it."""
        if (mask := self._masks.get(state)) is None:
            mask = self.vocabulary.targets(self.automaton, state) != DEAD
            mask[self.end] = self.automaton.is_accepting(state)
            self._masks[state] = mask
        return mask

    @property
    def n_masks(self) -> int:
        """The number of masks that were made so far."""
        return len(self._masks)

    def state_after(self, ids: Sequence[int]) -> int:
        """Return the state after tokens, or -1 if they break the constraint.

        Errors: ``ValueError`` for tokens after the end token.
        """
        key = tuple(ids)
        if (state := self._states.get(key)) is None:
            before = self._states.get(key[:-1])
            if before is None:
                before = 0
                for token in key[:-1]:
                    before = self._advance(before, token)
            state = self._advance(before, key[-1])
            if len(self._states) > REMEMBERED:
                self._states = {(): 0}
            self._states[key] = state
        return state

    def _advance(self, state: int, token: int) -> int:
        require(token != self.end, "stop", f"one that contains the end token {self.end}", token)
        data = self.vocabulary.tokens.get(token, b"")
        return self.automaton.run(data, state) if data else DEAD

    def is_complete(self, ids: Sequence[int]) -> bool:
        """Tell whether tokens, with or without an end token last, are a text of the set."""
        ids = list(ids[:-1] if len(ids) and ids[-1] == self.end else ids)
        return self.automaton.is_accepting(self.state_after(ids))

    def __call__(self, logits: NDArray, prompt: Ids, new: Ids) -> NDArray:
        """Return the logits (V,) with -inf for all tokens that may not follow ``new``."""
        state = self.state_after(new)
        require(state != DEAD, "new", "tokens that keep to the constraint", new)
        mask = self.allowed(state)
        require(len(logits) == len(mask), "logits", f"{len(mask)} numbers", len(logits))
        return np.where(mask, logits, -np.inf)
