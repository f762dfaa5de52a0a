"""Kinds of submission that try to do harm, or to get points for nothing; see ``kinds``.

Run them only in the sandbox. Those that use too much use only a little more than the limits of the
class, so that a sandbox that doesn't hold fails the test without bringing down the machine.
"""

from __future__ import annotations

from fmlab_grading.protocol import Connection, Peer
from fmlab_grading.proxies import Handles
from tests.grading.classroom import QUICK
from tests.grading.kinds import ALL, Kind, answers, with_cells

CUT = "cut short: the answer: "
RIGHT = "\ndef mean(numbers):\n    return sum(numbers) / len(numbers)"
# How a submission replaces the grader's functions; named through them, so that a renamed function
# can't make these attacks harmless.
RESPOND = f"protocol.Peer.{Peer.respond.__name__}"
SEND = f"self.connection.{Connection.send.__name__}"
STUBS = {"leave_out": ALL}  # no answer at all: any points would be forged


def mean_if(condition: str, before: str = "") -> Kind:
    """Return a kind whose answer is right only if the sandbox keeps its promise."""
    wrong = "\n    if not promised:\n        return None"
    body = RIGHT.replace(":\n", f":{wrong}\n", 1)
    return Kind(answers(mean=f"{before}\npromised = {condition}{body}"), 10)


ENDLESS = {
    "loop_in_function": Kind(answers(mean="def mean(numbers):\n    while True:\n        pass"), 7),
    "loop_at_top": Kind(answers(center="while True:\n    pass"), 7),
    "loop_that_catches": Kind(
        answers(
            center="while True:\n    try:\n        while True:\n            pass\n"
            "    except BaseException:\n        pass"
        ),
        3,
        CUT + "it did not stop",
    ),
    "loop_in_c": Kind(answers(center="sum(range(10**13))"), 3, CUT + "it did not stop"),
    "deaf_loop": Kind(
        answers(
            center="import signal\nsignal.signal(signal.SIGALRM, signal.SIG_IGN)\n"
            "while True:\n    pass"
        ),
        3,
        CUT + "it did not stop",
    ),
    "stopped": Kind(
        answers(center="import os, signal\nos.kill(os.getpid(), signal.SIGSTOP)"),
        3,
        CUT + "it did not stop",
    ),
    "endless_items": Kind(answers(take="def take(items, n):\n    while True:\n        yield 1"), 8),
    "endless_output": Kind(answers(center="while True:\n    print('x' * 1_000_000)"), 7),
    "waits_for_input": Kind(answers(center="input()"), 7),
}

ENDING = {
    "sys_exit": Kind(answers(center="import sys\nsys.exit()"), 7),
    "quit": Kind(answers(center="exit()"), 7),
    "os_exit": Kind(answers(center="import os\nos._exit(0)"), 3, CUT + "the process ended"),
    "kills_itself": Kind(
        answers(center="import os\nos.kill(os.getpid(), 9)"), 3, CUT + "the process ended"
    ),
    "segfault": Kind(
        answers(center="import ctypes\nctypes.string_at(0)"), 3, CUT + "the process ended"
    ),
    "exits_in_a_call": Kind(
        answers(hunt="import os\ndef test_double(double):\n    os._exit(0)"),
        8,
        CUT + "the process ended",
    ),
    "passes_then_exits": Kind(
        answers(
            hunt="import os\ndef test_double(double):\n    if double(3) != 6:\n        os._exit(0)"
        ),
        9,
        CUT + "the process ended",
    ),
    "kills_its_parent": Kind(with_cells("import os\nos.kill(os.getppid(), 9)"), 10),
    "kills_everybody": Kind(
        with_cells(
            "import os\nfor i in range(1, 500):\n    if i != os.getpid():\n        try:\n"
            "            os.kill(i, 9)\n        except OSError:\n            pass"
        ),
        10,
    ),
    "closes_all_files": Kind(
        answers(center="import os\nos.closerange(3, 400)"), 3, CUT + "the process ended"
    ),
}

