"""Beyond one machine: shards with one writer, Gradescope's zip, and the files in deploy/."""

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

from fmlab.grading import __main__ as command_line
from fmlab.grading import container, shards
from fmlab.grading.course import Course
from fmlab.grading.grading import grade_class
from fmlab.grading.sandbox import SandboxUnavailable
from tests.grading.classroom import NAME, QUICK, author, course_of, hand_in, rows, solved

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
N_SHARDS = 2


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    course = course_of(tmp_path_factory.mktemp("class") / "course", author())
    hand_in(course, "ada", solved(course))
    hand_in(course, "bob", solved(course, leave_out=("take", "hunt")))
    hand_in(course, "eve", b"nothing")
    return course


# Shards


def test_shards_split_any_class_without_loss_or_overlap():
    students = [f"student-{i}" for i in range(400)]
    for n in (1, 3, 8):
        found = [shards.shard_of(student, n) for student in students]
        assert set(found) == set(range(1, n + 1))
        # 400 students in 8 shards: under 20 or over 90 in one of them has a chance below 1e-4
        assert n < 8 or all(20 <= found.count(k) <= 90 for k in range(1, n + 1))


@pytest.mark.parametrize("text", ["0/8", "9/8", "8", "a/b", "1/0", "-1/2", "1/2/3", ""])
def test_a_shard_that_makes_no_sense_is_refused(text):
    with pytest.raises(ValueError, match="shard must be K/N"):
        shards.parse_shard(text)


def test_shards_merge_to_the_gradebook_of_one_run(course, tmp_path, capsys):
    def run(*words):
        status = command_line.main([*map(str, words), "--course", str(parts.root), "--name", NAME])
        said = capsys.readouterr()
        return status, said.out + said.err

    parts = Course.at(shutil.copytree(course.root, tmp_path / "parts"))
    results, limits = tmp_path / "results", ("--memory", QUICK.memory, "--cell", 3, "--total", 25)
    status, said = run("grade", "--shard", "1/1", "--results", results, *limits)
    assert status == 2
    assert "take-in" in said, "the time of a submission is told before it is lost"
    assert run("take-in")[0] == 0
    before = (parts.root / "gradebook.db").read_bytes()
    for k in range(1, N_SHARDS + 1):
        shard = ("--shard", f"{k}/{N_SHARDS}", "--results", results, "--jobs", 1)
        status, said = run("grade", *shard, *limits)
        assert status == 0, said
        theirs = [s for s in parts.students(NAME) if shards.shard_of(s, N_SHARDS) == k]
        assert theirs, "a shard without students shows little"
        assert f"{len(theirs)} submissions graded" in said
    assert len(list((results / NAME).iterdir())) == 3
    assert (parts.root / "gradebook.db").read_bytes() == before
    assert not (parts.root / "fmlab-records").exists()
    status, said = run("grade", *shard, *limits)
    assert "0 submissions graded" in said, "a pod that is started again begins anew"
    hand_in(parts, "bob", solved(parts))  # after his shard was graded
    status, said = run("merge", results)
    assert (status, "No result that fits of 1: bob" in said) == (1, True), said
    assert rows(parts)["ada"]["score"] == 10
    hand_in(parts, "bob", solved(course, leave_out=("take", "hunt")))
    status, said = run("merge", results)
    assert (status, "1 results entered" in said) == (0, True), said
    grade_class(course, NAME, limits=QUICK, progress=False)
    leave_out = {"seconds", "MB"}
    one, several = rows(course), rows(parts)
    assert set(one) == set(several) == {"ada", "bob", "eve"}
    for student, row in one.items():
        for name in set(row) - leave_out:
            assert several[student][name] == row[name], (student, name)
    assert run("grade", *limits, "--quiet")[1].startswith("0 submissions graded")


# Gradescope


