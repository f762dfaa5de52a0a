"""A vocabulary as a trie, so that tokens with the same beginning are read once."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from fmlab.constrained.automaton import DEAD, Automaton
from fmlab.tokenization.special_tokens import end_of_response
from fmlab.tokenization.tokenizers import BPETokenizer


class Vocabulary:
    """The bytes of all tokens in a trie, level by level: V tokens, N nodes.

    Special tokens are left out: they stand for no text. ``end`` is the one that ends a text.
    ``alphabet`` is the set of the bytes that are tokens by themselves, an integer with a bit for
    each: a text of such bytes can always be written, if need be byte by byte.
    """

    def __init__(self, tokens: Mapping[int, bytes], end: int, size: int | None = None) -> None:
        self.tokens, self.end = dict(tokens), end
        self.size = max([end, *self.tokens]) + 1 if size is None else size
        children: dict[tuple[int, int], int] = {}  # (node, byte) -> node
        level = {i: 0 for i, data in self.tokens.items() if data}  # token -> its node so far
        node_of = np.full(self.size, -1, dtype=np.int64)
        self.levels: list[tuple[NDArray, NDArray]] = []  # of each: parents, bytes
        n_nodes, depth = 1, 0
        while level:
            parents, data, deeper = [], [], {}
            for token, parent in level.items():
                key = parent, self.tokens[token][depth]
                if (node := children.get(key)) is None:
                    node = children[key] = n_nodes
                    n_nodes += 1
                    parents.append(parent)
                    data.append(key[1])
                if len(self.tokens[token]) == depth + 1:
                    node_of[token] = node
                else:
                    deeper[token] = node
            self.levels.append((np.array(parents), np.array(data, dtype=np.uint8)))
            level, depth = deeper, depth + 1
        self.n_nodes, self._node_of = n_nodes, node_of
        self.alphabet = sum(1 << data[0] for data in {*self.tokens.values()} if len(data) == 1)

    @classmethod
    def of(cls, tokenizer: BPETokenizer) -> Vocabulary:
        """Return the vocabulary of a tokenizer, with the token that ends its responses."""
        special = set(tokenizer.special_tokens.values())
        tokens = {i: data for i, data in tokenizer.vocab.items() if i not in special}
        return cls(tokens, end_of_response(tokenizer), tokenizer.vocab_size)

    def targets(self, automaton: Automaton, state: int) -> NDArray[np.int32]:
        """Return the state after each token (V,), -1 for tokens that must not come next."""
        nodes = np.full(self.n_nodes + 1, DEAD, dtype=np.int32)  # the last is for tokens left out
        nodes[0], start = state, 1
        for parents, data in self.levels:
            states = nodes[parents]
            alive = np.flatnonzero(states != DEAD)
            if not len(alive):
                break
            nodes[start + alive] = automaton.step(states[alive], data[alive])
            start += len(parents)
        return nodes[self._node_of]
