"""Properties of fmlab.experiments.ladder: every model is measured alike, and recorded when done."""

import hashlib
import json

import pytest

from fmlab.experiments import ladder, questions, results
from fmlab.experiments.questions import BINS, MIXTURE, TASKS, TEXTS, Exam, Size
from fmlab.models.pretrained import CARD, TOKENIZER
from microworld import MicroWorld


@pytest.fixture(scope="module")
def folders(tmp_path_factory, model, tokenizer):
    """Two folders in the form of the shipped models, with a tiny random model in each."""
    paths = []
    for name in ("first", "second"):
        folder = tmp_path_factory.mktemp("models") / name
        model.save(folder)
        tokenizer.save(folder / TOKENIZER)
        sums = {
            path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()
        }
        (folder / CARD).write_text(json.dumps({"command": "none", "sha256": sums}))
        paths.append(folder)
    return paths


@pytest.fixture
def small(monkeypatch, exam):
    """Make the command line use a small exam."""
    monkeypatch.setattr(ladder, "Exam", lambda size: Exam(MicroWorld(n_people=100), exam.size))
    return exam


def cells(results, path=()):
    """Yield every recorded rate with its keys."""
    if isinstance(results, dict):
        if "successes" in results:
            yield path, results
        for key, inner in results.items():
            yield from cells(inner, (*path, key))


def test_every_model_is_measured_in_the_same_places(exam, model, tokenizer):
    results = ladder.measure(model, tokenizer, exam, progress=False)
    assert set(results["facts"]) == {"train", "held-out"}
    assert all(list(bins) == list(BINS) for bins in results["facts"].values())
    assert list(results["tasks"]) == list(TASKS)
    assert list(results["texts"]) == [*TEXTS, MIXTURE]
    rates = dict(cells(results))
    assert len(rates) > 30
    for cell in rates.values():
        assert 0 <= cell["low"] <= cell["rate"] <= cell["high"] <= 1
        assert ladder.as_dict(ladder.from_dict(cell)).items() <= cell.items()
    assert rates["facts", "train", "1"]["n"] == exam.size.n_questions
    json.dumps(results, allow_nan=False)


def test_the_perplexity_of_a_random_model_is_the_size_of_the_vocabulary(exam, model, tokenizer):
    result = ladder.Candidate(model, tokenizer, exam).text(MIXTURE)
    assert result["perplexity"] == pytest.approx(tokenizer.vocab_size, rel=0.2)


def test_finished_models_are_recorded_though_a_later_one_is_interrupted(
    small, folders, tmp_path, monkeypatch, capsys
):
    measured = []

    def measure(model, tokenizer, exam, name):
        measured.append(name)
        if len(measured) == 2:
            raise KeyboardInterrupt
        return {"measured": len(measured)}

    monkeypatch.setattr(ladder, "measure", measure)
    command = ["--folder", str(tmp_path), "--models", *map(str, folders)]
    with pytest.raises(SystemExit) as error:
        ladder.main(command)
    assert error.value.code == 130
    assert "interrupted" in capsys.readouterr().err
    content = results.read("ladder", tmp_path)
    assert {name: cell["measured"] for name, cell in content["models"].items()} == {"first": 1}

    ladder.main(["--folder", str(tmp_path), "--models", str(folders[1])])
    content = results.read("ladder", tmp_path)
    assert {name: cell["measured"] for name, cell in content["models"].items()} == {
        "first": 1,
        "second": 3,
    }
    card = json.loads((folders[1] / CARD).read_text())
    assert content["models"]["second"]["sha256"] == card["sha256"]["model.safetensors"]
    assert content["command"] == "python -m fmlab.experiments ladder"
    assert content["asked"]["facts"]["1"] > 0

    other = Exam(MicroWorld(n_people=100), Size(20, 3, 1, 1500))
    ladder.measure_and_record([folders[1]], other, tmp_path)
    assert list(results.read("ladder", tmp_path)["models"]) == ["second"]


def test_quick_look_prints_and_records_nothing(folders, tmp_path, monkeypatch, capsys):
    (tmp_path / "concepts.yml").touch()
    monkeypatch.setenv("FMLAB_BOOK", str(tmp_path))
    ladder.main(["--quick", "--models", str(folders[0])])
    printed = json.loads(capsys.readouterr().out)
    assert list(printed) == ["first"]
    assert printed["first"]["tasks"]["sum"]["n"] == questions.QUICK.n_questions
    assert len(printed["first"]["samples"]["answers"]) >= 3
    assert not (tmp_path / "results").exists()


def test_the_command_line_says_what_is_missing(small, folders, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(ladder, "WEIGHTS_FOLDER", tmp_path)
    assert ladder.shipped() == []
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / CARD).write_text((folders[0] / CARD).read_text())
    for arguments, message in [
        ([], "python -m fmlab.recipes"),
        (["--models", str(broken)], "model.safetensors is missing"),
    ]:
        with pytest.raises(SystemExit) as error:
            ladder.main(["--folder", str(tmp_path), *arguments])
        assert error.value.code == 1
        assert message in capsys.readouterr().err
    assert not (tmp_path / "ladder.json").exists()
