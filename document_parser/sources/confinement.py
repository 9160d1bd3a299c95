"""Give up everything that an opener does not need, before it reads the first byte of an untrusted file.

``confine_program`` does the same for LibreOffice, which an opener starts to convert a file: it may write into one folder, and
stays one process without sockets.

Landlock leaves the document and the libraries, for reading. A seccomp filter allows the system calls that reading and answering
take, and refuses all others: sockets, programs, files to write, signals, other processes. Both hold for the rest of the process
and for every thread that it starts later, so no other thread may run before. What the kernel does not have is left out, and
``Confinement`` reports it.

Source: Landlock as in the kernel's Documentation/userspace-api/landlock.rst; the filter is classic BPF as in seccomp(2), with
the system call numbers of the kernel's tables for x86_64 and aarch64.
"""

from __future__ import annotations

import ctypes
import errno
import os
import stat
import struct
import sys
import sysconfig
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

from document_parser.models import Confinement

FONT_FOLDERS = ("/usr/share/fonts", "/usr/share/X11/fonts", "/usr/local/share/fonts")
"""If a PDF does not embed its fonts, PDFium draws with the fonts of the system."""
SYSTEM_LIBRARIES = ("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib", "/etc/ld.so.cache", *FONT_FOLDERS)
"""Where the system keeps libraries that may be loaded late, and fonts."""

_PR_SET_PDEATHSIG = 1
_PR_GET_DUMPABLE, _PR_SET_DUMPABLE = 3, 4
_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER = 22, 2
_PR_SET_NO_NEW_PRIVS, _PR_GET_NO_NEW_PRIVS = 38, 39
_CLONE_NEWUSER, _CLONE_NEWNET, _CLONE_THREAD = 0x10000000, 0x40000000, 0x00010000
_CAP_DAC_READ_SEARCH, _CAPABILITY_VERSION_3 = 2, 0x20080522

# Landlock has the same numbers on every architecture.
_LANDLOCK_CREATE_RULESET, _LANDLOCK_ADD_RULE, _LANDLOCK_RESTRICT_SELF = 444, 445, 446
_LANDLOCK_GET_VERSION, _LANDLOCK_PATH_BENEATH = 1, 1
_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR, _TRUNCATE = 1 << 0, 1 << 1, 1 << 2, 1 << 3, 1 << 14
_FILE_RIGHTS = {1: 13, 2: 14, 3: 15, 5: 16}
"""How many rights on files there are, by the Landlock version from which that holds."""
_TCP_RIGHTS = 0b11
"""Binding and connecting TCP sockets; Landlock knows them from version 4 on."""
_SCOPES = 0b11
"""Abstract Unix sockets and signals; Landlock knows them from version 6 on."""

_libc = ctypes.CDLL(None, use_errno=True)


class Reach(NamedTuple):
    """The files and folders that a program may use. Folders are meant with all that is in them."""

    readable: Sequence[Path]
    runnable: Sequence[Path] = ()
    """Also readable: the program and what it loads."""
    writable: Sequence[Path] = ()
    """Also readable."""


def give_up_privileges() -> None:
    """Prevent that programs started by this process or its children gain privileges. This cannot be undone."""
    _libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)


def leave_network() -> bool:
    """Move this process and its future children into an empty network. Return whether that was allowed.

    Root needs no user namespace for this, and so keeps its right to read other users' documents. The process must have one
    thread.
    """
    ways = (_CLONE_NEWNET,) if os.geteuid() == 0 else (_CLONE_NEWUSER | _CLONE_NEWNET,)
    return any(_libc.unshare(way) == 0 for way in ways)


