"""Find a port for a server, and end programs, even those that do not end when they are asked to."""

from __future__ import annotations

import random
import socket
import subprocess

# Below those that a system hands out by itself, to another server or a kernel in the meantime.
PORTS = range(20_000, 32_000)


def free_port() -> int:
    """Return a port of this machine that is free, and that nothing gets by chance soon."""
    for port in random.sample(PORTS, len(PORTS)):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise OSError("no port is free")


def end(process: subprocess.Popen, seconds: float = 30) -> None:
    """Ask a process to end; kill it if it is still there after some seconds.

    JupyterLab now and then closes all that it has open, and then waits forever for a thread.
    """
    process.terminate()
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
