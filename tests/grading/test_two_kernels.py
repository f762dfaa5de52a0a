"""A notebook's cells run in two sandboxes, whose programs send each other requests."""

import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from nbformat.v4 import new_code_cell, new_notebook

from fmlab_grading import sandbox
from fmlab_grading.two_kernels import CLASSES_KEY, NAMES_KEY, run_notebook
from tests.grading.classroom import QUICK, graded_metadata

ROOT = Path(__file__).parents[2]
PATIENT = replace(QUICK, cell_seconds=30, total_seconds=60)  # torch takes a while to import


def outcome(answer, test, *, instructor="", names=("f",), classes=(), tags=(), limits=QUICK):
    """Return the result, printed text and status of a test of an answer that defines the names."""
    answer_metadata = graded_metadata("a", solution=True) | {NAMES_KEY: list(names)}
    answer_metadata[CLASSES_KEY] = list(classes)
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
    "no change of an argument": (
        "def f(items, table, array):\n    items.append(1)\n    table['x'] = 2\n    array += 1",
        "a, b, c = [], {}, np.zeros(2)\nassert f(a, b, array=c) is None\n"
        "assert (a, b, c.tolist()) == ([], {}, [0, 0])",
    ),
    "a change of an argument that is marked": (
        "def f(items, table):\n    items.append(1)\n    table['x'] = np.ones(2)\n"
        "    table['y'] += 1\n    table['z'].append(1)",
        "from fmlab.checks.material import InPlace\na, b = [], InPlace(y=np.zeros(2), z=[])\n"
        "assert f(a, table=b) is None and a == []\n"
        "assert (b['x'].tolist(), b['y'].tolist(), b['z']) == ([1, 1], [1, 1], [1])",
    ),
    "changes that a function of the tests makes": (
        "def f(g):\n    items, array = [3, 1], np.zeros(2)\n    g(items, array)\n"
        "    return items, array",
        "def g(items, array):\n    items.sort()\n    array += 1\n"
        "items, array = f(g)\nassert (items, array.tolist()) == ([1, 3], [1, 1])",
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
        "import torch\nassert f(torch.ones(1, 2)).shape == (1, 1)",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CROSSING)
def test_crosses(name):
    answer, test = CROSSING[name]
    setup, classes = "import numpy as np", ["f"]
    result, _, status = outcome(answer, test, instructor=setup, classes=classes, limits=PATIENT)
    assert (result, status) == ("passes", "ok")


