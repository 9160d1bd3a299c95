"""Records of resumable uploads in Redis: what has come, who may write, when they expire.

``upload:{id}`` is a hash; the bytes are in storage under ``uploads/{id}/``. One request at a time holds an upload, by a lease
with a number: a holder that was silent for longer than its lease is refused as soon as another request has taken the upload.
What a record says is durable in storage; what came after it does not count.
"""

from __future__ import annotations

import contextlib
import re
import threading
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from document_parser.errors import StorageUnavailable, TooManyUploads, UploadGone, UploadLocked, UploadNotFound
from document_parser.jobs.records import storage_keys
from document_parser.jobs.records.job import ID_PATTERN, PUBLIC
from document_parser.jobs.redis import clock, scripts
from document_parser.jobs.redis.connection import Redis, RedisError, text
from document_parser.settings import Settings
from document_parser.storage import Grown, Storage
from document_parser.telemetry import logs

log = logs.get_logger(__name__)

LEASE_SECONDS = 3.0
"""A holder that receives nothing for this time may be replaced: its connection or its process is probably dead.

Clients of tus try again for about ten seconds.
"""
RENEW_SECONDS = LEASE_SECONDS / 4
"""A holder renews its lease when it is this old."""
USED_HOURS = 1.0
"""How long an upload can be used again after its first use, at most."""
EXPIRED_PER_SWEEP = 100
"""Expired uploads that are deleted in one sweep."""
EXPIRING = "uploads:expiring"
"""Redis key of all uploads, by the time they expire in milliseconds on Redis' clock."""
BOUNDS = {
    "caller_uploads": "UPLOAD_MAX_PER_CALLER",
    "caller_bytes": "UPLOAD_MAX_MB_PER_CALLER",
    "uploads": "UPLOAD_MAX_COUNT",
    "bytes": "UPLOAD_MAX_MB",
}
"""The bounds of uploads that no job has used, and their settings."""


@dataclass(frozen=True, slots=True)
class Upload:
    """A resumable upload as its record describes it. Sizes in bytes."""

    upload_id: str
    owner: str
    caller: str
    length: int | None
    """None until it is announced."""
    grown: Grown
    expires: datetime
    metadata: str = ""
    """The header Upload-Metadata as it was sent."""
    concat: str = ""
    """The header Upload-Concat as it was sent; empty for an upload that has to do with no other."""
    finished: bool = False
    """Whether its file in storage is whole."""
    sha256: str = ""
    """The hash of the whole, in hexadecimal; empty until it is computed."""

    @property
    def offset(self) -> int:
        """Return how many bytes are durable."""
        return self.grown.size

    @property
    def is_complete(self) -> bool:
        """Return whether all bytes are durable."""
        return self.length == self.grown.size

    @property
    def is_final(self) -> bool:
        """Return whether it is a concatenation."""
        return self.concat.startswith("final")


def create(
    redis: Redis,
    settings: Settings,
    caller: str,
    length: int | None,
    *,
    owner: str = PUBLIC,
    metadata: str = "",
    concat: str = "",
) -> Upload:
    """Create the record of an upload. Raises TooManyUploads, RedisError."""
    upload_id, limits = str(uuid.uuid4()), settings.uploads
    fields = _fields(
        owner=owner,
        length="" if length is None else length,
        size=0,
        grown=Grown().model_dump_json(),
        metadata=metadata,
        concat=concat,
        finished=0,
        sha256="",
        used=0,
        holder=0,
        held_until=0,
    )
    reply = scripts.run_script(
        redis,
        "create_upload",
        upload_id,
        caller,
        length or 0,
        limits.max_per_caller,
        limits.max_mb_per_caller << 20,
        limits.max_count,
        limits.max_mb << 20,
        _milliseconds(limits.expire_hours),
        *fields,
    )
    _check_bound(reply)
    return Upload(upload_id, owner, caller, length, Grown(), _moment(reply[1]), metadata, concat)


