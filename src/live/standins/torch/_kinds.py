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
    return getattr(x, "_a", x)
