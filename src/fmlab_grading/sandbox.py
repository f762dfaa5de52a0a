"""A sandbox for one program, made by bubblewrap: no network, few files, strict limits.

The program sees Python with its installed packages, the packages of this book, and the data files
of the assignment, all read-only, plus a small file system in memory. It does not see the course,
the exercises of the book, other submissions, the home folder, other processes or a network. Limits
are enforced twice: by the kernel for each process, and by the grader for all of them together.
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path

from fmlab_grading import system_calls
from fmlab_grading.limits import (
    MB,
    ControlGroup,
    Limits,
    kernel_memory,
    peak_memory,
    process_tree,
    proportional_memory,
    usage,
)
from fmlab_grading.protocol import HEADER, MAX_FRAME, READY

GRACE = 2.0  # seconds a program has to notice that its time is up
CHECK_INTERVAL = 0.2  # seconds between checks of what the processes use
# Exercises import the first two, and the third is the program in the sandbox. An editable install
# puts the folder that holds them on the path, but the sandbox shows no other file of that folder.
PACKAGES = ("fmlab", "microworld", "fmlab_grading")
# Of fmlab.checks; its other modules can be hidden.
FOR_ANSWERS = ("__init__.py", "empty_answers.py", "material.py")
SYSTEM = ("/usr", "/etc/alternatives", "/etc/fonts", "/etc/ld.so.cache", "/etc/localtime")
LINKS = ("/bin", "/sbin", "/lib", "/lib64")  # into /usr on most systems
JOIN_SESSION_KEYRING = 1  # of the system call keyctl


class SandboxUnavailable(RuntimeError):
    """Submissions can't be run safely on this machine; the message says what to do."""


class SandboxEnded(Exception):
    """The program in a sandbox has ended; the message says why."""


