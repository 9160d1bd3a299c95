"""Start a service of one's own for an assistant, if no server is named: nothing has to run before.

It listens on a free port of this machine and ends with this process. Its documents lie in DATA_DIR as those of any service, so
that they are there at the next start, and for other services of the same DATA_DIR.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

import httpx2

from document_parser.errors import ServerUnreachable
from document_parser.host.processes import die_with_parent
from document_parser.settings import Settings
from document_parser.settings.process import environment_of_child, user_data_folder

START_SECONDS = 90.0
"""How long a start may take, in seconds."""
_PAUSE_SECONDS = 0.2
_STOP_SECONDS = 1.0
"""How long the end is waited for, in seconds: assistants kill what does not end soon."""


class LocalService:
    """A service on this machine. ``start`` is to be called in the thread that stays until the process ends."""

    def __init__(self, settings: Settings) -> None:
        """Start nothing yet."""
        self.url = ""
        self._settings = settings
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def runs(self) -> bool:
        """Return whether it was started and has not ended."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start the service, or another one if it has ended. It is not ready at once. Raises OSError."""
        port = _free_port()
        self.url = f"http://127.0.0.1:{port}"
        folder = data_dir(self._settings)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        own = {"API_HOST": "127.0.0.1", "API_PORT": str(port), "DATA_DIR": str(folder)}
        modest = {"WEB_WORKERS": "1", "LOG_LEVEL": "WARNING"}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "document_parser.api"],
            env={**modest, **environment_of_child(**own)},
            stdin=subprocess.DEVNULL,
            # Standard output is for the protocol alone.
            stdout=sys.stderr.fileno(),
            stderr=sys.stderr.fileno(),
            # It ends in order even if this process is killed.
            preexec_fn=partial(die_with_parent, os.getpid(), signal.SIGTERM),
        )

    def wait_until_ready(self, pause: Callable[[float], object] = time.sleep) -> None:
        """Wait until the service takes documents. Raises ServerUnreachable if it does not start."""
        deadline = time.monotonic() + START_SECONDS
        with httpx2.Client(base_url=self.url, timeout=5) as http:
            while self.runs and time.monotonic() < deadline:
                if _is_ready(http):
                    return
                pause(_PAUSE_SECONDS)
        raise ServerUnreachable("The service on this machine did not start. The log of docparse mcp has the reason.")

    def stop(self) -> None:
        """Ask the service to end. It finishes the pages that it reads by itself, also when this process has ended."""
        if self._process is not None and self.runs:
            self._process.terminate()
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(_STOP_SECONDS)


def data_dir(settings: Settings) -> Path:
    """Return DATA_DIR; if none is set, a folder of the user, since assistants start programs in any folder."""
    if "data_dir" in settings.store.model_fields_set:
        return settings.data_dir
    return user_data_folder() / "docparse"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _is_ready(http: httpx2.Client) -> bool:
    try:
        return http.get("/v1/health/ready").status_code == 200
    except httpx2.TransportError:
        return False
