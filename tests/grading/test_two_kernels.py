"""A notebook's cells run in two sandboxes, whose programs send each other requests."""

import os
import signal
from dataclasses import replace

import pytest
from nbformat.v4 import new_code_cell, new_notebook

from fmlab_grading import sandbox
from fmlab_grading.two_kernels import NAMES_KEY, run_notebook
from tests.grading.classroom import QUICK, graded_metadata

PATIENT = replace(QUICK, cell_seconds=30, total_seconds=60)  # torch takes a while to import


def outcome(answer, test, *, instructor="", names=("f",), tags=(), limits=QUICK):
    """Return the result, printed text and status of a test of an answer that defines the names."""
    answer_metadata = graded_metadata("a", solution=True) | {NAMES_KEY: list(names)}
    test_metadata = {**graded_metadata("t", 1, locked=True), "tags": list(tags)}
    cells = [
        new_code_cell(instructor),
        new_code_cell(answer, metadata=answer_metadata),
        new_code_cell(test, metadata=test_metadata),
    ]
    notebook = new_notebook(cells=cells)
    status = run_notebook(notebook, limits).status
    errors = [o for o in cells[2].outputs if o.output_type == "error"]
    texts = "".join(o.text for o in cells[2].outputs if o.output_type == "stream")
    return (f"{errors[0].ename}: {errors[0].evalue}" if errors else "passes"), texts, status


