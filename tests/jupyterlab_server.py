"""A JupyterLab for tests: in a folder, with settings of its own, stopped when the test ends."""

import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tools.processes import end, free_port

SECONDS = 60  # until the server answers, or a kernel has imported torch


@contextmanager
def jupyterlab_in(folder: Path, settings: Path | None = None) -> Iterator[str]:
    """Yield the address of a JupyterLab that was started in a folder, with a folder of settings."""
    port = free_port()
    options = [f"--port={port}", "--ServerApp.port_retries=0", "--IdentityProvider.token="]
    options += ["--no-browser", "--allow-root", "--expose-app-in-browser"]
    places = {f"JUPYTER_{kind}_DIR": str(folder / ".jupyter" / kind) for kind in ("CONFIG", "DATA")}
    if settings:
        places["JUPYTER_CONFIG_PATH"] = str(settings)
    server = subprocess.Popen(
        [sys.executable, "-m", "jupyterlab", *options],
        cwd=folder,
        env={**os.environ, **places},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    address = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + SECONDS
        while fetched(f"{address}/api") is None:
            assert server.poll() is None, "JupyterLab ended"
            assert time.monotonic() < deadline, "JupyterLab does not answer"
            time.sleep(0.2)
        yield address
    finally:
        end(server)


def fetched(address: str) -> str | None:
    """Return what is at an address, or None if there is no answer or an error."""
    try:
        with urllib.request.urlopen(address, timeout=SECONDS) as reply:
            return reply.read().decode()
    except OSError:
        return None
