"""A sandbox for one program, by bubblewrap: no network, no files but the package's, strict limits.

The program sees Python, this package and the files of the assignment, all read-only, over a small
file system in memory. It does not see the course, other submissions, the home folder, other
processes or a network. What it may use is limited twice: by the kernel for each process, and by a
watch over all its processes together.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import fmlab
from fmlab.grading.limits import (
    MB,
    ControlGroup,
    Limits,
    family,
    own_memory,
    peak_memory,
    usage,
)
from fmlab.grading.peers import HEADER, LONGEST, READY

GRACE = 2.0  # seconds that a program may take to notice that its time is up
LOOK = 0.2  # seconds between two looks of the watch
SYSTEM = ("/usr", "/etc/alternatives", "/etc/fonts", "/etc/ld.so.cache", "/etc/localtime")
LINKS = ("/bin", "/sbin", "/lib", "/lib64")  # into /usr on most systems


class SandboxUnavailable(RuntimeError):
    """Submissions cannot be run safely on this machine; the message says what to do."""


class Gone(Exception):
    """The program in a sandbox is no more; the message says why."""


class Box:
    """A program of ``fmlab.grading.inside`` in its sandbox, and the line to it.

    ``files`` are shown to it, read-only, in the folder where it runs. ``wrap`` makes the command
    line that runs a program in the sandbox, from the program, the limits and the files.
    """

    def __init__(
        self,
        role: str,
        limits: Limits,
        files: Sequence[Path] = (),
        wrap: Callable[..., list[str]] | None = None,
    ) -> None:
        self.limits, self.gone, self.ready = limits, "", False
        self.peak = 0  # bytes of memory, known when its processes have been ended
        theirs_in, self.target = os.pipe()
        self.source, theirs_out = os.pipe()
        os.set_blocking(self.target, False)
        facts = [role, str(theirs_in), str(theirs_out), json.dumps(limits.of_process())]
        program = [sys.executable, "-m", "fmlab.grading.inside", *facts]
        self.group = ControlGroup(limits)
        try:
            self.process = subprocess.Popen(
                (wrap or command)(program, limits, files),
                pass_fds=(theirs_in, theirs_out),
                preexec_fn=self.group.enter,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        finally:
            os.close(theirs_in)
            os.close(theirs_out)

    def send(self, kind: bytes, data: bytes = b"", seconds: float = 0.0) -> None:
        """Hand over the word, and the clock with it. Errors: ``Gone``."""
        if not self.ready:
            self.ready = True
            if self.receive(60.0)[0] != READY:
                self.end("it did not start as it should")
        end = time.monotonic() + seconds + GRACE
        message = memoryview(HEADER.pack(kind, max(seconds, 0.01), len(data)) + data)
        while message:
            self._wait(self.target, select.POLLOUT, end)
            try:
                message = message[os.write(self.target, message[: 1 << 16]) :]
            except BlockingIOError:
                continue
            except OSError:
                self.end("the process ended: exit, a crash, or too much memory")

    def receive(self, seconds: float) -> tuple[bytes, bytes]:
        """Return the next frame. Errors: ``Gone``, also if none comes in time."""
        end = time.monotonic() + seconds + GRACE
        kind, _, length = HEADER.unpack(self._read(HEADER.size, end))
        if length > LONGEST:
            self.end(f"it sent {length >> 20} MB at once")
        return kind, self._read(length, end)

    def close(self) -> None:
        """End all its processes."""
        self._kill()
        self.process.wait()
        for end in (self.source, self.target):
            if end >= 0:
                os.close(end)
        self.source = self.target = -1
        self.group.remove()

    def _read(self, n: int, end: float) -> bytes:
        parts = bytearray()
        while len(parts) < n:
            self._wait(self.source, select.POLLIN, end)
            part = os.read(self.source, min(n - len(parts), MB))
            if not part:
                self.end("the process ended: exit, a crash, or too much memory")
            parts += part
        return bytes(parts)

    def _wait(self, descriptor: int, event: int, end: float) -> None:
        """Wait until the line can be used, and look after the program meanwhile."""
        if self.gone:
            raise Gone(self.gone)
        poll = select.poll()
        poll.register(descriptor, event)
        while not poll.poll(1000 * LOOK):
            n_processes, memory = usage(self.process.pid)
            most = self.limits.memory * MB
            if memory > most and own_memory(self.process.pid) > most:
                self.end(f"all its processes together used over {self.limits.memory} MB")
            if n_processes > 2 * self.limits.processes:
                self.end(f"it started over {self.limits.processes} processes")
            if time.monotonic() > end:
                self.end("it did not stop when its time was up")

    def end(self, reason: str) -> None:
        """Kill all its processes. Errors: ``Gone``, always."""
        self.gone = reason
        self._kill()
        raise Gone(reason)

    def _kill(self) -> None:
        """Kill bubblewrap and all below it, which do not die with it before they have started."""
        if self.process.poll() is None:
            self.peak = max(self.peak, peak_memory(self.process.pid))
            # It may end by itself any time. `Popen.send_signal` would then take note of that, and
            # leave nothing to wait for; so the signals are sent past it.
            with contextlib.suppress(ProcessLookupError, ChildProcessError):
                os.kill(self.process.pid, signal.SIGSTOP)  # so that nothing is born meanwhile
                stopped_or_ended = os.WSTOPPED | os.WEXITED | os.WNOWAIT
                os.waitid(os.P_PID, self.process.pid, stopped_or_ended)
            for pid in reversed(family(self.process.pid)):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)


def command(program: Sequence[str], limits: Limits, files: Sequence[Path] = ()) -> list[str]:
    """Return the command line that runs a program in a sandbox."""
    size = ["--size", str(limits.disk * MB)]
    words = ["bwrap", "--unshare-all", "--unshare-user", "--uid", "1000", "--gid", "1000"]
    words += ["--die-with-parent", "--new-session", "--clearenv", "--hostname", "sandbox"]
    words += ["--cap-drop", "ALL", *_no_more_namespaces(), "--proc", "/proc", "--dev", "/dev"]
    for folder in ("/tmp", "/dev/shm", "/box"):
        words += [*size, "--tmpfs", folder]
    for link in LINKS:
        if os.path.islink(link):
            words += ["--symlink", os.readlink(link), link]
        elif os.path.isdir(link):
            words += ["--ro-bind", link, link]
    package = Path(fmlab.__file__).parent
    environment = Path(sys.executable).parent.parent  # the venv, or where Python is installed
    for path in dict.fromkeys([*SYSTEM, sys.base_prefix, str(environment), str(package)]):
        if os.path.exists(path):
            words += ["--ro-bind", path, path]
    for path in files:
        words += ["--ro-bind", str(path), f"/box/{path.name}"]
    # /dev and / are small file systems of their own, without a limit: nothing may be written there.
    words += ["--chdir", "/box", "--remount-ro", "/dev", "--remount-ro", "/"]
    for name, value in variables(environment, package.parent).items():
        words += ["--setenv", name, value]
    return [*words, "--", *program]


def variables(environment: Path, packages: Path) -> dict[str, str]:
    """Return the environment of a program in a sandbox, which has nothing of the grader's."""
    return {
        "HOME": "/tmp",
        "USER": "student",
        "LANG": "C.UTF-8",
        "PATH": f"{environment}/bin:/usr/bin:/bin",
        "PYTHONPATH": str(packages),
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
    """Before version 0.8 bubblewrap could not forbid a sandbox within the sandbox."""
    shown = subprocess.run(["bwrap", "--help"], capture_output=True, text=True).stdout
    return ["--disable-userns"] if "--disable-userns" in shown else []
