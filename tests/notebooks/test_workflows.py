"""The workflows on GitHub are valid, call what exists, and may do no more than they need."""

import re
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
# Only GitHub's own actions, with the major versions they were written for.
ACTIONS = {
    "actions/checkout": 7,
    "actions/setup-python": 7,
    "actions/upload-pages-artifact": 5,
    "actions/deploy-pages": 5,
}
ON = True  # how YAML reads the key `on`


@pytest.fixture(params=WORKFLOWS, ids=lambda path: path.stem)
def workflow(request):
    return yaml.safe_load(request.param.read_text(encoding="utf-8"))


def load(name):
    return yaml.safe_load((ROOT / ".github" / "workflows" / f"{name}.yml").read_text())


def steps(workflow):
    return [step for job in workflow["jobs"].values() for step in job["steps"]]


def test_actions_are_known_and_pinned(workflow):
    for step in steps(workflow):
        assert ("uses" in step) != ("run" in step), step
        if "uses" in step:
            name, _, version = step["uses"].partition("@")
            assert version == f"v{ACTIONS[name]}"


def test_make_targets_exist(workflow):
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = re.findall(r"^([a-z-]+):", makefile, re.M)
    called = [step["run"].split() for step in steps(workflow) if "run" in step]
    assert called
    for command, *names in called:
        assert command == "make"
        assert set(names) <= set(targets)


def test_jobs_end_and_may_only_read(workflow):
    assert workflow["permissions"] == {"contents": "read"}
    for name, job in workflow["jobs"].items():
        assert job["timeout-minutes"] <= 90
        assert "permissions" not in job or name == "deploy"


def test_test_runs_on_both_systems_with_the_oldest_and_the_newest_python():
    matrix = load("test")["jobs"]["test"]["strategy"]["matrix"]
    assert matrix["os"] == ["ubuntu-latest", "macos-latest"]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["requires-python"] == f">={matrix['python'][0]}"
    newest = re.search(r"3\.11\.\d+ to (3\.\d+)", (ROOT / "README.md").read_text(encoding="utf-8"))
    assert newest[1] == matrix["python"][-1]


def test_style_is_checked_first_and_in_minutes():
    jobs = load("test")["jobs"]
    assert jobs["lint"]["timeout-minutes"] <= 5
    assert [step["run"] for step in jobs["lint"]["steps"] if "run" in step] == ["make lint"]
    assert jobs["test"]["needs"] == "lint"


def test_tests_install_what_they_need_with_one_command():
    for name in ("test", "cold"):
        job = load(name)["jobs"][name]
        commands = [step["run"] for step in job["steps"] if "run" in step]
        assert "make test" in commands
        assert set(commands) <= {"make book", "make test", "make binder-test"}
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()
    commands = [line for line in script if line and line[0] != "#"]
    assert commands[2:] == ["make test", "make binder-test"], "after `set` and `cd`"


def test_site_is_published_only_after_the_tests_succeeded_on_main():
    pages, tests = load("pages"), load("test")
    assert pages[ON] == {
        "workflow_run": {"workflows": [tests["name"]], "types": ["completed"], "branches": ["main"]}
    }
    assert "main" in tests[ON]["push"]["branches"]
    jobs = pages["jobs"]
    run = "github.event.workflow_run"
    conditions = jobs["build"]["if"].split(" && ")
    assert conditions == [f"{run}.conclusion == 'success'", f"{run}.event != 'pull_request'"]
    (checkout,) = [step for step in jobs["build"]["steps"] if "checkout" in step.get("uses", "")]
    assert checkout["with"]["ref"] == f"${{{{ {run}.head_sha }}}}"
    assert jobs["deploy"]["needs"] == "build"


def test_pages_publishes_what_make_book_builds():
    build = load("pages")["jobs"]["build"]["steps"]
    (upload,) = [step for step in build if "upload" in step.get("uses", "")]
    site = re.search(r"^SITE := (\S+)", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M)
    assert upload["with"]["path"] == site[1]


def test_the_printed_book_is_on_the_site_and_in_each_release():
    build = load("pages")["jobs"]["build"]["steps"]
    assert [step["run"] for step in build if "run" in step] == ["make pdf"]
    release = load("release")
    assert release[ON]["push"]["tags"] == ["v*"]
    (job,) = release["jobs"].values()
    assert [step["run"] for step in job["steps"] if "run" in step] == ["make release"]
    assert set(job["env"]) == {"GH_TOKEN", "TAG"}


def test_cold_build_is_weekly_and_uses_no_cache():
    cold = load("cold")
    (entry,) = cold[ON]["schedule"]
    assert re.fullmatch(r"\d+ \d+ \* \* [0-6]", entry["cron"])
    assert not any("cache" in step.get("with", {}) for step in steps(cold))
