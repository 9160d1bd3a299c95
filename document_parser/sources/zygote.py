"""Start the zygote of the openers from the process that needs it.

A zygote is a program of its own, not a fork. Nothing of its parent is in its memory: no settings, keys or other documents. Its
environment holds only what it needs to run.
"""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import sys
from dataclasses import asdict, dataclass

from document_parser.settings import environment_of_opener
from document_parser.sources.base import OpenerLimits
from document_parser.telemetry import logs

START_TIMEOUT_SECONDS = 60.0
"""For a zygote to load the reading libraries and to fork its first child; it takes one or two seconds on an idle machine."""

OPENER_MODULE = "document_parser.sources.opener"
"""The program that a zygote runs."""
_DEFERRED_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2)
"""They wait until the zygote ignores them: a Ctrl-C while it loads would end it with a traceback."""


@dataclass(frozen=True)
class Zygote:
    """A running zygote, as seen from its parent and from processes forked by the parent since then.

    ``control`` takes ``protocol.FORK_REQUEST`` or a kind, together with one end of a socket pair, for each child; ``handle``
    is a pidfd.
    """

    pid: int
    control: socket.socket
    handle: int

    def is_alive(self) -> bool:
        """Return whether the process still runs."""
        poll = select.poll()
        poll.register(self.handle, select.POLLIN)
        return not poll.poll(0)


def start_zygote(limits: OpenerLimits, module: str = OPENER_MODULE) -> Zygote:
    """Start a zygote. It loads while the caller goes on.

    It ends with the thread that called this, and when no process holds its socket any more. ``module`` is the program that it
    runs. Raises OSError if it cannot be started.
    """
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        argument = json.dumps({"parent": os.getpid(), "limits": asdict(limits), "log_format": logs.configured_format()})
        pid = os.posix_spawn(
            sys.executable,
            [sys.executable, "-P", "-m", module, argument],
            environment_of_opener(),
            file_actions=[(os.POSIX_SPAWN_DUP2, theirs.fileno(), 0)],
            setsigmask=_DEFERRED_SIGNALS,
        )
    ours.settimeout(START_TIMEOUT_SECONDS)
    return Zygote(pid, ours, os.pidfd_open(pid))
