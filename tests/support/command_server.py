"""Starts programs with their modules loaded: ``python -m tests.support.command_server PROGRAM SOCKET ROOM``.

Each is a process of its own, with the arguments, folder, environment and standard streams of whoever calls. Loading takes as
long as most commands run, and more than half of a service's start. The server ends when its standard input is closed.
"""

from __future__ import annotations

import array
import atexit
import contextlib
import gc
import marshal
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from pkgutil import iter_modules
from typing import Any, NoReturn, get_args

from document_parser.models import FacadeName
from document_parser.settings import Settings, StoreSettings, cap_threads
from tests.support.forked_process import ForkedProcess
from tests.support.forked_zygote import fork_here, fork_zygotes, modules_of_opener, prepare, run_zygote, wait_for_adoption
from tests.support.proc_title import show

CALLED_FOR = (
    "document_parser.accounts.database",
    "document_parser.accounts.schema",
    "document_parser.engines.rapidocr.networks",
)
"""What commands load besides their own modules."""
SERVED_BY = (
    "gunicorn.app.wsgiapp",
    "document_parser.api.server.options",
    "document_parser.api.server.worker_class",
    "document_parser.api.server.logger",
    "document_parser.api.factory",
    *(f"document_parser.api.compat.{name}" for name in get_args(FacadeName)),
)
"""What the web server and its workers load."""

SUPERVISOR, POOL = "document_parser.supervisor.supervisor", "document_parser.worker"
"""What the web server starts, and what that starts."""
FLUSH_FAILED = 120
"""The status with which Python ends where nobody reads what it has written."""
LIBRARIES = ("gunicorn",)
"""Packages whose ``__main__`` is run, and which stay what they are called."""
NEEDED_BY_THE_SWEEPER = ("document_parser.workers.flush_accounts",)


def modules_of_supervisor() -> list[str]:
    """What the supervisor loads, and its pool before it forks its workers."""
    from document_parser.workers.pool import PRELOADED

    return [SUPERVISOR, "document_parser.supervisor.valkey", POOL, *PRELOADED, *NEEDED_BY_THE_SWEEPER, *modules_of_opener()]


def modules_of_commands() -> list[str]:
    from document_parser import cli
    from document_parser.cli import checks

    found = [f"{package.__name__}.{module.name}" for package in (cli, checks) for module in iter_modules(package.__path__)]
    return [*found, *CALLED_FOR, *modules_of_opener()]


def run_command(arguments: list[str]) -> None:
    from document_parser import cli

    fork_zygotes(fork_here)
    sys.argv = ["docparse", *arguments]
    cli.main()


