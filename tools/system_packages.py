"""Install what the tests need from the system: a browser, fonts, and bubblewrap.

``python tools/system_packages.py [chromium] [bubblewrap]`` checks that both work, or the named one.
On Debian and Ubuntu it announces what is missing and installs it with apt-get; on other systems it
says what to install. It prints the names of those still missing on stdout, all else on stderr.

``python tools/system_packages.py --not-run NAME ...`` says which tests were not run without them,
and fails if there are any names.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

BROWSERS = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"]
MAC_BROWSER = "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"
FONTS = ["fonts-dejavu-core", "fonts-noto-color-emoji"]
STDERR = 2  # where the output of commands goes, since stdout holds names alone
USERNS = Path("/proc/sys/kernel/apparmor_restrict_unprivileged_userns")

NAMES = {"chromium": "Chromium or Chrome", "bubblewrap": "bubblewrap"}
TESTS = {
    "chromium": "tests/site, and the part of tests/grading/test_guide.py that opens a browser",
    "bubblewrap": "tests/grading",
}


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def needs() -> list[str]:
    """Return what the tests need on this system. Grading is tested on Linux only."""
    return ["chromium", "bubblewrap"] if sys.platform.startswith("linux") else ["chromium"]


def works(name: str) -> bool:
    return bool(find_browser()) if name == "chromium" else sandbox_starts()


def find_browser() -> str | None:
    """Return the path of a browser that starts: ``CHROMIUM``, one on the path, or Playwright's."""
    if configured := os.environ.get("CHROMIUM"):
        return configured if starts([configured, "--version"]) else None
    for name in [*BROWSERS, MAC_BROWSER]:
        if (path := shutil.which(name)) and starts([path, "--version"]):
            return path
    path = playwright_browser()
    return path if path and starts([path, "--version"]) else None


def playwright_browser() -> str | None:
    """Return the path at which Playwright puts its browser, whether or not it is there."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        return None
    with sync_playwright() as playwright:
        return playwright.chromium.executable_path


def sandbox_starts() -> bool:
    return starts(["bwrap", "--unshare-all", "--ro-bind", "/", "/", "true"])


def starts(command: Sequence[str]) -> bool:
    """Return whether a command runs and succeeds; some packages install commands that fail."""
    try:
        return subprocess.run(command, capture_output=True, timeout=60).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


# Installing


def install(missing: Sequence[str]) -> None:
    """Install what is missing, as far as apt-get and this user's rights allow."""
    names = " and ".join(NAMES[name] for name in missing)
    if not shutil.which("apt-get"):
        say(f"Some tests need {names}, which you have to install first: {example(missing)}.")
        return
    if os.geteuid() and not shutil.which("sudo"):
        say(f"Some tests need {names}, which only root can install: there is no sudo here.")
        return
    packages = ["bubblewrap"] if "bubblewrap" in missing and not shutil.which("bwrap") else []
    if packages or "chromium" in missing:
        as_root(["apt-get", "update", "-qq"], "Updating apt-get's list of packages")
    if "chromium" in missing:
        packages += [*(["chromium"] if apt_has_chromium() else []), *FONTS]
    if packages:
        command = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *packages]
        as_root(command, f"Installing {', '.join(packages)} for the tests")
    if "chromium" in missing and not find_browser():
        install_with_playwright()
    if "bubblewrap" in missing:
        allow_namespaces()


def example(missing: Sequence[str]) -> str:
    """Return how to install them here, if the package manager is a known one."""
    names = " ".join(missing)
    commands = {
        "dnf": f"sudo dnf install {names}",
        "pacman": f"sudo pacman -S {names}",
        "zypper": f"sudo zypper install {names}",
        "brew": "brew install --cask google-chrome",
    }
    available = (command for manager, command in commands.items() if shutil.which(manager))
    return next(available, "use your system's package manager")


def apt_has_chromium() -> bool:
    """Return whether apt-get offers Chromium itself. Ubuntu's package installs a snap instead."""
    command = ["apt-cache", "policy", "chromium"]
    try:
        policy = subprocess.run(command, capture_output=True, text=True).stdout
    except OSError:
        return False
    candidate = next((line for line in policy.splitlines() if "Candidate:" in line), "(none)")
    return "(none)" not in candidate and "snap" not in candidate


def install_with_playwright() -> None:
    say("Installing Playwright's build of Chromium, and with apt-get the libraries it needs")
    command = [sys.executable, "-m", "playwright", "install", "--with-deps", "--no-shell"]
    subprocess.run([*command, "chromium"], stdout=STDERR)


def allow_namespaces() -> None:
    """Let ordinary programs make user namespaces, which Ubuntu forbids, if only this is missing."""
    if shutil.which("bwrap") and not sandbox_starts() and USERNS.exists():
        purpose = f"Setting {USERNS.name} to 0 until the next boot, so that bubblewrap can start"
        as_root(["sh", "-c", f"echo 0 > {USERNS}"], purpose)


def as_root(command: Sequence[str], purpose: str) -> None:
    """Run a command as root, after saying why; sudo asks for the password the first time."""
    say(purpose + (" (sudo may ask for your password)" if os.geteuid() else ""))
    prefix = ["sudo"] if os.geteuid() else []
    environment = ["env", "DEBIAN_FRONTEND=noninteractive"]
    subprocess.run([*prefix, *environment, *command], stdout=STDERR)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--not-run", action="store_true", help="say which tests were not run")
    allowed = " or ".join(NAMES)
    parser.add_argument("name", nargs="*", help=f"{allowed}; default: what the tests need")
    options = parser.parse_args(arguments)
    if unknown := set(options.name) - set(NAMES):
        parser.error(f"name must be {allowed}; got {unknown.pop()!r}")
    if options.not_run:
        for name in options.name:
            say(f"Not run, for lack of {NAMES[name]}: {TESTS[name]}.")
        return bool(options.name)
    names = options.name or needs()
    if "bubblewrap" in names and not sys.platform.startswith("linux"):
        say("Submissions are graded in bubblewrap, which exists on Linux only.")
        print("bubblewrap")
        return 0
    missing = [name for name in names if not works(name)]
    if missing:
        install(missing)
    print(*(name for name in missing if not works(name)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
