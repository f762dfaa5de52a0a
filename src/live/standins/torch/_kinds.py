"""Types of numbers, the device, shapes, and the error for what is not here."""

import numpy as np

_REASON = (
    "is not in the page. Open this chapter in Binder, Colab or JupyterLab, which have PyTorch."
)


class NotInThePage(NotImplementedError, AttributeError):
    """Something of torch that this stand-in does not have."""

    def __init__(self, name):
        super().__init__(f"{name} {_REASON}")


class dtype:
    """The type of a tensor's numbers."""

    def __init__(self, name, numpy):
        self.name, self.numpy = name, np.dtype(numpy)

    def __repr__(self):
        return f"torch.{self.name}"

    @property
    def is_floating_point(self):
        return self.numpy.kind == "f"


_NAMES = {
    "float64": "f8", "float32": "f4", "float16": "f2", "int64": "i8", "int32": "i4",
    "int16": "i2", "int8": "i1", "uint8": "u1", "bool": "?",
}  # fmt: skip
DTYPES = {name: dtype(name, kind) for name, kind in _NAMES.items()}
BY_NUMPY = {each.numpy: each for each in DTYPES.values()}
FLOAT, LONG = np.dtype("f4"), np.dtype("i8")


class device(str):
    """The only device here: the processor."""

    __slots__ = ()

    def __new__(cls, name="cpu"):
        if str(name) != "cpu":
            raise NotInThePage(f"the device {name!r}")
        return super().__new__(cls, "cpu")

    type, index = "cpu", None

    def __repr__(self):
        return "device(type='cpu')"


def check_device(*devices):
    """Refuse every device but the processor."""
    for name in devices:
        if name is not None:
            device(name)


class Size(tuple):
    """The shape of a tensor."""

    def __repr__(self):
        return f"torch.Size({list(self)})"

    def numel(self):
        return int(np.prod(self))


def as_numpy_dtype(kind):
    if kind is None:
        return None
    return kind.numpy if isinstance(kind, dtype) else np.dtype(kind)


def as_shape(args):
    return tuple(args[0]) if len(args) == 1 and isinstance(args[0], (tuple, list)) else args


def array(x):
    """The NumPy array of a tensor, or x itself."""
    return x._a if hasattr(type(x), "_new") else x


def promoted(*things):
    """Return the type of numbers that torch computes with these tensors and numbers in.

    The highest category counts: bool, then whole numbers, then floating point. Within it, a tensor
    with dimensions decides before one without, and that before a plain number. Unlike in NumPy,
    int64 and float32 make float32.
    """
    kinds = [None, None, None]
    for x in things:
        a = array(x)
        if isinstance(a, np.ndarray) and not (a.ndim == 0 and a is x):
            place, kind = (0 if a.ndim else 1), a.dtype
        elif isinstance(a, (bool, np.bool_)):
            place, kind = 2, np.dtype("?")
        elif isinstance(a, (int, np.integer)):
            place, kind = 2, LONG
        else:
            place, kind = 2, FLOAT
        kinds[place] = kind if kinds[place] is None else _both(kinds[place], kind)
    best = None
    for kind in kinds:
        if kind is not None and (best is None or _category(kind) > _category(best)):
            best = kind
    return best


def _category(kind):
    return {"b": 0, "i": 1, "u": 1, "f": 2}[kind.kind]


def _both(a, b):
    if _category(a) != _category(b):
        return max(a, b, key=_category)
    return np.promote_types(a, b)


def same_kind(*tensors):
    """Refuse to multiply matrices of different types of numbers, as torch does."""
    kinds = {x._a.dtype for x in tensors if x is not None}
    if len(kinds) > 1:
        raise RuntimeError(f"expected tensors of one dtype, but got {sorted(map(str, kinds))}")


def within(index, n, what="index"):
    """Return the array of an index after comparing it with the size of its dimension."""
    a = index._a
    if a.size and not (a.min() >= 0 and a.max() < n):
        raise IndexError(f"{what} is out of bounds for a dimension of size {n}")
    return a


def as_kind(x, kind):
    """Return the array of a tensor or a number, of a type of numbers."""
    return np.asarray(array(x)).astype(kind)
