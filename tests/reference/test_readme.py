"""What the README tells a reader to type does what the README says, as it is printed there."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import time
from pathlib import Path
from urllib.request import Request, urlopen

import pytest

from tools.processes import end, free_port

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "README.md").read_text(encoding="utf-8")
# Commands that install, build or train for minutes, or need a class: they have tests of their own.
TESTED_ELSEWHERE = (
    "make ",
    "source .venv/bin/activate",
    "python -m fmlab.recipes ",
    "fmlab-grade ",
)
SERVER = "python -m fmlab.generation.server"
PATIENCE = 120  # seconds


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", TEXT, re.M | re.S)


def commands() -> list[str]:
    return [line for block in blocks("sh") for line in block.splitlines()]


def environment() -> dict[str, str]:
    """That of a reader who has activated `.venv`."""
    beside = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    return os.environ | {"PATH": beside, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}


def run(command: list[str], folder: Path) -> str:
    done = subprocess.run(
        command, cwd=folder, env=environment(), capture_output=True, text=True, timeout=PATIENCE
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


PRINTED = {
    "ask(": r"\['\w+\.'\]",
    "next_tokens": r"\(' \w+', 0\.\d+\)",
    "micro-sft": r"know",
    "smollm2": r"Paris",
}


@pytest.mark.parametrize("command", [c for c in commands() if c.startswith("python -c ")])
def test_a_command_prints_what_it_should(command, tmp_path):
    printed = run([sys.executable, *shlex.split(command)[1:]], tmp_path)
    expected = next(pattern for part, pattern in PRINTED.items() if part in command)
    assert re.search(expected, printed), printed


@pytest.mark.parametrize("code", blocks("python"))
def test_a_snippet_runs(code, tmp_path):
    assert run([sys.executable, "-c", code], tmp_path).strip()


def test_the_server_answers_the_request(tmp_path):
    [start] = [c for c in commands() if c.startswith(SERVER)]
    [request] = [c for c in commands() if c.startswith("curl ")]
    port = free_port()  # the printed one may be taken
    parts = shlex.split(request)
    address = parts[1].replace(":8000/", f":{port}/")
    header, data = parts[parts.index("-H") + 1], parts[parts.index("-d") + 1]
    name, _, value = header.partition(": ")
    command = [sys.executable, *shlex.split(start)[1:], "--port", str(port)]
    server = subprocess.Popen(command, cwd=tmp_path, env=environment(), stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                with urlopen(Request(address, data.encode(), {name: value})) as response:
                    answer = json.load(response)
                break
            except ConnectionError:
                alive = server.poll() is None and time.monotonic() < deadline
            except OSError as error:  # what urlopen makes of a refused connection
                alive = isinstance(getattr(error, "reason", None), ConnectionError)
                alive = alive and server.poll() is None and time.monotonic() < deadline
            assert alive, "the server did not start"
            time.sleep(0.2)
    finally:
        end(server)
    assert answer["choices"][0]["text"].strip()


def test_every_command_is_tested_here_or_elsewhere():
    here = ("python -c ", SERVER, "curl ")
    assert not [c for c in commands() if c and not c.startswith((*here, *TESTED_ELSEWHERE))]
