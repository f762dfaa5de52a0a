"""Properties of fmlab.training.checkpoints: the newest intact one is read, or an error raised."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from fmlab.training import checkpoints
from fmlab.training.checkpoints import (
    CURRENT,
    NEXT,
    PREVIOUS,
    delete_checkpoints,
    read_checkpoint,
    write_checkpoint,
)
from tests.unit.tiny import flip

FACTS = {"seconds": 1.5, "words": ["é", None], "inner": {"n": 3}}


def tensors(value=0.0):
    return {
        "matrix": torch.arange(6.0).view(2, 3).T + value,  # not contiguous
        "losses": torch.full((3,), 0.1, dtype=torch.float64),
        "step": torch.tensor(7.0),
        "nothing": torch.zeros(0),
    }


def written(folder, *values):
    """A folder with a checkpoint for each value, as far as they are kept."""
    for value in values:
        write_checkpoint(folder, tensors(value), FACTS | {"value": value})
    return folder


def value_in(folder):
    return read_checkpoint(folder)[1]["value"]


def files(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


# --- writing and reading --------------------------------------------------------------------------


def test_checkpoint_is_read_as_it_was_written(tmp_path):
    write_checkpoint(tmp_path / "new" / "folder", tensors(), FACTS)
    found, facts = read_checkpoint(tmp_path / "new" / "folder")
    assert facts == FACTS
    assert found.keys() == tensors().keys()
    for name, tensor in tensors().items():
        assert found[name].dtype == tensor.dtype
        assert torch.equal(found[name], tensor)


def test_folder_without_a_checkpoint_has_none(tmp_path):
    assert read_checkpoint(tmp_path) is None
    assert read_checkpoint(tmp_path / "absent") is None


def test_newest_is_read_and_only_the_previous_one_is_kept(tmp_path):
    written(tmp_path, 1.0, 2.0, 3.0)
    assert files(tmp_path).keys() == {CURRENT, PREVIOUS}
    assert value_in(tmp_path) == 3.0
    (tmp_path / CURRENT).unlink()
    assert value_in(tmp_path) == 2.0


def test_deleting_keeps_other_files(tmp_path):
    written(tmp_path, 1.0, 2.0)
    (tmp_path / "card.json").write_text("{}")
    (tmp_path / NEXT).write_bytes(b"left by a process that was killed")
    delete_checkpoints(tmp_path)
    assert files(tmp_path).keys() == {"card.json"}
    delete_checkpoints(tmp_path)  # there is nothing left to delete


# --- damage ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("length", [0, 7, 100, -1])
def test_truncated_one_is_replaced_by_the_previous_one_with_a_warning(tmp_path, length):
    newest = written(tmp_path, 1.0, 2.0) / CURRENT
    newest.write_bytes(newest.read_bytes()[:length])
    with pytest.warns(UserWarning, match=rf"{CURRENT} is damaged .*the previous one, {PREVIOUS}"):
        assert value_in(tmp_path) == 1.0


def test_one_flipped_bit_anywhere_is_damage(tmp_path):
    newest = written(tmp_path, 1.0) / CURRENT
    n_bits = 8 * newest.stat().st_size
    for bit in [*range(0, n_bits, 29), n_bits - 1]:
        flip(newest, bit)
        with pytest.raises(ValueError, match=rf"{CURRENT} is damaged .*no earlier one is intact"):
            read_checkpoint(tmp_path)
        flip(newest, bit)
    assert value_in(tmp_path) == 1.0


def test_one_with_a_flipped_bit_is_replaced_by_the_previous_one_with_a_warning(tmp_path):
    newest = written(tmp_path, 1.0, 2.0) / CURRENT
    flip(newest, 8 * newest.stat().st_size - 4)  # in a tensor, where only the checksum notices
    with pytest.warns(UserWarning, match="its checksum does not match"):
        assert value_in(tmp_path) == 1.0


def test_damaged_one_does_not_replace_the_intact_previous_one(tmp_path):
    flip(written(tmp_path, 1, 2) / CURRENT, 8 * 300)
    write_checkpoint(tmp_path, tensors(3), FACTS | {"value": 3})
    (tmp_path / CURRENT).unlink()
    assert value_in(tmp_path) == 1


def test_another_safetensors_file_is_not_a_checkpoint(tmp_path):
    save_file(tensors() | {"matrix": torch.zeros(1)}, tmp_path / CURRENT)
    with pytest.raises(ValueError, match=r"it has no checksum\), or of another version of fmlab"):
        read_checkpoint(tmp_path)


@pytest.mark.parametrize("key", ["facts", "sha256"])
def test_one_of_a_version_without_a_checksum_is_named_and_an_earlier_one_read(tmp_path, key):
    written(tmp_path, 1.0, 2.0)
    with safe_open(tmp_path / CURRENT, framework="pt") as file:
        header = {name: value for name, value in file.metadata().items() if name != key}
    whole = {name: tensor.contiguous() for name, tensor in tensors(2.0).items()}
    save_file(whole, tmp_path / CURRENT, metadata=header | {"version": "9"})
    with pytest.warns(UserWarning, match="of another version of fmlab"):
        assert value_in(tmp_path) == 1.0


def test_error_for_two_damaged_ones_says_what_to_do(tmp_path):
    written(tmp_path, 1.0, 2.0)
    for name in (CURRENT, PREVIOUS):
        flip(tmp_path / name, 8 * 20)
    with pytest.raises(ValueError, match=rf"{CURRENT} is damaged .*; delete it to start over"):
        read_checkpoint(tmp_path)


# --- a full disk ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "error", [OSError(errno.ENOSPC, "No space left on device"), SafetensorError("No space left")]
)
def test_full_disk_is_named_and_costs_nothing(tmp_path, monkeypatch, error):
    before = files(written(tmp_path, 1.0, 2.0))

    def half(_, path, metadata):
        Path(path).write_bytes(b"half of it")
        raise error

    monkeypatch.setattr(checkpoints, "save_file", half)
    advice = (
        rf"{CURRENT} could not be written \(.*No space left.*\); is the disk full\? .* make room"
    )
    with pytest.raises(OSError, match=advice):
        written(tmp_path, 3.0)
    assert files(tmp_path) == before


@pytest.mark.parametrize("n_done", [0, 1, 2])
def test_stop_between_two_steps_of_writing_costs_one_checkpoint(tmp_path, monkeypatch, n_done):
    """Writing takes three renames; after each of them, there is an intact one."""
    written(tmp_path, 1.0, 2.0)
    rename, done = os.replace, []

    def cut_off(source, target):
        if len(done) == n_done:
            raise KeyboardInterrupt
        done.append(target)
        rename(source, target)

    monkeypatch.setattr(os, "replace", cut_off)
    with pytest.raises(KeyboardInterrupt):
        written(tmp_path, 3.0)
    assert value_in(tmp_path) == 2.0
    monkeypatch.undo()
    assert value_in(written(tmp_path, 4.0)) == 4.0


def test_checkpoint_is_on_the_disk_before_it_replaces_another(tmp_path, monkeypatch):
    written(tmp_path, 1.0)
    calls, fsync, rename = [], os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda file: calls.append("fsync") or fsync(file))
    monkeypatch.setattr(os, "replace", lambda *paths: calls.append("replace") or rename(*paths))
    written(tmp_path, 2.0)
    assert calls == ["fsync", "replace", "replace", "replace"]


FULL = """
import resource, sys
from pathlib import Path
import torch
from fmlab.training.checkpoints import write_checkpoint

folder = Path(sys.argv[1])
write_checkpoint(folder, {"x": torch.ones(100)}, {"value": 1})
resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))  # as if the disk had that much space
try:
    write_checkpoint(folder, {"x": torch.ones(100_000)}, {"value": 2})
except OSError as error:
    print(error)
"""


def test_real_full_disk_is_named_and_costs_nothing(tmp_path):
    command = [sys.executable, "-c", FULL, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "could not be written" in done.stdout
    assert "is the disk full?" in done.stdout
    assert files(tmp_path).keys() == {CURRENT}
    assert value_in(tmp_path) == 1
