"""Properties of fmlab.checkpoints: what was written comes back, or the one before, or an error."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors import SafetensorError
from safetensors.torch import save_file

import fmlab
from fmlab.checkpoints import (
    CURRENT,
    PREVIOUS,
    delete_checkpoints,
    read_checkpoint,
    write_checkpoint,
)

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


def flip(path, bit):
    data = bytearray(path.read_bytes())
    data[bit // 8] ^= 1 << bit % 8
    path.write_bytes(data)


# --- there and back -------------------------------------------------------------------------------


def test_what_is_written_comes_back_to_the_bit(tmp_path):
    write_checkpoint(tmp_path / "new" / "folder", tensors(), FACTS)
    found, facts = read_checkpoint(tmp_path / "new" / "folder")
    assert facts == FACTS
    assert found.keys() == tensors().keys()
    for name, tensor in tensors().items():
        assert found[name].dtype == tensor.dtype
        assert torch.equal(found[name], tensor)


def test_without_one_there_is_none(tmp_path):
    assert read_checkpoint(tmp_path) is None
    assert read_checkpoint(tmp_path / "absent") is None


def test_the_newest_is_read_and_the_one_before_it_kept_and_no_other(tmp_path):
    written(tmp_path, 1.0, 2.0, 3.0)
    assert files(tmp_path).keys() == {CURRENT, PREVIOUS}
    assert value_in(tmp_path) == 3.0
    (tmp_path / CURRENT).unlink()
    assert value_in(tmp_path) == 2.0


def test_deleting_leaves_what_is_not_a_checkpoint(tmp_path):
    written(tmp_path, 1.0, 2.0)
    (tmp_path / "card.json").write_text("{}")
    delete_checkpoints(tmp_path)
    assert files(tmp_path).keys() == {"card.json"}
    delete_checkpoints(tmp_path)  # nothing there, nothing to do


# --- damage ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("length", [0, 7, 100, -1])
def test_a_truncated_one_gives_way_to_the_one_before_with_a_warning(tmp_path, length):
    newest = written(tmp_path, 1.0, 2.0) / CURRENT
    newest.write_bytes(newest.read_bytes()[:length])
    with pytest.warns(UserWarning, match=rf"{CURRENT} is damaged .*the one before it, {PREVIOUS}"):
        assert value_in(tmp_path) == 1.0


def test_one_flipped_bit_anywhere_is_damage(tmp_path):
    newest = written(tmp_path, 1.0) / CURRENT
    n_bits = 8 * newest.stat().st_size
    for bit in [*range(0, n_bits, 29), n_bits - 1]:
        flip(newest, bit)
        with pytest.raises(ValueError, match=rf"{CURRENT} is damaged .*none before it is whole"):
            read_checkpoint(tmp_path)
        flip(newest, bit)
    assert value_in(tmp_path) == 1.0


def test_a_flipped_bit_gives_way_to_the_one_before_with_a_warning(tmp_path):
    newest = written(tmp_path, 1.0, 2.0) / CURRENT
    flip(newest, 8 * newest.stat().st_size - 4)  # in the numbers, where only the checksum tells
    with pytest.warns(UserWarning, match="its checksum does not fit"):
        assert value_in(tmp_path) == 1.0


def test_a_damaged_one_does_not_push_out_the_whole_one_before_it(tmp_path):
    flip(written(tmp_path, 1, 2) / CURRENT, 8 * 300)
    write_checkpoint(tmp_path, tensors(3), FACTS | {"value": 3})
    (tmp_path / CURRENT).unlink()
    assert value_in(tmp_path) == 1


def test_a_safetensors_file_of_another_kind_is_no_checkpoint(tmp_path):
    save_file(tensors() | {"matrix": torch.zeros(1)}, tmp_path / CURRENT)
    with pytest.raises(ValueError, match="its checksum does not fit"):
        read_checkpoint(tmp_path)


def test_if_both_are_damaged_the_error_says_what_to_do(tmp_path):
    written(tmp_path, 1.0, 2.0)
    for name in (CURRENT, PREVIOUS):
        flip(tmp_path / name, 8 * 20)
    with pytest.raises(ValueError, match=rf"{CURRENT} is damaged .*; delete it to begin anew"):
        read_checkpoint(tmp_path)


# --- a full disk ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "error", [OSError(errno.ENOSPC, "No space left on device"), SafetensorError("No space left")]
)
def test_a_full_disk_is_named_and_costs_nothing(tmp_path, monkeypatch, error):
    before = files(written(tmp_path, 1.0, 2.0))

    def half(_, path, metadata):
        Path(path).write_bytes(b"half of it")
        raise error

    monkeypatch.setattr("fmlab.checkpoints.save_file", half)
    advice = (
        rf"{CURRENT} could not be written \(.*No space left.*\); is the disk full\? .* make room"
    )
    with pytest.raises(OSError, match=advice):
        written(tmp_path, 3.0)
    assert files(tmp_path) == before


@pytest.mark.parametrize("n_done", [0, 1])
def test_being_stopped_between_two_steps_of_writing_costs_one_checkpoint(
    tmp_path, monkeypatch, n_done
):
    """Replacing takes two renames; after either of them, one that is whole is there."""
    written(tmp_path, 1.0, 2.0)
    rename, done = os.replace, []

    def cut_off(source, target):
        if len(done) == n_done:
            raise KeyboardInterrupt
        done.append(target)
        rename(source, target)

    monkeypatch.setattr("os.replace", cut_off)
    with pytest.raises(KeyboardInterrupt):
        written(tmp_path, 3.0)
    assert value_in(tmp_path) == 2.0
    monkeypatch.undo()
    assert value_in(written(tmp_path, 4.0)) == 4.0


FULL = """
import resource, sys
from pathlib import Path
import torch
from fmlab.checkpoints import write_checkpoint

folder = Path(sys.argv[1])
write_checkpoint(folder, {"x": torch.ones(100)}, {"value": 1})
resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))  # as if there were so much room
try:
    write_checkpoint(folder, {"x": torch.ones(100_000)}, {"value": 2})
except OSError as error:
    print(error)
"""


def test_a_disk_that_is_really_full_is_named_and_costs_nothing(tmp_path):
    environment = os.environ | {"PYTHONPATH": str(Path(fmlab.__file__).parents[1])}
    command = [sys.executable, "-c", FULL, str(tmp_path)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "could not be written" in done.stdout
    assert "is the disk full?" in done.stdout
    assert files(tmp_path).keys() == {CURRENT}
    assert value_in(tmp_path) == 1