class Sandbox:
    """The program ``fmlab_grading.kernel`` in a sandbox, and the grader's connection to it.

    ``files`` appear, read-only, in the folder where the program runs. ``make_command`` returns the
    command line that runs a program in a sandbox, given the program, the limits and the files; by
    default it's the one of bubblewrap. That one can hide the checks of the exercises, which compute
    the right answers.
    """

    def __init__(
        self,
        role: str,
        limits: Limits,
        files: Sequence[Path] = (),
        make_command: Callable[..., list[str]] | None = None,
        *,
        hides_checks: bool = False,
    ) -> None:
        self.limits, self.end_reason, self.is_ready = limits, "", False
        self.peak = 0  # bytes of memory, known once the grader has killed the processes
        program_source, self.target = os.pipe()
        self.source, program_target = os.pipe()
        os.set_blocking(self.target, False)
        descriptors = [program_source, program_target]
        arguments = [role, *map(str, descriptors), json.dumps(limits.resource_limits())]
        program = [sys.executable, "-m", "fmlab_grading.kernel", *arguments]
        self.group = ControlGroup(limits)
        try:
            if make_command is None:
                arguments = command(program, limits, files, hides_checks=hides_checks)
                arguments = hidden_arguments(arguments, descriptors)
            else:
                arguments = make_command(program, limits, files)
            self.process = subprocess.Popen(
                arguments,
                pass_fds=descriptors,
                preexec_fn=self._prepare,
                env={},  # the program can read it, so it has nothing of the grader's
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        finally:
            for descriptor in descriptors:
                os.close(descriptor)

    def _prepare(self) -> None:
        """Enter the control group, and leave the key ring of the user who grades."""
        self.group.enter()
        join_new_key_ring()

    def send(self, kind: bytes, data: bytes = b"", seconds: float = 0.0) -> None:
        """Send a frame; the program may take that long to send one back.

        Errors: ``SandboxEnded``.
        """
        if not self.is_ready:
            self.is_ready = True
            if self.receive(60.0)[0] != READY:
                self.kill("it did not start properly")
        deadline = time.monotonic() + seconds + GRACE
        message = memoryview(HEADER.pack(kind, max(seconds, 0.01), len(data)) + data)
        while message:
            self._wait(self.target, select.POLLOUT, deadline)
            try:
                message = message[os.write(self.target, message[: 1 << 16]) :]
            except BlockingIOError:
                continue
            except OSError:
                self.kill("the process ended: exit, a crash, or too much memory")

    def receive(self, seconds: float) -> tuple[bytes, bytes]:
        """Return the next frame. Errors: ``SandboxEnded``, including when none arrives in time."""
        deadline = time.monotonic() + seconds + GRACE
        kind, _, length = HEADER.unpack(self._read(HEADER.size, deadline))
        if length > MAX_FRAME:
            self.kill(f"it sent {length >> 20} MB at once")
        return kind, self._read(length, deadline)

    def close(self) -> None:
        """Kill all its processes and close the connection."""
        self._kill()
        self.process.wait()
        for descriptor in (self.source, self.target):
            if descriptor >= 0:
                os.close(descriptor)
        self.source = self.target = -1
        self.group.remove()

    def _read(self, n: int, deadline: float) -> bytes:
        parts = bytearray()
        while len(parts) < n:
            self._wait(self.source, select.POLLIN, deadline)
            part = os.read(self.source, min(n - len(parts), MB))
            if not part:
                self.kill("the process ended: exit, a crash, or too much memory")
            parts += part
        return bytes(parts)

    def _wait(self, descriptor: int, event: int, deadline: float) -> None:
        """Wait until the connection can be used, and check the limits meanwhile."""
        if self.end_reason:
            raise SandboxEnded(self.end_reason)
        poll = select.poll()
        poll.register(descriptor, event)
        while not poll.poll(1000 * CHECK_INTERVAL):
            n_threads, memory = usage(self.process.pid)
            most = self.limits.memory * MB - kernel_memory(self.process.pid)
            if memory > most and proportional_memory(self.process.pid) > most:
                self.kill(f"all its processes together used over {self.limits.memory} MB")
            if n_threads > 2 * self.limits.processes:
                self.kill(f"it started over {self.limits.processes} processes")
            if time.monotonic() > deadline:
                self.kill("it did not stop when its time was up")

    def kill(self, reason: str) -> None:
        """Kill all its processes. Errors: ``SandboxEnded``, always."""
        self.end_reason = reason
        self._kill()
        raise SandboxEnded(reason)

    def _kill(self) -> None:
        """Kill bubblewrap and its descendants, which outlive it if they have only just started."""
        if self.process.poll() is None:
            self.peak = max(self.peak, peak_memory(self.process.pid))
            # It may end by itself at any time. `Popen.send_signal` would then reap it, which leaves
            # nothing to wait for; so signals are sent directly.
            with contextlib.suppress(ProcessLookupError, ChildProcessError):
                os.kill(self.process.pid, signal.SIGSTOP)  # so that it starts nothing meanwhile
                stopped_or_ended = os.WSTOPPED | os.WEXITED | os.WNOWAIT
                os.waitid(os.P_PID, self.process.pid, stopped_or_ended)
            for pid in reversed(process_tree(self.process.pid)):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)


def hidden_arguments(arguments: list[str], descriptors: list[int]) -> list[str]:
    """Return a command line of bubblewrap that shows nothing to the program, which can read it.

    The options, which name folders of this machine, are in a file without a name, and so is the
    filter of system calls. Both are added to the descriptors that bubblewrap must get.
    """
    at = arguments.index("--")
    options, program = arguments[1:at], arguments[at:]
    for i, (option, path, inside) in enumerate(zip(options, options[1:], options[2:])):
        if option == "--ro-bind" and inside.startswith("/box/"):  # mounts also show their source
            descriptors.append(os.open(path, os.O_RDONLY))
            options[i : i + 2] = ["--ro-bind-data", str(descriptors[-1])]
    if system_calls.is_supported():
        descriptors.append(_nameless_file(system_calls.filter_program()))
        options += ["--seccomp", str(descriptors[-1])]
    descriptors.append(_nameless_file(b"\0".join(map(os.fsencode, options)) + b"\0"))
    bubblewrap = shutil.which(arguments[0]) or arguments[0]
    return [bubblewrap, "--args", str(descriptors[-1]), *program]


