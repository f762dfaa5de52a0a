"""An automaton over bytes: a table that says, for a state and a byte, which state comes next.

A state is an expression: what may still follow. The next state is its derivative. States are made
when they are first reached, and numbered in that order; state 0 is the start.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fmlab.arguments import require
from fmlab.constrained.expressions import NOTHING, Derivatives, Expression

DEAD = -1  # no text of the set starts like this
UNKNOWN = -2  # not computed yet
Integers32 = NDArray[np.int32]


class Automaton:
    """Reads bytes and tells whether a text of a set can still follow.

    Errors: ``ValueError`` for an expression without any text.

    >>> from fmlab.constrained.regex import regex
    >>> automaton = Automaton(regex("cat|cow"))
    >>> automaton.accepts("cow"), automaton.accepts("ca"), automaton.run(b"dog")
    (True, False, -1)
    """

    def __init__(self, expression: Expression) -> None:
        require(expression is not NOTHING, "expression", "one with at least one text", expression)
        self.expressions: list[Expression] = []
        self._numbers: dict[Expression, int] = {}
        self._derivatives: Derivatives = {}
        self.table: Integers32 = np.empty((0, 256), dtype=np.int32)  # (states, bytes)
        self._rows: list[list[int] | None] = []  # the same rows, faster to read one number from
        self._number(expression)

    def __len__(self) -> int:
        """The number of states that were made so far."""
        return len(self.expressions)

    def _number(self, expression: Expression) -> int:
        if expression is NOTHING:
            return DEAD
        if (state := self._numbers.get(expression)) is None:
            state = self._numbers[expression] = len(self.expressions)
            self.expressions.append(expression)
            self._rows.append(None)
            if state == len(self.table):
                more = np.full((max(64, len(self.table)), 256), UNKNOWN, dtype=np.int32)
                self.table = np.concatenate([self.table, more])
        return state

    def row(self, state: int) -> list[int]:
        """Return the next states, one for each byte."""
        if (row := self._rows[state]) is None:
            row, expression = [DEAD] * 256, self.expressions[state]
            for members in expression.byte_classes:  # one derivative for all bytes of a class
                first = (members & -members).bit_length() - 1
                if (
                    target := self._number(expression.derivative(first, self._derivatives))
                ) != DEAD:
                    for byte in range(first, members.bit_length()):
                        if members >> byte & 1:
                            row[byte] = target
            self._rows[state] = row
            self.table[state] = row
        return row

    def step(self, states: Integers32, data: NDArray[np.uint8]) -> Integers32:
        """Return the next state for each state, none of them dead, and its byte."""
        targets = self.table[states, data]
        if (unknown := targets == UNKNOWN).any():
            for state in np.unique(states[unknown]):
                self.row(int(state))
            targets = self.table[states, data]
        return targets

    def run(self, data: bytes, state: int = 0) -> int:
        """Return the state after reading bytes, or ``DEAD``."""
        for byte in data:
            if state == DEAD:
                break
            state = self.row(state)[byte]
        return state

    def is_accepting(self, state: int) -> bool:
        """Tell whether the text may end in this state."""
        return state != DEAD and self.expressions[state].nullable

    def accepts(self, text: str | bytes) -> bool:
        """Tell whether a text is in the set."""
        data = text.encode() if isinstance(text, str) else text
        return self.is_accepting(self.run(data))
