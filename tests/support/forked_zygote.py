"""Zygotes of the openers that are forked from a process which has loaded their modules: loading is half of a service's start.

The pool of a service and ``docparse``, which have loaded them themselves, fork them (``fork_here``). The process of the tests
has them forked by a server (``fork_elsewhere``) and adopts them, so that nothing of the tests is in their memory. They are to
their parent and to the system what ``document_parser.sources.zygote`` starts, with the memory of another parent.
"""

from __future__ import annotations

import ctypes
import marshal
import os
import runpy
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

from document_parser.settings.process import OPENER_VARIABLES
from document_parser.sources.zygote import OPENER_MODULE
from tests.support.preloaded import socket_of
from tests.support.proc_title import show

Fork = Callable[[list[str], Mapping[str, str], int, Sequence[int]], int]
"""Forks a zygote with this command line, environment, descriptor 0 and these signals blocked; returns its pid."""

LOADED_WITH = {name: os.environ.get(name) for name in OPENER_VARIABLES if name != "DATA_DIR"}
"""What Python and the libraries read as they start."""
_PR_SET_CHILD_SUBREAPER = 36
_ADOPTED = b"!"
_libc = ctypes.CDLL(None, use_errno=True)


def modules_of_opener() -> list[str]:
    return [OPENER_MODULE]


def prepare() -> None:
    """Do once what each zygote does at its start and while it waits: libraries load parts of themselves late."""
    from PIL import Image

    from document_parser.sources.base import OpenerLimits
    from document_parser.sources.warm_up import Preparation, warm_up

    Image.preinit()
    warm_up()
    preparation = Preparation(OpenerLimits())
    while not preparation.is_done:
        preparation.prepare_next()


def fork_zygotes(fork: Fork) -> Callable[[], None]:
    """Have zygotes forked instead of started, where they would start with the same environment. Returns what ends that."""
    started = os.posix_spawn

    def start(program: Any, command: Sequence[str], environment: Mapping[str, str], **options: Any) -> int:
        is_zygote = list(command[1:4]) == ["-P", "-m", OPENER_MODULE]
        if not is_zygote or any(environment.get(name) != value for name, value in LOADED_WITH.items()):
            return started(program, command, environment, **options)
        ((_, control, _),) = options["file_actions"]
        return fork(list(command), environment, control, options["setsigmask"])

    def end() -> None:
        os.posix_spawn = started

    os.posix_spawn = start  # type: ignore[assignment]
    return end


def fork_here(command: list[str], environment: Mapping[str, str], control: int, blocked: Sequence[int]) -> int:
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, blocked)
    pid = os.fork()
    if pid == 0:
        os.dup2(control, 0)
        os.environ.clear()
        os.environ.update(environment)
        run_zygote(command)
    signal.pthread_sigmask(signal.SIG_SETMASK, mask)
    return pid


def fork_elsewhere(command: list[str], environment: Mapping[str, str], control: int, blocked: Sequence[int]) -> int:
    """Have it forked by a server of this process. Whoever forks it there ends, and this process is its parent from then on."""
    server = socket_of("opener")
    encoded = {os.fsencode(name): os.fsencode(value) for name, value in environment.items()}
    called = marshal.dumps((command, str(Path.cwd()), encoded))
    with socket.socket(socket.AF_UNIX) as connection, _adopting():
        connection.connect(str(server))
        socket.send_fds(connection, [len(called).to_bytes(8, "little")], [control, 1, 2])
        connection.sendall(called)
        pid = int.from_bytes(connection.recv(4, socket.MSG_WAITALL), "little")
        if connection.recv(1) != _ADOPTED:
            raise OSError(f"{command} does not start")
    return pid


@contextmanager
def _adopting() -> Iterator[None]:
    """Processes further down that lose their parent become children of this one."""
    _libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    try:
        yield
    finally:
        _libc.prctl(_PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)


def wait_for_adoption(connection: socket.socket, forked_by: int) -> None:
    """Wait until this process has another parent than the one that has forked it, and tell it so."""
    while os.getppid() == forked_by:
        time.sleep(0.0005)
    connection.sendall(_ADOPTED)


def run_zygote(command: list[str]) -> NoReturn:
    """What ``python -P -m MODULE ARGUMENT`` does after its start, in a process just forked. It closes what it inherits."""
    try:
        show(command)
        sys.modules.pop(OPENER_MODULE, None)  # it is called __main__
        sys.argv = ["-m", command[-1]]
        runpy.run_module(OPENER_MODULE, run_name="__main__", alter_sys=True)
    except BaseException:  # noqa: BLE001 - what Python itself does at the end of a program
        sys.excepthook(*sys.exc_info())  # type: ignore[arg-type]
    finally:
        os._exit(1)