CROSSING = {
    "arguments by place and name": (
        "def f(a, b=2, *c, d, **e): return [a, b, c, d, e]",
        "assert f(1, 5, 6, d=7, z=8) == [1, 5, (6,), 7, {'z': 8}]",
    ),
    "a function of the tests": ("def f(g): return g(3)", "assert f(lambda x: x + 1) == 4"),
    "a call within a call within a call": (
        "def f(g, n): return g(f, n - 1) if n else 0",
        "depth = []\ndef g(f, n):\n    depth.append(n)\n    return f(g, n)\n"
        "assert f(g, 5) == 0 and depth == [4, 3, 2, 1, 0]",
    ),
    "in-place changes": (
        "def f(items, table, array):\n    items.append(1)\n    table['x'] = 2\n    array += 1",
        "a, b, c = [], {}, np.zeros(2)\nassert f(a, b, array=c) is None\n"
        "assert (a, b, c.tolist()) == ([1], {'x': 2}, [1, 1])",
    ),
    "no change where there is none": (
        "def f(x): return sorted(x)",
        "a = [3, 1]\nassert f(a) == [1, 3] and a == [3, 1]",
    ),
    "lazy both ways": (
        "def f(items):\n    for item in items:\n        yield 2 * item",
        "taken = []\ndef source():\n    for i in range(9):\n        taken.append(i)\n"
        "        yield i\nit = f(source())\nassert next(it) == 0 and taken == [0]\n"
        "assert next(it) == 2 and taken == [0, 1]",
    ),
    "an instance and its methods": (
        "class f:\n    def __init__(self, n): self.n = n\n    def double(self): return 2 * self.n\n"
        "    def __len__(self): return self.n\n    def __getitem__(self, i): return i\n"
        "    def __contains__(self, x): return x == self.n",
        "o = f(3)\nassert (o.n, o.double(), len(o), o[7], 3 in o, 4 in o) == "
        "(3, 6, 3, 7, True, False)",
    ),
    "a generator of random numbers": (
        "def f(rng): return rng.normal(size=3)",
        "a = f(np.random.default_rng(0))\n"
        "assert np.array_equal(a, np.random.default_rng(0).normal(size=3))",
    ),
    "errors keep their type": (
        "def f(x): raise KeyError('no ' + x)",
        "try:\n    f('way')\nexcept KeyError as error:\n    assert 'no way' in str(error)\n"
        "else:\n    assert False",
    ),
    "errors of the tests' functions come back": (
        "def f(g):\n    try:\n        g()\n    except ZeroDivisionError:\n        return 'caught'",
        "assert f(lambda: 1 / 0) == 'caught'",
    ),
    "a name that is set": ("f = {'a': [1, 2]}", "assert f == {'a': [1, 2]}"),
    "a network": (
        "import torch\nf = torch.nn.Linear(2, 1)",
        "import torch\nassert f(torch.ones(1, 2)).shape == (1, 1)\nassert f.weight.shape == (1, 2)",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CROSSING)
def test_crosses(name):
    answer, test = CROSSING[name]
    result, _, status = outcome(answer, test, instructor="import numpy as np", limits=PATIENT)
    assert (result, status) == ("passes", "ok")


REJECTED = {
    "the tests' names": "['name', '_secret', None]",
    "the frame of a generator": "['attribute', proxy._handle, 'gi_frame']",
    "the globals of a function": "['attribute', proxy._handle, '__globals__']",
    "a made-up handle": "['call', 999, None]",
    "a made-up operation": "['exec', proxy._handle, None]",
}


@pytest.mark.parametrize("name", REJECTED)
def test_a_student_cannot_request(name):
    answer = (
        "import gc\nfrom fmlab_grading.protocol import Peer\n"
        "request = next(x for x in gc.get_objects() if isinstance(x, Peer)).request\n"
        f"def f(proxy):\n    operation, target, name = {REJECTED[name]}\n"
        "    args = () if name is None else (name,)\n"
        "    try:\n        return repr(request(operation, target, *args))\n"
        "    except Exception as error:\n        return type(error).__name__"
    )
    test = (
        "_secret = 'secret'\nfor target in ((i for i in [_secret]), lambda: _secret):\n"
        "    print(f(target))"
    )
    errors = outcome(answer, test)[1].split()
    assert len(errors) == 2
    assert all(error.endswith("Error") for error in errors), errors


def test_a_test_does_not_see_other_names_of_the_student():
    assert outcome("f, g = 1, 2", "g")[0].startswith("NameError")


def test_same_process_cells_run_in_the_students_program():
    assert outcome("f, g = 1, 2", "assert g == 2", tags=["same-process"])[0] == "passes"


def test_the_instructors_cells_run_in_both():
    test = "assert f() == helper() == 5"
    assert outcome("def f(): return helper()", test, instructor="helper = lambda: 5")[0] == "passes"


def test_a_test_that_fails_does_not_show_its_source():
    metadata = graded_metadata("t", 1, locked=True)
    notebook = new_notebook(cells=[new_code_cell("want = 77\nassert 1 == want", metadata=metadata)])
    run_notebook(notebook, QUICK)
    (error,) = notebook.cells[0].outputs
    assert error.ename == "AssertionError"
    assert "77" not in str(error)


def test_no_test_passes_when_time_is_up_or_the_student_is_gone():
    catching = "try:\n    f()\nexcept Exception:\n    pass"
    assert outcome("def f():\n    while True: pass", catching)[0].startswith("TimeLimit")
    result, _, status = outcome("import os\ndef f(): os._exit(0)", catching)
    assert result.startswith("PeerGone")
    assert status.startswith("cut short: the answer: the process ended")


def test_a_sandbox_may_end_by_itself_while_it_is_being_killed(monkeypatch):
    def end_now(pid):
        os.kill(pid, signal.SIGKILL)
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
        return 0

    monkeypatch.setattr(sandbox, "peak_memory", end_now)
    result, _, status = outcome("import os\ndef f(): os._exit(0)", "f()")
    assert result.startswith("PeerGone")
    assert status.startswith("cut short: the answer: the process ended")


def test_an_endless_iterator_fails_only_its_own_test():
    result, _, status = outcome("def f():\n    while True: yield 1", "list(f())")
    assert result.startswith("TimeLimit")
    assert status == "ok"


def test_warnings_of_a_test_do_not_count_as_failure():
    test = "import sys, warnings\nwarnings.warn('careful')\nprint('x', file=sys.stderr)\nprint('y')"
    assert outcome("f = 1", test) == ("passes", "y\n", "ok")


def test_the_peak_memory_is_reported():
    def memory(source):
        return run_notebook(new_notebook(cells=[new_code_cell(source)]), QUICK).memory

    baseline = memory("x = 1")
    assert 20 < baseline < 400
    assert memory("x = b'x' * (200 << 20)\ndel x") > baseline + 250, "it is in both sandboxes"
