"""Say what the tombstones of jobs and batches mean: whose they were, and why they are gone.

``job:{id}:gone`` and ``batch:{id}:gone`` hold the owner, with ``|read`` behind it if the result was read and had to go then. No
owner has ``|`` in its name. What is older than owners has an empty text, and is PUBLIC's.
"""

from __future__ import annotations

from document_parser.jobs.redis.connection import text

_READ = "|read"


def after_read(owner: str) -> str:
    """Return the tombstone of what was deleted after it was read."""
    return owner + _READ


def owner_of(tombstone: bytes | str) -> str:
    """Return the owner that a tombstone names; empty for one that is older than owners."""
    return text(tombstone).removesuffix(_READ)


def was_read(tombstone: bytes | str) -> bool:
    """Return whether a tombstone is that of something that was deleted after it was read."""
    return text(tombstone).endswith(_READ)