def confine(documents: Sequence[Path], libraries: Sequence[Path], calls: SystemCallFilter) -> Confinement:
    """Let this process read only ``documents``, if any, and the libraries. Descriptors that it has open stay usable.

    Call this before the process has a second thread: threads that already run are not confined. Returns what is in force.
    """
    give_up_privileges()
    drop_capabilities()
    _libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
    abi = restrict_files(Reach([*libraries, *documents]))
    return Confinement(
        no_new_privileges=_libc.prctl(_PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1,
        not_dumpable=_libc.prctl(_PR_GET_DUMPABLE, 0, 0, 0, 0) == 0,
        landlock_abi=abi,
        seccomp=calls.enforce(),
    )


def confine_program(reach: Reach, calls: SystemCallFilter) -> None:
    """Let this process, which is about to become another program, reach these files only.

    As far as the kernel allows it: by Landlock, and by a filter, mostly a ProgramFilter.
    """
    give_up_privileges()
    drop_capabilities()
    restrict_files(reach)
    calls.enforce()


def drop_capabilities() -> None:
    """Drop all capabilities. A process of root keeps the one to read the documents of other users."""
    header = struct.pack("Ii", _CAPABILITY_VERSION_3, 0)
    held = ctypes.create_string_buffer(24)
    if _libc.capget(header, held) == 0:
        kept = struct.unpack_from("I", held, 4)[0] & 1 << _CAP_DAC_READ_SEARCH
        _libc.capset(header, struct.pack("6I", kept, kept, 0, 0, 0, 0))


# --- Landlock ---------------------------------------------------------------------------------------------------------


def get_landlock_abi() -> int:
    """Return the Landlock version of this kernel; 0 if it has none, has it switched off, or a filter refuses the question."""
    return max(0, int(_libc.syscall(_LANDLOCK_CREATE_RULESET, None, 0, _LANDLOCK_GET_VERSION)))


def restrict_files(reach: Reach) -> int:
    """Allow this thread to use these files and folders only. Return Landlock's version, 0 if it failed."""
    abi = get_landlock_abi()
    if not abi:
        return 0
    rights = (1 << max(bits for since, bits in _FILE_RIGHTS.items() if since <= abi)) - 1
    attributes = struct.pack("QQQ", rights, _TCP_RIGHTS if abi >= 4 else 0, _SCOPES if abi >= 6 else 0)
    size = 24 if abi >= 6 else 16 if abi >= 4 else 8
    ruleset = _libc.syscall(_LANDLOCK_CREATE_RULESET, attributes, size, 0)
    if ruleset < 0:
        return 0
    reading = _READ_FILE | _READ_DIR
    try:
        for paths, wanted in (
            (reach.readable, reading),
            (reach.runnable, reading | _EXECUTE),
            (reach.writable, rights & ~_EXECUTE),
        ):
            for path in paths:
                _allow(ruleset, path, wanted & rights)
        return abi if _libc.syscall(_LANDLOCK_RESTRICT_SELF, ruleset, 0) == 0 else 0
    finally:
        os.close(ruleset)


def find_library_paths() -> list[Path]:
    """Return what the interpreter and its libraries may load later: the loaded packages, and the folders that hold libraries.

    Of a checkout, and of any other folder of ``sys.path``, only the loaded packages are returned: documents may lie beside
    them.
    """
    loaded = [Path(path) for name, module in list(sys.modules.items()) if "." not in name for path in _package_folders(module)]
    kept = [Path(folder) for folder in sys.path if Path(folder).name in ("site-packages", "dist-packages")]
    python = [Path(sysconfig.get_path(name)) for name in ("stdlib", "platstdlib", "purelib", "platlib")]
    places = [*loaded, *kept, *python, *map(Path, SYSTEM_LIBRARIES)]
    found = sorted({place.resolve() for place in places if place.exists()})
    return [place for place in found if not any(parent in found for parent in place.parents)]


def _package_folders(module: ModuleType) -> Iterable[str]:
    """Return the folders of a package; none for a module that is one file."""
    return getattr(module, "__path__", ())


def _allow(ruleset: int, path: Path, rights: int) -> None:
    """Allow these rights on a file, or on a folder with all that is in it. Nothing happens if it does not exist."""
    with suppress(OSError):
        place = os.open(path, os.O_PATH | os.O_CLOEXEC)
        try:
            if not stat.S_ISDIR(os.fstat(place).st_mode):
                rights &= _READ_FILE | _WRITE_FILE | _TRUNCATE | _EXECUTE
            _libc.syscall(_LANDLOCK_ADD_RULE, ruleset, _LANDLOCK_PATH_BENEATH, struct.pack("=Qi", rights, place), 0)
        finally:
            os.close(place)


# --- seccomp ----------------------------------------------------------------------------------------------------------

# Numbers on (x86_64, aarch64); None for a call that the architecture does not have.
_ALLOWED: dict[str, tuple[int | None, int | None]] = {
    "read": (0, 63), "write": (1, 64), "close": (3, 57), "stat": (4, None), "fstat": (5, 80), "lstat": (6, None),
    "poll": (7, None), "lseek": (8, 62), "mmap": (9, 222), "mprotect": (10, 226), "munmap": (11, 215), "brk": (12, 214),
    "rt_sigaction": (13, 134), "rt_sigprocmask": (14, 135), "rt_sigreturn": (15, 139), "pread64": (17, 67),
    "readv": (19, 65), "writev": (20, 66), "access": (21, None), "select": (23, None), "sched_yield": (24, 124),
    "mremap": (25, 216), "madvise": (28, 233), "dup": (32, 23), "dup2": (33, None), "nanosleep": (35, 101),
    "getpid": (39, 172), "sendto": (44, 206), "recvfrom": (45, 207), "sendmsg": (46, 211), "recvmsg": (47, 212),
    "shutdown": (48, 210), "exit": (60, 93), "uname": (63, 160), "getcwd": (79, 17), "readlink": (89, None),
    "gettimeofday": (96, 169), "getrusage": (98, 165), "sysinfo": (99, 179), "times": (100, 153), "getuid": (102, 174),
    "getgid": (104, 176), "geteuid": (107, 175), "getegid": (108, 177), "getppid": (110, 173), "sigaltstack": (131, 132),
    "arch_prctl": (158, None), "gettid": (186, 178), "time": (201, None), "futex": (202, 98), "sched_getaffinity": (204, 123),
    "getdents64": (217, 61), "set_tid_address": (218, 96), "restart_syscall": (219, 128), "clock_gettime": (228, 113),
    "clock_getres": (229, 114), "clock_nanosleep": (230, 115), "exit_group": (231, 94), "newfstatat": (262, 79),
    "readlinkat": (267, 78), "faccessat": (269, 48), "pselect6": (270, 72), "ppoll": (271, 73),
    "set_robust_list": (273, 99), "eventfd2": (290, 19), "dup3": (292, 24), "pipe2": (293, 59), "preadv": (295, 69),
    "getrandom": (318, 278), "membarrier": (324, 283), "statx": (332, 291), "rseq": (334, 293), "close_range": (436, 436),
    "faccessat2": (439, 439),
}  # fmt: skip
_CLONE, _OPEN, _OPENAT, _IOCTL, _FCNTL = (56, 220), (2, None), (257, 56), (16, 29), (72, 25)
_TGKILL, _PRLIMIT = (234, 131), (302, 261)
_CLONE3, _OPENAT2, _PRCTL, _SOCKET = (435, 435), (437, 437), (157, 167), (41, 198)
_REFUSED_TO_PROGRAMS: dict[str, tuple[int | None, int | None]] = {
    "fork": (57, None), "vfork": (58, None), "execveat": (322, 281), "ptrace": (101, 117), "kill": (62, 129),
    "tkill": (200, 130), "connect": (42, 203), "mount": (165, 40), "umount2": (166, 39),
    "pivot_root": (155, 41), "chroot": (161, 51), "unshare": (272, 97), "setns": (308, 268), "add_key": (248, 217),
    "request_key": (249, 218), "keyctl": (250, 219), "open_by_handle_at": (304, 265), "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271), "bpf": (321, 280), "perf_event_open": (298, 241), "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425), "pidfd_open": (434, 434), "pidfd_getfd": (438, 438), "pidfd_send_signal": (424, 424),
    "init_module": (175, 105), "finit_module": (313, 273),
}  # fmt: skip
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_ACCESS, _FACCESSAT, _FACCESSAT2 = (21, None), (269, 48), (439, 439)
_AF_UNIX = 1
_STREAM_SOCKETS = (1, 1 | os.O_CLOEXEC, 1 | os.O_NONBLOCK, 1 | os.O_CLOEXEC | os.O_NONBLOCK)
"""SOCK_STREAM with any flags. Datagrams could be sent to the sockets of others without ``connect``."""
_HARMLESS_IOCTLS = (0x5401, 0x541B, 0x5421)
"""TCGETS, FIONREAD and FIONBIO. Others could type into the terminal."""
_SIGNALLING_FCNTLS = (8, 10, 15)
"""F_SETOWN, F_SETSIG and F_SETOWN_EX: they cause signals to other processes."""
_ARCHITECTURES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}
"""By ``platform.machine()``: the column above, and AUDIT_ARCH."""
_X32 = 0x40000000
"""Bit of the system call numbers of the x32 ABI, which are refused."""