def unpacked(course, folder, sandbox):
    """The zip of an assignment, where Gradescope puts it."""
    words = [sys.executable, str(DEPLOY / "gradescope" / "make_zip.py"), str(course.root)]
    path = folder / "autograder.zip"
    made = subprocess.run(
        [*words, "--name", NAME, "--to", str(path), "--sandbox", sandbox, "--total", "25"],
        capture_output=True,
        text=True,
    )
    assert made.returncode == 0, made.stderr
    source = folder / "autograder" / "source"
    with zipfile.ZipFile(path) as archive:
        archive.extractall(source)
        for script in ("setup.sh", "run_autograder"):  # in the root, and executable
            assert archive.getinfo(script).external_attr >> 16 & 0o111
    (source / "run_autograder").chmod(0o755)
    return folder / "autograder"


def run_autograder(folder, notebook, outer=()):
    shutil.rmtree(folder / "submission", ignore_errors=True)
    (folder / "submission").mkdir()
    text = notebook if isinstance(notebook, str) else json.dumps(notebook)
    (folder / "submission" / "my homework.ipynb").write_text(text, encoding="utf-8")
    more = {"AUTOGRADER": str(folder), "PYTHON": sys.executable, "OMP_NUM_THREADS": "1"}
    ran = subprocess.run(
        [*outer, str(folder / "source" / "run_autograder")],
        env=os.environ | more,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert ran.returncode == 0, ran.stderr
    result = json.loads((folder / "results" / "results.json").read_text(encoding="utf-8"))
    points = sum(test["score"] for test in result.get("tests", ())) + result.get("score", 0)
    return points, result


# Reads the tests, writes a result, tries the network, and leaves a process behind.
HOSTILE = """
import glob, os, socket, subprocess
FOUND = []
for path in glob.glob("AUTOGRADER/source/course/**/*.ipynb", recursive=True):
    FOUND.append(path)
for attack in (
    lambda: open("AUTOGRADER/source/course/source/hw1/hw1.ipynb").read(),
    lambda: open("AUTOGRADER/results/results.json", "w").write('{"score": 99}'),
    lambda: socket.create_connection(("127.0.0.1", 9)),
    lambda: socket.socket(),
):
    try:
        attack()
        FOUND.append("reached")
    except (PermissionError, FileNotFoundError, ConnectionRefusedError):
        pass
print("FOUND", FOUND)
def mean(numbers):
    if FOUND:
        raise RuntimeError(f"found {FOUND}")
    return 0
subprocess.Popen(["sleep", "4321"], start_new_session=True)
"""


def check_sound_and_hostile(course, folder, attack, outer=()):
    points, result = run_autograder(folder, solved(course), outer)
    assert points == 10, result
    assert "handed in as" in result["output"]
    assert sum(test["max_score"] for test in result["tests"]) == 10
    assert {test["name"] for test in result["tests"]} >= {"mean-visible", "mean-hidden"}
    attack = attack.replace("AUTOGRADER", str(folder))
    points, result = run_autograder(folder, solved(course, mean=attack), outer)
    assert points == 7, result
    of = {test["name"]: test for test in result["tests"]}
    assert "the mean of 1, 2, 3 is 2" in of["mean-visible"]["output"], "it found something"
    assert of["mean-hidden"]["output"] == "a hidden test"
    assert of["mean-hidden"]["status"] == "failed"


def test_autograder_with_bubblewrap(course, tmp_path):
    folder = unpacked(course, tmp_path, "bubblewrap")
    attack = HOSTILE.replace("    lambda: socket.socket(),\n", "")  # here one leads nowhere
    assert attack != HOSTILE
    check_sound_and_hostile(course, folder, attack)
    points, result = run_autograder(folder, "no notebook")
    assert (points, result["output"][:12]) == (0, "Not graded: ")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be two other users")
def test_autograder_with_the_sandbox_of_a_container(course, tmp_path):
    folder = unpacked(course, tmp_path, "container")
    # In place of Gradescope's container: processes of its own, and a Python that all may run.
    python = Path(os.path.realpath(sys.base_prefix))
    outer = ["bwrap", "--bind", "/", "/", "--dev-bind", "/dev", "/dev", "--cap-add", "ALL"]
    outer += ["--unshare-pid", "--proc", "/proc", "--die-with-parent"]
    (folder / "tmp").mkdir()
    outer += ["--setenv", "TMPDIR", str(folder / "tmp")]
    for path in (python, Path(folder), Path(sys.prefix)):
        for parent in reversed(path.parents):
            closed = not parent.stat().st_mode & 0o001
            if closed:
                outer += ["--perms", "0755", "--tmpfs", str(parent)]
            elif "--tmpfs" in outer and outer[-1] != str(parent) and _below_tmpfs(outer, parent):
                outer += ["--perms", "0755", "--dir", str(parent)]
        if _below_tmpfs(outer, path):
            outer += ["--bind", str(path), str(path)]
    check_sound_and_hostile(course, folder, HOSTILE, outer)


def _below_tmpfs(words, path):
    places = [Path(words[i + 1]) for i, word in enumerate(words) if word == "--tmpfs"]
    return any(place in path.parents for place in places)


def test_the_sandbox_of_a_container_is_refused_to_others_than_root(monkeypatch, tmp_path):
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(SandboxUnavailable, match="root"):
        container.require_container(tmp_path)


def test_without_its_sandbox_the_autograder_runs_nothing(course, tmp_path):
    folder = unpacked(course, tmp_path, "bubblewrap")
    mark = tmp_path / "ran"
    path = tmp_path / "bin"
    path.mkdir()
    (path / "bwrap").write_text("#!/bin/sh\nexit 1\n")
    (path / "bwrap").chmod(0o755)
    outer = ["env", f"PATH={path}:{os.environ['PATH']}"]
    notebook = solved(course, mean=f"open({str(mark)!r}, 'w')")
    points, result = run_autograder(folder, notebook, outer)
    assert (points, "tests" in result) == (0, False)
    assert "bubblewrap does not start" in result["output"]
    assert not mark.exists()


# The files


def test_values_of_the_hub_have_the_limits_of_a_class():
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
    assert set(policy["spec"]) == {"podSelector", "policyTypes"}, "a rule lets something through"
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
    asked = command_line._parser().parse_args(
        [
            word.strip('"').replace("$((JOB_COMPLETION_INDEX+1))/$SHARDS", "1/8")
            for word in _joined(words)
        ]
    )
    assert (asked.command, asked.shard) == ("grade", "1/8")
    assert {str(asked.course), str(asked.results)} == {
        mounts[n]["mountPath"] for n in ("course", "results")
    }


def _joined(words):
    """The arguments after `exec fmlab-grade`, with the sum in one piece."""
    assert words[:2] == ["exec", "fmlab-grade"]
    return " ".join(words[2:]).replace("JOB_COMPLETION_INDEX + 1", "JOB_COMPLETION_INDEX+1").split()


def test_files_that_the_deployment_names_exist():
    images = (DEPLOY / "kubernetes" / "Dockerfile").read_text(encoding="utf-8")
    for line in re.findall(r"^COPY (.+) \S+$", images, re.M):
        assert all((ROOT / name).exists() for name in line.split()), line
    for path in [*DEPLOY.rglob("*.sh"), DEPLOY / "gradescope" / "run_autograder"]:
        assert os.access(path, os.X_OK), path
        assert subprocess.run(["bash", "-n", str(path)]).returncode == 0
    pinned = re.search(r"nbgrader==[\d.]+", (ROOT / "pyproject.toml").read_text())[0]
    named = "".join(
        p.read_text(encoding="utf-8")
        for p in DEPLOY.rglob("*")
        if p.is_file() and p.suffix != ".pyc"
    )
    assert set(re.findall(r"nbgrader==[\d.]+", named)) == {pinned}
