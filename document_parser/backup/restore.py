"""Restore a backup: first everything is verified, then secrets, files and the database are written, and Redis last.

A restore that was interrupted can be run again: a file in DATA_DIR says which backup was being restored.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from pathlib import Path

from document_parser.accounts.backup import check_restorable, is_database_empty, restore_database
from document_parser.accounts.database import Database
from document_parser.backup import folder as layout
from document_parser.backup.files import find_missing, restore_files, restore_secrets, verify_files
from document_parser.backup.folder import Manifest
from document_parser.backup.progress import Progress, Silent, Tally
from document_parser.backup.redis_connection import connected_redis
from document_parser.errors import RestoreTargetInUse, RestoreTargetNotEmpty
from document_parser.jobs import queue
from document_parser.jobs.records import storage_keys
from document_parser.jobs.redis.connection import Redis
from document_parser.jobs.redis.dump import DumpedKey, restore_keys
from document_parser.settings import Settings
from document_parser.storage import CHECK_FILE, PREFIXES, Storage, check_storage_key, make_raw_storage
from document_parser.supervisor.supervisor import supervisor_lock

MARKER = "restoring"
"""The file in DATA_DIR that is there while a backup is restored; it holds the id of the backup."""
JOB_KEY = re.compile(rb"job:([0-9a-f-]{36})(:.*)?$", re.DOTALL)
"""A key of a job."""
TOMBSTONE = b":gone"
"""Ends the key of a job's tombstone, which outlives the job."""


def verify_backup(folder: Path, progress: Progress) -> Manifest:
    """Compare every file of a backup with its hash. Return what it has. Raises BackupUnusable, BackupDamaged."""
    manifest = Manifest.load(folder)
    for file in manifest.own_files():
        layout.verify(folder, file)
    if manifest.storage.copied:
        verify_files(folder, progress)
    return manifest


def restore_backup(settings: Settings, folder: Path, progress: Progress, *, overwrite: bool = False) -> Restored:
    """Restore a backup. Nothing is changed before everything is verified.

    Raises BackupUnusable, BackupDamaged, RestoreTargetInUse, RestoreTargetNotEmpty, RestoreRefused, QueueUnavailable,
    DatabaseUnavailable, StorageUnavailable, StorageKeyWrong, OSError.
    """
    manifest = verify_backup(folder, progress)
    if supervisor_lock(settings).holder() is not None:
        raise RestoreTargetInUse()
    with connected_redis(settings) as (redis, runs_redis), contextlib.closing(Database(settings)) as database:
        if (settings.embedded and not runs_redis) or queue.count_living_workers(redis):
            raise RestoreTargetInUse()
        if part := manifest.database:
            check_restorable(database, part.kind, part.revision)
        target = _Target(settings, redis, database, make_raw_storage(settings), _Source(folder, manifest), progress)
        target.prepare(overwrite=overwrite)
        return target.fill()


@dataclass(frozen=True, slots=True)
class Restored:
    """What was restored, and the keys of files that are listed in the backup and gone from the bucket."""

    manifest: Manifest
    missing: list[str]


@dataclass(frozen=True, slots=True)
class _Source:
    folder: Path
    manifest: Manifest


@dataclass
class _Target:
    """What a backup is restored into."""

    settings: Settings
    redis: Redis
    database: Database
    storage: Storage
    source: _Source
    progress: Progress

    def __post_init__(self) -> None:
        self.marker = self.settings.data_dir / MARKER
        self._gone = frozenset(self.source.manifest.gone)
        # The keys of one job come at different times.
        self._has_card = lru_cache(maxsize=100_000)(lambda job_id: self.storage.exists(storage_keys.card(job_id)))

    def prepare(self, *, overwrite: bool) -> None:
        """Check that nothing is there, or delete it. The marker then says that all that is there is of this backup."""
        if self.marker.exists() and self.marker.read_text() == self.source.manifest.id:
            return
        if found := list(self._what_is_there()):
            if not overwrite:
                message = f"There is data already: {', '.join(found)}. {RestoreTargetNotEmpty.ADVICE}"
                raise RestoreTargetNotEmpty(message, found=found)
            self._clear()
        self.marker.write_text(self.source.manifest.id)

    def _what_is_there(self) -> Iterator[str]:
        if self.redis.dbsize():
            yield "keys in Redis"
        if not is_database_empty(self.settings, self.database):
            yield "a database of keys and usage"
        if self.source.manifest.storage.copied and any(next(self.storage.keys(prefix), None) for prefix in PREFIXES):
            yield "stored files"

    def _clear(self) -> None:
        """Delete what is in Redis, and the stored files if the backup brings its own. The database is replaced later."""
        self.redis.flushdb()
        if self.source.manifest.storage.copied:
            self.storage.delete(CHECK_FILE)
            for prefix in PREFIXES:
                self.storage.delete_all(prefix)

    def fill(self) -> Restored:
        """Write everything, Redis last: a service that were started before would find nothing to do."""
        folder, manifest = self.source.folder, self.source.manifest
        restore_secrets(self.settings, folder, manifest.secrets)
        missing = self._fill_storage()
        if part := manifest.database:
            names = [Path(file.name).name for file in part.files]
            restore_database(self.settings, self.database, part.revision, folder / layout.DATABASE_FOLDER, names)
        self._fill_redis()
        os.sync()
        self.marker.unlink()
        return Restored(manifest, missing)

    def _fill_storage(self) -> list[str]:
        """Copy the files, or check that they are there. Return those that are not."""
        folder, facts = self.source.folder, self.source.manifest.storage
        if not facts.copied:
            check_storage_key(self.settings)
            return list(find_missing(self.storage, folder))
        if facts.encrypted:
            # The first file says whether STORAGE_KEY fits. Without it, all the others would be copied in vain.
            restore_files(self.storage, folder, islice(layout.read_listing(folder), 1), Silent())
            check_storage_key(self.settings)
        restore_files(self.storage, folder, layout.read_listing(folder), self.progress)
        check_storage_key(self.settings)
        return []

    def _fill_redis(self) -> None:
        tally = Tally(self.progress, "keys of Redis")
        self.redis.flushdb()  # of a restore that was interrupted
        for key in restore_keys(self.redis, filter(self._is_wanted, layout.read_keys(self.source.folder))):
            tally.add(len(key.value))
        tally.finish()

    def _is_wanted(self, key: DumpedKey) -> bool:
        """Return whether a key is restored. Not one of a job without files: it was deleted after the moment of the backup."""
        found = JOB_KEY.match(key.name)
        if found is None or found[2] == TOMBSTONE:
            return True
        job_id = found[1].decode()
        return job_id not in self._gone and self._has_card(job_id)