_LOAD, _JUMP_EQUAL, _JUMP_AT_LEAST, _JUMP_ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW, _KILL_PROCESS, _REFUSE = 0x7FFF0000, 0x80000000, 0x00050000
_NUMBER, _ARCH, _ARGUMENTS = 0, 4, 16

Instruction = tuple[int, int, int, int]
"""Code, jump if true, jump if false, and operand of a BPF instruction."""


class SystemCallFilter:
    """Allows the system calls of ``_ALLOWED``, and some others with harmless arguments. Made once, for many processes.

    A refusal is EPERM, which libraries handle as a refusal. Newer calls with their flags in memory, where no filter can read
    them, are ENOSYS, so that the C library falls back to the older calls.
    """

    def __init__(self, machine: str) -> None:
        """Prepare the filter. There is none for an architecture whose system call numbers are not known."""
        known = _ARCHITECTURES.get(machine)
        self._column = known[0] if known else None
        self._code = _encode(_common_rules(*known)) if known else b""

    def enforce(self) -> bool:
        """Put the filter in force for this thread and those that it starts. Return whether the kernel accepted it."""
        code = self.code_for(os.getpid())
        program = ctypes.create_string_buffer(code, len(code))
        header = struct.pack("HxxxxxxQ", len(code) // 8, ctypes.addressof(program))
        return bool(code) and bool(_libc.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, header, 0, 0) == 0)

    def code_for(self, pid: int) -> bytes:
        """Return the program for one process, which may send signals to itself; empty if there is none."""
        if self._column is None:
            return b""
        to_itself = _only_if(0, [(_JUMP_EQUAL, 0, 0, pid)])
        return self._code + _encode([*_if_called(_TGKILL[self._column], to_itself), (_RETURN, 0, 0, _REFUSE | errno.EPERM)])