def load(redis: Redis, upload_id: str) -> Upload:
    """Return an upload. Raises UploadNotFound, UploadGone, RedisError."""
    if not re.fullmatch(ID_PATTERN, upload_id):
        raise UploadNotFound()
    found = redis.hgetall(_key(upload_id))
    if not found:
        raise UploadGone() if redis.exists(f"{_key(upload_id)}:gone") else UploadNotFound()
    return _upload_of(upload_id, found)


def of_owner(redis: Redis, owner: str) -> list[Upload]:
    """Return the uploads of an owner, those that expire first before the others. Raises RedisError."""
    ids = [text(upload_id) for upload_id in redis.zrange(EXPIRING, 0, -1)]
    with redis.pipeline(transaction=False) as pipe:
        for upload_id in ids:
            pipe.hgetall(_key(upload_id))
        found = zip(ids, pipe.execute(), strict=True)
    return [upload for upload in (_upload_of(upload_id, one) for upload_id, one in found if one) if upload.owner == owner]


def _upload_of(upload_id: str, record: dict[Any, Any]) -> Upload:
    """Return an upload from its hash in Redis."""
    found = {text(name): text(value) for name, value in record.items()}
    return Upload(
        upload_id=upload_id,
        owner=found.get("owner", PUBLIC),
        caller=found["caller"],
        length=int(found["length"]) if found["length"] else None,
        grown=Grown.model_validate_json(found["grown"]),
        expires=_moment(found["expires"]),
        metadata=found["metadata"],
        concat=found["concat"],
        finished=found["finished"] == "1",
        sha256=found["sha256"],
    )


@dataclass
class Hold:
    """The right of one request to write an upload. Release it."""

    redis: Redis
    settings: Settings
    upload: Upload
    number: int
    renewed: float = field(default_factory=time.monotonic)
    """When the lease was last renewed, on the monotonic clock of the process, in seconds."""

    @classmethod
    def take(cls, redis: Redis, settings: Settings, upload_id: str) -> Hold:
        """Take an upload, and load it. Raises UploadLocked, UploadNotFound, UploadGone, RedisError."""
        load(redis, upload_id)
        number = int(scripts.run_script(redis, "take_upload", upload_id, int(LEASE_SECONDS * 1000)))
        if number == 0:
            raise UploadLocked()
        return cls(redis, settings, load(redis, upload_id), number)

    def renew(self, *, at_once: bool = True) -> None:
        """Renew the lease, or do so only if it is RENEW_SECONDS old.

        Raises UploadLocked if another request has taken the upload meanwhile, RedisError.
        """
        if not at_once and time.monotonic() - self.renewed < RENEW_SECONDS:
            return
        self.renewed = time.monotonic()
        lease = int(LEASE_SECONDS * 1000)
        if not scripts.run_script(self.redis, "hold_upload", self.upload.upload_id, self.number, lease):
            raise UploadLocked()

    @contextlib.contextmanager
    def kept(self) -> Iterator[None]:
        """Keep the lease while storage works, however long that takes. Raises as ``renew``, at the beginning."""
        self.renew()
        done = threading.Event()

        def renew() -> None:
            # If it fails, another request has the upload: what the block stores is not written down.
            with contextlib.suppress(RedisError, UploadLocked):
                while not done.wait(RENEW_SECONDS):
                    self.renew()

        thread = threading.Thread(target=renew, name="upload-lease", daemon=True)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()

    def save(self, upload: Upload) -> None:
        """Write down what is durable; the lease is renewed. Raises UploadLocked as ``renew``, TooManyUploads, RedisError."""
        limits = self.settings.uploads
        fields = _fields(
            length="" if upload.length is None else upload.length,
            size=upload.offset,
            grown=upload.grown.model_dump_json(),
            finished=int(upload.finished),
            sha256=upload.sha256,
        )
        reply = scripts.run_script(
            self.redis,
            "save_upload",
            upload.upload_id,
            self.number,
            max(upload.length or 0, upload.offset),
            limits.max_mb_per_caller << 20,
            limits.max_mb << 20,
            _milliseconds(limits.expire_hours),
            int(LEASE_SECONDS * 1000),
            *fields,
        )
        if text(reply[0]) == "lost":
            raise UploadLocked()
        _check_bound(reply)
        self.upload, self.renewed = upload, time.monotonic()

    def release(self) -> None:
        """Let other requests take the upload. Raises RedisError."""
        scripts.run_script(self.redis, "hold_upload", self.upload.upload_id, self.number, 0)


