"""Programs that do not end when they are asked to are killed."""

import subprocess
import sys
import time

from tools.processes import end

STUBBORN = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("ready", flush=True)
time.sleep(60)
"""


def started(script):
    process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "ready\n"
    return process


def test_a_program_that_ends_is_not_waited_for():
    with started(STUBBORN.replace("SIG_IGN", "SIG_DFL")) as process:
        start = time.monotonic()
        end(process, seconds=30)
        assert time.monotonic() - start < 20
        assert process.returncode < 0


def test_a_program_that_does_not_end_is_killed():
    with started(STUBBORN) as process:
        end(process, seconds=0.5)
        assert process.returncode < 0
