"""What a task has at hand, and the one boundary that catches everything."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from document_parser import logs
from document_parser.engines import Engines
from document_parser.errors import DocumentParserError, PageUnreadable, SourceMissing, StorageUnavailable
from document_parser.jobs import files, passwords, record
from document_parser.jobs.breakers import SharedSwitchboard
from document_parser.jobs.cache import Cache
from document_parser.jobs.connection import Redis, RedisError, connect
from document_parser.jobs.job import Job
from document_parser.jobs.ledger import Ledger
from document_parser.models import Confinement
from document_parser.pipeline.source import OpenerLimits, Openers, Source
from document_parser.pipeline.zygote import Zygote
from document_parser.settings import Settings, load_settings
from document_parser.storage import Storage, StoredFileMissing, make_storage

log = logs.get(__name__)


@dataclass
class Context:
    """Made at the start of each task, in the process that runs it: nothing here crosses a fork."""

    settings: Settings
    redis: Redis
    ledger: Ledger
    storage: Storage
    openers: Openers

    @property
    def cache(self) -> Cache:
        return Cache(self.settings, self.redis, self.storage)

    @contextlib.contextmanager
    def local_source(self, job_id: str) -> Iterator[Path]:
        """A local path of the uploaded document.

        Raises SourceMissing, or PageUnreadable where that is because the job was deleted just now; StorageUnavailable where the
        store is away.
        """
        try:
            with self.storage.local(files.source(job_id)) as path:
                yield path
        except StoredFileMissing:
            if self.load(job_id) is None:
                raise PageUnreadable("The job was deleted.") from None
            raise SourceMissing() from None

    async def open(self, job: Job, path: Path) -> Source:
        """Open a job's document in an opener child. Raises the tree of DocumentError."""
        password = passwords.unseal(self.settings, self.redis, job.card.job_id)
        return await self.openers.open(path, job.card.kind, password)

    def engines(self) -> Engines:
        """The engines of this process, that share what is known of the model servers with all others."""
        return Engines(self.settings, SharedSwitchboard(self.redis, self.settings.workers.heartbeat_timeout_seconds))

    def load(self, job_id: str) -> Job | None:
        """The job, None where it has been deleted."""
        found = record.load_many(self.redis, [job_id])
        return found[0] if found else None


pool_zygotes: list[Zygote] = []
"""The zygote that the pool started; its work horses inherit it. Empty outside of a pool."""


pool_confinement: list[Confinement] = []
"""What confines the openers of this pool; empty outside of one, or where none could be started."""


def opener_limits(settings: Settings) -> OpenerLimits:
    return OpenerLimits(
        memory_mb=settings.workers.opener_memory_mb,
        timeout_seconds=settings.workers.opener_timeout_seconds,
        max_image_megapixels=settings.workers.max_image_megapixels,
        max_image_memory_mb=settings.workers.max_image_memory_mb,
    )


@contextlib.contextmanager
def task_context() -> Iterator[Context]:
    """The context of one task. Made first: it may have to start a zygote, which loads meanwhile."""
    settings = load_settings()
    openers = Openers.start(opener_limits(settings), pool_zygotes[0] if pool_zygotes else None)
    redis = connect(settings)
    try:
        yield Context(settings, redis, Ledger(redis, settings), make_storage(settings), openers)
    finally:
        openers.close()
        redis.close()


@contextlib.contextmanager
def service_context() -> Iterator[tuple[Settings, Redis, Storage]]:
    """What a task needs that opens no document."""
    settings = load_settings()
    with contextlib.closing(connect(settings)) as redis:
        yield settings, redis, make_storage(settings)


@contextlib.contextmanager
def task_boundary(keep: Callable[[DocumentParserError], None], **facts: object) -> Iterator[None]:
    """Whatever goes wrong with a document or a page is kept on its record.

    Redis or storage being away is nobody's fault: that passes through, the claims lapse, and the work is done again.
    """
    try:
        yield
    except (RedisError, StorageUnavailable):
        raise
    except DocumentParserError as error:
        log.info("not_read", code=error.code, **facts)
        keep(error)
    except Exception as error:  # noqa: BLE001 - the task boundary: recorded, logged, and the next page goes on
        log.error("task_error", error=type(error).__name__, where=logs.where(error), **facts)
        keep(DocumentParserError())
