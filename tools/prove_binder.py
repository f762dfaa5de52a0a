"""Prove, without Docker, that the notebooks run on Binder: ``python tools/prove_binder.py``.

From the files of the repository alone: a new environment as ``binder/`` describes it, JupyterLab
started through ``binder/start``, and every notebook of the book executed by the server, over HTTP
and websocket as the browser does it. All outputs must be the stored ones. Takes a few minutes.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from itertools import chain
from pathlib import Path

import websocket

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tools.compare import comparable, is_trained_live  # noqa: E402
from tools.drawings import FIGURES_AS_SVG  # noqa: E402
from tools.processes import end, free_port  # noqa: E402

START = 120  # seconds the server may take to start
CELL = 300  # seconds a cell may take
AT_ONCE = 2  # notebooks, as by `make test-notebooks`
OUTPUTS = {"stream", "display_data", "execute_result", "error"}


class Failure(Exception):
    """The notebooks do not run on Binder; the message says why."""


def say(text: str) -> None:
    print(f"[{time.perf_counter() - STARTED:4.0f} s] {text}", flush=True)


STARTED = time.perf_counter()

# The image


def copy_repository(target: Path) -> None:
    """Copy what a clone would have: nothing that was built or installed here."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    for name in filter(None, names.split("\0")):
        if (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target / name)


def environment(home: Path, venv: Path) -> dict[str, str]:
    """Return an environment without any settings of this project or of the user."""
    dropped = ("PYTHON", "JUPYTER", "IPYTHON", "VIRTUAL_ENV", "OMP_", "MPL", "MAKE", "HF_")
    variables = {key: value for key, value in os.environ.items() if not key.startswith(dropped)}
    return variables | {"HOME": str(home), "PATH": f"{venv / 'bin'}{os.pathsep}{variables['PATH']}"}


def draw_as_svg(home: Path) -> None:
    """Let kernels draw as those that made the stored figures: Binder's own would draw PNG."""
    settings = home / ".ipython" / "profile_default" / "ipython_kernel_config.py"
    settings.parent.mkdir(parents=True)
    options = dict(option.removeprefix("--").split("=", 1) for option in FIGURES_AS_SVG)
    lines = [f"c.{name} = {value if '{' in value else {value}}" for name, value in options.items()]
    lines.append("c.HistoryManager.enabled = False  # two kernels would share its database")
    settings.write_text("\n".join(lines) + "\n", encoding="utf-8")


def install(repository: Path, venv: Path, variables: dict[str, str]) -> None:
    """Do what repo2docker does with ``binder/``."""
    release = (repository / "binder/runtime.txt").read_text().strip().removeprefix("python-")
    python = shutil.which(f"python{release}") or sys.executable
    run([python, "-m", "venv", venv], repository, variables)
    version = run([venv / "bin/python", "--version"], repository, variables).strip()
    say(f"installing for {version} (Binder: {release}) from binder/requirements.txt and postBuild")
    pip = [venv / "bin/python", "-m", "pip", "install", "-q", "--disable-pip-version-check"]
    run([*pip, "-r", "binder/requirements.txt"], repository, variables)
    run(["binder/postBuild"], repository, variables)
    # Or else matplotlib says in the first notebook that it makes its list of fonts.
    run([venv / "bin/python", "-c", "import matplotlib.font_manager"], repository, variables)
    check_requirements(venv, repository, variables)


def check_requirements(venv: Path, repository: Path, variables: dict[str, str]) -> None:
    """Raise Failure if a requirement is missing, except those of packages used as files only."""
    listed = re.findall(r"^([\w-]+)==", (repository / "requirements-models.txt").read_text(), re.M)
    command = [venv / "bin/python", "-m", "pip", "check"]
    checked = subprocess.run(
        command, cwd=repository, env=variables, capture_output=True, text=True, check=False
    )
    problems = checked.stdout.splitlines() if checked.returncode else []
    problems = [line for line in problems if line.split()[0] not in listed]
    if problems:
        raise Failure("pip check\n" + "\n".join(problems))


