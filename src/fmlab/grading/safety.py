"""Whether this machine can keep a submission from doing harm: tried, mildly, before any is run.

A sandbox that is only believed to work is worse than none.
"""

from __future__ import annotations

import functools
import json
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from fmlab.grading.limits import Limits, usage
from fmlab.grading.peers import CELL
from fmlab.grading.sandbox import Box, Gone, SandboxUnavailable, command

INSTALL = (
    "Install it with `sudo apt-get install bubblewrap` (Debian, Ubuntu) or `sudo dnf install "
    "bubblewrap` (Fedora); on macOS or Windows use a Linux machine, WSL2 or a virtual machine"
)
NAMESPACES = (
    "This system does not let ordinary users make namespaces. On Ubuntu 24.04: `sudo sysctl -w "
    "kernel.apparmor_restrict_unprivileged_userns=0`. In a container without privileges there is "
    "no sandbox: grade outside it, or let a container for each submission be the sandbox"
)
MILD = Limits(memory=512, processes=16, disk=1, cell_seconds=20, total_seconds=20)

PROOF = """
import json, mmap, os, socket, time
found = {}
def fails(work):
    try:
        work()
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
found["network"] = fails(lambda: socket.create_connection(("127.0.0.1", %(port)d), 2).close())
found["files"] = not os.path.exists(%(path)r)
found["disk"] = all(fails(lambda: open(f"{folder}/x", "w")) for folder in ("/", "/dev", "/usr"))
found["memory"] = fails(lambda: mmap.mmap(-1, 1 << 30, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS))
found["processes"] = fails(forks)
print(json.dumps(found))
"""
MISSING = {
    "network": "a program in the sandbox reached the network",
    "files": "a program in the sandbox saw a file of this machine",
    "disk": "a program in the sandbox could write where it should not",
    "memory": "the limit on memory does not hold",
    "processes": "the limit on processes does not hold; as root it needs control groups that can "
    "be written to. Grade as an ordinary user",
    "watch": "what the processes in the sandbox use cannot be seen in /proc",
}


@functools.cache
def require_sandbox() -> None:
    """Return if submissions can be run safely here. Errors: ``SandboxUnavailable``, saying why not.

    Takes about a second, once.
    """
    if not sys.platform.startswith("linux") or shutil.which("bwrap") is None:
        raise SandboxUnavailable(f"grading needs bubblewrap (the command bwrap). {INSTALL}.")
    words = command(["true"], MILD)
    tried = subprocess.run(words, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if tried.returncode:
        said = tried.stderr.strip()[-300:] or f"exit status {tried.returncode}"
        raise SandboxUnavailable(f"bubblewrap does not start here ({said}). {NAMESPACES}.")
    require_promises()


def require_promises(
    wrap: Callable[..., list[str]] | None = None, secret: Path | None = None
) -> None:
    """Return if a sandbox keeps its promises; ``wrap`` as for ``Box``.

    ``secret`` is a file that must not be seen in it, by default one in the folder for temporary
    files. Errors: ``SandboxUnavailable``.
    """
    for name, holds in _tried(wrap, secret).items():
        if not holds:
            raise SandboxUnavailable(
                f"submissions cannot be run safely on this machine: {MISSING[name]}."
            )


def _tried(
    wrap: Callable[..., list[str]] | None = None, secret: Path | None = None
) -> dict[str, bool]:
    """Which of the promises hold for a program that tries, a little, to break them."""
    with tempfile.NamedTemporaryFile() as file, socket.create_server(("127.0.0.1", 0)) as server:
        facts = {"path": str(secret or file.name), "port": server.getsockname()[1]}
        box = Box("student", MILD, wrap=wrap)
        try:
            box.send(CELL, (PROOF % (facts | {"processes": MILD.processes})).encode(), 20.0)
            outcome = json.loads(box.receive(20.0)[1])
            watched = usage(box.process.pid)[0] >= (
                1 if wrap else 2
            )  # bubblewrap, and what it runs
            said = "".join(output.get("text", "") for output in outcome["outputs"])
            return json.loads(said) | {"watch": watched}
        except (Gone, ValueError) as error:
            raise SandboxUnavailable(
                f"submissions cannot be run on this machine: a first program failed ({error})"
            ) from error
        finally:
            box.close()
