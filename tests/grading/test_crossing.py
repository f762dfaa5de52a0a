"""What crosses between the student's program and the tests: the same values, and nothing more."""

import json
from collections import Counter, OrderedDict, deque
from fractions import Fraction

import numpy as np
import pytest
import torch

from fmlab.checks.tokenization import LookUpOnly
from fmlab.grading.crossing import FAR, Far, FarFunction, FarIterator, Handles, is_mutable, restore
from fmlab.tokenization import BPETokenizer


def there_and_back(value):
    """A value as the other side gets it."""
    here, there = (
        Handles(None),
        Handles(lambda number, ability, name: FAR[ability](None, number, name)),
    )
    return there.unpack(json.loads(json.dumps(here.pack(value))))


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
        assert isinstance(there_and_back(value), Far)
        return
    got = there_and_back(value)
    assert got == value
    assert type(got) is (dict if isinstance(value, OrderedDict) else type(value))


@pytest.mark.parametrize("dtype", ["f8", "f4", "i8", "u1", "?", "c16", "U3", "S2"])
@pytest.mark.parametrize("shape", [(), (3,), (2, 0), (2, 3)])
def test_arrays_cross_with_dtype_and_shape(dtype, shape):
    array = np.ones(shape).astype(dtype)
    got = there_and_back(array)
    assert (got.dtype, got.shape) == (array.dtype, array.shape)
    assert np.array_equal(got, array)


def test_number_types_of_numpy_stay_what_they_are():
    assert type(there_and_back(np.float32(1.5))) is np.float32
    assert type(there_and_back(np.int64(3))) is np.int64


def test_an_array_that_may_not_be_written_to_stays_so():
    array = np.zeros(2)
    array.flags.writeable = False
    assert not there_and_back(array).flags.writeable
    assert there_and_back(np.zeros(2)).flags.writeable


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.int64, torch.bool])
def test_tensors_cross(dtype):
    tensor = torch.tensor([[1, 0, 1]]).to(dtype)
    got = there_and_back(tensor)
    assert got.dtype == dtype
    assert torch.equal(got, tensor)
    assert there_and_back(torch.ones(1, requires_grad=True)).requires_grad


def test_a_tokenizer_crosses_by_its_merges():
    tokenizer = BPETokenizer.train("low lower lowest", 260, special_tokens=["<end>"])
    got = there_and_back(tokenizer)
    assert (got.merges, got.vocab) == (tokenizer.merges, tokenizer.vocab)
    table = there_and_back(LookUpOnly(tokenizer.merges))
    assert all(table[pair] == new for pair, new in tokenizer.merges.items())


class Agrees(float):
    def __eq__(self, other):
        return True

    __hash__ = None


class Array(np.ndarray):
    def __array_function__(self, *args):
        return True


def test_a_subclass_brings_none_of_its_behaviour():
    got = there_and_back(Agrees(3))
    assert type(got) is Far
    assert got != 3
    assert type(there_and_back(np.zeros(2).view(Array))) is np.ndarray


def test_functions_and_iterators_stay_where_they_are():
    assert type(there_and_back(len)) is FarFunction
    assert type(there_and_back(iter([1]))) is FarIterator
    assert there_and_back(len).__name__ == "len"
    assert callable(there_and_back(Agrees))
    assert not callable(there_and_back(object()))


def test_a_handle_finds_its_way_home():
    here, there = (
        Handles(None),
        Handles(lambda number, ability, name: FAR[ability](None, number, name)),
    )
    far = there.unpack(here.pack([len])[1][0])
    assert here.unpack(there.pack(far)) is len


def test_the_same_object_has_one_handle():
    handles = Handles(None)
    assert handles.pack(len) == handles.pack(len)
    assert len(handles.objects) == 1


def test_what_contains_itself_is_refused():
    items = []
    items.append(items)
    with pytest.raises(RecursionError):
        Handles(None).pack(items)


@pytest.mark.parametrize(
    "packed",
    [
        {}, [], ["list"], ["list", 3], ["nobody", 1], ["yours", 5], ["set", [["list", []]]],
        ["array", ["O", [1], "AAAA", False, True]], ["array", ["f8", [1000], "AAAA", False, True]],
        ["array", ["V8", [1], "AAAAAAAAAAA=", False, True]], ["bytes", 3], ["fraction", [1, 0]],
        ["tensor", ["f4", [0], "", "load", False]], ["os:system", {"command": "true"}],
        ["fmlab.tokenization:BPETokenizer", {"merges": ["list", [1]]}], ["far", [1]],
    ],
)  # fmt: skip
def test_nonsense_is_refused(packed):
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
def test_a_changed_copy_is_brought_back(value, changed):
    restore(value, changed)
    assert np.array_equal(value, changed) if hasattr(value, "shape") else value == changed


def test_only_what_can_be_changed_is_looked_at_again():
    pack = Handles(None).pack
    assert all(is_mutable(pack(value)) for value in ([1], {}, {1}, np.zeros(1), torch.zeros(1)))
    assert not any(is_mutable(pack(value)) for value in (1, "a", (1,), b"", np.float64(1)))
