"""Describe the folder of a backup: its files, and what ``backup.json`` says of them.

``backup.json`` is written last, so a backup that was broken off has none. The folder is readable by its owner alone.
"""

from __future__ import annotations

import hashlib
import json
import struct
import uuid
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Literal, NamedTuple, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from document_parser.errors import BackupDamaged, BackupUnusable
from document_parser.host.files import atomic_write
from document_parser.jobs.redis.dump import DumpedKey
from document_parser.storage import CHUNK_BYTES

FORMAT = 1
"""The version of the folder's layout."""
MANIFEST, REDIS_FILE, LISTING = "backup.json", "redis.dump", "files.jsonl"
DATABASE_FOLDER, FILES_FOLDER, SECRETS_FOLDER = "database", "files", "secrets"
_RECORD = struct.Struct(">IqQ")
"""Before each key of REDIS_FILE: the length of its name, when it expires, the length of its value."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True)


class BackupFile(_Part):
    """A file of the backup, by its path in the folder."""

    name: str
    bytes: int
    sha256: str


class RedisPart(_Part):
    """The keys of Redis, and the server that they came from."""

    file: BackupFile
    keys: int
    server: str
    server_version: str


class DatabasePart(_Part):
    """The database of keys, usage, history and audit. ``revision`` is that of its tables."""

    kind: Literal["sqlite", "postgresql"]
    revision: str
    files: list[BackupFile]


class StoragePart(_Part):
    """The stored files. ``copied`` says whether they are in the backup, or only listed in LISTING."""

    listing: BackupFile
    count: int
    bytes: int
    copied: bool
    encrypted: bool


class Manifest(_Part):
    """What ``backup.json`` says. ``gone`` are jobs that were deleted while the backup was made; they are not restored."""

    format: int
    id: str
    version: str
    moment: datetime
    redis: RedisPart
    database: DatabasePart | None
    storage: StoragePart
    secrets: list[BackupFile]
    gone: list[str]

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read ``backup.json``. Raises BackupUnusable."""
        try:
            found = json.loads((folder / MANIFEST).read_bytes())
        except (OSError, ValueError):
            raise BackupUnusable() from None
        if isinstance(found, dict) and found.get("format") != FORMAT:
            raise BackupUnusable("This backup was made by another version of the program. Restore it with that version.")
        try:
            return cls.model_validate(found)
        except ValidationError:
            raise BackupUnusable() from None

    def save(self, folder: Path) -> None:
        """Write ``backup.json``, whole or not at all. Raises OSError."""
        with atomic_write(folder / MANIFEST) as out:
            out.write(self.model_dump_json(indent=2).encode())

    def own_files(self) -> list[BackupFile]:
        """Return the files of the backup beside the stored files."""
        return [self.redis.file, self.storage.listing, *self.secrets, *(self.database.files if self.database else [])]


class StoredEntry(NamedTuple):
    """A stored file: its key, its bytes, and the hash of them; the hash is empty for a file that was only listed."""

    key: str
    bytes: int
    sha256: str


def new_id() -> str:
    """Return the id of a new backup."""
    return uuid.uuid4().hex


def write_hashed(folder: Path, name: str, pieces: Iterable[bytes]) -> BackupFile:
    """Write a new file of the backup, piece by piece. Raises OSError, and what the pieces raise."""
    path, size, digest = folder / name, 0, hashlib.sha256()
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("xb") as out:
        for piece in pieces:
            out.write(piece)
            digest.update(piece)
            size += len(piece)
    return BackupFile(name=name, bytes=size, sha256=digest.hexdigest())


def pieces_of(path: Path) -> Iterator[bytes]:
    """Yield a file in pieces. Raises OSError."""
    with path.open("rb") as stream:
        while piece := stream.read(CHUNK_BYTES):
            yield piece


def describe(folder: Path, name: str) -> BackupFile:
    """Return size and hash of a file of the backup as it is now. Raises OSError."""
    digest, size = hashlib.sha256(), 0
    for piece in pieces_of(folder / name):
        digest.update(piece)
        size += len(piece)
    return BackupFile(name=name, bytes=size, sha256=digest.hexdigest())


def verify(folder: Path, file: BackupFile) -> None:
    """Raise BackupDamaged if a file of the backup is not as it was written."""
    try:
        same = describe(folder, file.name) == file
    except OSError:
        same = False
    if not same:
        raise BackupDamaged(f"{BackupDamaged.message} It is {file.name}.", file=file.name)


def records_of(keys: Iterable[DumpedKey]) -> Iterator[bytes]:
    """Yield the content of REDIS_FILE."""
    for key in keys:
        yield _RECORD.pack(len(key.name), key.expires, len(key.value)) + key.name + key.value


def read_keys(folder: Path) -> Iterator[DumpedKey]:
    """Yield the keys of REDIS_FILE, which was verified. Raises OSError."""
    with (folder / REDIS_FILE).open("rb") as stream:
        while head := stream.read(_RECORD.size):
            name_bytes, expires, value_bytes = _RECORD.unpack(head)
            yield DumpedKey(stream.read(name_bytes), expires, stream.read(value_bytes))


def line_of(entry: StoredEntry) -> bytes:
    """Return the line of LISTING about a stored file."""
    return json.dumps(entry._asdict()).encode() + b"\n"


def read_listing(folder: Path) -> Iterator[StoredEntry]:
    """Yield the stored files that LISTING names, which was verified. Raises OSError."""
    with (folder / LISTING).open("rb") as stream:
        yield from (StoredEntry(**json.loads(line)) for line in stream)


def copy_name(key: str) -> str:
    """Return the path of a stored file's copy in the folder."""
    return f"{FILES_FOLDER}/{key}"
