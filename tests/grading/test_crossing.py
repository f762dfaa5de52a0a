"""What crosses between the student's program and the tests: equal values, and nothing more."""

import json
from collections import Counter, OrderedDict, defaultdict, deque
from fractions import Fraction

import numpy as np
import pytest
import torch

from fmlab.checks.material import InPlace
from fmlab.evaluation.statistics import Mean, Rate
from fmlab.models import GPTConfig, LlamaConfig
from fmlab.tokenization.tokenizers import BPETokenizer
from fmlab_grading import codec
from fmlab_grading.protocol import IN_PLACE
from fmlab_grading.proxies import (
    CallableProxy,
    FunctionProxy,
    Handles,
    InstanceProxy,
    IteratorProxy,
    NotAValue,
    is_mutable,
    restore,
)


def transferred(value, classes=()):
    """Return a value of a student as the tests get it."""
    tests = Handles(is_of_tests=True)
    tests.classes.update(classes)
    return tests.unpack(json.loads(json.dumps(Handles().pack(value))))


def handed_over(value):
    """Return a value of the tests as a student gets it."""
    return Handles().unpack(json.loads(json.dumps(Handles(is_of_tests=True).pack(value))))


@pytest.mark.parametrize(
    "value",
    [
        None, True, 7, 10**30, -2.5, float("inf"), "text \ud800 ü", b"\x00\xff", 2 - 3j,
        [1, [2, (3, {4})]], {(1, 2): "x", None: []}, frozenset({1}), deque([1]), range(1, 9, 2),
        slice(None, 3), Counter("aab"), Fraction(1, 3), OrderedDict(a=1),
    ],
)  # fmt: skip
def test_plain_values_cross_unchanged(value):
    got = transferred(value)
    assert got == value
    assert type(got) is (dict if isinstance(value, OrderedDict) else type(value))


@pytest.mark.parametrize("dtype", ["f8", "f4", "i8", "u1", "?", "c16", "U3", "S2"])
@pytest.mark.parametrize("shape", [(), (3,), (2, 0), (2, 3)])
def test_arrays_cross_with_dtype_and_shape(dtype, shape):
    array = np.ones(shape).astype(dtype)
    got = transferred(array)
    assert (got.dtype, got.shape) == (array.dtype, array.shape)
    assert np.array_equal(got, array)


def test_numpy_scalars_keep_their_type():
    assert type(transferred(np.float32(1.5))) is np.float32
    assert type(transferred(np.int64(3))) is np.int64


def test_a_read_only_array_stays_read_only():
    array = np.zeros(2)
    array.flags.writeable = False
    assert not transferred(array).flags.writeable
    assert transferred(np.zeros(2)).flags.writeable


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.int64, torch.bool])
def test_tensors_cross(dtype):
    tensor = torch.tensor([[1, 0, 1]]).to(dtype)
    got = transferred(tensor)
    assert got.dtype == dtype
    assert torch.equal(got, tensor)
    assert transferred(torch.ones(1, requires_grad=True)).requires_grad


def test_a_tokenizer_crosses_by_its_merges():
    tokenizer = BPETokenizer.train("low lower lowest", 260, special_tokens=["<end>"])
    got = transferred(tokenizer)
    assert type(got) is BPETokenizer
    assert (got.merges, got.vocab) == (tokenizer.merges, tokenizer.vocab)
    assert got.special_tokens == tokenizer.special_tokens


@pytest.mark.parametrize("statistic", [Rate(3, 10), Mean.of([1.0, 2.0, 4.0])])
def test_a_rate_and_a_mean_are_built_again(statistic):
    got = transferred(statistic)
    assert type(got) is type(statistic)
    assert (got.low, got.high) == (statistic.low, statistic.high)


@pytest.mark.parametrize(
    "config",
    [
        GPTConfig(9, 8, n_layers=2, n_heads=2, d_model=4, dropout=0.1),
        LlamaConfig(9, 8, 2, 4, 2, 16, 10, tied=True, rope_base=500.0, norm_epsilon=1e-6),
    ],
)
def test_the_shape_of_a_model_is_built_again(config):
    got = transferred(config)
    assert type(got) is type(config)
    assert got == config


@pytest.mark.parametrize("name", codec.FMLAB_CLASSES)
def test_classes_that_cross_are_listed_under_the_names_they_have(name):
    assert codec.name_of_class(codec.class_named(name)) == name


# Nothing of a student decides what a test sees.


def lying(base):
    """Return a subclass that misrepresents its value in every way."""
    wrong = {
        name: lambda self, *args: base()
        for name in ("items", "keys", "values", "copy", "sum", "tolist", "__array__", "__iter__")
    }
    wrong |= {"__len__": lambda self: 7, "__eq__": lambda self, other: True, "__hash__": None}
    wrong |= {
        name: lambda self: base() for name in ("__int__", "__float__", "__index__", "__str__")
    }
    return type("Lying", (base,), wrong)


