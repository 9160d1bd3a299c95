"""Give each task its settings, Redis, storage and openers, and the one boundary that catches every error."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from document_parser.engines.registry import Engines
from document_parser.errors import DocumentParserError, PageUnreadable, SourceMissing, StorageUnavailable
from document_parser.jobs.cache import Cache
from document_parser.jobs.records import passwords, record, storage_keys
from document_parser.jobs.records.job import Job
from document_parser.jobs.records.ledger import Ledger
from document_parser.jobs.redis.breakers import RedisBreakers
from document_parser.jobs.redis.connection import Redis, RedisError, connect
from document_parser.models import Confinement
from document_parser.settings import Settings, load_settings
from document_parser.settings.tiers import Tier
from document_parser.sources.base import OpenerLimits
from document_parser.sources.source import Openers, Source
from document_parser.sources.zygote import Zygote
from document_parser.storage import Storage, StoredFileMissing, make_storage
from document_parser.telemetry import error_reports, logs

log = logs.get_logger(__name__)


@dataclass
class Context:
    """What a task works with. It is created at the start of each task in the process that runs it; no fork inherits it."""

    settings: Settings
    redis: Redis
    ledger: Ledger
    storage: Storage
    openers: Openers

    @property
    def cache(self) -> Cache:
        """Return the cache of readings and documents."""
        return Cache(self.settings, self.redis, self.storage)

    @contextlib.contextmanager
    def local_source(self, job_id: str) -> Iterator[Path]:
        """Give a local path of the uploaded document, valid within the context.

        Raises SourceMissing if the file is gone, PageUnreadable if that is because the job was deleted, StorageUnavailable,
        RedisError.
        """
        try:
            with self.storage.local(storage_keys.source(job_id)) as path:
                yield path
        except StoredFileMissing:
            if self.load(job_id) is None:
                raise PageUnreadable("The job was deleted.") from None
            raise SourceMissing() from None

    async def open(self, job: Job, path: Path) -> Source:
        """Open a job's document in an opener child. Raises DocumentError and its kinds, RedisError."""
        password = passwords.unseal(self.settings, self.redis, job.card.job_id)
        return await self.openers.open(path, job.card.kind, password)

    def engines(self) -> Engines:
        """Return the engines of this process. They share breakers and load of the model servers with all other processes."""
        return Engines(self.settings, RedisBreakers(self.redis, self.settings.workers.heartbeat_timeout_seconds))

    def tier(self, job: Job) -> Tier:
        """Return the tier of a job's owner; one without limits if none applies. Raises TierUnknown."""
        return self.settings.accounts.tier(job.card.tier)

    def load(self, job_id: str) -> Job | None:
        """Return a job, None if it has been deleted. Raises RedisError."""
        found = record.load_many(self.redis, [job_id])
        return found[0] if found else None


pool_zygotes: list[Zygote] = []
"""The zygote that the pool started; its work horses inherit it. Empty outside a pool."""


pool_confinement: list[Confinement] = []
"""What confines the openers of this pool. Empty outside a pool, or if no opener could be started."""


@contextlib.contextmanager
def task_context() -> Iterator[Context]:
    """Create the context of one task, and close it afterwards.

    It is created before anything else, since it may have to start a zygote, which loads meanwhile.
    """
    settings = load_settings()
    openers = Openers.start(OpenerLimits.from_settings(settings), pool_zygotes[0] if pool_zygotes else None)
    redis = connect(settings)
    try:
        yield Context(settings, redis, Ledger(redis, settings), make_storage(settings), openers)
    finally:
        openers.close()
        redis.close()


@contextlib.contextmanager
def service_context() -> Iterator[tuple[Settings, Redis, Storage]]:
    """Create settings, Redis and storage for a task that opens no document, and close Redis afterwards."""
    settings = load_settings()
    with contextlib.closing(connect(settings)) as redis:
        yield settings, redis, make_storage(settings)


@contextlib.contextmanager
def task_boundary(keep: Callable[[DocumentParserError], None], **facts: object) -> Iterator[None]:
    """Pass every error of a document or a page to ``keep``, which records it, and log it with these facts.

    Raises RedisError and StorageUnavailable: neither is the document's fault. The claims lapse then, and the work is repeated.
    """
    try:
        yield
    except (RedisError, StorageUnavailable):
        raise
    except DocumentParserError as error:
        log.info("not_read", code=error.code, **facts)
        keep(error)
    except Exception as error:  # noqa: BLE001 - the task boundary records and logs the error, and the next page goes on
        log.error("task_error", error=type(error).__name__, where=logs.places_of(error), **facts)
        error_reports.report(error, "task_error")
        keep(DocumentParserError())
