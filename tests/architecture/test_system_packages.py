"""`make test` installs what it needs from the system, or says what is missing, on a fake system.

The fake system is a folder of scripts that stands in for the whole PATH. Its ``apt-get`` records
how it was called, and installs by copying a script from ``packages`` into the folder.
"""

import stat
import subprocess
from pathlib import Path

import pytest

from tools import system_packages

ROOT = Path(__file__).resolve().parents[2]
APT_GET = """#!/bin/sh
echo "apt-get $*" >> {folder}/calls
case "$*" in *install*) ;; *) exit 0 ;; esac
for name in "$@"; do
  for file in {folder}/packages/$name/*; do [ -e "$file" ] && /bin/cp "$file" {folder}/bin/; done
done
exit 0
"""
DEBIAN = '#!/bin/sh\necho "chromium:"\necho "  Candidate: 147.0.1"\n'
UBUNTU = '#!/bin/sh\necho "chromium:"\necho "  Candidate: (none)"\n'
WORKS = "#!/bin/sh\nexit 0\n"
BROKEN = "#!/bin/sh\nexit 1\n"  # such as the script that stands in for a snap that is not there
SUDO = '#!/bin/sh\necho "sudo $1" >> {folder}/calls\nexec "$@"\n'
ENV = '#!/bin/sh\nshift\nexec "$@"\n'


class System:
    """A folder of commands that is the whole system."""

    def __init__(self, folder):
        self.folder = folder
        (folder / "bin").mkdir()
        (folder / "calls").touch()

    def add(self, name, script, package=None):
        """Add a command, installed or to be installed with a package."""
        folder = self.folder / "packages" / package if package else self.folder / "bin"
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / name
        path.write_text(script.replace("{folder}", str(self.folder)))
        path.chmod(path.stat().st_mode | stat.S_IXUSR)

    @property
    def calls(self):
        return (self.folder / "calls").read_text().splitlines()

    @property
    def installed(self):
        """The packages that apt-get was asked to install."""
        commands = [call for call in self.calls if call.startswith("apt-get install")]
        return {word for call in commands for word in call.split()[2:] if word[0] != "-"}


@pytest.fixture
def system(tmp_path, monkeypatch):
    """A Linux machine with a shell and nothing else, on which the tests are run by root."""
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.delenv("CHROMIUM", raising=False)
    monkeypatch.setattr(system_packages.sys, "platform", "linux")
    monkeypatch.setattr(system_packages.os, "geteuid", lambda: 0)
    monkeypatch.setattr(system_packages, "MAC_BROWSER", "/no/such/browser")
    monkeypatch.setattr(system_packages, "USERNS", tmp_path / "userns")
    monkeypatch.setattr(system_packages, "playwright_browser", lambda: str(tmp_path / "bin/chrome"))
    system = System(tmp_path)
    for name, script in {"sh": '#!/bin/sh\nexec /bin/sh "$@"\n', "env": ENV}.items():
        system.add(name, script)
    return system


@pytest.fixture
def debian(system):
    system.add("apt-get", APT_GET)
    system.add("apt-cache", DEBIAN)
    system.add("chromium", WORKS, package="chromium")
    system.add("bwrap", WORKS, package="bubblewrap")
    return system


def run(capfd, *arguments):
    """Return the names that the tool prints, and what it says besides."""
    assert system_packages.main(arguments) == 0
    output = capfd.readouterr()
    return output.out.split(), output.err


def test_nothing_is_installed_or_said_when_all_works(debian, capfd):
    debian.add("google-chrome", WORKS)
    debian.add("bwrap", WORKS)
    assert run(capfd) == ([], "")
    assert debian.calls == []


def test_fresh_debian_gets_browser_fonts_and_bubblewrap_after_saying_so(debian, capfd):
    missing, said = run(capfd)
    assert missing == []
    assert debian.installed == {"chromium", "bubblewrap", *system_packages.FONTS}
    assert debian.calls[0] == "apt-get update -qq"
    for package in debian.installed:
        assert package in said
    assert "sudo" not in said


def test_only_what_is_missing_or_named_is_installed(debian, capfd):
    debian.add("bwrap", WORKS)
    run(capfd, "bubblewrap")
    assert debian.calls == []
    run(capfd)
    assert "chromium" in debian.installed
    assert "bubblewrap" not in debian.installed


