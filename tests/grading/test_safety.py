"""Where submissions cannot be run safely, none is run, and it is said what to do."""

import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from fmlab.grading import __main__ as command_line
from fmlab.grading import safety, sandbox
from fmlab.grading.limits import ControlGroup, Limits, usage
from fmlab.grading.peers import CELL
from fmlab.grading.sandbox import Box, Gone, SandboxUnavailable


@pytest.fixture(autouse=True)
def unknown():
    """What was found out about this machine is forgotten before and after each test."""
    safety.require_sandbox.cache_clear()
    yield
    safety.require_sandbox.cache_clear()


def test_this_machine_can_keep_its_promises():
    safety.require_sandbox()
    assert all(safety._tried().values())


def test_without_bubblewrap_the_message_says_how_to_install_it(monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(SandboxUnavailable, match=r"apt-get install bubblewrap"):
        safety.require_sandbox()


def test_elsewhere_than_on_linux_the_message_names_a_way(monkeypatch):
    monkeypatch.setattr(sys, "platform", "darwin")
    with pytest.raises(SandboxUnavailable, match="WSL2 or a virtual machine"):
        safety.require_sandbox()


def test_where_namespaces_are_forbidden_the_message_names_the_setting(monkeypatch, tmp_path):
    fake = tmp_path / "bwrap"
    fake.write_text("#!/bin/sh\necho 'bwrap: setting up uid map: Permission denied' >&2\nexit 1\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    with pytest.raises(SandboxUnavailable, match=r"uid map: Permission denied.*sysctl"):
        safety.require_sandbox()


def without(option):
    """A stand-in for bubblewrap that leaves out one of its options."""
    return f'#!/bin/bash\nwords=()\nfor word in "$@"; do\n  {option}\n  words+=("$word")\ndone\n'


HOLES = {
    "network": '[ "$word" = --unshare-all ] && words+=(--unshare-pid --unshare-uts) && '
    "word=--unshare-ipc",
    "files": '[ "$word" = /box ] && words+=(/box --bind /tmp) && word=/tmp',
}


@pytest.mark.parametrize("hole", HOLES)
def test_a_sandbox_with_a_hole_is_noticed(hole, monkeypatch, tmp_path):
    real = subprocess.run(["which", "bwrap"], capture_output=True, text=True).stdout.strip()
    fake = tmp_path / "bwrap"
    fake.write_text(without(HOLES[hole]) + f'exec {real} "${{words[@]}}"\n')
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    with pytest.raises(SandboxUnavailable, match=safety.MISSING[hole]):
        safety.require_sandbox()


def test_missing_limits_are_noticed(monkeypatch):
    monkeypatch.setattr(ControlGroup, "PLACES", ())
    weak = dict(Limits.of_process(safety.MILD), NPROC=4000, DATA=1 << 40)
    monkeypatch.setattr(Limits, "of_process", lambda limits: weak)
    with pytest.raises(SandboxUnavailable, match="limit on memory does not hold"):
        safety.require_sandbox()
    monkeypatch.setattr(Limits, "of_process", lambda limits: weak | {"DATA": 1 << 29})
    with pytest.raises(SandboxUnavailable, match="limit on processes does not hold"):
        safety.require_sandbox()


def test_nothing_is_graded_then(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("PATH", "/nowhere")
    assert command_line.main(["grade", "--course", str(tmp_path)]) == 2
    assert "bubblewrap" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "wrong", [{"memory": 1}, {"processes": 0}, {"cell_seconds": 0}, {"total_seconds": -1}]
)
def test_limits_must_make_sense(wrong):
    (name,) = wrong
    with pytest.raises(ValueError, match=name):
        Limits(**wrong)


def test_the_watch_ends_what_uses_too_much_together(monkeypatch):
    monkeypatch.setattr(ControlGroup, "PLACES", ())  # so that nothing but the watch is there
    box = Box("student", Limits(memory=256, processes=16, cell_seconds=20))
    try:
        code = (
            "import os, time\nfor i in range(3):\n    if os.fork() == 0:\n"
            "        x = b'x' * (120 << 20)\n        time.sleep(30)\ntime.sleep(30)"
        )
        box.send(CELL, code.encode(), 20.0)
        with pytest.raises(Gone, match="all its processes together used over 256 MB"):
            box.receive(20.0)
        assert box.process.wait(5) is not None
    finally:
        box.close()


def test_a_sandbox_can_be_ended_at_any_moment():
    limits = Limits(memory=263)  # by which these are known from others
    for i in range(40):
        box = Box("student", limits)
        time.sleep(0.0005 * i)
        box.close()
    lines = [" ".join(p.info["cmdline"] or ()) for p in psutil.process_iter(["cmdline"])]
    assert not [line for line in lines if f'"DATA": {limits.memory << 20}' in line]


def test_use_is_counted_below_a_process_only():
    sleeping = subprocess.Popen(["sleep", "30"])
    try:
        n, memory = usage(os.getpid())
        assert n >= 2
        assert usage(sleeping.pid)[0] == 1
        assert 0 < usage(sleeping.pid)[1] < memory
    finally:
        sleeping.kill()
        sleeping.wait()
    assert usage(sleeping.pid) == (0, 0)


def test_fmlab_itself_does_not_need_nbgrader():
    code = "import sys, fmlab, fmlab.grading; print('nbgrader' in sys.modules)"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert said.stdout.strip() == "False", said.stderr


def test_a_sandbox_shows_no_more_than_it_must():
    words = sandbox.command(["true"], Limits())
    shown = {words[i + 1] for i, word in enumerate(words) if word.endswith("-bind")}
    book = Path(sandbox.__file__).resolve().parents[3] / "book"
    for path in map(Path, shown):
        assert not book.is_relative_to(path), f"{path} shows the hidden tests of the book"
