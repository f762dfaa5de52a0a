"""`make serve` says what is wrong with a port."""

import socket
import subprocess
import sys
from pathlib import Path

import pytest

SERVE = Path(__file__).resolve().parents[2] / "tools" / "serve.py"


def refused(port: str) -> str:
    done = subprocess.run([sys.executable, SERVE, port], capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    return done.stderr


def test_a_port_in_use_is_named_with_another_one():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        message = refused(str(port))
    assert f"Port {port} is in use" in message
    assert "make serve PORT=" in message


@pytest.mark.parametrize("port", ["0", "99999", "abc", ""])
def test_what_is_no_port_is_said(port):
    assert "number from 1 to 65535" in refused(port)
