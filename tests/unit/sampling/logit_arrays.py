"""Arrays of logits for the tests of fmlab.sampling, and a generator of fixed numbers.

Hypothesis is derandomized: always the same examples.
"""

import itertools
import math

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

INF = np.inf
repeatable = settings(deadline=None, derandomize=True, max_examples=100)

# Small whole numbers make ties, -inf makes masked tokens, the rest is anything a model may put out.
values = st.one_of(
    st.integers(-3, 3).map(float), st.floats(-50, 50), st.just(-INF), st.floats(-1e4, 1e4)
)
shapes = hnp.array_shapes(min_dims=1, max_dims=3, max_side=6)
logit_arrays = hnp.arrays(np.float64, shapes, elements=values).map(
    lambda a: np.where((a == -INF).all(axis=-1, keepdims=True), 0.0, a)
)
probabilities = st.floats(1e-6, 1)
temperatures = st.floats(0.05, 20)


def rows_of(array):
    return array.reshape(-1, array.shape[-1])


def kept(logits):
    return np.flatnonzero(np.isfinite(logits)).tolist()


def ranked(row):
    """Ids from the most to the least likely, ties in order of id: the slow and obvious way."""
    return sorted(range(len(row)), key=lambda i: (-row[i], i))


class FixedUniforms(np.random.Generator):
    """A generator whose uniform numbers are the given ones, in turn."""

    def __new__(cls, *_):
        return super().__new__(cls)

    def __init__(self, *numbers):
        super().__init__(np.random.PCG64(0))
        self.numbers = itertools.cycle(numbers)

    def random(self, size):
        return np.array([next(self.numbers) for _ in range(math.prod(size))]).reshape(size)
