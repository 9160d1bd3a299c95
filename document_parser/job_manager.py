"""Manage jobs from a Python program on a host of the service: ``JobManager().cleanup_old_jobs(days=7)``."""

from __future__ import annotations

from contextlib import closing
from datetime import timedelta

from document_parser.errors import QueueUnavailable
from document_parser.jobs.ending import delete_jobs_ended_before
from document_parser.jobs.records.ledger import Ledger
from document_parser.jobs.redis import clock
from document_parser.jobs.redis.connection import RedisError, connect
from document_parser.settings import Settings, load_settings
from document_parser.storage import make_storage


class JobManager:
    """Manage the jobs of one service. Without ``settings``, those of the environment and ``.env`` apply.

    Starts nothing: the service, or at least its Redis, must run.
    """

    def __init__(self, settings: Settings | None = None) -> None:
        self.settings = settings or load_settings()

    def cleanup_old_jobs(self, days: float = 7) -> int:
        """Delete all jobs that ended more than ``days`` days ago, with their files, and return their number.

        Jobs expire on their own JOB_TTL_HOURS after their end; this deletes them earlier. Raises QueueUnavailable if Redis
        does not answer, StorageUnavailable if files cannot be deleted, ValueError if ``days`` is negative.
        """
        if days < 0:
            raise ValueError("days must not be negative")
        with closing(connect(self.settings, answer_seconds=5.0)) as redis:
            try:
                moment = clock.now(redis) - timedelta(days=days)
                return delete_jobs_ended_before(redis, Ledger(redis, self.settings), make_storage(self.settings), moment)
            except RedisError:
                raise QueueUnavailable("Redis does not answer. Start the service, or set REDIS_URL to its Redis.") from None
