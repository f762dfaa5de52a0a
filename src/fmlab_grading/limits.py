"""The limits of a program in a sandbox, and what its processes use."""

from __future__ import annotations

import contextlib
import os
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from fmlab.arguments import is_number, require, require_count

MB = 1 << 20
MEMORY_FOLDERS = ("tmp", "dev/shm", "box")  # of a sandbox
SOCKET_BYTES = 2 * 212_992  # the default limit on what waits to be sent, and to be read
FILE_BYTES = 1024  # an inode, its name, and what is around them


@dataclass(frozen=True)
class Limits:
    """The limits of one sandbox; each submission runs in two.

    ``memory`` in MB, for each process and for all of them together; ``processes``, including
    threads; ``disk`` in MB, for each of three in-memory folders; seconds per cell and per notebook.
    Errors: ``ValueError`` for values out of range.
    """

    memory: int = 2048
    processes: int = 64
    disk: int = 64
    cell_seconds: float = 30.0
    total_seconds: float = 180.0

    def __post_init__(self) -> None:
        for name, minimum in (("memory", 256), ("processes", 4), ("disk", 1)):
            require_count(name, getattr(self, name), minimum)
        for name in ("cell_seconds", "total_seconds"):
            value = getattr(self, name)
            require(is_number(value) and 0 < value <= 86400, name, "seconds, up to a day", value)

    def resource_limits(self) -> dict[str, int]:
        """Return the limits that the kernel enforces per process, by their ``resource`` names."""
        return {
            "DATA": self.memory * MB,  # so that Python raises MemoryError instead of being killed
            "CPU": int(self.total_seconds) + 60,
            "FSIZE": self.disk * MB,
            "NOFILE": 512,
            "NPROC": self.processes,
            "CORE": 0,
        }


def usage(pid: int) -> tuple[int, int]:
    """Return how many threads a process tree has, and its memory in bytes.

    Shared memory counts once per process, which is quick to compute; see ``proportional_memory``.
    """
    n_threads, memory = 0, 0
    for folder in _proc_folders(pid):
        with contextlib.suppress(OSError, ValueError):  # the process may end meanwhile
            n_threads += len(os.listdir(folder / "task"))
            memory += int((folder / "statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return n_threads, memory


def proportional_memory(pid: int) -> int:
    """Return the memory of a process tree in bytes, with shared memory counted once."""
    memory = 0
    for folder in _proc_folders(pid):
        with contextlib.suppress(OSError, ValueError, StopIteration):
            lines = (folder / "smaps_rollup").read_text().splitlines()
            shares = (line for line in lines if line.startswith("Pss:"))
            memory += int(next(shares).split()[1]) * 1024
    return memory


def kernel_memory(pid: int) -> int:
    """Return the memory that the kernel may hold for a process tree, in bytes.

    It belongs to no process: what waits in sockets, and the entries of files in memory, which
    exist even if the files are empty. Page tables grow with the addresses that a program reads,
    even where nothing is.
    """
    n_sockets, n_files, page_tables = 0, 0, 0
    for folder in _proc_folders(pid):
        page_tables += _status(folder, "VmPTE:")
        with contextlib.suppress(OSError):  # the process may end meanwhile
            for descriptor in (folder / "fd").iterdir():
                n_sockets += os.readlink(descriptor).startswith("socket:")
        with contextlib.suppress(OSError):
            systems = [os.statvfs(folder / "root" / name) for name in MEMORY_FOLDERS]
            n_files = max(n_files, sum(system.f_files - system.f_ffree for system in systems))
    return n_sockets * SOCKET_BYTES + n_files * FILE_BYTES + page_tables


def peak_memory(pid: int) -> int:
    """Return the sum of the peak memory of each process in a tree, in bytes."""
    return sum(_status(folder, "VmHWM:") for folder in _proc_folders(pid))


def _status(folder: Path, name: str) -> int:
    """Return an entry of a process's status in bytes; 0 if it has ended."""
    with contextlib.suppress(OSError, ValueError, StopIteration):
        lines = (folder / "status").read_text().splitlines()
        return int(next(line for line in lines if line.startswith(name)).split()[1]) * 1024
    return 0


def process_tree(pid: int) -> list[int]:
    """Return the ids of a process and all its descendants, parents before their children."""
    tree, to_visit = [], [pid]
    while to_visit:
        tree.append(to_visit.pop())
        with contextlib.suppress(OSError, ValueError):  # the process may end meanwhile
            for task in Path("/proc", str(tree[-1]), "task").iterdir():
                to_visit += map(int, (task / "children").read_text().split())
    return tree


def _proc_folders(pid: int) -> Iterator[Path]:
    return (Path("/proc", str(member)) for member in process_tree(pid))


class ControlGroup:
    """Limits on the memory and processes of a whole tree, where this user may set them (root)."""

    PREFIX = "fmlab-"
    CONTROLLERS = (  # folder, file, what it limits: cgroup version 2, then version 1
        ("/sys/fs/cgroup", "memory.max", "memory"),
        ("/sys/fs/cgroup", "pids.max", "processes"),
        ("/sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory"),
        ("/sys/fs/cgroup/pids", "pids.max", "processes"),
    )

    def __init__(self, limits: Limits) -> None:
        values = {"memory": (limits.memory + 3 * limits.disk) * MB, "processes": limits.processes}
        self.folders: dict[str, str] = {}
        for root, file, name in self.CONTROLLERS:
            if not os.access(f"{root}/cgroup.procs", os.W_OK):
                continue
            if root not in self.folders:
                prefix = f"{self.PREFIX}{os.getpid()}-"
                self.folders[root] = tempfile.mkdtemp(prefix=prefix, dir=root)
            try:
                Path(self.folders[root], file).write_text(str(values[name]))
            except OSError:
                continue  # this controller is not delegated to us; the other limits hold

    def enter(self) -> None:
        for folder in self.folders.values():
            Path(folder, "cgroup.procs").write_text("0")

    def remove(self) -> None:
        for folder in self.folders.values():
            _remove_group(folder)

    @classmethod
    def remove_stale(cls) -> None:
        """Remove the groups that killed graders left behind."""
        for root in {root for root, _, _ in cls.CONTROLLERS}:
            for folder in Path(root).glob(f"{cls.PREFIX}*-*"):
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
            time.sleep(0.02)  # the last process has not ended yet
