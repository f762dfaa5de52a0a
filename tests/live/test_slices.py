"""Slices: run after the earlier cells that it needs, a cell prints what it prints after all."""

import contextlib
import io
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

sys.path.append(str(Path(__file__).resolve().parents[2] / "book" / "_ext"))

from slices import facts_of, needs, statements


def slice_of(*cells):
    """The cells that the last one needs."""
    return needs([facts_of(cell) for cell in cells], len(cells) - 1)


@pytest.mark.parametrize(
    ("cells", "needed"),
    [
        (["a = 1", "b = 2", "a"], [0]),
        (["a = 1", "b = a", "c = 3", "b"], [0, 1]),
        (["a = 1", "a = 2", "a"], [1]),
        (["a = 1", "a += 1", "a"], [0, 1]),
        (["a = [1]", "a.append(2)", "a"], [0, 1]),
        (["a = [1]", "a[0] = 2", "a"], [0, 1]),
        (["a = {}", "a['x'].y = 2", "a"], [0, 1]),
        (["a = [1]", "del a[0]", "a"], [0, 1]),
        (["a = [1]", "fill(a)", "a"], [0, 1]),
        (["a = [1]", "fill(a.copy())", "a"], [0, 1]),
        (["def g(): return 1", "show(g())", "g()"], [0]),
        (["rng = make()", "x = rng.normal(2)", "rng.normal(2)"], [0, 1]),
        (["rng = make()", "x = draw(rng)", "draw(rng)"], [0, 1]),
        (["rng = make()", "x = draw(1, rng=rng)", "draw(rng)"], [0, 1]),
        (["import plt", "plt.style.use('x')", "plt.show()"], [0, 1]),
        # Modules: drawings and calls leave nothing behind, settings do.
        (["import plt", "plt.plot(x)\nplt.show()", "plt.plot(y)"], [0]),
        (["import np", "np.sort(x)\nnp.random.default_rng(0).normal(2)", "np.sum(y)"], [0]),
        (["import np", "np.random.seed(0)", "np.random.normal()"], [0, 1]),
        (["import np", "np.set_printoptions(precision=2)", "np.ones(2)"], [0, 1]),
        (["import torch", "torch.manual_seed(0)", "torch.ones(2)"], [0]),
        (["import torch", "torch.manual_seed(0)", "torch.rand(2)", "torch.rand(2)"], [0, 1, 2]),
        (["import nn", "torch.manual_seed(0)", "nn.Linear(2, 3)"], [0, 1]),
        (["import torch", "torch.manual_seed(0)", "torch.rand(2, generator=g)"], [0]),
        # A function reads a name when it is called.
        (["def f(): return n", "n = 2", "f()"], [0, 1]),
        (["def f(): return g()", "def g(): return n", "n = 2", "f()"], [0, 1, 2]),
        (["from x import y as z", "z"], [0]),
        (["import x.y", "x.y"], [0]),
        # Loop variables, arguments and comprehensions do not leak out, and take nothing in.
        (["n = 1", "for n in range(3): print(n)"], []),
        (["n = 1", "for n in range(n): print(n)"], [0]),
        (["n = 1", "[n for n in range(3)]"], []),
        (["n = 1", "[n for n in range(n)]"], [0]),
        (["n = 1", "def f(n): return n"], []),
        (["n = 1", "def f(m=n): return m"], [0]),
        (["n = 1", "f = lambda n: n"], []),
        (["n = 1", "def f():\n    n = 2\n    return n"], []),
        (["n = 1", "def f():\n    return n"], [0]),
        (["n = 1", "def f():\n    return n\nn = 2\nf()"], []),
        (["n = 1", "with open(x) as n: n"], []),
        (["n = 1", "class A:\n    m = n"], [0]),
        (["n = 1", "f'{n}'"], [0]),
        (["n = 1", "if (n := 2): n"], []),
        (["a, (b, *c) = 1, (2, 3)", "c"], [0]),
        (["print = 3", "print"], []),  # a builtin is not missed
        # What is bound only perhaps does not replace the earlier binding.
        (["n = 1", "if x: n = 2", "n"], [0, 1]),
        (["n = 1", "if x: n = 2\nelse: n = 3", "n"], [1]),
        (["n = 1", "if x: n = 2\nn"], [0]),
        (["n = 1", "for n in range(x): pass", "n"], [0, 1]),
        (["n = 1", "for i in x: n = i", "n"], [0, 1]),
        (["n = 1", "while x: n = 2", "n"], [0, 1]),
        (["n = 1", "try: n = f()\nexcept ValueError: pass", "n"], [0, 1]),
        (["n = 1", "try: n = f()\nexcept ValueError: n = 2", "n"], [1]),
        (["n = 1", "try: f()\nfinally: n = 2", "n"], [1]),
        (["e = 1", "try: f()\nexcept ValueError as e: e"], []),
        (["n = 1", "with suppress(ValueError): n = f()", "n"], [0, 1]),
        (["n = 1", "with torch.no_grad(): n = f()", "n"], [1]),
        (["n = 1", "x and (n := 2)", "n"], [0, 1]),
        (["n = 1", "[n := i for i in x]", "n"], [0, 1]),
        (["n = 1", "match x:\n    case [n]: n", "n"], [0, 1]),
        (["n = 1", "def f():\n    if x: n = 2\n    return n"], []),  # local in all of f
        (["n = 1", "def f():\n    global n\n    n += 1\nf()", "n"], [0, 1]),
    ],
)
def test_what_is_read_is_needed(cells, needed):
    assert slice_of(*cells) == needed