def run(command: list, folder: Path, variables: dict[str, str]) -> str:
    result = subprocess.run(
        [str(folder / part) if part == "binder/postBuild" else part for part in command],
        cwd=folder,
        env=variables,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    if result.returncode:
        raise Failure(f"{' '.join(map(str, command))}\n{result.stdout[-3000:]}")
    return result.stdout


# The server


class Server:
    """JupyterLab as a browser sees it."""

    def __init__(self, port: int) -> None:
        self.token = secrets.token_hex(16)
        self.port = port

    def request(self, method: str, path: str, content: object = None) -> bytes:
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}{path}",
            method=method,
            data=None if content is None else json.dumps(content).encode(),
            headers={"Authorization": f"token {self.token}", "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=30) as reply:
            return reply.read()

    @contextmanager
    def kernel(self, path: str) -> Iterator[websocket.WebSocket]:
        """Open a notebook as a session; yield the connection to its kernel."""
        session_request = {
            "path": path,
            "name": path,
            "type": "notebook",
            "kernel": {"name": "python3"},
        }
        session = json.loads(self.request("POST", "/api/sessions", session_request))
        address = f"ws://127.0.0.1:{self.port}/api/kernels/{session['kernel']['id']}/channels"
        header = [f"Authorization: token {self.token}"]
        connection = websocket.create_connection(address, header=header, timeout=CELL)
        try:
            yield connection
        finally:
            connection.close()
            self.request("DELETE", f"/api/sessions/{session['id']}")


@contextmanager
def jupyterlab(repository: Path, variables: dict[str, str]) -> Iterator[Server]:
    """Start JupyterLab through ``binder/start``, on this machine only, and stop it at the end."""
    server = Server(free_port())
    options = [
        "--no-browser",
        "--allow-root",
        "--ip=127.0.0.1",
        f"--port={server.port}",
        "--ServerApp.port_retries=0",
        f"--IdentityProvider.token={server.token}",
    ]
    log = repository.parent / "server.log"
    with log.open("w") as sink:
        process = subprocess.Popen(
            [repository / "binder/start", "jupyter", "lab", *options],
            cwd=repository,
            env=variables,
            stdout=sink,
            stderr=subprocess.STDOUT,
        )
    try:
        deadline = time.monotonic() + START
        while not answers(server):
            if process.poll() is not None or time.monotonic() > deadline:
                raise Failure(f"JupyterLab did not start:\n{log.read_text()[-3000:]}")
            time.sleep(0.3)
        yield server
    finally:
        end(process)


def answers(server: Server) -> bool:
    try:
        return bool(server.request("GET", "/api/status"))
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return False


def execute(connection: websocket.WebSocket, source: str) -> list[dict]:
    """Run a cell as JupyterLab does; return its outputs."""
    number = uuid.uuid4().hex
    header = {"msg_id": number, "msg_type": "execute_request", "version": "5.3"}
    header |= {"username": "", "session": number, "date": ""}
    content = {"code": source, "silent": False, "store_history": True, "user_expressions": {}}
    content |= {"allow_stdin": False, "stop_on_error": True}
    message = {"header": header, "parent_header": {}, "metadata": {}, "content": content}
    connection.send(json.dumps(message | {"channel": "shell", "buffers": []}))
    outputs = []
    while True:
        kind, frame = connection.recv_data()
        if kind != websocket.ABNF.OPCODE_TEXT:
            continue  # a message with buffers: the bytes of a widget, not an output
        reply = json.loads(frame)
        if reply["parent_header"].get("msg_id") != number:
            continue
        if reply["msg_type"] in OUTPUTS:
            outputs.append({"output_type": reply["msg_type"], **reply["content"]})
        elif reply["msg_type"] == "status" and reply["content"]["execution_state"] == "idle":
            return outputs


# The proof


def differences_of(server: Server, path: str) -> list[str]:
    """Run a notebook through the server; return a line for each cell whose output differs."""
    if b"JupyterLab" not in server.request("GET", f"/lab/tree/{path}"):
        raise Failure(f"/lab/tree/{path} is not JupyterLab")
    notebook = json.loads(server.request("GET", f"/api/contents/{path}?type=notebook"))["content"]
    code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    differences = []
    with server.kernel(path) as connection:
        for cell in code:
            outputs = execute(connection, "".join(cell["source"]))
            kinds_only = is_trained_live(path, cell["id"])
            stored, fresh = (comparable(one, kinds_only) for one in (cell["outputs"], outputs))
            for kind in sorted(stored.keys() | fresh.keys()):
                old, new = stored.get(kind), fresh.get(kind)
                if old != new:
                    line = f"{path}, cell {cell['id']}, {kind}:\n  stored {old}\n  now    {new}"
                    differences.append(line)
    say(f"{path}: {len(code)} cells run")
    return differences


def check(server: Server, path: str) -> list[str]:
    """Return what is wrong with a notebook, a line each; an error is one of them."""
    try:
        return differences_of(server, path)
    except Exception as error:
        return [f"{path}: {error!r}"]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument(
        "notebook", nargs="*", help="paths in the repository; default: all of book/"
    )
    selected = parser.parse_args().notebook
    with tempfile.TemporaryDirectory(prefix="binder-") as folder:
        home, repository, venv = (Path(folder, name) for name in ("home", "repository", "venv"))
        home.mkdir()
        copy_repository(repository)
        draw_as_svg(home)
        variables = environment(home, venv)
        try:
            install(repository, venv, variables)
            say("starting JupyterLab through binder/start")
            notebooks = [
                path.relative_to(repository) for path in repository.glob("book/**/*.ipynb")
            ]
            with jupyterlab(repository, variables) as server:
                paths = selected or sorted(path.as_posix() for path in notebooks)
                with ThreadPoolExecutor(AT_ONCE) as workers:
                    differences = [*chain(*workers.map(partial(check, server), paths))]
        except Failure as failure:
            print(failure, file=sys.stderr)
            return 1
    print("\n".join(differences) or "All outputs equal the stored ones.")
    return 1 if differences else 0


if __name__ == "__main__":
    sys.exit(main())