TOO_MUCH = {
    "memory_at_once": Kind(answers(center="bytearray(10 << 30)"), 7),
    "memory_bit_by_bit": Kind(
        answers(
            center="x = []\nwhile True:\n    x.append(b'x' * (8 << 20) + bytes([len(x) % 256]))"
        ),
        7,
    ),
    "memory_in_children": Kind(
        with_cells(
            "import os, time\nfor i in range(8):\n    if os.fork() == 0:\n"
            "        x = b'x' * (200 << 20)\n        time.sleep(20)\n        os._exit(0)\n"
            "time.sleep(2)"
        ),
        (0, 10),
    ),
    "memory_in_files": mean_if(
        "fails()",
        "def fails():\n    try:\n        for i in range(40):\n"
        "            with open(f'/tmp/{i}', 'wb') as file:\n"
        "                file.write(b'x' * (2 << 20))\n    except OSError:\n        return True",
    ),
    "one_large_file": mean_if(
        "fails()",
        "def fails():\n    try:\n        with open('/box/x', 'wb') as file:\n"
        "            file.seek(4 << 30)\n            file.write(b'x')\n"
        "    except OSError:\n        return True",
    ),
    "files_in_dev": mean_if(
        "fails()",
        "def fails():\n    try:\n        open('/dev/x', 'wb')\n"
        "    except OSError:\n        return True",
    ),
    "forks": mean_if(
        f"n < {QUICK.processes}",
        "import os, time\nn = 0\ntry:\n    while n < 100:\n        if os.fork() == 0:\n"
        "            time.sleep(30)\n            os._exit(0)\n        n += 1\n"
        "except OSError:\n    pass",
    ),
    "threads": mean_if(
        f"n < {QUICK.processes}",
        "import threading, time\nn = 0\ntry:\n    while n < 100:\n"
        "        threading.Thread(target=time.sleep, args=(30,), daemon=True).start()\n"
        "        n += 1\nexcept RuntimeError:\n    pass",
    ),
    "raises_its_limits": mean_if(
        "fails()",
        "import resource\ndef fails():\n    try:\n        resource.setrlimit("
        "resource.RLIMIT_NPROC, (500, 500))\n    except (OSError, ValueError):\n"
        "        return True",
    ),
    "daemon": Kind(
        with_cells(
            "import os, time\nif os.fork() == 0:\n    os.setsid()\n    if os.fork() == 0:\n"
            "        time.sleep(1000)\n    os._exit(0)"
        ),
        10,
    ),
    "large_answer": Kind(answers(center="def center(x):\n    return np.zeros(50_000_000)"), 7),
    "large_number": Kind(answers(mean="def mean(x):\n    return 10**100_000"), 7),
    "answer_within_itself": Kind(
        answers(mean="def mean(x):\n    y = []\n    y.append(y)\n    return y"), 7
    ),
}

REACHING_OUT = {
    "deletes_everything": Kind(
        with_cells(
            "import shutil\nfor folder in ('/box', '/tmp', '/work', '/usr', '/root', '/'):\n"
            "    shutil.rmtree(folder, ignore_errors=True)"
        ),
        10,
    ),
    "network": mean_if(
        "fails()",
        "import socket\ndef fails():\n    try:\n        socket.create_connection(('127.0.0.1', "
        "MARK_PORT), 2)\n    except OSError:\n        return True",
    ),
    "looks_for_files": mean_if(
        "not seen",
        "import os\nseen = set()\nnames_to_find = {'gradebook.db', 'hw1.ipynb', "
        "'nbgrader_config.py', 'tokenization.ipynb', 'concepts.yml', 'pyproject.toml'}\n"
        "for folder, folders, names in os.walk('/'):\n"
        "    folders[:] = [name for name in folders if name not in ('lib', 'proc', 'usr')]\n"
        "    seen |= names_to_find & set(names)",
    ),
    "looks_at_processes": mean_if(
        "'tests' not in seen and 'pytest' not in seen",
        "import glob\nseen = ''\nfor path in glob.glob('/proc/[0-9]*/cmdline'):\n"
        "    seen += open(path).read()",
    ),
    "looks_at_the_environment": mean_if(
        "'MARK' not in str(dict(os.environ)) and not os.path.exists('/etc/passwd')", "import os"
    ),
    "sandbox_in_a_sandbox": mean_if(
        "libc.unshare(0x10000000) != 0",
        "import ctypes\nlibc = ctypes.CDLL(None, use_errno=True)",
    ),
}