NAMES = st.sampled_from("abc")
STATEMENTS = st.one_of(
    st.builds("{} = {}".format, NAMES, st.integers(0, 9)),
    st.builds("{} = [{}]".format, NAMES, st.integers(0, 9)),
    st.builds("{} = {}".format, NAMES, NAMES),
    st.builds("{} = [x for x in {}]".format, NAMES, NAMES),
    st.builds("{}.append({})".format, NAMES, st.integers(0, 9)),
    st.builds("{} = {} + {}".format, NAMES, NAMES, NAMES),
    st.builds("for {} in {}: pass".format, NAMES, NAMES),
    st.builds("{} += {}".format, NAMES, NAMES),
    st.builds("print({})".format, NAMES),
    st.builds("if {} == {}: {} = [{}]".format, NAMES, st.integers(0, 9), NAMES, st.integers(0, 9)),
    st.builds("for i in {}[1:]: {} = i".format, NAMES, NAMES),
    st.builds("try:\n    {} = {}[1]\nexcept (TypeError, IndexError): pass".format, NAMES, NAMES),
)
CELLS = st.lists(
    st.lists(STATEMENTS, min_size=1, max_size=3).map("\n".join), min_size=2, max_size=7
)


def output_of(cells, names):
    """What the last of the cells prints, with nothing else run; None if one of them fails."""
    for cell in cells:
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            try:
                exec(cell, names)
            except Exception:
                return None
    return printed.getvalue()


LINES = {f"{x} = {y}" for x in "abc" for y in "abc"}


def has_alias(cells):
    """Whether a cell gives a list a second name: a change under one name changes the other."""
    return any(line in LINES for cell in cells for line in cell.split("\n"))


@settings(max_examples=500)
@given(CELLS)
def test_a_cell_after_its_slice_prints_what_it_prints_after_all_cells(cells):
    if has_alias(cells) or (whole := output_of(cells, {})) is None:
        return
    chosen = [*slice_of(*cells), len(cells) - 1]
    assert output_of([cells[i] for i in chosen], {}) == whole


@pytest.mark.parametrize(
    ("cell", "parts"),
    [
        ("", []),
        ("# a note\n", []),
        ("a = 1\n\n# why\nb = [\n    2,\n]  # here", ["a = 1", "b = [\n    2,\n]  # here"]),
        ("a = 1; b = 2", ["a = 1; b = 2"]),
        ('a = """\nx\n"""; b = 2\nc = 3', ['a = """\nx\n"""; b = 2', "c = 3"]),
        (
            "@cache\n@other\ndef f():\n    return 1\nf()",
            ["@cache\n@other\ndef f():\n    return 1", "f()"],
        ),
        ("@cache\nclass A:\n    n = 1", ["@cache\nclass A:\n    n = 1"]),
        ("if a:\n    b\nelse:\n    c", ["if a:\n    b\nelse:\n    c"]),
    ],
)
def test_a_cell_is_taken_apart_into_its_statements(cell, parts):
    assert statements(cell) == parts


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(["a = 1", "a += 1; b = a", "def f():\n    return a", "c = 2"])))
def test_the_statements_of_a_cell_run_as_the_cell_does(lines):
    whole, parts = {}, {}
    cell = "\n\n".join(["a = 0", *lines])
    exec(cell, whole)
    for part in statements(cell):
        exec(part, parts)
    values = [{k: v for k, v in names.items() if isinstance(v, int)} for names in (whole, parts)]
    assert values[0] == values[1]