OBJECT = "class Yes:\n    def items(self): return []\n    def sum(self): return 0.0\n"
REFUSED = {
    "a name": ("f = Yes()", "f.items()", "`f` is, or contains, an object of the class 'Yes'"),
    "a part of it": ("f = {'a': [Yes()]}", "f['a']", "`f` is, or contains, an object of"),
    "a result": ("def f(): return Yes()", "f().sum()", "the result is, or contains, an object"),
    "an item": ("def f(): yield Yes()", "list(f())", "the result is, or contains, an object"),
    "an argument": ("def f(g): return g(Yes())", "f(lambda x: 1)", "an argument is, or contains"),
    "a result of a result": (
        "def f(): return lambda: Yes()", "f()().sum()", "the result is, or contains, an object"
    ),
    "a module": ("import math as f", "f.pi", "`f` is, or contains, an object of the class 'mod"),
    "a list within itself": ("f = []\nf.append(f)", "f[0]", "maximum recursion depth"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_an_object_of_a_student_is_refused_with_a_sentence(name):
    answer, test, sentence = REFUSED[name]
    result, _, status = outcome(OBJECT + answer, test)
    assert sentence in result
    assert "NameError" not in result
    assert status == "ok"


def test_methods_of_the_author_s_class_return_values_only():
    answer = (
        "class Yes:\n    pass\nclass f:\n    def value(self): return [1]\n"
        "    def other(self): return Yes()\n    def function(self): return len"
    )
    starts = {"value": "passes", "other": "TypeError", "function": "TypeError"}
    for method, start in starts.items():
        result = outcome(answer, f"assert f().{method}()", classes=["f"])[0]
        assert result.startswith(start), method


def test_an_error_of_the_tests_does_not_name_their_function():
    answer = (
        "def f(g):\n    try:\n        g(1, 2, 3)\n    except TypeError as error:\n"
        "        return str(error)"
    )
    test = "def the_faulty_one(x): pass\nprint(f(the_faulty_one))"
    text = outcome(answer, test)[1]
    assert "faulty" not in text
    assert "takes 1 positional argument" in text


FORGED = {
    "a list": "b'[]'", "nothing": "b'null'", "a number": "b'7'", "not JSON": "b'{'",
    "deep": "b'[' * 10**6", "no value": "b'{}'", "bytes": "b'\\xff'",
    "changes of another form": "b'{\"value\": 2, \"changed\": 7}'",
    "changes elsewhere": "b'{\"value\": 2, \"changed\": [[9, 1], [-1, [\"list\", []]]]}'",
    "60 MB": "b'[' + b'{},' * (20 << 20) + b'{}]'",
}  # fmt: skip


@pytest.mark.parametrize("name", FORGED)
def test_a_forged_reply_fails_the_test_and_nothing_else(name):
    answer = (
        "from fmlab_grading import protocol\nf = 1\n"
        "protocol.Peer.respond = lambda self, data: self.connection.send(b'A', frame)\n"
        f"frame = {FORGED[name]}"
    )
    result, _, status = outcome(answer, "a = [1]\nassert f == 1")
    assert result != "passes"
    assert "AttributeError" not in result
    assert status == "ok" or status.startswith("cut short")


@pytest.mark.parametrize("name", [name for name in FORGED if name != "60 MB"])
def test_forged_outputs_are_not_an_error_of_the_grader(name):
    answer = (
        "import gc\nfrom fmlab_grading.protocol import Connection\n"
        "connection = next(x for x in gc.get_objects() if isinstance(x, Connection))\n"
        f"connection.send(b'D', {FORGED[name]})"
    )
    assert outcome(answer, "assert False")[0] != "passes"


MEASURE = """
import resource, sys
from tests.grading.test_two_kernels import outcome

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10  # in MB

before = peak()
print(outcome(sys.argv[1], "assert f")[0], "|", peak() - before)
"""
FRAMES = {  # of 60 MB, by their kind
    "outputs": "connection.send(b'D', b'{\"outputs\": [' + b'{},' * (20 << 20) + b'{}]}')",
    "outputs that are a list": "connection.send(b'D', b'[' + b'{},' * (20 << 20) + b'{}]')",
    "outputs that are text": "connection.send(b'D', b'{\"a\": \"' + b'x' * (60 << 20) + b'\"}')",
    "a reply": "protocol.Peer.respond = lambda *a: "
    "connection.send(b'A', b'[' + b'{},' * (20 << 20) + b'{}]')",
    "a request": "connection.send(b'R', b'[' + b'{},' * (20 << 20) + b'{}]')",
}


@pytest.mark.parametrize("name", FRAMES)
def test_memory_of_the_grader_is_bounded_whatever_is_sent(name):
    """What is sent is held twice at most; read as JSON, it would need 1.6 GB."""
    answer = (
        "import gc\nfrom fmlab_grading import protocol\nf = 0\n"
        "connection = next(x for x in gc.get_objects() if isinstance(x, protocol.Connection))\n"
        f"{FRAMES[name]}"
    )
    command = [sys.executable, "-c", MEASURE, answer]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    result, _, megabytes = done.stdout.rpartition("|")
    assert "passes" not in result
    assert int(megabytes) < 300


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


def test_answers_can_not_use_the_checks_unless_a_test_runs_beside_them():
    answer, test = "from fmlab.checks.sampling import left_after as f", "assert f(top_k=3) == 3"
    assert outcome(answer, test)[0].startswith("NameError")
    assert outcome(answer, test, tags=["same-process"], limits=PATIENT)[0] == "passes"


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
