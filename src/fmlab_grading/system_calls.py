"""A filter of system calls for programs in a sandbox: what no exercise needs is refused.

Namespaces do not separate everything: key rings, sockets to the host of a virtual machine, and
memory that belongs to no process are shared or uncounted. And the parts of Linux in which most of
the holes were found are those that few programs use. The filter is a list of numbers, so it is
written here instead of adding libseccomp and its binding, which are not everywhere.
Source: the Linux kernel's Documentation/userspace-api/seccomp_filter.rst, and the tables of system
calls of both machines.
"""

from __future__ import annotations

import errno
import platform
import struct

# By machine: AUDIT_ARCH, which identifies its system calls, and the numbers of what is refused.
X86_64, ARM64 = "x86_64", "aarch64"
ARCHITECTURES = {X86_64: 0xC000003E, ARM64: 0xC00000B7}
REFUSED: dict[str, tuple[int | None, int | None]] = {  # numbers on x86-64 and on ARM64
    # keys that other programs of this user can read
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    # memory that belongs to no process, so that no limit counts it
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    "shmget": (29, 194),
    "shmat": (30, 196),
    "msgget": (68, 186),
    "semget": (64, 190),
    "mq_open": (240, 180),
    # other processes
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "pidfd_getfd": (438, 438),
    "kcmp": (312, 272),
    # new namespaces and file systems
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "unshare": (272, 97),
    "setns": (308, 268),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "fsmount": (432, 432),
    "mount_setattr": (442, 442),
    "open_by_handle_at": (304, 265),
    # parts of the kernel in which many holes were found
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "userfaultfd": (323, 282),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "kexec_load": (246, 104),
    "quotactl": (179, 60),
    "syslog": (103, 116),
}
SOCKET = (41, 198)  # socketpair, which asyncio needs, stays: it reaches nobody else
# Memory that is shared but has no file stays after a program has let go of all but a bit of it.
MMAP = (9, 222)
SHARED_WITHOUT_FILE = 0x01 | 0x20  # MAP_SHARED, MAP_ANONYMOUS

X32 = 0x40000000  # from here on, x86-64 has the same calls under second numbers
LOAD, AND, EQUAL, AT_LEAST, RETURN = 0x20, 0x54, 0x15, 0x35, 0x06
ALLOW, REFUSE, KILL = 0x7FFF0000, 0x00050000 | errno.EPERM, 0x80000000
STEP = struct.calcsize("HBBI")  # bytes of a step of the program
NUMBER, ARCHITECTURE, FLAGS = 0, 4, 40  # offsets of what a filter reads about a call


def is_supported() -> bool:
    """Return whether the numbers of this machine are known."""
    return platform.machine() in ARCHITECTURES


def number(name: str, machine: str | None = None) -> int:
    """Return the number of a refused system call. Errors: ``ValueError`` as in `filter_program`."""
    return REFUSED[name][_column(machine)]


def _column(machine: str | None) -> int:
    """Return the place of a machine, by default this one, in the table of numbers."""
    machine = machine or platform.machine()
    if machine not in ARCHITECTURES:
        raise ValueError(f"machine must be {X86_64} or {ARM64}; got {machine!r}")
    return list(ARCHITECTURES).index(machine)


def filter_program(machine: str | None = None) -> bytes:
    """Return the filter as a program for the kernel: refused calls fail with EPERM.

    Calls of another architecture, such as those of 32-bit programs, end the program.
    Errors: ``ValueError`` for a machine whose numbers are not known.
    """
    column = _column(machine)
    refused = [numbers[column] for numbers in (*REFUSED.values(), SOCKET)]
    steps = [  # operation, steps to skip if true, steps to skip if false, operand
        (LOAD, 0, 0, ARCHITECTURE),
        (EQUAL, 1, 0, list(ARCHITECTURES.values())[column]),
        (RETURN, 0, 0, KILL),
        (LOAD, 0, 0, NUMBER),
        (AT_LEAST, len(refused) + 5, 0, X32),
    ]
    for left, number in zip(range(len(refused), 0, -1), refused):
        steps.append((EQUAL, left + 4, 0, number))
    steps += [
        (EQUAL, 0, 3, MMAP[column]),
        (LOAD, 0, 0, FLAGS),
        (AND, 0, 0, SHARED_WITHOUT_FILE),
        (EQUAL, 1, 0, SHARED_WITHOUT_FILE),
        (RETURN, 0, 0, ALLOW),
        (RETURN, 0, 0, REFUSE),
    ]
    return b"".join(struct.pack("HBBI", *step) for step in steps)
