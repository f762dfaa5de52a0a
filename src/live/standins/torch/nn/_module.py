"""``Module``, and the modules that hold others."""

import types
from collections import OrderedDict

import numpy as np

from torch._kinds import BY_NUMPY, NotInThePage, check_device, dtype
from torch.nn._parameter import Parameter


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
        if name in LACKED:
            raise NotInThePage(f"torch.nn.Module.{name}")
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

    def register_forward_hook(self, hook, **options):
        return self._hook(self._forward_hooks, _plain(hook, options))

    def register_forward_pre_hook(self, hook, **options):
        return self._hook(self._forward_pre_hooks, _plain(hook, options))

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
        found = OrderedDict(self._named("_parameters", remove_duplicate=False))
        for prefix, module in self.named_modules(remove_duplicate=False):
            for name, value in module._buffers.items():
                if value is not None and name not in module._non_persistent_buffers_set:
                    found[f"{prefix}.{name}" if prefix else name] = value
        return found

    def load_state_dict(self, weights, strict=True, assign=False):
        own = self.state_dict()
        if strict and own.keys() != weights.keys():
            raise RuntimeError(f"other names: {sorted(own.keys() ^ weights.keys())[:3]}")
        for name in own.keys() & weights.keys():
            value, new = own[name], weights[name]
            if value.shape != new.shape:
                raise RuntimeError(f"size mismatch for {name}: {new.shape}, not {value.shape}")
            value._a = new._a.astype(value.dtype.numpy)

    def train(self, mode=True):
        for module in self.modules():
            module.training = mode
        return self

    def eval(self):
        return self.train(False)

    def to(self, *args, device=None, dtype=None):
        for each in args:
            if isinstance(each, _dtype):
                dtype = each
            else:
                check_device(each)
        check_device(device)
        if dtype is not None:
            for value in [*self.parameters(), *self.buffers()]:
                if value.is_floating_point():
                    _cast(value, dtype.numpy)
        return self

    def cpu(self):
        return self

    def float(self):
        return self.to(BY_NUMPY[np.dtype("f4")])

    def double(self):
        return self.to(BY_NUMPY[np.dtype("f8")])

    def half(self):
        return self.to(BY_NUMPY[np.dtype("f2")])

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


_dtype = dtype
LACKED = {
    *("cuda", "bfloat16", "compile", "share_memory", "to_empty"),
    *("register_full_backward_hook", "register_backward_hook", "register_full_backward_pre_hook"),
}


def _plain(hook, options):
    if any(options.values()):
        raise NotInThePage(f"a hook with {', '.join(options)}")
    return hook


def _cast(value, kind):
    if isinstance(value, Parameter) and not value._is_set:
        value._held = value._held.astype(kind)
    else:
        value._a = value._a.astype(kind)


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