class ProgramFilter(SystemCallFilter):
    """Allows a program all system calls but those in ``_REFUSED_TO_PROGRAMS``: the network, other processes, the kernel.

    It cannot start a process, so it ends with its parent, by a signal that it cannot switch off either. It may listen at a
    socket in its folder, as LibreOffice does at its start, and connect to none.
    """

    def __init__(self, machine: str) -> None:
        """Prepare the filter. There is none for an architecture whose system call numbers are not known."""
        super().__init__(machine)
        known = _ARCHITECTURES.get(machine)
        self._code = _encode(_program_rules(*known)) if known else b""

    def code_for(self, pid: int) -> bytes:
        """Return the program for one process, which may send signals to itself; empty if there is none."""
        if self._column is None:
            return b""
        to_itself = _only_if(0, [(_JUMP_EQUAL, 0, 0, pid)])
        return self._code + _encode([*_if_called(_TGKILL[self._column], to_itself), (_RETURN, 0, 0, _ALLOW)])


def _encode(instructions: Iterable[Instruction]) -> bytes:
    """Return the instructions as the kernel reads them."""
    return b"".join(struct.pack("HBBI", *instruction) for instruction in instructions)


def _common_rules(column: int, architecture: int) -> list[Instruction]:
    """Return all instructions for an opener except those that name the process."""
    rules = _first_rules(column, architecture)
    for numbers in _ALLOWED.values():
        rules += _if_called(numbers[column], [(_RETURN, 0, 0, _ALLOW)])
    rules += _if_called(_OPENAT2[column], [(_RETURN, 0, 0, _REFUSE | errno.ENOSYS)])
    rules += _if_called(_OPEN[column], _unless(1, [(_JUMP_ANY_BIT, 0, 0, _WRITING)], errno.EACCES))
    rules += _if_called(_OPENAT[column], _unless(2, [(_JUMP_ANY_BIT, 0, 0, _WRITING)], errno.EACCES))
    rules += _if_called(_IOCTL[column], _only_if(1, [(_JUMP_EQUAL, 0, 0, one) for one in _HARMLESS_IOCTLS]))
    rules += _if_called(_FCNTL[column], _unless(1, [(_JUMP_EQUAL, 0, 0, one) for one in _SIGNALLING_FCNTLS], errno.EPERM))
    return rules + _if_called(_PRLIMIT[column], _only_if(0, [(_JUMP_EQUAL, 0, 0, 0)]))