def test_ordinary_user_installs_with_sudo(debian, capfd, monkeypatch):
    monkeypatch.setattr(system_packages.os, "geteuid", lambda: 1000)
    debian.add("sudo", SUDO)
    missing, said = run(capfd)
    assert missing == []
    assert "sudo may ask for your password" in said
    assert sum(call.startswith("sudo") for call in debian.calls) == len(debian.calls) / 2 > 0


def test_ordinary_user_without_sudo_is_told_that_root_must_install(debian, capfd, monkeypatch):
    monkeypatch.setattr(system_packages.os, "geteuid", lambda: 1000)
    missing, said = run(capfd)
    assert missing == ["chromium", "bubblewrap"]
    assert "only root can install" in said
    assert debian.calls == []


def test_packages_that_cannot_be_installed_are_named(debian, capfd):
    debian.add("apt-get", BROKEN)
    debian.add("chromium", BROKEN)  # it is there but does not start
    assert run(capfd)[0] == ["chromium", "bubblewrap"]


def test_ubuntu_gets_playwrights_browser_and_may_make_namespaces(debian, capfd, monkeypatch):
    userns = debian.folder / "userns"
    userns.write_text("1\n")
    debian.add("apt-cache", UBUNTU)
    debian.add("bwrap", f'#!/bin/sh\nread value < {userns}\nexit "$value"\n', package="bubblewrap")
    debian.add(
        "python", '#!/bin/sh\n/bin/cp {folder}/chrome {folder}/bin/\necho "$*" >> {folder}/calls\n'
    )
    (debian.folder / "chrome").write_text(WORKS)
    (debian.folder / "chrome").chmod(0o755)
    monkeypatch.setattr(system_packages.sys, "executable", str(debian.folder / "bin/python"))
    missing, said = run(capfd)
    assert missing == []
    assert debian.installed == {"bubblewrap", *system_packages.FONTS}
    assert debian.calls[-1] == "-m playwright install --with-deps --no-shell chromium"
    assert "Playwright" in said
    assert "userns to 0 until the next boot" in said
    assert userns.read_text() == "0\n"


@pytest.mark.parametrize(
    ("manager", "advice"),
    [("dnf", "sudo dnf install chromium bubblewrap"), (None, "your system's package manager")],
)
def test_other_systems_are_told_in_one_sentence_what_to_install(system, capfd, manager, advice):
    if manager:
        system.add(manager, WORKS)
    missing, said = run(capfd)
    assert missing == ["chromium", "bubblewrap"]
    assert said.count("\n") == 1
    assert advice in said


def test_macos_needs_only_the_browser_in_applications(system, capfd, monkeypatch):
    monkeypatch.setattr(system_packages.sys, "platform", "darwin")
    assert run(capfd)[0] == ["chromium"]
    system.add("Chrome", WORKS)
    monkeypatch.setattr(system_packages, "MAC_BROWSER", str(system.folder / "bin/Chrome"))
    assert run(capfd) == ([], "")


def test_named_browser_counts_only_if_it_starts(system, capfd, monkeypatch):
    system.add("chromium", WORKS)
    monkeypatch.setenv("CHROMIUM", "/no/such/browser")
    assert run(capfd, "chromium")[0] == ["chromium"]
    monkeypatch.setenv("CHROMIUM", "chromium")
    assert run(capfd, "chromium")[0] == []


def test_tests_that_were_not_run_are_named_and_fail_the_command(capfd):
    assert system_packages.main(["--not-run", "chromium", "bubblewrap"]) == 1
    said = capfd.readouterr().err
    assert "Not run, for lack of Chromium or Chrome: tests/site" in said
    assert "Not run, for lack of bubblewrap: tests/grading" in said
    assert system_packages.main(["--not-run"]) == 0
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(
    ("unavailable", "not_run"),
    [
        ("", set()),
        ("chromium", {"tests/site"}),
        ("chromium bubblewrap", {"tests/site", "tests/grading"}),
    ],
)
def test_make_runs_what_can_run(unavailable, not_run):
    command = ["make", "-n", "run-tests", f"UNAVAILABLE={unavailable}"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    folders = {"tests/unit", "tests/notebooks", "tests/site", "tests/grading"}
    if not system_packages.sys.platform.startswith("linux"):
        folders.remove("tests/grading")
    assert {folder for folder in folders if folder in done.stdout} == folders - not_run
    if "chromium" in unavailable:
        assert "jupyter-book build" in done.stdout or "The book is at" in done.stdout
