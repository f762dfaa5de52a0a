"""A sandbox for one submission where bubblewrap can't start: in a container of its own.

Most containers may not create the namespaces that bubblewrap needs. Such a container isolates a
submission from the machine, but not from the tests and the results in the same container. So the
student's program and the tests run as two separate users, who can read neither the course nor each
other's files, under a seccomp filter that forbids every network connection. They can still list the
container's files and processes, and leave files in /tmp. So each submission needs a container that
is deleted afterwards; this sandbox is never used unless requested.

``python -m fmlab_grading.container ROLE FILES -- PROGRAM`` switches to the user of the role and
then runs the program in its own place. Source of the filter: the Linux kernel's
Documentation/userspace-api/seccomp_filter.rst.
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

from fmlab_grading.limits import Limits
from fmlab_grading.safety import require_isolation
from fmlab_grading.sandbox import SandboxUnavailable, environment_variables

USERS = {"student": 54_001, "tests": 54_002}  # numbers that no real account has
# By machine: AUDIT_ARCH, which identifies its system calls, and the number of socket().
# io_uring_setup(), which can open sockets too, has the same number on both.
MACHINES = {"x86_64": (0xC000003E, 41), "aarch64": (0xC00000B7, 198)}
IO_URING, X32 = 425, 0x40000000  # from X32 on, the same calls appear under second numbers
PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, FILTER, PR_SET_PDEATHSIG = 38, 22, 2, 1
LOAD, EQUAL, AT_LEAST, RETURN = 0x20, 0x15, 0x35, 0x06
ALLOW, REFUSE, KILL = 0x7FFF0000, 0x00050000 | 1, 0x80000000  # REFUSE with EPERM


def require_container(secret: Path) -> None:
    """Check that submissions can be run here as other users; ``secret`` is a file of the course.

    Errors: ``SandboxUnavailable``, which says why not.
    """
    if not sys.platform.startswith("linux") or platform.machine() not in MACHINES:
        raise SandboxUnavailable("the sandbox of a container needs Linux on x86-64 or ARM64")
    if os.geteuid() != 0:
        raise SandboxUnavailable("the sandbox of a container must be started by root")
    require_isolation(command, secret)


def command(program: Sequence[str], limits: Limits, files: Sequence[Path] = ()) -> list[str]:
    """Return the command line that runs the kernel as the user of its role."""
    role, names = program[3], json.dumps([str(path) for path in files])
    return [sys.executable, "-m", "fmlab_grading.container", role, names, "--", *program]


def end_all() -> None:
    """Kill all processes of both users, including daemons that have left their process tree."""
    for user in USERS.values():
        if (child := os.fork()) == 0:
            try:
                os.setresuid(user, user, user)
                os.kill(-1, signal.SIGKILL)  # all processes that this user may kill: its own
            finally:
                os._exit(0)  # even if there were no processes
        os.waitpid(child, 0)


def main(arguments: Sequence[str]) -> None:
    role, names, _, *program = arguments
    user = USERS[role]
    folder = Path(tempfile.mkdtemp(prefix="fmlab-box-"))
    for name in json.loads(names):
        shutil.copy(name, folder)
    for path in (folder, *folder.iterdir()):
        os.chown(path, user, user)
    os.chdir(folder)
    _prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    os.setgroups([])
    os.setresgid(user, user, user)
    os.setresuid(user, user, user)
    _prctl(PR_SET_PDEATHSIG, signal.SIGKILL)  # changing the user has reset it
    _forbid_sockets()
    variables = environment_variables(Path(sys.executable).parent.parent)
    variables |= {"HOME": str(folder), "TMPDIR": str(folder)}
    os.execve(program[0], program, variables)


def _forbid_sockets() -> None:
    """Stop this process and its descendants from opening sockets; socket pairs are harmless."""
    machine, opens_socket = MACHINES[platform.machine()]
    program = [  # operation, steps to skip if true, steps to skip if false, operand
        (LOAD, 0, 0, 4),  # AUDIT_ARCH of the call
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
    _prctl(PR_SET_NO_NEW_PRIVS, 1)
    _prctl(PR_SET_SECCOMP, FILTER, ctypes.create_string_buffer(filters))


def _prctl(option: int, *values: object) -> None:
    library = ctypes.CDLL(None, use_errno=True)
    padded = [v if isinstance(v, ctypes.Array) else ctypes.c_ulong(v) for v in values]
    padded += [ctypes.c_ulong(0)] * (4 - len(values))
    if library.prctl(ctypes.c_int(option), *padded) != 0:
        raise OSError(ctypes.get_errno(), f"prctl {option} was refused")


if __name__ == "__main__":
    main(sys.argv[1:])