@pytest.mark.parametrize(
    "value",
    [
        3, 2.5, -0.0, "text", b"bytes", 1 + 2j, Fraction(1, 3), [1, 2], (1, (2,)), deque([1]),
        {"a": 1}, OrderedDict(b=1, a=2), defaultdict(list, a=[1]), Counter("aab"),
    ],
    ids=repr,
)  # fmt: skip
def test_an_instance_of_a_subclass_crosses_as_its_base_class(value):
    Lying = lying(type(value))
    liar = Lying(list, value) if isinstance(value, defaultdict) else Lying(value)
    got = transferred([liar])[0]
    assert repr(got) == repr(dict(value) if type(got) is dict else value)
    assert type(got) in (type(value), dict)


@pytest.mark.parametrize("value", [{1, 2}, frozenset({1})])
def test_a_set_of_a_subclass_crosses_as_a_set(value):
    got = transferred(type("Empty", (type(value),), {"__iter__": lambda self: iter(())})(value))
    assert type(got) is type(value)
    assert got == value


class Array(np.ndarray):
    shape, dtype, size = (0,), np.dtype("i8"), 0

    def __array_function__(self, *args):
        return True

    def tobytes(self, *args):
        return b""

    def sum(self, *args, **options):
        return 0.0


class Tensor(torch.Tensor):
    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        return super().__torch_function__(func, types, args, kwargs)

    def sum(self, *args, **options):
        return 0.0


@pytest.mark.parametrize(
    "value",
    [
        torch.tensor([1 + 2j]).conj(),
        torch.tensor([1 + 2j]).conj().imag,
        torch.eye(2).to_sparse(),
        torch.eye(2).to_sparse_csr(),
        torch.tensor([0.5, 448.0]).to(torch.float8_e4m3fn),
        torch.ones(1).expand(3),
        torch.arange(6).view(2, 3).mT,
    ],
)
def test_tensors_of_any_layout_cross_by_value(value):
    got = transferred(value)
    assert got.dtype == value.dtype
    assert got.layout == torch.strided
    wide = torch.complex128 if value.is_complex() else torch.float64
    plain = value if value.layout == torch.strided else value.to_dense()
    assert torch.equal(got.to(wide), plain.to(wide))


@pytest.mark.parametrize(
    "value",
    [
        torch.ones(2, device="meta"),
        torch.quantize_per_tensor(torch.ones(2), 0.1, 0, torch.qint8),
        torch.nested.nested_tensor([torch.ones(2)]),
    ],
)
def test_tensor_without_plain_numbers_is_no_value(value):
    with pytest.raises(NotAValue, match="Tensor"):
        transferred(value)


def test_arrays_and_tensors_of_a_subclass_cross_as_plain_ones():
    got = transferred(np.array([1.0, 2.0]).view(Array))
    assert type(got) is np.ndarray
    assert got.sum() == 3
    got = transferred(torch.tensor([1.0, 2.0]).as_subclass(Tensor))
    assert type(got) is torch.Tensor
    assert got.sum() == 3


def test_an_array_of_objects_crosses_as_lists():
    assert transferred(np.array([[1, None], ["a", 2.5]], dtype=object)) == [[1, None], ["a", 2.5]]
    with pytest.raises(NotAValue, match="object"):
        transferred(np.array([1, object()], dtype=object))


def test_views_of_dicts_cross_as_lists():
    ordered = OrderedDict(a=1)
    for view in (ordered.keys(), ordered.values(), ordered.items(), {"a": 1}.items()):
        assert transferred(view) == list(view)


def test_a_rebuilt_object_has_only_values_in_it():
    packed = Handles().pack(Mean.of([1.0, 2.0]))
    packed[1]["mean"] = Handles().pack(len)
    with pytest.raises(NotAValue):
        Handles(is_of_tests=True).unpack(packed)


class Counts:
    """What passed a test of `predicted` that loops over its items."""

    def __len__(self):
        return 6

    def __iter__(self):
        return iter(["the", "he"])

    def items(self):
        return []


@pytest.mark.parametrize(
    "wrap", [lambda x: x, lambda x: [1, (x,)], lambda x: {"a": x}, lambda x: {"a": [{1: x}]}]
)
@pytest.mark.parametrize("value", [Counts(), object(), json, NotImplemented])
def test_no_object_of_a_student_gets_to_the_tests(value, wrap):
    with pytest.raises(NotAValue, match=type(value).__name__):
        transferred(wrap(value))


def test_a_function_can_only_be_called_and_an_iterator_only_be_asked_for_the_next_item():
    class Both(Counts):
        def __call__(self):
            return 1

    class Items(Counts):
        def __next__(self):
            return 1

    function, iterator = transferred(Both()), transferred(Items())
    assert (type(function), type(iterator)) == (FunctionProxy, IteratorProxy)
    for proxy in (function, iterator, transferred(len), transferred(Counts)):
        assert not hasattr(proxy, "items")
        for operation in (len, lambda p: p["a"], lambda p: "a" in p and 1 / 0):
            with pytest.raises((TypeError, AttributeError)):
                operation(proxy)
    with pytest.raises(TypeError):
        iter(function)