def _program_rules(column: int, architecture: int) -> list[Instruction]:
    """Return all instructions for another program except those that name the process."""
    rules = _first_rules(column, architecture)
    for numbers in _REFUSED_TO_PROGRAMS.values():
        rules += _if_called(numbers[column], [(_RETURN, 0, 0, _REFUSE | errno.EPERM)])
    for numbers, argument in ((_ACCESS, 1), (_FACCESSAT, 2), (_FACCESSAT2, 2)):
        rules += _if_called(numbers[column], _unless(argument, [(_JUMP_EQUAL, 0, 0, os.W_OK)], errno.EACCES))
    is_local = _only_if(0, [(_JUMP_EQUAL, 0, 0, _AF_UNIX)])
    rules += _if_called(_SOCKET[column], [*_require(1, _STREAM_SOCKETS), *is_local])
    return rules + _if_called(_PRCTL[column], _unless(0, [(_JUMP_EQUAL, 0, 0, _PR_SET_PDEATHSIG)], errno.EPERM))


def _first_rules(column: int, architecture: int) -> list[Instruction]:
    """Return the instructions that refuse other architectures, and new processes but not new threads."""
    return [
        (_LOAD, 0, 0, _ARCH),
        (_JUMP_EQUAL, 1, 0, architecture),
        (_RETURN, 0, 0, _KILL_PROCESS),
        (_LOAD, 0, 0, _NUMBER),
        (_JUMP_AT_LEAST, 0, 1, _X32),
        (_RETURN, 0, 0, _REFUSE | errno.EPERM),
        *_if_called(_CLONE3[column], [(_RETURN, 0, 0, _REFUSE | errno.ENOSYS)]),
        *_if_called(_CLONE[column], _only_if(0, [(_JUMP_ANY_BIT, 0, 0, _CLONE_THREAD)])),
    ]


def _if_called(number: int | None, then: list[Instruction]) -> list[Instruction]:
    """Return instructions that run ``then``, which returns, for one system call."""
    return [] if number is None else [(_JUMP_EQUAL, 0, len(then), number), *then]


def _require(argument: int, values: Sequence[int]) -> list[Instruction]:
    """Refuse the call if an argument has none of these values; otherwise go on with what follows."""
    tests = [(_JUMP_EQUAL, len(values) - place, 0, value) for place, value in enumerate(values)]
    return [(_LOAD, 0, 0, _ARGUMENTS + 8 * argument), *tests, (_RETURN, 0, 0, _REFUSE | errno.EPERM)]


def _only_if(argument: int, tests: list[Instruction]) -> list[Instruction]:
    """Allow the call if one of the tests of an argument's lower half holds.

    The upper half of these arguments has no meaning.
    """
    return _decide(argument, tests, _ALLOW, _REFUSE | errno.EPERM)


def _unless(argument: int, tests: list[Instruction], error: int) -> list[Instruction]:
    """Refuse the call with ``error`` if one of the tests of an argument's lower half holds."""
    return _decide(argument, tests, _REFUSE | error, _ALLOW)


def _decide(argument: int, tests: list[Instruction], found: int, otherwise: int) -> list[Instruction]:
    """Return ``found`` if one of the tests of an argument's lower half holds, else ``otherwise``."""
    jumps = [(code, len(tests) - place, 0, value) for place, (code, _, _, value) in enumerate(tests)]
    load = (_LOAD, 0, 0, _ARGUMENTS + 8 * argument)
    return [load, *jumps, (_RETURN, 0, 0, otherwise), (_RETURN, 0, 0, found)]