def run_module(command: list[str]) -> None:
    """What ``python -m MODULE ARGUMENT ...`` does, after its start."""
    _, _, module, *arguments = command
    show(command)
    if module not in LIBRARIES:
        sys.modules.pop(module, None)  # it is called __main__
    sys.argv = ["-m", *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


def run_service(command: list[str]) -> None:
    """The web server, whose first argument is the socket at which its supervisor is forked."""
    socket_of_supervisors, *shown = command

    def start(command: list[str], **options: Any) -> Any:
        if command[1:3] != ["-m", SUPERVISOR]:
            return started(command, **options)
        with Path(os.devnull).open("rb") as nothing:
            return ForkedProcess(Path(socket_of_supervisors), command, Path.cwd(), os.environ, (nothing.fileno(), 1, 2))

    from gunicorn.config import Chdir

    Chdir.default = str(Path.cwd())  # gunicorn takes its folder while it loads, and looks for its configuration there
    started, subprocess.Popen = subprocess.Popen, start  # type: ignore[misc,assignment]
    run_module(shown)


def run_supervisor(command: list[str]) -> None:
    """The supervisor, which forks its pool; or a pool by itself, which forks its supervisor if it needs one."""

    def start(command: list[str], **options: Any) -> Any:
        return ForkedChild(command) if command[1:3] in (["-m", POOL], ["-m", SUPERVISOR]) else started(command, **options)

    started, subprocess.Popen = subprocess.Popen, start  # type: ignore[misc,assignment]
    lead(command)
    run_module(command)


def lead(command: list[str]) -> None:
    """What is different for the two: a supervisor has a session of its own, a pool a zygote."""
    if command[2] == SUPERVISOR:
        os.setsid()
    else:
        fork_zygotes(fork_here)


class ForkedChild:
    """A child that runs a module, with what of ``subprocess.Popen`` the supervisor uses."""

    def __init__(self, command: list[str]) -> None:
        assert threading.active_count() == 1
        self.args = command
        self.returncode: int | None = None
        self.pid = os.fork()
        if self.pid == 0:
            run_to_the_end(run_as_child, command)

    def poll(self) -> int | None:
        if self.returncode is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            self.returncode = os.waitstatus_to_exitcode(status) if pid else None
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        deadline = time.monotonic() + (timeout or 1e9)
        while (code := self.poll()) is None:
            if time.monotonic() > deadline:
                raise subprocess.TimeoutExpired(self.args, timeout or 0)
            time.sleep(0.02)
        return code

    def terminate(self) -> None:
        if self.poll() is None:
            os.kill(self.pid, signal.SIGTERM)

    def kill(self) -> None:
        if self.poll() is None:
            os.kill(self.pid, signal.SIGKILL)


def run_as_child(command: list[str]) -> None:
    """Run a module in a child just forked, with nothing of its parent that a program would not have which it starts."""
    lead(command)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    os.closerange(3, os.sysconf("SC_OPEN_MAX"))
    with Path(os.devnull).open("rb") as nothing:
        os.dup2(nothing.fileno(), 0)
    run_module(command)


def run_to_the_end(run: Callable[[list[str]], None], given: list[str]) -> NoReturn:
    """Run and end as Python ends a program, but for freeing all that was loaded: a process just forked would copy it first."""
    status: object = None
    try:
        run(given)
    except SystemExit as end:
        status = end.code
    except BaseException as error:  # noqa: BLE001 - what Python itself does at the end of a program
        sys.excepthook(type(error), error, error.__traceback__)
        status = 1
        if isinstance(error, KeyboardInterrupt):
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            os.kill(os.getpid(), signal.SIGINT)
    if not (status is None or isinstance(status, int)):
        sys.stderr.write(f"{status}\n")
        status = 1
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except OSError:
        status = status or FLUSH_FAILED
    os._exit(int(status or 0) & 0xFF)


PROGRAMS: dict[str, tuple[Callable[[], list[str]], Callable[[list[str]], None]]] = {
    "docparse": (modules_of_commands, run_command),
    "service": (lambda: list(SERVED_BY), run_service),
    "supervisor": (modules_of_supervisor, run_supervisor),
    "opener": (modules_of_opener, run_zygote),
}
OPENING = ("docparse", "supervisor", "opener")
"""Programs of which zygotes are forked."""
OUTLIVING = ("supervisor",)
"""Programs that live on when who called for them ends."""
ADOPTED = ("opener",)
"""Programs whose parent becomes who called for them."""


def go_through_a_start(program: str) -> None:
    """Do once what each service does at its start, and what its libraries load and prepare at its first use: the app of the web
    workers, and the tables of the database.
    """
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(store=StoreSettings(data_dir=Path(folder), redis_url=""))
        if program == "service":
            from flask.logging import default_handler

            from document_parser.api.factory import create_app

            app = create_app(settings)
            # No logs are set up here yet, so Flask has given the app a handler, by which services would log all a second time.
            app.logger.removeHandler(default_handler)
        if program == "supervisor":
            from document_parser.accounts.database import Database
            from document_parser.accounts.usage import Usage

            database = Database(settings)
            Usage(database).sums(by=("owner", "day"))
            database.close()
    tempfile.tempdir = None  # each command looks for its own TMPDIR


def load(program: str) -> None:
    """Load a program's modules without a thread, which no forked process would have."""
    modules, _ = PROGRAMS[program]
    cap_threads()
    gc.disable()
    for name in modules():
        __import__(name)
    if program in OPENING:
        prepare()
    go_through_a_start(program)
    gc.enable()
    assert len(list(Path("/proc/self/task").iterdir())) == 1
    gc.collect()
    gc.freeze()


def request(connection: socket.socket) -> tuple[list[str], str, dict[bytes, bytes], array.array[int]]:
    """Arguments, folder, environment and standard streams of a call."""
    streams = array.array("i", bytes(3 * array.array("i").itemsize))
    size, ancillary, _, _ = connection.recvmsg(8, socket.CMSG_SPACE(len(streams.tobytes())))
    streams = array.array("i", ancillary[0][2])
    called = connection.recv(int.from_bytes(size, "little"), socket.MSG_WAITALL)
    return (*marshal.loads(called), streams)


def look_after(connection: socket.socket, command: int, *, outlives: bool) -> None:
    """Tell the caller of the command's process and of its end. The command ends with its caller, however that ends, unless it
    is to outlive it.
    """
    connection.sendall(command.to_bytes(4, "little"))
    handle = os.pidfd_open(command)
    ready, _, _ = select.select([handle] if outlives else [connection, handle], [], [])
    if handle not in ready:
        signal.pidfd_send_signal(handle, signal.SIGKILL)
    _, status = os.waitpid(command, 0)
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # the caller has ended
        connection.sendall(status.to_bytes(4, "little"))


def serve(listener: socket.socket, program: str) -> list[str]:
    """Answer calls until standard input is closed; in a command's process return the command's arguments."""
    started: list[int] = []
    while True:
        ready, _, _ = select.select([listener, sys.stdin.fileno()], [], [])
        started = [pid for pid in started if os.waitpid(pid, os.WNOHANG) == (0, 0)]
        if listener not in ready:
            os._exit(0)
        connection, _ = listener.accept()
        pid = os.fork()
        if pid == 0:
            break
        started.append(pid)
        connection.close()
    listener.close()
    arguments, folder, environment, streams = request(connection)
    parent, command = os.getpid(), os.fork()
    if command:
        for stream in (*streams, *range(3)):
            os.close(stream)
        if program in ADOPTED:
            connection.sendall(command.to_bytes(4, "little"))
        else:
            look_after(connection, command, outlives=program in OUTLIVING)
        os._exit(0)
    if program in ADOPTED:
        wait_for_adoption(connection, parent)
    connection.close()
    for standard, stream in enumerate(streams):
        os.dup2(stream, standard)
        os.close(stream)
    os.chdir(folder)
    os.environb.clear()
    os.environb.update(environment)
    time.tzset()
    return arguments


if __name__ == "__main__":
    called = sys.argv[1]
    load(called)
    with socket.socket(socket.AF_UNIX) as waiting:
        waiting.bind(f"{sys.argv[2]}.new")
        waiting.listen(64)
        Path(f"{sys.argv[2]}.new").rename(sys.argv[2])
        given = serve(waiting, called)
    run_to_the_end(PROGRAMS[called][1], given)
