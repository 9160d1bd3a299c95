"""Count what was unpacked of an upload, over all depths together: an archive of archives is bounded as one archive is.

Each container is bounded by itself when it is opened, which lets an archive of archives multiply from one depth to the next.
"""

from __future__ import annotations

from datetime import timedelta

from document_parser.errors import TooLargeUnpacked, TooManyMembers
from document_parser.jobs.redis.connection import Redis

_KEPT = timedelta(days=1)
"""How long the counts outlive the last file that was unpacked."""


def charge(redis: Redis, root: str, size: int, max_members: int, max_unpacked_mb: int) -> None:
    """Count one more file of ``size`` bytes inside the upload of the job ``root``.

    Raises TooManyMembers or TooLargeUnpacked if there are too many of them, and RedisError.
    """
    key = f"job:{root}:unpacked"
    with redis.pipeline(transaction=True) as pipe:
        pipe.hincrby(key, "members", 1)
        pipe.hincrby(key, "bytes", size)
        pipe.expire(key, _KEPT)
        members, unpacked, _ = pipe.execute()
    if members > max_members:
        raise TooManyMembers.for_members(members, max_members)
    if unpacked > max_unpacked_mb << 20:
        raise TooLargeUnpacked.for_size(unpacked, max_unpacked_mb)
