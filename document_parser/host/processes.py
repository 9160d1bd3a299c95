"""How processes of one service end together: parent-death signals, pidfds, and locks that a fork does not inherit."""

from __future__ import annotations

import ctypes
import fcntl
import os
import select
import signal
from pathlib import Path
from types import TracebackType
from typing import Self

_PR_SET_PDEATHSIG = 1
_PR_SET_NAME = 15
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_libc = ctypes.CDLL(None, use_errno=True)


def die_with_parent(parent: int, sig: signal.Signals = signal.SIGKILL) -> None:
    """Ask the kernel to send ``sig`` to this process when the thread that started it ends.

    ``parent`` is the pid the caller believes to be its parent: where that one has ended before the call, this process ends
    at once.
    """
    if _libc.prctl(_PR_SET_PDEATHSIG, int(sig), 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG)")
    if os.getppid() != parent:
        os._exit(1)


def name_process(name: str) -> None:
    """What ``ps -o comm`` shows for this process; the kernel keeps 15 bytes."""
    _libc.prctl(_PR_SET_NAME, name.encode())


def start_time(pid: int) -> str:
    """Start time of a process in clock ticks since boot; with the pid it names a process for good.

    Raises ProcessLookupError where there is none.
    """
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        raise ProcessLookupError(pid) from None
    return stat.rpartition(")")[2].split()[19]


def resident_bytes() -> int:
    """Memory that this process holds now, pages shared with others included."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE_BYTES


class WatchedProcess:
    """Another process, held by pidfd so that its pid cannot come to mean a different one."""

    def __init__(self, pid: int) -> None:
        """Raises ProcessLookupError where there is no such process."""
        self.pid = pid
        self.fd = os.pidfd_open(pid)

    def ended(self, wait_seconds: float = 0.0) -> bool:
        """Whether it has ended, waiting up to ``wait_seconds`` for that."""
        poll = select.poll()
        poll.register(self.fd, select.POLLIN)
        return bool(poll.poll(wait_seconds * 1000))

    def close(self) -> None:
        os.close(self.fd)


class Lock:
    """An exclusive lock on a file between processes of one host, with a line of text about its holder.

    POSIX record locks: given up when the process ends however it ends, and not inherited over fork.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._fd: int | None = None

    def acquire(self, note: str) -> bool:
        """Take the lock without waiting; False where another process has it."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.lockf(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(fd)
            return False
        os.ftruncate(fd, 0)
        os.pwrite(fd, note.encode(), 0)
        self._fd = fd
        return True

    def holder(self) -> str | None:
        """The note of whoever holds the lock now, None where nobody does."""
        try:
            fd = os.open(self.path, os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        try:
            fcntl.lockf(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return os.pread(fd, 200, 0).decode()
        else:
            return None
        finally:
            os.close(fd)

    def release(self) -> None:
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.release()
