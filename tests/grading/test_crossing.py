"""What crosses between the student's program and the tests: equal values, and nothing more."""

import json
from collections import Counter, OrderedDict, deque
from fractions import Fraction

import numpy as np
import pytest
import torch

from fmlab.checks.tokenization import LookUpOnly
from fmlab.tokenization.tokenizers import BPETokenizer
from fmlab_grading import codec
from fmlab_grading.proxies import (
    PROXIES,
    FunctionProxy,
    Handles,
    IteratorProxy,
    Proxy,
    is_mutable,
    restore,
)


def transferred(value):
    """Return a value as the other side gets it."""
    return receiver().unpack(json.loads(json.dumps(Handles(None).pack(value))))


def receiver():
    return Handles(lambda number, ability, name: PROXIES[ability](None, number, name))


@pytest.mark.parametrize(
    "value",
    [
        None, True, 7, 10**30, -2.5, float("inf"), "text \ud800 ü", b"\x00\xff", 2 - 3j, ...,
        [1, [2, (3, {4})]], {(1, 2): "x", None: []}, frozenset({1}), deque([1]), range(1, 9, 2),
        slice(None, 3), Counter("aab"), Fraction(1, 3), OrderedDict(a=1),
    ],
)  # fmt: skip
def test_plain_values_cross_unchanged(value):
    if value is ...:
        assert isinstance(transferred(value), Proxy)
        return
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
    table = transferred(LookUpOnly(tokenizer.merges))
    assert all(table[pair] == new for pair, new in tokenizer.merges.items())


@pytest.mark.parametrize("name", codec.FMLAB_CLASSES)
def test_classes_that_cross_are_listed_under_the_names_they_have(name):
    assert codec.name_of_class(codec.class_named(name)) == name


class Agrees(float):
    def __eq__(self, other):
        return True

    __hash__ = None


class Array(np.ndarray):
    def __array_function__(self, *args):
        return True


def test_a_subclass_loses_its_behavior():
    got = transferred(Agrees(3))
    assert type(got) is Proxy
    assert got != 3
    assert type(transferred(np.zeros(2).view(Array))) is np.ndarray


def test_functions_and_iterators_stay_where_they_are():
    assert type(transferred(len)) is FunctionProxy
    assert type(transferred(iter([1]))) is IteratorProxy
    assert transferred(len).__name__ == "len"
    assert callable(transferred(Agrees))
    assert not callable(transferred(object()))


def test_a_proxy_that_is_sent_back_is_the_original_object():
    sender, other = Handles(None), receiver()
    proxy = other.unpack(sender.pack([len])[1][0])
    assert sender.unpack(other.pack(proxy)) is len


def test_the_same_object_has_one_handle():
    handles = Handles(None)
    assert handles.pack(len) == handles.pack(len)
    assert len(handles.objects) == 1


def test_a_list_that_contains_itself_is_rejected():
    items = []
    items.append(items)
    with pytest.raises(RecursionError):
        Handles(None).pack(items)


@pytest.mark.parametrize(
    "packed",
    [
        {}, [], ["list"], ["list", 3], ["unknown", 1], ["yours", 5], ["set", [["list", []]]],
        ["array", ["O", [1], "AAAA", False, True]], ["array", ["f8", [1000], "AAAA", False, True]],
        ["array", ["V8", [1], "AAAAAAAAAAA=", False, True]], ["bytes", 3], ["fraction", [1, 0]],
        ["tensor", ["f4", [0], "", "load", False]], ["os:system", {"command": "true"}],
        ["fmlab.tokenization.tokenizers:BPETokenizer", {"merges": ["list", [1]]}], ["mine", [1]],
    ],
)  # fmt: skip
def test_invalid_data_is_rejected(packed):
    with pytest.raises(ValueError, match=r"."):
        Handles(None).unpack(packed)


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
    pack = Handles(None).pack
    assert all(is_mutable(pack(value)) for value in ([1], {}, {1}, np.zeros(1), torch.zeros(1)))
    assert not any(is_mutable(pack(value)) for value in (1, "a", (1,), b"", np.float64(1)))