def test_only_a_class_that_the_author_defines_may_have_instances():
    class Callable(Counts):
        def __call__(self):
            return 1

    assert type(transferred(Counts(), ["Counts"])) is InstanceProxy
    assert type(transferred(Callable(), ["Callable"])) is CallableProxy
    with pytest.raises(NotAValue):
        transferred(Counts(), ["Other"])


def test_methods_of_an_instance_return_values_only():
    allowed_kinds = []

    def request(operation, target, *args, allowed):
        allowed_kinds.append((operation, tuple(allowed)))

    tests = Handles(request, is_of_tests=True)
    tests.classes.add("Counts")
    student = Handles()
    instance = tests.unpack(student.pack(Counts()))
    instance.items, instance["a"]
    assert allowed_kinds == [("attribute", ("function",)), ("item", ())]
    method = tests.unpack(student.pack(Counts().items), ("function",))
    method()
    assert allowed_kinds[-1] == ("call", ())
    with pytest.raises(NotAValue):
        tests.unpack(student.pack(len), ())


# Nothing of the tests tells a student what is being tested.


def test_functions_of_the_tests_cross_without_names():
    class Faulty:
        def __call__(self):
            return 1

    for value in (len, lambda: 1, Faulty(), Counts, Counts().items):
        proxy = handed_over(value)
        assert repr(proxy) in ("<function>", "<callable>")
        assert (proxy.__name__, callable(proxy)) == ("function", True)
    packed = json.dumps(Handles(is_of_tests=True).pack([len, Faulty(), Faulty]))
    assert "len" not in packed
    assert "Faulty" not in packed


def test_no_two_crossings_have_the_same_number():
    handles = Handles(is_of_tests=True)
    numbers = [handles.pack(len)[1][0] for _ in range(20)]
    assert len({*numbers}) == 20
    assert sorted(numbers) != numbers  # by chance: 1 in 20!
    assert {handles.objects[number] for number in numbers} == {len}


def test_functions_and_iterators_stay_where_they_are():
    assert type(transferred(len)) is FunctionProxy
    assert type(transferred(iter([1]))) is IteratorProxy
    assert type(handed_over(np.random.default_rng(0))) is InstanceProxy
    assert callable(transferred(Counts))


def test_a_proxy_that_is_sent_back_is_the_original_object():
    sender, other = Handles(is_of_tests=True), Handles()
    proxy = other.unpack(sender.pack([len])[1][0])
    assert sender.unpack(other.pack(proxy)) is len


def test_the_marker_of_arguments_to_change_has_the_name_that_the_grader_knows():
    assert codec.name_of_class(InPlace) == IN_PLACE
    assert handed_over(InPlace(a=1)) == {"a": 1}


def test_a_list_that_contains_itself_is_rejected():
    items = []
    items.append(items)
    with pytest.raises(RecursionError):
        Handles().pack(items)


@pytest.mark.parametrize(
    "packed",
    [
        {}, [], ["list"], ["list", 3], ["unknown", 1], ["yours", 5], ["set", [["list", []]]],
        ["array", ["O", [1], "AAAA", False, True]], ["array", ["f8", [1000], "AAAA", False, True]],
        ["array", ["V8", [1], "AAAAAAAAAAA=", False, True]], ["bytes", 3], ["fraction", [1, 0]],
        ["tensor", ["f4", [0], "", "load", False]], ["os:system", {"command": "true"}],
        ["fmlab.tokenization.tokenizers:BPETokenizer", {"merges": ["list", [1]]}], ["mine", [1]],
        ["mine", [1, "else", "x"]], ["mine", ["x", "function", "x"]],
    ],
)  # fmt: skip
def test_invalid_data_is_rejected(packed):
    with pytest.raises(ValueError, match=r"."):
        Handles().unpack(packed)


@pytest.mark.parametrize(
    ("value", "changed"),
    [
        ([1, 2], [3]),
        ({"a": 1}, {"b": 2}),
        ({1}, {2}),
        (np.zeros(2), np.ones(2)),
        (torch.zeros(2), torch.ones(2)),
    ],
)
def test_changes_to_a_copy_are_restored_in_the_original(value, changed):
    restore(value, changed)
    assert np.array_equal(value, changed) if hasattr(value, "shape") else value == changed


def test_only_mutable_arguments_are_compared_after_a_call():
    pack = Handles().pack
    assert all(is_mutable(pack(value)) for value in ([1], {}, {1}, np.zeros(1), torch.zeros(1)))
    assert not any(is_mutable(pack(value)) for value in (1, "a", (1,), b"", np.float64(1)))