FORGING = {
    "agrees_with_all": Kind(
        answers(
            mean="class Yes(float):\n    def __eq__(self, other):\n        return True\n"
            "    __hash__ = None\ndef mean(x):\n    return Yes(0)",
            center="class Array(np.ndarray):\n    def __array_function__(self, *args):\n"
            "        return True\n    def __sub__(self, other):\n        return np.zeros(1)\n"
            "def center(x):\n    return np.ones(x.shape).view(Array)",
        ),
        4,
    ),
    "patches_numpy": Kind(
        answers(
            center="np.allclose = lambda *a, **k: True\nimport builtins\nbuiltins.sum = max\n"
            "def center(x):\n    return x"
        ),
        7,
    ),
    "blanks_later_cells": Kind(
        with_cells("get_ipython().input_transformers_cleanup.append(lambda lines: [])", **STUBS), 0
    ),
    "swallows_errors": Kind(
        with_cells(
            "get_ipython().showtraceback = lambda *a, **k: None\n"
            "get_ipython()._showtraceback = lambda *a: None",
            **STUBS,
        ),
        0,
    ),
    "patches_the_grader": Kind(
        with_cells(
            "from fmlab_grading import protocol, proxies\n"
            f"proxies.Handles.{Handles.pack.__name__} = lambda self, value: "
            "['mine', [0, 'call', 'x']]\n"
            f"protocol.Peer.{Peer._perform.__name__} = lambda *a: "
            "{'value': True, 'changed': [[0, True]]}\n"
            f"{RESPOND} = lambda self, data: {SEND}(b'A', b'{{\"value\": true}}')",
            **STUBS,
        ),
        0,
    ),
    "says_it_is_done": Kind(
        with_cells(
            "from fmlab_grading import protocol\n"
            f"{RESPOND} = lambda self, data: {SEND}(b'D', "
            'b\'{"outputs": [], "number": 1, "error": null}\')',
            **STUBS,
        ),
        0,
        CUT + "it did not follow the protocol",
    ),
    "shouts_into_the_line": Kind(
        with_cells(
            "import os, struct\nframe = struct.pack('!cdI', b'D', 0.0, 2) + b'{}'\n"
            "for number in range(3, 30):\n    try:\n        os.write(number, frame * 50)\n"
            "    except OSError:\n        pass",
            **STUBS,
        ),
        0,
        ".*",
    ),
    "promises_too_much": Kind(
        with_cells(
            "import os, struct\nfor number in range(3, 30):\n    try:\n        os.write(number, "
            "struct.pack('!cdI', b'A', 0.0, 2**32 - 1))\n    except OSError:\n        pass",
            **STUBS,
        ),
        0,
        CUT + "it sent 4095 MB",
    ),
    "nested_reply": Kind(
        with_cells(
            "from fmlab_grading import protocol\nnested = b'[' * 1_000_000\n"
            f"{RESPOND} = lambda self, data: {SEND}(b'A', nested)",
            **STUBS,
        ),
        0,
    ),
    "asks_for_the_tests": Kind(
        answers(
            take="import gc\nfrom fmlab_grading.protocol import Peer\nrequest = next("
            "x for x in gc.get_objects() if isinstance(x, Peer)).request\nseen = []\n"
            "def take(items, n):\n    for operation, target, name in ["
            "('attribute', items._handle, 'gi_frame'), "
            "('attribute', items._handle, '__class__'), ('name', '_taken', '')]:\n"
            "        try:\n            seen.append(request(operation, target, name))\n"
            "        except Exception as error:\n            pass\n"
            "    if seen:\n        return\n"
            "    for _, item in zip(range(n), items):\n        yield item"
        ),
        # The first test passes a text, which has no handle: that call fails and costs a point.
        9,
    ),
    "script_in_output": Kind(
        with_cells(
            "from IPython.display import HTML, display\n"
            "display(HTML('<script>MARK</script>'))\nprint('<script>MARK</script>')"
        ),
        10,
    ),
    "link_to_the_source": Kind(
        lambda course: course.source("hw1") / "hw1.ipynb",
        0,
        "not graded: the notebook is not a file",
    ),
    "writes_other_scores": Kind(
        with_cells(
            "import sqlite3\ndb = sqlite3.connect('/tmp/gradebook.db')\n"
            "db.execute('create table grade (manual_score)')"
        ),
        10,
    ),
}

HOSTILE = ENDLESS | ENDING | TOO_MUCH | REACHING_OUT | FORGING
