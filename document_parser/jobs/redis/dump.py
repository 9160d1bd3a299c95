"""Copy all keys of a Redis database as of one moment, and write them back.

The moment is made by ``CLIENT PAUSE … WRITE``: clients that write wait, those that read do not. So no script of the ledger
falls between two keys. A snapshot of the server itself (RDB) would need no pause, but rented servers do not give it out.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, NamedTuple

import redis

from document_parser.errors import BackupRefused, BackupTooSlow, RestoreRefused
from document_parser.jobs.redis import clock
from document_parser.jobs.redis.connection import Redis, text

SCAN_COUNT = 500
"""Keys that are asked for at once."""
LIVES_ON = -1
"""What Redis says of a key that does not expire."""
_NEXT_KEYS = """
local scanned = redis.call('SCAN', ARGV[1], 'COUNT', ARGV[2])
local found = {}
for _, key in ipairs(scanned[2]) do
    local value = redis.call('DUMP', key)
    if value then
        table.insert(found, {key, redis.call('PEXPIRETIME', key), value})
    end
end
return {scanned[1], found}
"""


class DumpedKey(NamedTuple):
    """A key and its value as DUMP writes it. ``expires`` is in milliseconds on Redis' clock; LIVES_ON if it does not expire."""

    name: bytes
    expires: int
    value: bytes


@dataclass(frozen=True, slots=True)
class ServerVersion:
    """What a server is: ``valkey`` or ``redis``, and its version."""

    kind: str
    version: str


def server_version(client: Redis) -> ServerVersion:
    """Return what the server is. Raises RedisError."""
    facts = client.info("server")
    kind = text(facts.get("server_name") or ("valkey" if "valkey_version" in facts else "redis"))
    return ServerVersion(kind, text(facts.get(f"{kind}_version") or facts.get("redis_version") or ""))


@contextlib.contextmanager
def paused_writes(client: Redis, max_seconds: float) -> Iterator[None]:
    """Let clients that write wait during the block. The server itself ends the pause after ``max_seconds``.

    Raises BackupTooSlow if the block took longer, because others have written meanwhile; BackupRefused, RedisError.
    """
    started = time.monotonic()
    with refusals(BackupRefused):
        client.client_pause(int(max_seconds * 1000), all=False)
    try:
        yield
        if time.monotonic() - started >= max_seconds:
            raise BackupTooSlow(seconds=max_seconds)
    finally:
        client.client_unpause()


def dump_keys(client: Redis) -> Iterator[DumpedKey]:
    """Yield all keys of the database; some may come twice. Within ``paused_writes`` they are as of one moment.

    Raises BackupRefused, RedisError.
    """
    cursor: Any = b"0"
    while True:
        with refusals(BackupRefused):
            cursor, found = client.execute_command("EVAL_RO", _NEXT_KEYS, 0, cursor, SCAN_COUNT)  # type: ignore[no-untyped-call]
        yield from (DumpedKey(name, int(expires), value) for name, expires, value in found)
        if cursor == b"0":
            return


def restore_keys(client: Redis, keys: Iterable[DumpedKey]) -> Iterator[DumpedKey]:
    """Write keys, and yield those that were written: keys that have expired meanwhile are left out.

    Raises RestoreRefused, RedisError.
    """
    waiting, now = iter(keys), int(clock.seconds(client) * 1000)
    while some := list(islice(waiting, SCAN_COUNT)):
        living = [key for key in some if key.expires == LIVES_ON or key.expires > now]
        with refusals(RestoreRefused), client.pipeline(transaction=False) as pipe:
            for key in living:
                pipe.restore(key.name, max(0, key.expires), key.value, replace=True, absttl=key.expires != LIVES_ON)
            pipe.execute()
        yield from living


@contextlib.contextmanager
def refusals(kind: type[BackupRefused | RestoreRefused]) -> Iterator[None]:
    """Raise this error if the server refuses a command, with the words of the server in its details."""
    try:
        yield
    except redis.ResponseError as error:
        raise kind(reason=str(error)[:200]) from error
