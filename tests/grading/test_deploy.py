"""Beyond one machine: shards with one writer, Gradescope's zip file, and the files in deploy/."""

import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import yaml

import fmlab
from fmlab_grading import __main__ as command_line
from fmlab_grading import container, shards
from fmlab_grading.course import Course
from fmlab_grading.grading import grade_class
from fmlab_grading.options import make_parser
from fmlab_grading.sandbox import PACKAGES, SandboxUnavailable
from tests.grading.classroom import NAME, QUICK, author, course_of, rows, solved, submit

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
INSTALLED = Path(fmlab.__file__).parents[1]  # the folder that this Python imports fmlab from
N_SHARDS = 2


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    notebook = author()
    for cell in notebook.cells:
        if cell.id == "mean-check":
            cell.source = TESTS_USE_CHECKS
    course = course_of(tmp_path_factory.mktemp("class") / "course", notebook)
    submit(course, "ada", solved(course))
    submit(course, "bob", solved(course, leave_out=("take", "hunt")))
    submit(course, "eve", b"nothing")
    return course


# Shards


def test_shards_split_any_class_without_loss_or_overlap():
    students = [f"student-{i}" for i in range(400)]
    for n in (1, 3, 8):
        numbers = [shards.shard_of(student, n) for student in students]
        assert set(numbers) == set(range(1, n + 1))
        # 400 students in 8 shards: the probability of under 20 or over 90 in one is below 1e-4
        assert n < 8 or all(20 <= numbers.count(k) <= 90 for k in range(1, n + 1))


@pytest.mark.parametrize("text", ["0/8", "9/8", "8", "a/b", "1/0", "-1/2", "1/2/3", ""])
def test_an_invalid_shard_is_rejected(text):
    with pytest.raises(ValueError, match="shard must be K/N"):
        shards.parse_shard(text)


def test_shards_merge_to_the_gradebook_of_one_run(course, tmp_path, capsys):
    def run(*arguments):
        course_options = ["--course", str(parts.root), "--name", NAME]
        status = command_line.main([*map(str, arguments), *course_options])
        captured = capsys.readouterr()
        return status, captured.out + captured.err

    parts = Course.at(shutil.copytree(course.root, tmp_path / "parts"))
    results, limits = tmp_path / "results", ("--memory", QUICK.memory, "--cell", 3, "--total", 25)
    status, output = run("grade", "--shard", "1/1", "--results", results, *limits)
    assert status == 2
    assert "take-in" in output, "copying submissions could lose their times"
    assert run("take-in")[0] == 0
    before = (parts.root / "gradebook.db").read_bytes()
    for k in range(1, N_SHARDS + 1):
        shard = ("--shard", f"{k}/{N_SHARDS}", "--results", results, "--jobs", 1)
        status, output = run("grade", *shard, *limits)
        assert status == 0, output
        students = [s for s in parts.students(NAME) if shards.shard_of(s, N_SHARDS) == k]
        assert students, "a shard without students would test nothing"
        assert f"{len(students)} submissions graded" in output
    assert len(list((results / NAME).iterdir())) == 3
    assert (parts.root / "gradebook.db").read_bytes() == before
    assert not (parts.root / "fmlab-records").exists()
    status, output = run("grade", *shard, *limits)
    assert "0 submissions graded" in output, "a pod that is restarted grades from scratch"
    submit(parts, "bob", solved(parts))  # after bob's shard was graded
    status, output = run("merge", results)
    assert (status, "No current result for 1: bob" in output) == (1, True), output
    assert rows(parts)["ada"]["score"] == 10
    submit(parts, "bob", solved(course, leave_out=("take", "hunt")))
    status, output = run("merge", results)
    assert (status, "1 results saved" in output) == (0, True), output
    grade_class(course, NAME, limits=QUICK, progress=False)
    varying = {"seconds", "MB"}
    one, several = rows(course), rows(parts)
    assert set(one) == set(several) == {"ada", "bob", "eve"}
    for student, row in one.items():
        for name in set(row) - varying:
            assert several[student][name] == row[name], (student, name)
    assert run("grade", *limits, "--quiet")[1].startswith("0 submissions graded")


# Gradescope


