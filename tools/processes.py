"""End programs that were started here, even those that do not end when they are asked to."""

from __future__ import annotations

import subprocess


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