def _nameless_file(data: bytes) -> int:
    with tempfile.TemporaryFile() as file:
        file.write(data)
        file.seek(0)
        return os.dup(file.fileno())


def join_new_key_ring() -> None:
    """Give this process and its descendants a key ring of their own, without any keys."""
    if system_calls.is_supported():
        keyctl = ctypes.c_long(system_calls.number("keyctl"))
        ctypes.CDLL(None).syscall(keyctl, ctypes.c_long(JOIN_SESSION_KEYRING), None)


def command(
    program: Sequence[str],
    limits: Limits,
    files: Sequence[Path] = (),
    *,
    hides_checks: bool = False,
) -> list[str]:
    """Return the command line that runs a program in a sandbox of bubblewrap."""
    size = ["--size", str(limits.disk * MB)]
    arguments = ["bwrap", "--unshare-all", "--unshare-user", "--uid", "1000", "--gid", "1000"]
    arguments += ["--die-with-parent", "--new-session", "--clearenv", "--hostname", "sandbox"]
    arguments += ["--cap-drop", "ALL", *_no_more_namespaces(), "--proc", "/proc", "--dev", "/dev"]
    arguments += ["--dev-bind", "/dev/null", "/dev/zero"]  # it gives memory that no limit counts
    for folder in ("/tmp", "/dev/shm", "/box"):
        arguments += [*size, "--tmpfs", folder]
    for link in LINKS:
        if os.path.islink(link):
            arguments += ["--symlink", os.readlink(link), link]
        elif os.path.isdir(link):
            arguments += ["--ro-bind", link, link]
    environment = Path(sys.executable).parent.parent  # the venv, or where Python is installed
    packages = [Path(find_spec(name).origin).parent for name in PACKAGES]
    folders = [*SYSTEM, sys.base_prefix, str(environment), *map(str, packages)]
    for path in dict.fromkeys(folders):
        if os.path.exists(path):
            arguments += ["--ro-bind", path, path]
    if hides_checks:
        arguments += _hide_checks(packages[0] / "checks")
    for path in files:
        arguments += ["--ro-bind", str(path), f"/box/{path.name}"]
    # /dev and / are in-memory file systems without a limit, so nothing may be written there.
    arguments += ["--chdir", "/box", "--remount-ro", "/dev", "--remount-ro", "/"]
    for name, value in environment_variables(environment).items():
        arguments += ["--setenv", name, value]
    return [*arguments, "--", *program]


def _hide_checks(folder: Path) -> list[str]:
    """Return the options that replace the modules that compute answers, and their bytecode."""
    arguments = ["--tmpfs", str(folder)]
    for path in sorted(folder.glob("*.py")):
        source = path if path.name in FOR_ANSWERS else Path(__file__).with_name("not_here.py")
        arguments += ["--ro-bind", str(source), str(path)]
    return [*arguments, "--remount-ro", str(folder)]


def environment_variables(environment: Path) -> dict[str, str]:
    """Return the environment variables of a program in a sandbox; it inherits none."""
    return {
        "HOME": "/tmp",
        "USER": "student",
        "LANG": "C.UTF-8",
        "PATH": f"{environment}/bin:/usr/bin:/bin",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONNOUSERSITE": "1",
        "PYTHONHASHSEED": "0",
        "IPYTHONDIR": "/tmp/ipython",
        "MPLCONFIGDIR": "/tmp/matplotlib",
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "HF_HUB_OFFLINE": "1",
    }


@functools.cache
def _no_more_namespaces() -> list[str]:
    """Return the option that forbids a sandbox in the sandbox, new in bubblewrap 0.8."""
    help_text = subprocess.run(["bwrap", "--help"], capture_output=True, text=True).stdout
    return ["--disable-userns"] if "--disable-userns" in help_text else []
