"""A sandbox for one submission where bubblewrap can't start: in a container of its own.

Most containers may not create the namespaces that bubblewrap needs. Such a container isolates a
submission from the machine, but not from the tests and the results in the same container. So the
student's program and the tests run as two separate users, who can read neither the course nor each
other's files, under a filter of system calls that forbids every network connection. They can still
list the container's files and processes, and leave files in /tmp. So each submission needs a
container that is deleted afterwards; this sandbox is never used unless requested.

``python -m fmlab_grading.container ROLE FILES -- PROGRAM`` switches to the user of the role and
then runs the program in its own place.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import shutil
import signal
import struct
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from fmlab_grading.limits import Limits
from fmlab_grading.safety import require_isolation
from fmlab_grading.sandbox import FOR_ANSWERS, SandboxUnavailable, environment_variables
from fmlab_grading.system_calls import STEP, filter_program, is_supported

USERS = {"student": 54_001, "tests": 54_002}  # numbers that no real account has
PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, FILTER, PR_SET_PDEATHSIG = 38, 22, 2, 1


def require_container(secret: Path) -> None:
    """Check that submissions can be run here as other users; ``secret`` is a file of the course.

    Errors: ``SandboxUnavailable``, which says why not.
    """
    if not sys.platform.startswith("linux") or not is_supported():
        raise SandboxUnavailable("the sandbox of a container needs Linux on x86-64 or ARM64")
    if os.geteuid() != 0:
        raise SandboxUnavailable("the sandbox of a container must be started by root")
    require_isolation(command, secret)


@contextlib.contextmanager
def hidden_checks(folders: Iterable[Path]) -> Iterator[None]:
    """Let only the tests read the modules that compute answers, in these copies of the checks.

    The student's program gets ``not_here`` instead of a module that it may not read.
    """
    paths = [path for folder in folders for path in folder.rglob("*.py*")]
    hidden = [path for path in paths if path.name.partition(".")[0] + ".py" not in FOR_ANSWERS]
    before = {path: path.stat() for path in hidden}
    try:
        for path in hidden:
            path.chmod(0o640)
            os.chown(path, 0, USERS["tests"])
        yield
    finally:
        for path, status in before.items():
            os.chown(path, status.st_uid, status.st_gid)
            path.chmod(status.st_mode)


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
    _filter_system_calls()
    variables = environment_variables(Path(sys.executable).parent.parent)
    variables |= {"HOME": str(folder), "TMPDIR": str(folder)}
    os.execve(program[0], program, variables)


def _filter_system_calls() -> None:
    """Refuse this process and its descendants the system calls that no exercise needs."""
    program = filter_program()
    code = ctypes.create_string_buffer(program, len(program))
    filters = struct.pack("HP", len(program) // STEP, ctypes.addressof(code))
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