def unpacked(course, folder, sandbox):
    """Unpack the zip file of an assignment where Gradescope would; return that folder."""
    command = [sys.executable, str(DEPLOY / "gradescope" / "make_zip.py"), str(course.root)]
    path = folder / "autograder.zip"
    done = subprocess.run(
        [*command, "--name", NAME, "--to", str(path), "--sandbox", sandbox, "--total", "25"],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    source = folder / "autograder" / "source"
    with zipfile.ZipFile(path) as archive:
        archive.extractall(source)
        for script in ("setup.sh", "run_autograder"):  # in the root of the zip file, and executable
            assert archive.getinfo(script).external_attr >> 16 & 0o111
    (source / "run_autograder").chmod(0o755)
    return folder / "autograder"


def with_packages_of(folder):
    """Return a command that runs another with the zip file's packages in place of ours."""
    packages = folder / "source" / "src"
    return ["bwrap", "--dev-bind", "/", "/", "--bind", str(packages), str(INSTALLED)]


def run_autograder(folder, notebook, outer=None):
    shutil.rmtree(folder / "submission", ignore_errors=True)
    (folder / "submission").mkdir()
    text = notebook if isinstance(notebook, str) else json.dumps(notebook)
    (folder / "submission" / "my homework.ipynb").write_text(text, encoding="utf-8")
    variables = {"AUTOGRADER": str(folder), "PYTHON": sys.executable, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [*(outer or with_packages_of(folder)), str(folder / "source" / "run_autograder")],
        env=os.environ | variables,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    result = json.loads((folder / "results" / "results.json").read_text(encoding="utf-8"))
    points = sum(test["score"] for test in result.get("tests", ())) + result.get("score", 0)
    return points, result


# Tries to read the tests, write a result and use the network, and leaves a process behind.
HOSTILE = """
import glob, os, socket, subprocess
REACHED = []
for path in glob.glob("AUTOGRADER/source/course/**/*.ipynb", recursive=True):
    REACHED.append(path)
for attack in (
    lambda: open("AUTOGRADER/source/course/source/hw1/hw1.ipynb").read(),
    lambda: open("AUTOGRADER/results/results.json", "w").write('{"score": 99}'),
    lambda: socket.create_connection(("127.0.0.1", 9)),
    lambda: socket.socket(),
):
    try:
        attack()
        REACHED.append("attack succeeded")
    except (PermissionError, FileNotFoundError, ConnectionRefusedError):
        pass
print("reached", REACHED)
import fmlab.checks
from fmlab.checks import attention, material, sampling
attention.check_anything()  # does nothing here
try:
    attention.pencil_answers
    REACHED.append("a module that computes answers")
except ImportError:
    pass
folders = os.path.dirname(fmlab.checks.__file__), "AUTOGRADER/source/src/fmlab/checks"
for path in [p for folder in folders for p in glob.glob(folder + "/**/*.py*", recursive=True)]:
    try:
        data = open(path, "rb").read()
    except OSError:
        continue
    if b"pencil_answers" in data or b"sound_" in data or b"left_after" in data:
        REACHED.append(path)
def mean(numbers):
    if REACHED:
        raise RuntimeError(f"reached {REACHED}")
    return 0
subprocess.Popen(["sleep", "4321"], start_new_session=True)
"""


TESTS_USE_CHECKS = """
from fmlab.checks.attention import pencil_answers
assert callable(pencil_answers)
assert mean([1, 2, 3]) == 2, 'the mean of 1, 2, 3 is 2'
"""


def test_container_hides_what_computes_answers_only_while_answers_run(tmp_path, monkeypatch):
    """Copies that are no package stand for the folder of the checks."""
    owners = {}
    monkeypatch.setattr(os, "chown", lambda path, *owner: owners.update({path.name: owner}))
    cached = tmp_path / "__pycache__"
    cached.mkdir()
    names = ("__init__.py", "material.py", "sampling.py", "controls.py", "notes.txt")
    paths = [tmp_path / name for name in names] + [cached / "sampling.cpython-311.pyc"]
    for path in paths:
        path.write_text("x")
        path.chmod(0o644)
    with container.hidden_checks([tmp_path, tmp_path / "missing"]):
        modes = {path.name: path.stat().st_mode & 0o777 for path in paths}
    hidden = {name for name, mode in modes.items() if mode == 0o640}
    assert hidden == {"sampling.py", "controls.py", "sampling.cpython-311.pyc"} == set(owners)
    assert all(path.stat().st_mode & 0o777 == 0o644 for path in paths)


def check_solved_and_hostile(course, folder, attack, outer=None):
    points, result = run_autograder(folder, solved(course), outer)
    assert points == 10, result
    assert "submitted as" in result["output"]
    assert sum(test["max_score"] for test in result["tests"]) == 10
    assert {test["name"] for test in result["tests"]} >= {"mean-visible", "mean-hidden"}
    attack = attack.replace("AUTOGRADER", str(folder))
    points, result = run_autograder(folder, solved(course, mean=attack), outer)
    assert points == 7, result
    tests = {test["name"]: test for test in result["tests"]}
    message = tests["mean-visible"]["output"]
    assert "the mean of 1, 2, 3 is 2" in message, "the attack reached something"
    assert tests["mean-hidden"]["output"] == "a hidden test"
    assert tests["mean-hidden"]["status"] == "failed"


def test_autograder_with_bubblewrap(course, tmp_path):
    folder = unpacked(course, tmp_path, "bubblewrap")
    attack = HOSTILE.replace("    lambda: socket.socket(),\n", "")  # here a socket has no network
    assert attack != HOSTILE
    check_solved_and_hostile(course, folder, attack)
    points, result = run_autograder(folder, "no notebook")
    assert (points, result["output"][:12]) == (0, "Not graded: ")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be two other users")
def test_autograder_with_the_sandbox_of_a_container(course, tmp_path):
    folder = unpacked(course, tmp_path, "container")
    # In place of Gradescope's container: its own process ids, and a Python that all users may run.
    python = Path(os.path.realpath(sys.base_prefix))
    outer = ["bwrap", "--bind", "/", "/", "--dev-bind", "/dev", "/dev", "--cap-add", "ALL"]
    outer += ["--unshare-pid", "--proc", "/proc", "--die-with-parent"]
    (folder / "tmp").mkdir()
    outer += ["--setenv", "TMPDIR", str(folder / "tmp")]
    sources = {path: path for path in (python, folder, Path(sys.prefix))}
    sources[INSTALLED] = folder / "source" / "src"
    for path, source in sources.items():
        for parent in reversed(path.parents):
            closed = not parent.stat().st_mode & 0o001
            if closed:
                outer += ["--perms", "0755", "--tmpfs", str(parent)]
            elif "--tmpfs" in outer and outer[-1] != str(parent) and _below_tmpfs(outer, parent):
                outer += ["--perms", "0755", "--dir", str(parent)]
        if source != path or _below_tmpfs(outer, path):
            outer += ["--bind", str(source), str(path)]
    check_solved_and_hostile(course, folder, HOSTILE, outer)


def _below_tmpfs(arguments, path):
    mounts = [Path(arguments[i + 1]) for i, option in enumerate(arguments) if option == "--tmpfs"]
    return any(mount in path.parents for mount in mounts)


def test_the_sandbox_of_a_container_needs_root(monkeypatch, tmp_path):
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(SandboxUnavailable, match="root"):
        container.require_container(tmp_path)


def test_without_its_sandbox_the_autograder_runs_nothing(course, tmp_path):
    folder = unpacked(course, tmp_path, "bubblewrap")
    evidence = tmp_path / "ran"
    path = tmp_path / "bin"
    path.mkdir()
    (path / "bwrap").write_text("#!/bin/sh\nexit 1\n")
    (path / "bwrap").chmod(0o755)
    outer = [*with_packages_of(folder), "env", f"PATH={path}:{os.environ['PATH']}"]
    notebook = solved(course, mean=f"open({str(evidence)!r}, 'w')")
    points, result = run_autograder(folder, notebook, outer)
    assert (points, "tests" in result) == (0, False)
    assert "bubblewrap does not start" in result["output"]
    assert not evidence.exists()


def test_the_packages_of_the_zip_file_can_be_installed(course, tmp_path):
    source, target = unpacked(course, tmp_path, "bubblewrap") / "source", tmp_path / "installed"
    script = (source / "setup.sh").read_text(encoding="utf-8")
    options = re.search(r"^\.venv/bin/python -m pip install (.+) \.$", script, re.M)[1].split()
    pip = [sys.executable, "-m", "pip", "install", *options, "--no-index", "--quiet"]
    done = subprocess.run(
        [*pip, "--target", str(target), str(source)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    folders = {path.name for path in target.iterdir() if (path / "__init__.py").exists()}
    assert folders == set(PACKAGES)
    assert list(target.glob("fmlab/models/weights/*/*.safetensors"))
    assert {path.stem for path in source.rglob("*.ipynb")} == {NAME}


# The files


def test_the_hub_limits_what_each_student_uses():
    values = yaml.safe_load((DEPLOY / "jupyterhub" / "values.yaml").read_text(encoding="utf-8"))
    user = values["singleuser"]
    assert (user["memory"]["limit"], user["cpu"]["limit"]) == ("2G", 1)
    assert user["networkPolicy"]["enabled"]
    assert not user["networkPolicy"]["egressAllowRules"]["privateIPs"]
    assert values["cull"]["enabled"]
    assert "configureExchange" in user["extraFiles"]["nbgrader"]["stringData"]
    compile(user["extraFiles"]["nbgrader"]["stringData"], "nbgrader_config.py", "exec")
    compile(values["hub"]["extraConfig"]["ngshare.py"], "ngshare.py", "exec")
    script = (DEPLOY / "jupyterhub" / "build.sh").read_text(encoding="utf-8")
    book = Path(re.search(r"--target-repo-dir (\S+)", script)[1])
    home = user["storage"]["homeMountPath"]
    assert home == values["hub"]["config"]["Spawner"]["notebook_dir"]
    assert not book.is_relative_to(home), "the student's volume would hide the book"
    readme = (DEPLOY / "jupyterhub" / "README.md").read_text(encoding="utf-8")
    assert "deploy/jupyterhub/build.sh" in readme


def test_job_grades_every_shard_without_network_and_with_limits():
    text = (DEPLOY / "kubernetes" / "grade-job.yaml").read_text(encoding="utf-8")
    policy, job = yaml.safe_load_all(text)
    pod = job["spec"]["template"]
    (grader,) = pod["spec"]["containers"]
    assert policy["spec"]["podSelector"]["matchLabels"] == pod["metadata"]["labels"]
    assert set(policy["spec"]) == {"podSelector", "policyTypes"}, "a rule would allow some traffic"
    assert policy["spec"]["policyTypes"] == ["Ingress", "Egress"]
    variables = {entry["name"]: entry["value"] for entry in grader["env"]}
    assert int(variables["SHARDS"]) == job["spec"]["completions"]
    assert job["spec"]["completionMode"] == "Indexed"
    mounts = {mount["name"]: mount for mount in grader["volumeMounts"]}
    assert mounts["course"]["readOnly"]
    assert set(grader["resources"]["limits"]) >= {"cpu", "memory"}
    secure = grader["securityContext"]
    assert (secure["privileged"], pod["spec"]["hostUsers"]) == (False, False)
    words = grader["args"][0].split()
    options = make_parser(command_line.COMMANDS).parse_args(
        [
            word.strip('"').replace("$((JOB_COMPLETION_INDEX+1))/$SHARDS", "1/8")
            for word in _joined(words)
        ]
    )
    assert (options.command, options.shard) == ("grade", "1/8")
    assert {str(options.course), str(options.results)} == {
        mounts[n]["mountPath"] for n in ("course", "results")
    }


def _joined(words):
    """Return the arguments after `exec fmlab-grade`, with the arithmetic as one word."""
    assert words[:2] == ["exec", "fmlab-grade"]
    return " ".join(words[2:]).replace("JOB_COMPLETION_INDEX + 1", "JOB_COMPLETION_INDEX+1").split()


def test_files_named_in_the_deployment_exist():
    images = (DEPLOY / "kubernetes" / "Dockerfile").read_text(encoding="utf-8")
    for line in re.findall(r"^COPY (.+) \S+$", images, re.M):
        assert all((ROOT / name).exists() for name in line.split()), line
    for path in [*DEPLOY.rglob("*.sh"), DEPLOY / "gradescope" / "run_autograder"]:
        assert os.access(path, os.X_OK), path
        assert subprocess.run(["bash", "-n", str(path)]).returncode == 0
    pinned = re.search(r"nbgrader==[\d.]+", (ROOT / "pyproject.toml").read_text())[0]
    text = "".join(
        p.read_text(encoding="utf-8")
        for p in DEPLOY.rglob("*")
        if p.is_file() and p.suffix != ".pyc"
    )
    assert set(re.findall(r"nbgrader==[\d.]+", text)) == {pinned}
    assert "PYTHONPATH" not in text, "the packages are installed"
