"""Check that this machine can run submissions safely, with a harmless attack from the sandbox.

Nothing is graded on a machine whose sandbox fails this check.
"""

from __future__ import annotations

import functools
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from fmlab_grading import system_calls
from fmlab_grading.limits import Limits, usage
from fmlab_grading.protocol import CELL
from fmlab_grading.sandbox import Sandbox, SandboxEnded, SandboxUnavailable, command

INSTALL = (
    "Install it with `sudo apt-get install bubblewrap` (Debian, Ubuntu) or `sudo dnf install "
    "bubblewrap` (Fedora); on macOS or Windows, use a Linux machine, WSL2 or a virtual machine"
)
NAMESPACES = (
    "This system does not let ordinary users create namespaces. On Ubuntu 24.04, run `sudo sysctl "
    "-w kernel.apparmor_restrict_unprivileged_userns=0`. In a container without privileges, "
    "bubblewrap can't run: grade outside it, or use one container per submission as the sandbox"
)
MILD_LIMITS = Limits(memory=512, processes=16, disk=1, cell_seconds=20, total_seconds=20)

VARIABLE = "FMLAB_GRADER_PROBE"  # of the grader's environment, which no program may see
PROBE = """
import ctypes, json, mmap, os, socket, time
holds = {}
def fails(attack):
    try:
        attack()
    except (OSError, MemoryError):
        return True
    return False
def forks():
    children = []
    try:
        for _ in range(%(processes)d + 8):
            if (child := os.fork()) == 0:
                time.sleep(20)
                os._exit(0)
            children.append(child)
    finally:
        for child in children:
            os.kill(child, 9)
            os.waitpid(child, 0)
holds["network"] = fails(lambda: socket.create_connection(("127.0.0.1", %(port)d), 2).close())
holds["files"] = not os.path.exists(%(path)r)
holds["disk"] = all(fails(lambda: open(f"{folder}/x", "w")) for folder in ("/", "/dev", "/usr"))
holds["memory"] = fails(lambda: mmap.mmap(-1, 1 << 30, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS))
holds["processes"] = fails(forks)
holds["uncounted"] = fails(lambda: os.close(os.memfd_create("x"))) and fails(
    lambda: mmap.mmap(-1, 1 << 12)
)
key = b"user", b"fmlab-probe", b"x", ctypes.c_size_t(1), ctypes.c_int(-3)
holds["keys"] = ctypes.CDLL(None).syscall(ctypes.c_long(%(add_key)d), *key) < 0
try:
    holds["environment"] = %(variable)r not in open("/proc/1/environ").read()
except OSError:
    holds["environment"] = True
print(json.dumps(holds))
"""
VIOLATIONS = {
    "network": "a program in the sandbox reached the network",
    "files": "a program in the sandbox saw a file of this machine",
    "disk": "a program in the sandbox could write where it must not",
    "memory": "the limit on memory does not hold",
    "processes": "the limit on processes does not hold; for root it needs writable control groups. "
    "Grade as an ordinary user",
    "uncounted": "a program in the sandbox can hold memory that no limit counts; the filter of "
    "system calls that prevents it is for Linux on x86-64 and ARM64",
    "keys": "a program in the sandbox can use the key ring of the kernel, for the same reason",
    "environment": "a program in the sandbox can read the environment of the grader",
    "usage": "/proc does not show what the processes in the sandbox use",
}


@functools.cache
def require_sandbox() -> None:
    """Check that submissions can be run safely on this machine; takes about a second, once.

    Errors: ``SandboxUnavailable``, which says why not.
    """
    if not sys.platform.startswith("linux") or shutil.which("bwrap") is None:
        raise SandboxUnavailable(f"grading needs bubblewrap (the command bwrap). {INSTALL}.")
    arguments = command(["true"], MILD_LIMITS)
    trial = subprocess.run(arguments, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if trial.returncode:
        reason = trial.stderr.strip()[-300:] or f"exit status {trial.returncode}"
        raise SandboxUnavailable(f"bubblewrap does not start here ({reason}). {NAMESPACES}.")
    require_isolation()


def require_isolation(
    make_command: Callable[..., list[str]] | None = None, secret: Path | None = None
) -> None:
    """Check that a sandbox isolates its program; ``make_command`` is that of ``Sandbox``.

    ``secret`` is a file that must be invisible inside it, by default a temporary file.
    Errors: ``SandboxUnavailable``.
    """
    for name, holds in _probe(make_command, secret).items():
        if not holds:
            raise SandboxUnavailable(
                f"submissions cannot be run safely on this machine: {VIOLATIONS[name]}."
            )


def _probe(
    make_command: Callable[..., list[str]] | None = None, secret: Path | None = None
) -> dict[str, bool]:
    """Return which restrictions hold for a program that makes a mild attempt to get around them."""
    with tempfile.NamedTemporaryFile() as file, socket.create_server(("127.0.0.1", 0)) as server:
        values = {
            "path": str(secret or file.name),
            "port": server.getsockname()[1],
            "processes": MILD_LIMITS.processes,
            "add_key": system_calls.number("add_key") if system_calls.is_supported() else 0,
            "variable": VARIABLE,
        }
        os.environ[VARIABLE] = "1"
        sandbox = Sandbox("student", MILD_LIMITS, make_command=make_command)
        try:
            sandbox.send(CELL, (PROBE % values).encode(), 20.0)
            outcome = json.loads(sandbox.receive(20.0)[1])
            n_visible = usage(sandbox.process.pid)[0]
            expected = 1 if make_command else 2  # bubblewrap, and the program it runs
            printed = "".join(output.get("text", "") for output in outcome["outputs"])
            return json.loads(printed) | {"usage": n_visible >= expected}
        except (SandboxEnded, ValueError) as error:
            raise SandboxUnavailable(
                f"submissions cannot be run on this machine: a trial program failed ({error}). "
                "Check that fmlab is installed with pip in the environment of this Python"
            ) from error
        finally:
            sandbox.close()
            os.environ.pop(VARIABLE, None)
