"""What a program in a sandbox may use: kept by the kernel, and watched."""

from __future__ import annotations

import contextlib
import os
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from fmlab.arguments import is_number, require, require_count

MB = 1 << 20


@dataclass(frozen=True)
class Limits:
    """What a sandbox may use, of which a submission has two.

    ``memory`` MB, of each process and of all together; ``processes``, threads included; ``disk`` MB
    in each of three folders, in memory; seconds for a cell and for the whole notebook.
    Errors: ``ValueError`` for numbers that make no sense.
    """

    memory: int = 2048
    processes: int = 64
    disk: int = 64
    cell_seconds: float = 30.0
    total_seconds: float = 180.0

    def __post_init__(self) -> None:
        for name, least in (("memory", 256), ("processes", 4), ("disk", 1)):
            require_count(name, getattr(self, name), least)
        for name in ("cell_seconds", "total_seconds"):
            value = getattr(self, name)
            require(is_number(value) and 0 < value <= 86400, name, "seconds up to a day", value)

    def of_process(self) -> dict[str, int]:
        """Return the limits that the kernel keeps, by the names of the ``resource`` module."""
        return {
            "DATA": self.memory * MB,  # a MemoryError rather than a kill
            "CPU": int(self.total_seconds) + 60,
            "FSIZE": self.disk * MB,
            "NOFILE": 512,
            "NPROC": self.processes,
            "CORE": 0,
        }


def usage(pid: int) -> tuple[int, int]:
    """Return how many processes and threads there are below a process, and their bytes of memory.

    Memory that they share counts for each of them, which is quick; see ``own_memory``.
    """
    n, memory = 0, 0
    for folder in (Path("/proc", str(member)) for member in family(pid)):
        with contextlib.suppress(OSError, ValueError):  # it may end while we look
            n += len(os.listdir(folder / "task"))
            memory += int((folder / "statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return n, memory


def own_memory(pid: int) -> int:
    """Return the bytes of memory of a process and those below it, shared memory counted once."""
    memory = 0
    for folder in (Path("/proc", str(member)) for member in family(pid)):
        with contextlib.suppress(OSError, ValueError, StopIteration):
            lines = (folder / "smaps_rollup").read_text().splitlines()
            shares = (line for line in lines if line.startswith("Pss:"))
            memory += int(next(shares).split()[1]) * 1024
    return memory


def peak_memory(pid: int) -> int:
    """Return the most bytes that a process and those below it have held, each at its own time."""
    memory = 0
    for folder in (Path("/proc", str(member)) for member in family(pid)):
        with contextlib.suppress(OSError, ValueError, StopIteration):  # it may have ended
            lines = (folder / "status").read_text().splitlines()
            peaks = (line for line in lines if line.startswith("VmHWM:"))
            memory += int(next(peaks).split()[1]) * 1024
    return memory


def family(pid: int) -> list[int]:
    """Return a process and all below it, parents before their children."""
    found, waiting = [], [pid]
    while waiting:
        found.append(waiting.pop())
        with contextlib.suppress(OSError, ValueError):  # it may end while we look
            for task in Path("/proc", str(found[-1]), "task").iterdir():
                waiting += map(int, (task / "children").read_text().split())
    return found


class ControlGroup:
    """A ceiling over memory and processes of a whole tree, where this user may make one (root)."""

    PREFIX = "fmlab-"
    PLACES = (  # folder, file, what it limits: of version 2, and of version 1
        ("/sys/fs/cgroup", "memory.max", "memory"),
        ("/sys/fs/cgroup", "pids.max", "processes"),
        ("/sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory"),
        ("/sys/fs/cgroup/pids", "pids.max", "processes"),
    )

    def __init__(self, limits: Limits) -> None:
        values = {"memory": (limits.memory + 3 * limits.disk) * MB, "processes": limits.processes}
        self.folders: dict[str, str] = {}
        for place, file, what in self.PLACES:
            if not os.access(f"{place}/cgroup.procs", os.W_OK):
                continue
            if place not in self.folders:
                prefix = f"{self.PREFIX}{os.getpid()}-"
                self.folders[place] = tempfile.mkdtemp(prefix=prefix, dir=place)
            try:
                Path(self.folders[place], file).write_text(str(values[what]))
            except OSError:
                continue  # this controller is not handed on; the other limits hold

    def enter(self) -> None:
        for folder in self.folders.values():
            Path(folder, "cgroup.procs").write_text("0")

    def remove(self) -> None:
        for folder in self.folders.values():
            _remove_group(folder)

    @classmethod
    def sweep(cls) -> None:
        """Remove the groups whose makers were killed before they could."""
        for place in {place for place, _, _ in cls.PLACES}:
            for folder in Path(place).glob(f"{cls.PREFIX}*-*"):
                if not Path("/proc", folder.name.split("-")[1]).exists():
                    _remove_group(folder)


def _remove_group(folder: str | Path) -> None:
    for _ in range(50):
        try:
            os.rmdir(folder)
            return
        except FileNotFoundError:
            return
        except OSError:
            time.sleep(0.02)  # the last process has not quite gone
