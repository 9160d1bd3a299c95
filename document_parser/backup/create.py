"""Make a backup while the service works.

Redis and the database are copied as of one moment: Redis takes no writes while it is copied and the transaction in the database
begins. Files are copied afterwards. A page is stored before the ledger counts it, so each page that the ledger counts is among
them; a newer one is found when its job goes on, and is not read again.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from document_parser.accounts.backup import DatabaseSnapshot, open_snapshot
from document_parser.accounts.database import Database
from document_parser.backup import folder as layout
from document_parser.backup.files import copy_files, copy_secrets
from document_parser.backup.folder import BackupFile, DatabasePart, Manifest, RedisPart
from document_parser.backup.progress import Progress, Tally
from document_parser.backup.redis_connection import connected_redis
from document_parser.errors import OutputUnwritable
from document_parser.jobs.redis import clock
from document_parser.jobs.redis.connection import Redis
from document_parser.jobs.redis.dump import DumpedKey, dump_keys, paused_writes, server_version
from document_parser.settings import Settings
from document_parser.storage import make_raw_storage
from document_parser.version import __version__

MAX_PAUSE_SECONDS = 5.0
"""How long clients of Redis may wait: less than HEARTBEAT_TIMEOUT_SECONDS, after which a task would count as dead."""
LEFT_OUT = re.compile(rb"rq:workers?(:|$)|sweep:lease$")
"""Keys that describe running processes."""
JOB_RECORD = re.compile(rb"job:([0-9a-f-]{36})$")
"""The key of the record of a job."""
JOBS_AT_ONCE = 1000
"""Jobs that Redis is asked about at once."""


def create_backup(
    settings: Settings,
    folder: Path,
    progress: Progress,
    *,
    with_files: bool = False,
    with_secrets: bool = True,
    max_pause_seconds: float = MAX_PAUSE_SECONDS,
) -> Manifest:
    """Make a backup in a new or empty folder, and return what it has.

    Raises OutputUnwritable, QueueUnavailable, BackupRefused, BackupTooSlow, DatabaseUnavailable, StorageUnavailable.
    """
    with _output_errors(folder):
        _make_folder(folder)
        manifest = _Backup(settings, folder, progress).run(with_files, with_secrets, max_pause_seconds)
        os.sync()  # what backup.json names is on the disk before it is
        manifest.save(folder)
        return manifest


@dataclass
class _Backup:
    settings: Settings
    folder: Path
    progress: Progress
    job_ids: set[str] = field(default_factory=set)

    def run(self, with_files: bool, with_secrets: bool, max_pause_seconds: float) -> Manifest:
        database = Database(self.settings)
        with contextlib.ExitStack() as stack:
            stack.callback(database.close)
            redis, _ = stack.enter_context(connected_redis(self.settings))
            with paused_writes(redis, max_pause_seconds):
                moment = clock.now(redis)
                snapshot = stack.enter_context(open_snapshot(self.settings, database))
                keys = self._dump_redis(redis)
            return self._describe(redis, moment, keys, snapshot, with_files, with_secrets)

    def _describe(
        self,
        redis: Redis,
        moment: datetime,
        keys: RedisPart,
        snapshot: DatabaseSnapshot | None,
        with_files: bool,
        with_secrets: bool,
    ) -> Manifest:
        """Copy what is not in Redis, and describe everything."""
        return Manifest(
            format=layout.FORMAT,
            id=layout.new_id(),
            version=__version__,
            moment=moment,
            redis=keys,
            database=self._write_database(snapshot) if snapshot else None,
            secrets=copy_secrets(self.settings, self.folder) if with_secrets else [],
            storage=copy_files(make_raw_storage(self.settings), self.folder, with_files=with_files, progress=self.progress),
            gone=sorted(self._deleted_meanwhile(redis)),
        )

    def _dump_redis(self, redis: Redis) -> RedisPart:
        server, tally = server_version(redis), Tally(self.progress, "keys of Redis")
        file = layout.write_hashed(self.folder, layout.REDIS_FILE, layout.records_of(self._keys(redis, tally)))
        tally.finish()
        return RedisPart(file=file, keys=tally.count, server=server.kind, server_version=server.version)

    def _keys(self, redis: Redis, tally: Tally) -> Iterator[DumpedKey]:
        for key in dump_keys(redis):
            if LEFT_OUT.match(key.name):
                continue
            if job := JOB_RECORD.match(key.name):
                self.job_ids.add(job[1].decode())
            tally.add(len(key.value))
            yield key

    def _write_database(self, snapshot: DatabaseSnapshot) -> DatabasePart:
        tally, files = Tally(self.progress, "files of the database"), list[BackupFile]()
        (self.folder / layout.DATABASE_FOLDER).mkdir()
        for name in snapshot.write(self.folder / layout.DATABASE_FOLDER):
            files.append(layout.describe(self.folder, f"{layout.DATABASE_FOLDER}/{name}"))
            tally.add(files[-1].bytes)
        tally.finish()
        return DatabasePart(kind=snapshot.kind, revision=snapshot.revision, files=files)

    def _deleted_meanwhile(self, redis: Redis) -> Iterator[str]:
        """Yield the jobs whose record is gone: some of their files may be missing in the copy."""
        ids = sorted(self.job_ids)
        for start in range(0, len(ids), JOBS_AT_ONCE):
            some = ids[start : start + JOBS_AT_ONCE]
            with redis.pipeline(transaction=False) as pipe:
                for job_id in some:
                    pipe.exists(f"job:{job_id}")
                yield from (job_id for job_id, there in zip(some, pipe.execute(), strict=True) if not there)


def _make_folder(folder: Path) -> None:
    """Make the folder, closed to other users. Raises OutputUnwritable if there is something in it, OSError."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise OutputUnwritable(f"There is something in {folder} already. Each backup needs a folder of its own.")
    folder.chmod(0o700)


@contextlib.contextmanager
def _output_errors(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise OutputUnwritable(f"The backup cannot be written to {folder}: {error.strerror}.") from error
