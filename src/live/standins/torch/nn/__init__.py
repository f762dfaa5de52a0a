"""The modules that the book's models consist of."""

import math
import sys
import types
from collections import OrderedDict

import numpy as np

from torch import _part
from torch._kinds import NotInThePage, check_device
from torch._random import normal_, uniform_
from torch._tensor import wrap
from torch.nn import functional
from torch.nn._module import Module, ModuleDict, ModuleList, Parameter, Sequential

F = functional


def __getattr__(name):
    if name.startswith("__"):
        raise AttributeError(name)
    raise NotInThePage(f"torch.nn.{name}")


class Linear(Module):
    def __init__(self, in_features, out_features, bias=True, device=None):
        super().__init__()
        check_device(device)
        bound = 1 / math.sqrt(in_features)
        self.in_features, self.out_features = in_features, out_features
        self.weight = Parameter(np.zeros((out_features, in_features), np.float32))
        uniform_(self.weight, -bound, bound)
        if bias:
            self.bias = Parameter(np.zeros(out_features, np.float32))
            uniform_(self.bias, -bound, bound)
        else:
            self.register_parameter("bias", None)

    def forward(self, x):
        return F.linear(x, self.weight, self.bias)


class Embedding(Module):
    def __init__(self, num_embeddings, embedding_dim):
        super().__init__()
        self.num_embeddings, self.embedding_dim = num_embeddings, embedding_dim
        self.weight = Parameter(np.zeros((num_embeddings, embedding_dim), np.float32))
        normal_(self.weight)

    @classmethod
    def from_pretrained(cls, weight, freeze=True):
        made = cls(*weight.shape)
        made.weight = Parameter(weight)
        return made

    def forward(self, ids):
        return F.embedding(ids, self.weight)


class LayerNorm(Module):
    def __init__(self, normalized_shape, eps=1e-5):
        super().__init__()
        if isinstance(normalized_shape, int):
            normalized_shape = (normalized_shape,)
        self.normalized_shape, self.eps = tuple(normalized_shape), eps
        self.weight = Parameter(np.ones(normalized_shape, np.float32))
        self.bias = Parameter(np.zeros(normalized_shape, np.float32))

    def forward(self, x):
        return F.layer_norm(x, self.normalized_shape, self.weight, self.bias, self.eps)


class Dropout(Module):
    def __init__(self, p=0.5):
        super().__init__()
        self.p = p

    def forward(self, x):
        return F.dropout(x, self.p, self.training)


class ReLU(Module):
    def forward(self, x):
        return x.relu()


class Tanh(Module):
    def forward(self, x):
        return x.tanh()


class GELU(Module):
    def __init__(self, approximate="none"):
        super().__init__()
        self.approximate = approximate

    def forward(self, x):
        return F.gelu(x, self.approximate)


class _Refused(Module):
    """A kind of module that has a name here, because modules mention it, and nothing else."""

    def __init__(self, *_, **__):
        raise NotInThePage(f"torch.nn.{type(self).__name__}")


class GRU(_Refused):
    pass


class RNN(_Refused):
    pass


class Identity(Module):
    def forward(self, x):
        return x


init = _part("nn.init")


def _constant_(tensor, value):
    tensor._a = np.full(tensor.shape, value, tensor.dtype.numpy)
    return tensor


init.constant_ = _constant_
init.zeros_ = lambda tensor: init.constant_(tensor, 0)
init.ones_ = lambda tensor: init.constant_(tensor, 1)
init.normal_, init.uniform_ = normal_, uniform_

utils = types.ModuleType("torch.nn.utils")
utils.__path__ = []
rnn = types.ModuleType("torch.nn.utils.rnn")


def pad_sequence(sequences, batch_first=False, padding_value=0):
    longest = max(map(len, sequences))
    made = np.full((len(sequences), longest), padding_value, sequences[0]._a.dtype)
    for row, sequence in zip(made, sequences):
        row[: len(sequence)] = sequence._a
    return wrap(made if batch_first else made.T)


rnn.pad_sequence = pad_sequence
utils.rnn = rnn
modules = types.ModuleType("torch.nn.modules")
modules.__path__ = []
module = types.ModuleType("torch.nn.modules.module")
module._global_forward_hooks = module._global_forward_pre_hooks = OrderedDict()
modules.module = module
for _module in (utils, rnn, modules, module):
    sys.modules[_module.__name__] = _module
del module
