"""Properties of the command python -m fmlab.recipes."""

import subprocess
import sys

import pytest
from safetensors import SafetensorError

import fmlab.recipes.__main__ as command
from fmlab.recipes.__main__ import main
from fmlab.training.checkpoints import CURRENT
from tests.unit.recipes.small import FINISHED, SMALL, files


def test_command_makes_a_model_and_prints_where(tmp_path, capsys):
    main(["nano", "--folder", str(tmp_path / "made")], **SMALL)
    shown = capsys.readouterr()
    assert shown.out == f"finished; the model is in {tmp_path / 'made'}\n"
    assert "writing 20 documents" in shown.err
    assert files(tmp_path / "made") == FINISHED


def test_command_without_a_folder_uses_one_of_that_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    main(["nano"], **SMALL)
    assert files(tmp_path / "trained" / "nano") == FINISHED


def test_command_can_pause_and_resume(tmp_path, capsys):
    main(["nano", "--folder", str(tmp_path), "--minutes", "0"], **SMALL)
    message = "stopped after 0 steps; the same command resumes from there\n"
    assert capsys.readouterr().out == message
    assert files(tmp_path) == {CURRENT}
    main(["nano", "--folder", str(tmp_path)], **SMALL)
    assert "finished" in capsys.readouterr().out


@pytest.mark.parametrize(
    "error",
    [
        ValueError("a card too many"),
        OSError("no room"),
        SafetensorError("no room"),
        FloatingPointError("it diverged"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_errors_are_printed_in_one_line_with_exit_status_1(capsys, monkeypatch, error):
    def fail(*_, **__):
        raise error

    monkeypatch.setattr(command, "train", fail)
    with pytest.raises(SystemExit) as exit_info:
        main(["nano"])
    assert exit_info.value.code == 1
    shown = capsys.readouterr()
    assert (shown.out, shown.err) == ("", f"{error}\n")


def test_bad_arguments_are_printed_in_one_line(tmp_path, capsys):
    (tmp_path / "card.json").write_text("{}")
    for arguments, message in (
        (["--folder", str(tmp_path)], "folder must be one without a finished model"),
        (["--folder", str(tmp_path / "new"), "--minutes", "nan"], "minutes must be a number of at"),
    ):
        with pytest.raises(SystemExit) as exit_info:
            main(["nano", *arguments], **SMALL)
        assert exit_info.value.code == 1
        lines = capsys.readouterr().err.splitlines()
        assert message in lines[-1]
        assert not any("Traceback" in line for line in lines)


def test_minutes_are_for_models_whose_training_can_be_resumed(capsys):
    with pytest.raises(SystemExit) as exit_info:
        main(["micro-sft", "--minutes", "3"])
    assert exit_info.value.code == 2
    assert "--minutes is for nano, micro, small" in capsys.readouterr().err


def test_fmlab_recipes_is_the_command():
    arguments = [sys.executable, "-m", "fmlab.recipes", "huge"]
    done = subprocess.run(arguments, capture_output=True, text=True, timeout=90)
    assert done.returncode == 2
    assert "usage: python -m fmlab.recipes" in done.stderr
    names = ("'huge'", "nano", "micro", "small", "micro-sft", "small-reward")
    assert all(name in done.stderr for name in names)
    assert "Traceback" not in done.stderr
