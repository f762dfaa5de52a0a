"""A sandbox for one submission where bubblewrap cannot start: in a container made for it alone.

Most containers may not make the namespaces that bubblewrap is about. Such a container keeps what
runs in it from the rest of the machine, but not a submission from the tests and the results beside
it. So the student's program and the tests run as two users of their own, who may read neither the
course nor each other's files, and under a filter of the kernel that forbids every network. What is
not kept from them: to see which files and processes of the container there are, and to leave files
in /tmp. Hence one submission to a container, which is thrown away with it; it is never used unless
asked for.

The program ``python -m fmlab.grading.container ROLE FILES -- PROGRAM`` becomes, as that user, the
program. Source of the filter: the kernel's Documentation/userspace-api/seccomp_filter.rst.
"""

from __future__ import annotations

import ctypes
import json
import os
import platform
import shutil
import signal
import struct
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import fmlab
from fmlab.grading.limits import Limits
from fmlab.grading.safety import require_promises
from fmlab.grading.sandbox import SandboxUnavailable, variables

USERS = {"student": 54_001, "tests": 54_002}  # of nobody else
# By machine, the kernel's name of its system calls and the number of the call that opens a socket;
# that of io_uring, by which one can be had as well, is the same on both.
MACHINES = {"x86_64": (0xC000003E, 41), "aarch64": (0xC00000B7, 198)}
IO_URING, X32 = 425, 0x40000000  # from X32 on the same calls have second numbers
PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, FILTER, PR_SET_PDEATHSIG = 38, 22, 2, 1
LOAD, EQUAL, AT_LEAST, RETURN = 0x20, 0x15, 0x35, 0x06
ALLOW, REFUSE, KILL = 0x7FFF0000, 0x00050000 | 1, 0x80000000  # REFUSE with EPERM


def require_container(secret: Path) -> None:
    """Return if submissions can be run here as other users; ``secret`` is a file of the course.

    Errors: ``SandboxUnavailable``, saying why not.
    """
    if not sys.platform.startswith("linux") or platform.machine() not in MACHINES:
        raise SandboxUnavailable("the sandbox of a container needs Linux on x86-64 or ARM64")
    if os.geteuid() != 0:
        raise SandboxUnavailable("the sandbox of a container must be started by its root")
    require_promises(command, secret)


def command(program: Sequence[str], limits: Limits, files: Sequence[Path] = ()) -> list[str]:
    """Return the command line that runs a program of ``inside`` as its user."""
    role, names = program[3], json.dumps([str(path) for path in files])
    return [sys.executable, "-m", "fmlab.grading.container", role, names, "--", *program]


def end_all() -> None:
    """End all processes of the users, those too that have left their families."""
    for user in USERS.values():
        if (child := os.fork()) == 0:
            try:
                os.setresuid(user, user, user)
                os.kill(-1, signal.SIGKILL)  # all that this user may end: his own
            finally:
                os._exit(0)  # also if there were none
        os.waitpid(child, 0)


def main(words: Sequence[str]) -> None:
    role, names, _, *program = words
    user = USERS[role]
    box = Path(tempfile.mkdtemp(prefix="fmlab-box-"))
    for name in json.loads(names):
        shutil.copy(name, box)
    for path in (box, *box.iterdir()):
        os.chown(path, user, user)
    os.chdir(box)
    _control(PR_SET_PDEATHSIG, signal.SIGKILL)
    os.setgroups([])
    os.setresgid(user, user, user)
    os.setresuid(user, user, user)
    _control(PR_SET_PDEATHSIG, signal.SIGKILL)  # the change of user has taken it back
    _forbid_sockets()
    environment = Path(sys.executable).parent.parent
    mine = variables(environment, Path(fmlab.__file__).parent.parent)
    os.execve(program[0], program, mine | {"HOME": str(box), "TMPDIR": str(box)})


def _forbid_sockets() -> None:
    """Let this process, and all that come of it, open no socket (a pair of them is no harm)."""
    machine, opens_socket = MACHINES[platform.machine()]
    program = [  # what to do, the steps to skip if so, if not, the number it is about
        (LOAD, 0, 0, 4),  # the machine whose call it is
        (EQUAL, 1, 0, machine),
        (RETURN, 0, 0, KILL),
        (LOAD, 0, 0, 0),  # the number of the call
        (AT_LEAST, 3, 0, X32),
        (EQUAL, 2, 0, IO_URING),
        (EQUAL, 1, 0, opens_socket),
        (RETURN, 0, 0, ALLOW),
        (RETURN, 0, 0, REFUSE),
    ]
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in program))
    filters = struct.pack("HP", len(program), ctypes.addressof(code))
    _control(PR_SET_NO_NEW_PRIVS, 1)
    _control(PR_SET_SECCOMP, FILTER, ctypes.create_string_buffer(filters))


def _control(what: int, *values: object) -> None:
    library = ctypes.CDLL(None, use_errno=True)
    padded = [v if isinstance(v, ctypes.Array) else ctypes.c_ulong(v) for v in values]
    padded += [ctypes.c_ulong(0)] * (4 - len(values))
    if library.prctl(ctypes.c_int(what), *padded) != 0:
        raise OSError(ctypes.get_errno(), f"prctl {what} was refused")


if __name__ == "__main__":
    main(sys.argv[1:])
