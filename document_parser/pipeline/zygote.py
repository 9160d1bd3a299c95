"""The zygote of the openers, seen from the process that starts it.

It is a program of its own and no fork: nothing of its parent is in its memory, whether settings, keys or other documents, and
its environment holds only what it needs to run.
"""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import sys
from dataclasses import asdict, dataclass

from document_parser import logs
from document_parser.settings import environment_of_opener

FORK_REQUEST = b"fork"
STARTING_SECONDS = 60.0
"""For a zygote to load the reading libraries and to fork its first child; it takes one or two seconds on an idle machine."""

OPENER_MODULE = "document_parser.pipeline.opener"
_DEFERRED_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2)
"""They wait until the zygote ignores them: a Ctrl-C while it loads would end it with a traceback."""


@dataclass(frozen=True)
class OpenerLimits:
    """What an opener child may take: MiB above what it was forked with, seconds a request; million pixels and MiB a picture."""

    memory_mb: int = 1280
    timeout_seconds: float = 60.0
    max_image_megapixels: int = 200
    max_image_memory_mb: int = 1024


@dataclass(frozen=True)
class Zygote:
    """A running zygote, as seen from its parent and whoever that has forked since.

    ``control`` takes FORK_REQUEST together with one end of a socket pair for each child; ``handle`` is a pidfd.
    """

    pid: int
    control: socket.socket
    handle: int

    def alive(self) -> bool:
        poll = select.poll()
        poll.register(self.handle, select.POLLIN)
        return not poll.poll(0)


def start_zygote(limits: OpenerLimits, module: str = OPENER_MODULE) -> Zygote:
    """Start a zygote. It loads while the caller goes on.

    It ends with the thread that called this, and once nobody holds its socket any more. ``module`` is the program that it runs.
    Raises OSError if it cannot be started.
    """
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        told = json.dumps({"parent": os.getpid(), "limits": asdict(limits), "log_format": logs.configured_format()})
        pid = os.posix_spawn(
            sys.executable,
            [sys.executable, "-P", "-m", module, told],
            environment_of_opener(),
            file_actions=[(os.POSIX_SPAWN_DUP2, theirs.fileno(), 0)],
            setsigmask=_DEFERRED_SIGNALS,
        )
    ours.settimeout(STARTING_SECONDS)
    return Zygote(pid, ours, os.pidfd_open(pid))
