"""What a service holds while it has nothing to do: files, keys, processes, connections. More than before is a leak."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from redis import Redis

from benchmarks.usage import Memory

AN_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
ONE_A_QUEUE = ("rq:finished:", "rq:failed:", "rq:canceled:", "rq:queues")
"""RQ's registries, there from a queue's first use on: their entries go with the RQ jobs, which have times to live."""
COUNTED = ("metrics", "pace")
"""One grows with the variety of what is counted, the other holds pages of the last minutes."""
SIZES = {b"zset": "zcard", b"set": "scard", b"hash": "hlen", b"list": "llen", b"stream": "xlen"}


@dataclass(frozen=True)
class Belongings:
    """Counts by name; names of jobs are left out of them."""

    files: Counter[str]
    temporary: Counter[str]
    keys: Counter[str]
    processes: Counter[str]
    connections: int

    def beyond(self, before: Belongings) -> dict[str, Counter[str]]:
        """What there is more of than before, by kind of thing."""
        names = ("files", "temporary", "keys", "processes")
        return {name: getattr(self, name) - getattr(before, name) for name in names}


def belongings(memory: Memory, redis: Redis, data_dir: Path, temporary: Path) -> Belongings:
    return Belongings(
        files=below(data_dir, but="valkey"),
        temporary=below(temporary),
        keys=lasting_keys(redis),
        processes=memory.living(),
        connections=int(redis.info("clients")["connected_clients"]),
    )


def below(folder: Path, but: str = "") -> Counter[str]:
    """Every file and folder below one, but for one folder of it: Valkey's own files change their names.

    Of the cache files only: its folders are named by two digits and stay.
    """
    found = (path for path in folder.rglob("*") if path.is_file() or "cache" not in path.parts)
    paths = (path.relative_to(folder) for path in found)
    return Counter(AN_ID.sub("{id}", str(path)) for path in paths if path.parts[0] != but)


def lasting_keys(redis: Redis) -> Counter[str]:
    """Keys that never expire, and those of jobs, with what they hold: 1 for the key and 1 for each entry."""
    found: Counter[str] = Counter()
    for key in redis.scan_iter(count=500):
        name = AN_ID.sub("{id}", key.decode(errors="replace"))
        if name.startswith(ONE_A_QUEUE) or (redis.ttl(key) != -1 and not name.startswith("job:")):
            continue
        found[name] += 1
        size = SIZES.get(redis.type(key))
        if size and name not in COUNTED:
            found[name] += int(getattr(redis, size)(key))
    # What the service takes itself to be holding: too much, and one day it refuses documents.
    found.update({f"load: {name.decode()}": int(value) for name, value in redis.hgetall("load").items()})
    return found
