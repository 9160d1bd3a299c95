"""Starts commands of ``docparse`` with their modules loaded: ``python -m tests.support.command_server SOCKET``.

Each command is a process of its own, with the arguments, folder, environment and standard streams of whoever calls. Loading
takes as long as most of these commands run. The server ends when its standard input is closed.
"""

from __future__ import annotations

import array
import gc
import marshal
import os
import select
import signal
import socket
import sys
from pathlib import Path
from pkgutil import iter_modules

from document_parser import cli
from document_parser.cli import checks
from document_parser.settings import cap_threads

CALLED_FOR = (
    "document_parser.accounts.database",
    "document_parser.accounts.schema",
    "document_parser.engines.rapidocr.networks",
)
"""What commands load besides their own modules."""


def load() -> None:
    """Load what commands load, without a thread, which no forked process would have."""
    cap_threads()
    found = [f"{package.__name__}.{module.name}" for package in (cli, checks) for module in iter_modules(package.__path__)]
    for name in (*found, *CALLED_FOR):
        __import__(name)
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


def look_after(connection: socket.socket, command: int) -> int:
    """Tell the caller of the command's process and of its end. The command ends with its caller, however that ends."""
    connection.sendall(command.to_bytes(4, "little"))
    handle = os.pidfd_open(command)
    ready, _, _ = select.select([connection, handle], [], [])
    if handle not in ready:
        signal.pidfd_send_signal(handle, signal.SIGKILL)
    _, status = os.waitpid(command, 0)
    connection.sendall(status.to_bytes(4, "little"))
    return status


def serve(listener: socket.socket) -> list[str]:
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
    command = os.fork()
    if command:
        for stream in (*streams, *range(3)):
            os.close(stream)
        look_after(connection, command)
        os._exit(0)
    connection.close()
    for standard, stream in enumerate(streams):
        os.dup2(stream, standard)
        os.close(stream)
    os.chdir(folder)
    os.environb.clear()
    os.environb.update(environment)
    return arguments


if __name__ == "__main__":
    load()
    with socket.socket(socket.AF_UNIX) as waiting:
        waiting.bind(f"{sys.argv[1]}.new")
        waiting.listen(64)
        Path(f"{sys.argv[1]}.new").rename(sys.argv[1])
        given = serve(waiting)
    sys.argv = ["docparse", *given]
    cli.main()
