"""Random numbers, the same as torch's on a processor: the Mersenne Twister of MT19937.

What draws in another way there (few normal numbers, other types of numbers) is an error here.
"""

import contextlib
import operator

import numpy as np

from torch._kinds import FLOAT, LONG, NotInThePage, as_numpy_dtype, as_shape, check_device
from torch._tensor import Tensor, wrap

FIRST_SEED = 67280421310721  # torch's own, in a new Generator
LEAST = 16  # torch draws fewer normal numbers by another method


class Generator:
    """A source of random numbers. One without a seed draws nothing."""

    def __init__(self, device="cpu"):
        check_device(device)
        self.manual_seed(FIRST_SEED)

    def manual_seed(self, seed):
        self._seed = operator.index(seed)
        self.bits = np.random.MT19937()
        self.bits._legacy_seeding(self._seed & 0xFFFFFFFF)
        return self

    def initial_seed(self):
        return self._seed

    def raw(self, n):
        if self.bits is None:
            raise NotInThePage("drawing without a seed")
        return self.bits.random_raw(n)

    def uniform(self, n):
        return (self.raw(n) & 0xFFFFFF).astype(FLOAT) * FLOAT.type(2**-24)

    def normal(self, n, mean=0.0, std=1.0):
        if n < LEAST:
            raise NotInThePage(f"drawing fewer than {LEAST} normal numbers at once")
        made = self.uniform(n)
        whole = n // LEAST * LEAST
        made[:whole] = _normal(made[:whole], mean, std)
        if whole < n:  # the last 16 are drawn again
            made[-LEAST:] = _normal(self.uniform(LEAST), mean, std)
        return made


def _normal(uniform, mean, std):
    """Box and Muller's method on each 16 numbers: 8 lengths and 8 angles."""
    lengths, angles = np.split(uniform.reshape(-1, LEAST), 2, axis=1)
    lengths = np.sqrt(FLOAT.type(-2) * np.log(FLOAT.type(1) - lengths))
    angles = FLOAT.type(2 * np.pi) * angles
    made = np.concatenate([lengths * np.cos(angles), lengths * np.sin(angles)], axis=1)
    return made.ravel() * FLOAT.type(std) + FLOAT.type(mean)


default = Generator()
default.bits = None  # until manual_seed


def manual_seed(seed):
    return default.manual_seed(seed)


@contextlib.contextmanager
def fork_rng(devices=None, **_):
    """What is drawn inside does not change what is drawn after."""
    bits, state = default.bits, default.bits and default.bits.state
    try:
        yield
    finally:
        default.bits = bits
        if bits is not None:
            bits.state = state


def _drawn(size, dtype, device, draw):
    check_device(device)
    kind = as_numpy_dtype(dtype)
    if kind is not None and kind != FLOAT:
        raise NotInThePage(f"random numbers of type {dtype}")
    shape = as_shape(size)
    return wrap(draw(int(np.prod(shape, dtype=np.int64))).reshape(shape))


def rand(*size, generator=None, dtype=None, device=None):
    return _drawn(size, dtype, device, (generator or default).uniform)


def randn(*size, generator=None, dtype=None, device=None):
    return _drawn(size, dtype, device, (generator or default).normal)


def randint(low, high, size=None, *, generator=None, dtype=None, device=None):
    check_device(device)
    if size is None:
        low, high, size = 0, low, high
    if not 0 < high - low < 2**32:
        raise NotInThePage("torch.randint in this range")
    n = int(np.prod(size, dtype=np.int64))
    made = (generator or default).raw(n) % (high - low)
    return wrap((made.astype(LONG) + low).reshape(size).astype(as_numpy_dtype(dtype) or LONG))


def randperm(n, *, generator=None, device=None):
    check_device(device)
    order = np.arange(n, dtype=LONG)
    for i, raw in enumerate((generator or default).raw(max(n - 1, 0)).tolist()):
        j = i + raw % (n - i)
        order[i], order[j] = order[j], order[i]
    return wrap(order)


def normal_(tensor, mean=0.0, std=1.0, generator=None):
    return _fill(tensor, lambda source, n: source.normal(n, mean, std), generator)


def uniform_(tensor, a=0.0, b=1.0, generator=None):
    width = FLOAT.type(b - a)
    return _fill(tensor, lambda source, n: source.uniform(n) * width + FLOAT.type(a), generator)


def _fill(tensor, draw, generator):
    source = generator or default
    if source.bits is None and hasattr(tensor, "unset"):
        return tensor.unset()  # a model is made before its weights are loaded
    if tensor.dtype.numpy != FLOAT:
        raise NotInThePage(f"random numbers of type {tensor.dtype}")
    numbers = draw(source, tensor.numel()).reshape(tuple(tensor.shape))
    if hasattr(tensor, "unset"):
        tensor._a = numbers
    else:
        tensor._a[...] = numbers
    return tensor


Tensor.normal_ = normal_
Tensor.uniform_ = uniform_
