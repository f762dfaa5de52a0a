"""The modules that the book's models consist of."""

import sys
import types
from collections import OrderedDict

import numpy as np

from torch._tensor import NotInThePage, Tensor, wrap
from torch.nn import functional

F = functional


def __getattr__(name):
    if name.startswith("__"):
        raise AttributeError(name)
    raise NotInThePage(f"torch.nn.{name}")


class Parameter(Tensor):
    """A tensor that belongs to a module."""

    def __new__(cls, data=None, requires_grad=True):
        return super().__new__(cls)

    def __init__(self, data, requires_grad=True):
        super().__init__(data._a if isinstance(data, Tensor) else data)
        self.requires_grad = requires_grad


class Module:
    """A part of a model, with parameters and parts of its own."""

    def __init__(self):
        for name in _PRIVATE:
            object.__setattr__(self, name, OrderedDict())
        self.training = True

    def __setattr__(self, name, value):
        for kind, place in ((Parameter, "_parameters"), (Module, "_modules")):
            if isinstance(value, kind):
                self.__dict__.pop(name, None)
                getattr(self, place)[name] = value
                return
        object.__setattr__(self, name, value)

    def __getattr__(self, name):
        for place in ("_parameters", "_modules", "_buffers"):
            if name in self.__dict__.get(place, ()):
                return self.__dict__[place][name]
        raise AttributeError(f"{type(self).__name__} has no attribute {name!r}")

    def __call__(self, *args, **options):
        return self._call_impl(*args, **options)

    def _call_impl(self, *args, **options):
        for hook in list(self._forward_pre_hooks.values()):
            changed = hook(self, args)
            if changed is not None:
                args = changed if isinstance(changed, tuple) else (changed,)
        output = self.forward(*args, **options)
        for hook in list(self._forward_hooks.values()):
            changed = hook(self, args, output)
            output = output if changed is None else changed
        return output

    def _hook(self, place, hook):
        handle = types.SimpleNamespace()
        place[id(handle)] = hook
        handle.remove = lambda: place.pop(id(handle), None)
        return handle

    def register_forward_hook(self, hook, **_):
        return self._hook(self._forward_hooks, hook)

    def register_forward_pre_hook(self, hook, **_):
        return self._hook(self._forward_pre_hooks, hook)

    def register_parameter(self, name, value):
        self._parameters[name] = value

    def register_buffer(self, name, value, persistent=True):
        self._buffers[name] = value
        if not persistent:
            self._non_persistent_buffers_set[name] = True

    def add_module(self, name, module):
        self._modules[name] = module

    def named_modules(self, memo=None, prefix="", remove_duplicate=True):
        memo = set() if memo is None else memo
        if self in memo:
            return
        if remove_duplicate:
            memo.add(self)
        yield prefix, self
        for name, module in self._modules.items():
            inside = f"{prefix}.{name}" if prefix else name
            yield from module.named_modules(memo, inside, remove_duplicate)

    def modules(self):
        return (module for _, module in self.named_modules())

    def children(self):
        return iter(self._modules.values())

    def named_children(self):
        return iter(self._modules.items())

    def _named(self, place, remove_duplicate=True):
        seen = set()
        for prefix, module in self.named_modules(remove_duplicate=remove_duplicate):
            for name, value in getattr(module, place).items():
                if value is None or (remove_duplicate and id(value) in seen):
                    continue
                seen.add(id(value))
                yield (f"{prefix}.{name}" if prefix else name), value

    def named_parameters(self, remove_duplicate=True):
        return self._named("_parameters", remove_duplicate)

    def parameters(self):
        return (parameter for _, parameter in self.named_parameters())

    def buffers(self):
        return (value for _, value in self._named("_buffers"))

    def get_parameter(self, name):
        return dict(self.named_parameters(remove_duplicate=False))[name]

    def get_submodule(self, name):
        return dict(self.named_modules(remove_duplicate=False))[name]

    def state_dict(self):
        return OrderedDict(self._named("_parameters", remove_duplicate=False))

    def load_state_dict(self, weights, assign=False):
        own = self.state_dict()
        if own.keys() != weights.keys():
            raise RuntimeError(f"other names: {sorted(own.keys() ^ weights.keys())[:3]}")
        for name, value in own.items():
            value._a = weights[name]._a.astype(value._a.dtype)

    def train(self, mode=True):
        for module in self.modules():
            module.training = mode
        return self

    def eval(self):
        return self.train(False)

    def to(self, *_, **__):
        return self

    def cpu(self):
        return self

    def float(self):
        return self

    def requires_grad_(self, on=True):
        return self

    def apply(self, function):
        for module in self.modules():
            function(module)
        return self

    def zero_grad(self):
        raise NotInThePage("training (zero_grad)")

    def extra_repr(self):
        return ""


_PRIVATE = (
    *("_parameters", "_modules", "_buffers", "_non_persistent_buffers_set"),
    *("_forward_hooks", "_forward_pre_hooks", "_state_dict_hooks", "_state_dict_pre_hooks"),
)


class ModuleList(Module):
    def __init__(self, modules=()):
        super().__init__()
        for module in modules:
            self.append(module)

    def append(self, module):
        self._modules[str(len(self._modules))] = module
        return self

    def __iter__(self):
        return iter(self._modules.values())

    def __len__(self):
        return len(self._modules)

    def __getitem__(self, i):
        found = list(self._modules.values())[i]
        return type(self)(found) if isinstance(i, slice) else found


class Sequential(ModuleList):
    def __init__(self, *modules):
        super().__init__(modules)

    def forward(self, x):
        for module in self:
            x = module(x)
        return x


class ModuleDict(Module):
    def __init__(self, modules=()):
        super().__init__()
        self._modules.update(modules)

    def __getitem__(self, name):
        return self._modules[name]

    def __contains__(self, name):
        return name in self._modules

    def keys(self):
        return self._modules.keys()

    def values(self):
        return self._modules.values()

    def items(self):
        return self._modules.items()


class Linear(Module):
    def __init__(self, in_features, out_features, bias=True):
        super().__init__()
        self.in_features, self.out_features = in_features, out_features
        self.weight = Parameter(np.zeros((out_features, in_features), np.float32))
        if bias:
            self.bias = Parameter(np.zeros(out_features, np.float32))
        else:
            self.register_parameter("bias", None)

    def forward(self, x):
        return F.linear(x, self.weight, self.bias)


class Embedding(Module):
    def __init__(self, num_embeddings, embedding_dim):
        super().__init__()
        self.num_embeddings, self.embedding_dim = num_embeddings, embedding_dim
        self.weight = Parameter(np.zeros((num_embeddings, embedding_dim), np.float32))

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
        self.normalized_shape, self.eps = (normalized_shape,), eps
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


init = types.ModuleType("torch.nn.init")


def _set(tensor, numbers):
    tensor._a = np.asarray(numbers, tensor._a.dtype)
    return tensor


init.constant_ = lambda tensor, value: _set(tensor, np.full(tensor.shape, value))
init.zeros_ = lambda tensor: init.constant_(tensor, 0)
init.ones_ = lambda tensor: init.constant_(tensor, 1)


def _normal_(tensor, mean=0.0, std=1.0, generator=None):
    rng = np.random.default_rng(0) if generator is None else generator.rng
    return _set(tensor, rng.normal(mean, std, tensor.shape))


init.normal_ = _normal_
sys.modules["torch.nn.init"] = init

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
