"""Properties of fmlab.experiments.results: what is recorded is complete, and never half written."""

import json
import os

import pytest

from fmlab.experiments import EXPERIMENTS, results


def test_what_is_recorded_is_read_with_its_provenance(tmp_path):
    rates = {"rates": {"micro": [0.25, "é"]}}
    path = results.record("trial", rates, command="run me", seconds=1.26, folder=tmp_path)
    content = results.read("trial", tmp_path)
    assert path == tmp_path / "trial.json"
    assert content["rates"] == rates["rates"]
    assert (content["command"], content["seconds"]) == ("run me", 1.3)
    assert set(content["versions"]) == {"Python", "torch", "numpy"}
    assert list(content)[:5] == list(results.PROVENANCE)
    assert "é" in path.read_text(encoding="utf-8")


def test_failure_to_write_leaves_the_old_record_and_nothing_else(tmp_path, monkeypatch):
    results.record("trial", {"a": 1}, command="c", seconds=0, folder=tmp_path)
    with pytest.raises(ValueError, match="results"):
        results.record("trial", {"a": float("nan")}, command="c", seconds=0, folder=tmp_path)

    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", interrupt)
    with pytest.raises(KeyboardInterrupt):
        results.record("trial", {"a": 2}, command="c", seconds=0, folder=tmp_path)
    assert results.read("trial", tmp_path)["a"] == 1
    assert [path.name for path in tmp_path.iterdir()] == ["trial.json"]


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"name": "../trial"}, "name"),
        ({"results": {"a": object()}}, "results"),
        ({"results": {"date": "today"}}, "results"),
        ({"seconds": -1}, "seconds"),
        ({"seconds": float("nan")}, "seconds"),
    ],
)
def test_bad_records_are_refused(arguments, named, tmp_path):
    good = {"name": "trial", "results": {"a": 1}, "command": "c", "seconds": 1, "folder": tmp_path}
    with pytest.raises(ValueError, match=f"^{named} must"):
        results.record(**good | arguments)


def test_missing_and_damaged_records_say_what_to_do(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"python -m fmlab\.experiments trial makes it"):
        results.read("trial", tmp_path)
    for text in ("{", "[1]", '{"a": 1}'):
        (tmp_path / "trial.json").write_text(text)
        with pytest.raises(ValueError, match="is damaged"):
            results.read("trial", tmp_path)


def test_without_the_book_results_are_downloaded_from_the_repository(tmp_path, monkeypatch):
    content = dict.fromkeys(results.PROVENANCE, "x")
    urls = []
    monkeypatch.setenv("FMLAB_BOOK", str(tmp_path / "none"))
    monkeypatch.setattr(
        results, "read_text", lambda url, cache: urls.append(url) or json.dumps(content)
    )
    assert results.read("trial") == content
    assert urls == [f"{results.ELSEWHERE}/trial.json"]


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_every_record_names_the_command_that_makes_it(name):
    assert results.read(name)["command"] == f"python -m fmlab.experiments {name}"