def note_hash(redis: Redis, upload_id: str, sha256: str) -> None:
    """Keep the hash of a whole upload, which has no holder any more. Raises RedisError."""
    redis.hset(_key(upload_id), "sha256", sha256)


def note_use(redis: Redis, upload_id: str, hours_to_keep: float = USED_HOURS) -> None:
    """Note that a job has the document of an upload: it counts no more, and expires within USED_HOURS.

    ``hours_to_keep`` is how long the job is kept, if that is less. Raises RedisError.
    """
    scripts.run_script(redis, "use_upload", upload_id, _milliseconds(min(USED_HOURS, hours_to_keep)))


def expire_within(redis: Redis, upload_id: str, hours: float) -> None:
    """Let an upload expire earlier than UPLOAD_EXPIRE_HOURS says; never later. Raises RedisError."""
    scripts.run_script(redis, "shorten_upload", upload_id, _milliseconds(hours))


def delete(redis: Redis, settings: Settings, storage: Storage, upload: Upload) -> None:
    """Delete an upload and its files. Raises StorageUnavailable, and then it is deleted later, and RedisError."""
    storage.discard_grown(storage_keys.upload(upload.upload_id), upload.grown)
    storage.delete_all(storage_keys.upload_folder(upload.upload_id))
    scripts.run_script(redis, "delete_upload", upload.upload_id, int(settings.store.tombstone_days * 86_400_000))


def expire(redis: Redis, settings: Settings, storage: Storage) -> None:
    """Delete uploads that have expired. Raises RedisError; what storage cannot delete stays for the next time."""
    now = int(clock.seconds(redis) * 1000)
    for upload_id in map(text, redis.zrangebyscore(EXPIRING, "-inf", now, start=0, num=EXPIRED_PER_SWEEP)):
        try:
            delete(redis, settings, storage, load(redis, upload_id))
            log.info("upload_expired", upload_id=upload_id)
        except (UploadNotFound, UploadGone):
            redis.zrem(EXPIRING, upload_id)
        except StorageUnavailable as fault:
            log.warning("upload_not_removed", upload_id=upload_id, code=fault.code)


def files_without_record(redis: Redis, storage: Storage) -> set[str]:
    """Return the ids of uploads whose files are in storage and whose record Redis has lost.

    Raises StorageUnavailable, RedisError.
    """
    return {name for name in storage.folders(storage_keys.ALL_UPLOADS) if not redis.exists(_key(name))}


def _key(upload_id: str) -> str:
    return f"upload:{upload_id}"


def _fields(**values: Any) -> list[Any]:
    return [part for pair in values.items() for part in pair]


def _milliseconds(hours: float) -> int:
    return int(hours * 3_600_000)


def _moment(milliseconds: Any) -> datetime:
    return datetime.fromtimestamp(int(milliseconds) / 1000, UTC)


def _check_bound(reply: Any) -> None:
    """Raise TooManyUploads if a script refused."""
    name = text(reply[0])
    if name == "ok":
        return
    what = "bytes" if name.endswith("bytes") else "uploads"
    whose = "of this caller" if name.startswith("caller") else "on this server"
    there, limit = int(reply[1]), int(reply[2])
    raise TooManyUploads(
        f"The {what} of uploads {whose} that no job has used yet would exceed {limit} ({BOUNDS[name]}). Use or delete some of "
        "them, or wait until they expire."
        if what == "bytes"
        else f"There are {there} uploads {whose} that no job has used yet, and at most {limit} are allowed ({BOUNDS[name]}). "
        "Use or delete some of them, or wait until they expire.",
        bound=name,
        now=there,
        limit=limit,
    )
