"""Make the processes of one service end together: parent-death signals, pidfds, and locks that a fork does not inherit."""

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

    ``parent`` is the pid of the process that the caller expects as its parent. If that has ended before the call, this process
    ends at once. Raises OSError.
    """
    if _libc.prctl(_PR_SET_PDEATHSIG, int(sig), 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG)")
    if os.getppid() != parent:
        os._exit(1)


def name_process(name: str) -> None:
    """Set the name that ``ps -o comm`` shows for this process; the kernel keeps 15 bytes."""
    _libc.prctl(_PR_SET_NAME, name.encode())


def start_time(pid: int) -> str:
    """Return the start time of a process in clock ticks since boot. Together with the pid it is unique.

    Raises ProcessLookupError if there is no such process.
    """
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        raise ProcessLookupError(pid) from None
    return stat.rpartition(")")[2].split()[19]


def resident_bytes() -> int:
    """Return the resident memory of this process in bytes, including pages shared with other processes."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE_BYTES


class WatchedProcess:
    """Watches another process through a pidfd, so that a reused pid cannot be mistaken for it."""

    def __init__(self, pid: int) -> None:
        """Open the pidfd. Raises ProcessLookupError if there is no such process."""
        self.pid = pid
        self.fd = os.pidfd_open(pid)

    def has_ended(self, wait_seconds: float = 0.0) -> bool:
        """Wait up to ``wait_seconds`` for the process to end. Return whether it has ended."""
        poll = select.poll()
        poll.register(self.fd, select.POLLIN)
        return bool(poll.poll(wait_seconds * 1000))

    def close(self) -> None:
        """Close the pidfd."""
        os.close(self.fd)


class Lock:
    """An exclusive lock on a file between processes of one host; the file has a line of text about the holder.

    It uses POSIX record locks: they are released when the process ends in any way, and a fork does not inherit them.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._fd: int | None = None

    def acquire(self, note: str) -> bool:
        """Take the lock without waiting and write ``note`` into the file. Return False if another process has the lock.

        Raises OSError if the file cannot be written.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True)
        fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.lockf(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(fd)
            return False
        try:
            os.ftruncate(fd, 0)
            os.pwrite(fd, note.encode(), 0)
        except OSError:
            os.close(fd)
            raise
        self._fd = fd
        return True

    def holder(self) -> str | None:
        """Return the note of the process that holds the lock, None if none does. Raises OSError if the file is unreadable.

        The holder itself must not call this: closing the file would release its lock, as POSIX defines it.
        """
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
        """Release the lock if this process holds it."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.release()
