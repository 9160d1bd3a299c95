"""Calls ``docparse`` through ``tests.support.command_server``: ``python -I -S command_caller.py SOCKET ARGUMENT ...``.

This process stands for the command: signals go to it, and it ends as the command ends.
"""

import marshal
import os
import signal
import socket
import sys

PASSED_ON = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)

with socket.socket(socket.AF_UNIX) as server:
    server.connect(sys.argv[1])
    called = marshal.dumps((sys.argv[2:], os.getcwd(), dict(os.environb)))  # noqa: PTH109 - pathlib takes as long as all of this
    socket.send_fds(server, [len(called).to_bytes(8, "little")], [0, 1, 2])
    server.sendall(called)
    command = int.from_bytes(server.recv(4), "little")
    for number in PASSED_ON:
        signal.signal(number, lambda passed_on, _: os.kill(command, passed_on))
    for stream in range(3):
        os.close(stream)
    status = int.from_bytes(server.recv(4), "little")
if os.WIFSIGNALED(status):
    signal.signal(os.WTERMSIG(status), signal.SIG_DFL)
    os.kill(os.getpid(), os.WTERMSIG(status))
os._exit(os.waitstatus_to_exitcode(status))
