"""Where submissions can't be run safely, none is run, and the message says what to do."""

import importlib
import json
import os
import re
import shutil
import struct
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from fmlab.files import book_folder
from fmlab_grading import __main__ as command_line
from fmlab_grading import safety, sandbox, system_calls
from fmlab_grading.limits import ControlGroup, Limits, usage
from fmlab_grading.protocol import CELL
from fmlab_grading.sandbox import PACKAGES, Sandbox, SandboxEnded, SandboxUnavailable


@pytest.fixture(autouse=True)
def forget_this_machine():
    """Clear the cached result about this machine before and after each test."""
    safety.require_sandbox.cache_clear()
    yield
    safety.require_sandbox.cache_clear()


def test_this_machine_can_run_submissions_safely():
    safety.require_sandbox()
    assert all(safety._probe().values())


def test_without_bubblewrap_the_message_says_how_to_install_it(monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(SandboxUnavailable, match=r"apt-get install bubblewrap"):
        safety.require_sandbox()


def test_elsewhere_than_on_linux_the_message_names_a_way(monkeypatch):
    monkeypatch.setattr(sys, "platform", "darwin")
    with pytest.raises(SandboxUnavailable, match="WSL2 or a virtual machine"):
        safety.require_sandbox()


def test_where_namespaces_are_forbidden_the_message_names_the_setting(monkeypatch, tmp_path):
    fake = tmp_path / "bwrap"
    fake.write_text("#!/bin/sh\necho 'bwrap: setting up uid map: Permission denied' >&2\nexit 1\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    with pytest.raises(SandboxUnavailable, match=r"uid map: Permission denied.*sysctl"):
        safety.require_sandbox()


FAKE_BUBBLEWRAP = """#!{python}
import os, sys
program = sys.argv[1:]
options = []
if program[0] == "--args":
    with open(int(program[1]), "rb", closefd=False) as file:
        options = file.read().decode().split("\\0")[:-1]
    program = program[2:]
else:
    at = program.index("--")
    options, program = program[:at], program[at:]
{change}
os.execv({real!r}, [{real!r}, *options, *program])
"""

HOLES = {
    "network": "options = [o for o in options if o != '--unshare-all']\n"
    "options = ['--unshare-pid', '--unshare-uts', '--unshare-ipc', *options]\n"
    "at = options.index('--seccomp') if '--seccomp' in options else len(options)\n"
    "del options[at : at + 2]",
    "files": "at = options.index('/box')\noptions[at + 1 : at + 1] = ['--bind', '/tmp', '/tmp']",
    "keys": "at = options.index('--seccomp') if '--seccomp' in options else len(options)\n"
    "del options[at : at + 2]",
    "environment": "os.environ['FMLAB_GRADER_PROBE'] = '1'",
}


@pytest.mark.parametrize("hole", HOLES)
def test_a_sandbox_with_a_hole_is_noticed(hole, monkeypatch, tmp_path):
    fake = tmp_path / "bwrap"
    values = {"python": sys.executable, "change": HOLES[hole], "real": shutil.which("bwrap")}
    fake.write_text(FAKE_BUBBLEWRAP.format(**values))
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    violations = [safety.VIOLATIONS[hole]]
    if hole == "keys":  # without the filter, memory is uncounted as well
        violations.append(safety.VIOLATIONS["uncounted"])
    if hole == "files":  # and the files of the whole machine count as memory
        violations.append("all its processes together used over")
    with pytest.raises(SandboxUnavailable, match="|".join(map(re.escape, violations))):
        safety.require_sandbox()


def test_missing_limits_are_noticed(monkeypatch):
    monkeypatch.setattr(ControlGroup, "CONTROLLERS", ())
    weak = dict(Limits.resource_limits(safety.MILD_LIMITS), NPROC=4000, DATA=1 << 40)
    monkeypatch.setattr(Limits, "resource_limits", lambda limits: weak)
    with pytest.raises(SandboxUnavailable, match="limit on memory does not hold"):
        safety.require_sandbox()
    monkeypatch.setattr(Limits, "resource_limits", lambda limits: weak | {"DATA": 1 << 29})
    with pytest.raises(SandboxUnavailable, match="limit on processes does not hold"):
        safety.require_sandbox()


def test_without_a_sandbox_nothing_is_graded(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("PATH", "/nowhere")
    assert command_line.main(["grade", "--course", str(tmp_path)]) == 2
    assert "bubblewrap" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "wrong", [{"memory": 1}, {"processes": 0}, {"cell_seconds": 0}, {"total_seconds": -1}]
)
def test_limits_out_of_range_are_rejected(wrong):
    (name,) = wrong
    with pytest.raises(ValueError, match=name):
        Limits(**wrong)


def test_processes_that_together_use_too_much_are_killed(monkeypatch):
    monkeypatch.setattr(ControlGroup, "CONTROLLERS", ())  # only the grader's own check is left
    program = Sandbox("student", Limits(memory=256, processes=16, cell_seconds=20))
    try:
        code = (
            "import os, time\nfor i in range(3):\n    if os.fork() == 0:\n"
            "        x = b'x' * (120 << 20)\n        time.sleep(30)\ntime.sleep(30)"
        )
        program.send(CELL, code.encode(), 20.0)
        with pytest.raises(SandboxEnded, match="all its processes together used over 256 MB"):
            program.receive(20.0)
        assert program.process.wait(5) is not None
    finally:
        program.close()


def test_a_sandbox_can_be_ended_at_any_moment():
    limits = Limits(memory=263)  # a limit that identifies these
    for i in range(40):
        program = Sandbox("student", limits)
        time.sleep(0.0005 * i)
        program.close()
    end = time.monotonic() + 10  # a process that was killed may be listed for a moment
    while left := having(f'"DATA": {limits.memory << 20}'):
        assert time.monotonic() < end, left
        time.sleep(0.1)


def having(text):
    """The command lines of all processes that contain a text."""
    lines = [" ".join(p.info["cmdline"] or ()) for p in psutil.process_iter(["cmdline"])]
    return [line for line in lines if text in line]


def test_usage_is_that_of_a_process_and_its_descendants():
    sleeping = subprocess.Popen(["sleep", "30"])
    try:
        n, memory = usage(os.getpid())
        assert n >= 2
        assert usage(sleeping.pid)[0] == 1
        assert 0 < usage(sleeping.pid)[1] < memory
    finally:
        sleeping.kill()
        sleeping.wait()
    assert usage(sleeping.pid) == (0, 0)


def test_the_package_itself_does_not_need_nbgrader():
    code = "import sys, fmlab, fmlab_grading; print('nbgrader' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "False", done.stderr


def test_no_folder_that_a_sandbox_sees_contains_the_book():
    arguments = sandbox.command(["true"], Limits())
    options = enumerate(arguments)
    visible = [Path(arguments[i + 1]) for i, option in options if option.endswith("-bind")]
    assert len(visible) > len(PACKAGES)
    for path in visible:
        assert not book_folder().is_relative_to(path), f"{path} contains hidden tests"


# Prints where a program imports each package from, which files of the repository it sees, and which
# environment variables it has.
LOOK_AROUND = """
import importlib, json, os, pathlib
packages = {name: importlib.import_module(name).__file__ for name in %(packages)r}
repository = pathlib.Path(%(repository)r)
visible = [*map(str, repository.glob("*")), *map(str, repository.glob("*/*"))]
print(json.dumps({"packages": packages, "visible": visible, "variables": list(os.environ)}))
"""


def test_a_program_sees_the_three_packages_and_no_other_file_of_the_repository():
    repository = book_folder().parent
    code = LOOK_AROUND % {"packages": PACKAGES, "repository": str(repository)}
    program = Sandbox("student", Limits(cell_seconds=20))
    try:
        program.send(CELL, code.encode(), 20.0)
        outcome = json.loads(program.receive(20.0)[1])
    finally:
        program.close()
    assert outcome["error"] is None, outcome["error"]
    seen = json.loads(outcome["outputs"][0]["text"])
    assert seen["packages"] == {name: importlib.import_module(name).__file__ for name in PACKAGES}
    packages = [Path(file).parent for file in seen["packages"].values()]
    for path in map(Path, seen["visible"]):
        folders = [*packages, Path(sys.prefix)]
        assert any(path.is_relative_to(f) or f.is_relative_to(path) for f in folders), path
    assert "PYTHONPATH" not in seen["variables"]


# --- what no program may see or hold --------------------------------------------------------------


def printed(code, limits=None, files=(), **options):
    """What a cell prints in a student's sandbox, or why it ended."""
    limits = limits or Limits(cell_seconds=20, memory=512)
    program = Sandbox("student", limits, files, **options)
    try:
        program.send(CELL, code.encode(), limits.cell_seconds)
        outcome = json.loads(program.receive(limits.cell_seconds)[1])
    except SandboxEnded as ended:
        return f"ended: {ended}"
    finally:
        program.close()
    return "".join(output.get("text") or output.get("evalue", "") for output in outcome["outputs"])


def test_environment_and_command_line_of_the_grader_are_not_seen(monkeypatch, tmp_path):
    monkeypatch.setenv("INSTRUCTOR_TOKEN", "s3cret")
    data = tmp_path / "secret-folder" / "data.csv"
    data.parent.mkdir()
    data.write_text("1,2")
    everything = printed(
        "import glob, os\n"
        "for name in ('environ', 'cmdline', 'mountinfo', 'mounts'):\n"
        "    for path in glob.glob(f'/proc/[0-9]*/{name}'):\n"
        "        print(open(path, errors='replace').read())\n"
        "print(open('/box/data.csv').read(), os.listdir('/proc/self/fd'))",
        files=[data],
    )
    assert "1,2" in everything
    for secret in ("s3cret", "INSTRUCTOR", "secret-folder", "--ro-bind"):
        assert secret not in everything


@pytest.mark.parametrize(
    "attack",
    [
        "os.memfd_create('x')",
        "call(248, b'user', b'a', b'b', size(1), number(-3))",
        "call(250, number(0), number(-3), number(0))",
        "call(249, b'user', b'a', None, number(-3))",
        "call(101, number(16), number(1), None, None)",
        "call(425, number(8), None)",
        "call(323, number(0))",
        "call(321, number(0), None, number(0))",
        "call(29, number(0), size(4096), number(512))",
        "call(272, number(0x10000000))",
        "socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM)",
        "socket.socket(socket.AF_INET, socket.SOCK_STREAM)",
        "socket.socket(socket.AF_NETLINK, socket.SOCK_RAW)",
        "socket.socket(38, socket.SOCK_SEQPACKET)",
    ],
)
@pytest.mark.skipif(os.uname().machine != "x86_64", reason="the numbers are those of x86-64")
def test_system_calls_that_no_exercise_needs_are_refused(attack):
    code = (
        "import ctypes, os, socket\n"
        "number, size = ctypes.c_long, ctypes.c_size_t\n"
        "library = ctypes.CDLL(None, use_errno=True)\n"
        "def call(*arguments):\n"
        "    if library.syscall(*arguments) < 0:\n"
        "        raise OSError(ctypes.get_errno(), 'refused')\n"
        "try:\n"
        f"    {attack}\n"
        "    print('possible')\n"
        "except OSError as error:\n"
        "    print(error.errno)"
    )
    assert printed(code).strip() == "1"  # EPERM


@pytest.mark.parametrize(
    "code",
    [
        "import asyncio; print(asyncio.run(asyncio.sleep(0, 'fine')))",
        "import subprocess; print(subprocess.run(['echo', 'fine'], capture_output=True).stdout)",
        "from multiprocessing import Pool; print('fine' if Pool(2).map(abs, [-1]) == [1] else '')",
        "import threading; threading.Thread(target=print, args=['fine']).start()",
        "import torch; print('fine' if (torch.ones(2) @ torch.ones(2)) == 2 else '')",
        "import sqlite3; sqlite3.connect('/tmp/x'); print('fine')",
    ],
)
def test_what_exercises_need_works(code):
    assert "fine" in printed(code)


@pytest.mark.parametrize(
    "hold",
    [
        "for i in range(10**7): open(f'/tmp/{i}', 'w').close()",
        "for i in range(10**7): os.mkdir(f'/box/{i}')",
        "for i in range(10**7): os.symlink('x', f'/dev/shm/{i}')",
        "pairs = []\nfor i in range(8):\n    if os.fork() == 0:\n        break\n"
        "for i in range(240): pairs.append(socket.socketpair())\ntime.sleep(15)",
    ],
)
def test_memory_of_the_kernel_is_counted(hold):
    limits = Limits(cell_seconds=200, total_seconds=400, memory=300)
    assert "used over 300 MB" in printed(f"import os, socket, time\n{hold}", limits)


CALL = (
    "import ctypes, mmap, os\n"
    "number, size, text = ctypes.c_long, ctypes.c_size_t, ctypes.create_string_buffer(9)\n"
    "library = ctypes.CDLL(None, use_errno=True)\n"
    "def call(*arguments):\n"
    "    if (result := library.syscall(*arguments)) < 0:\n"
    "        raise OSError(ctypes.get_errno(), 'refused')\n"
    "    return result\n"
)


def number_of(name):
    """Return the number of a system call; on a machine where it is unknown, nothing is graded."""
    return system_calls.number(name) if system_calls.is_supported() else 0


ADD_KEY, KEYCTL, SHMGET = map(number_of, ("add_key", "keyctl", "shmget"))
LEFT = {  # by what a submission leaves: how it does, and how the next one would read it
    "a key": (
        f"call({ADD_KEY}, b'user', b'x', b'secret', size(6), number(-3))",
        f"key = call({KEYCTL}, number(10), number(-3), b'user', b'x', number(0))\n"
        f"call({KEYCTL}, number(11), number(key), text, number(9)); print(text.value)",
    ),
    "a key of the user": (
        f"call({ADD_KEY}, b'user', b'y', b'secret', size(6), number(-4))",
        f"key = call({KEYCTL}, number(10), number(-4), b'user', b'y', number(0))\n"
        f"call({KEYCTL}, number(11), number(key), text, number(9)); print(text.value)",
    ),
    "System V memory": (
        f"library.shmat.restype = ctypes.c_void_p\n"
        f"block = call({SHMGET}, number(77), size(4096), number(0o1666))\n"
        "ctypes.memmove(library.shmat(block, None, 0), b'secret', 6)",
        f"library.shmat.restype = ctypes.c_void_p\n"
        f"block = call({SHMGET}, number(77), size(4096), number(0))\n"
        "print(ctypes.string_at(library.shmat(block, None, 0), 6))",
    ),
    "a file in memory": (
        "open('/dev/shm/x', 'w').write('secret')",
        "print(os.listdir('/dev/shm'), open('/dev/shm/x').read())",
    ),
    "a temporary file": (
        "open('/tmp/x', 'w').write('secret')",
        "print(os.listdir('/tmp'), open('/tmp/x').read())",
    ),
    "a file where it runs": ("open('x', 'w').write('secret')", "print(open('x').read())"),
}


@pytest.mark.parametrize("name", LEFT)
def test_a_submission_reads_nothing_that_an_earlier_one_left(name):
    leaves, reads = LEFT[name]
    first = printed(f"{CALL}{leaves}\nprint('left')")
    assert ("left" if "file" in name else "refused") in first
    assert "secret" not in printed(CALL + reads)


@pytest.mark.parametrize("name", ["a key", "System V memory"])
def test_without_the_filter_each_submission_still_has_its_own(monkeypatch, name):
    everything = struct.pack("HBBI", system_calls.RETURN, 0, 0, system_calls.ALLOW)
    monkeypatch.setattr(system_calls, "filter_program", lambda: everything)
    sandbox.join_new_key_ring()  # as a login has one, which programs inherit
    leaves, reads = LEFT[name]
    assert "secret" in printed(f"{CALL}{leaves}\n{reads}"), "it can be read in the same one"
    assert "secret" not in printed(CALL + reads)


# --- memory without control groups, which an ordinary user cannot set -----------------------------


@pytest.fixture
def ordinary_user(monkeypatch):
    monkeypatch.setattr(ControlGroup, "CONTROLLERS", ())


@pytest.mark.parametrize(
    "hold",
    [
        "os.memfd_create('x')",
        "call(447, number(0))",  # memfd_secret
        "mmap.mmap(-1, 1 << 20)",
        "mmap.mmap(-1, 1 << 20, mmap.MAP_SHARED | mmap.MAP_ANONYMOUS)",
        "mmap.mmap(-1, 1 << 20, 0x03 | mmap.MAP_ANONYMOUS)",  # MAP_SHARED_VALIDATE
        "mmap.mmap(os.open('/dev/zero', os.O_RDWR), 1 << 20)",
        f"call({SHMGET}, number(0), size(4096), number(512))",
    ],
)
def test_memory_that_no_process_counts_is_refused(ordinary_user, hold):
    text = printed(
        f"{CALL}try:\n    {hold}\n    print('held')\nexcept OSError as error:\n    raise"
    )
    assert "held" not in text
    assert re.search("refused|not permitted|No such device|not implemented", text), text


def test_private_memory_and_that_of_files_may_be_mapped(ordinary_user):
    code = (
        "mmap.mmap(-1, 1 << 20, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)[0] = 1\n"
        "open('/tmp/x', 'wb').write(bytes(4096))\n"
        "mmap.mmap(os.open('/tmp/x', os.O_RDWR), 4096)[0] = 1\n"
        "from multiprocessing import Value\nprint('fine', Value('i', 3).value)"
    )
    assert "fine 3" in printed(CALL + code)


@pytest.mark.parametrize("how", ["named", "removed", "nameless"])
def test_files_in_memory_have_a_limit(ordinary_user, how):
    code = (
        "import os\nn = 0\nfor folder in ('/tmp', '/dev/shm', '/box'):\n    kept = []\n"
        "    try:\n        for i in range(40):\n"
        "            flags = os.O_RDWR | (os.O_TMPFILE if HOW == 'nameless' else os.O_CREAT)\n"
        "            path = folder if HOW == 'nameless' else f'{folder}/{i}'\n"
        "            kept.append(os.open(path, flags))\n"
        "            if HOW == 'removed':\n                os.unlink(path)\n"
        "            n += os.write(kept[-1], bytes(1 << 20))\n"
        "    except OSError as error:\n        print(error.errno, end=' ')\n"
        "print(n >> 20)"
    ).replace("HOW", repr(how))
    *errors, n = printed(code, Limits(disk=4, memory=512, cell_seconds=20)).split()
    assert errors == ["28"] * 3, "no space is left in each of the three folders"
    assert 9 <= int(n) <= 12


@pytest.mark.parametrize(
    "hold",
    [
        "m = mmap.mmap(-1, 1 << 38, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS,"
        " prot=mmap.PROT_READ)\nfor i in range(0, 1 << 38, 2 << 20): m[i]\ntime.sleep(10)",
        "pairs = []\nfor i in range(8):\n    if os.fork() == 0:\n        break\n"
        "for i in range(240): pairs.append(socket.socketpair())\ntime.sleep(15)",
    ],
    ids=["page tables", "sockets"],
)
def test_memory_is_counted_for_an_ordinary_user(ordinary_user, hold):
    code = f"import mmap, os, socket, time\n{hold}"
    assert "used over 300 MB" in printed(code, Limits(cell_seconds=20, memory=300))


# --- what computes answers ------------------------------------------------------------------------

SHORTCUTS = {
    "a function of a check": "from fmlab.checks.attention import pencil_answers",
    "by way of the package": "from fmlab import checks\nchecks.sampling.left_after(top_k=2)",
    "the tokenizer of the check": "import fmlab.checks.tokenization as t\nt.toy().encode('the')",
    "a bug hunt's functions": "from fmlab.checks.supervised_finetuning import sound_targets",
    "compiled": "import glob, fmlab.checks\n"
    "folder = fmlab.checks.__path__[0]\n"
    "assert not glob.glob(f'{folder}/**/*.pyc', recursive=True)\n"
    "assert 'def pencil_answers' not in open(f'{folder}/attention.py').read()\n"
    "raise ImportError('compute the right answers')",
    "removed": "import os, fmlab.checks\nos.remove(f'{fmlab.checks.__path__[0]}/attention.py')",
    "loaded again": "import sys, importlib, fmlab.checks.rates\n"
    "importlib.reload(sys.modules['fmlab.checks.rates']).ratio_of_rates",
}


@pytest.mark.parametrize("name", SHORTCUTS)
def test_what_computes_answers_can_not_be_used_by_an_answer(name):
    text = printed(SHORTCUTS[name], hides_checks=True)
    assert "compute the right answers" in text or "Read-only file system" in text


def test_answers_can_use_the_material_and_their_checks_do_nothing():
    text = printed(
        "from fmlab import checks\nfrom fmlab.checks import material\n"
        "print(len(material.head_losses()), material.InPlace(a=1))\n"
        "print(checks.attention.check_pencil({}, scores=[], values=[]))",
        hides_checks=True,
    )
    assert text.splitlines()[0].startswith("2 ")
    assert text.splitlines()[-2:] == ["The grader runs this check elsewhere.", "None"]


def test_without_hiding_the_checks_are_there():
    code = "from fmlab.checks.attention import pencil_answers; print(pencil_answers.__name__)"
    assert printed(code).strip() == "pencil_answers"


def test_the_folder_of_hidden_checks_is_read_only():
    code = "import fmlab.checks\nopen(f'{fmlab.checks.__path__[0]}/x', 'w')"
    assert "Read-only file system" in printed(code, hides_checks=True)
