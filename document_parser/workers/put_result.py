"""Put the files of a result into the bucket that its job named with ``result_s3``."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
from datetime import timedelta

from document_parser.errors import DocumentParserError, FormatFailed, ResultNotStored, StorageUnavailable
from document_parser.ingest import s3
from document_parser.ingest.origin import S3Path, check_bucket, parse_s3
from document_parser.jobs import queue
from document_parser.jobs.ending import store_state
from document_parser.jobs.records import record, storage_keys
from document_parser.jobs.records.job import Job, as_job_error
from document_parser.jobs.records.transfers import Transfers
from document_parser.jobs.redis import clock
from document_parser.jobs.redis.connection import Redis
from document_parser.models import FORMAT_FILES, OutputFormat, ResultCopy
from document_parser.settings import Settings
from document_parser.storage import Storage, StoredFileMissing
from document_parser.telemetry import logs

log = logs.get_logger(__name__)

ALWAYS_PUT: tuple[OutputFormat, ...] = ("markdown", "json")
"""The formats that are put beside the one that was asked for."""
FIGURE_MEDIA_TYPE = "image/jpeg"
"""The media type of the images of figures."""
EXPORT_PAUSE_SECONDS = 1.0
"""The pause in seconds until the next look whether a worker has written a format."""
JITTER_SHARE = 0.1
"""The share by which pauses vary, so that many results are not put again at once."""


class ResultPutter:
    """Puts results, each with all its files. The formats that are not written yet are exported by the workers first."""

    def __init__(self, settings: Settings, redis: Redis, storage: Storage) -> None:
        self._settings = settings
        self._redis = redis
        self._storage = storage
        self._due = Transfers(redis)

    async def put(self, job_id: str) -> None:
        """Put the result of a job and record the outcome. Raises RedisError."""
        for job in record.load_many(self._redis, [job_id]):
            copy = job.result_s3
            if copy is None or copy.state != "pending":
                self._due.settle_result(job_id, job.revision, copy or ResultCopy(state="skipped", uri=""))
                continue
            try:
                if await asyncio.to_thread(self._export_missing, job):
                    self._due.settle_result(job_id, job.revision, copy, EXPORT_PAUSE_SECONDS)
                    continue
                await asyncio.to_thread(self._put_files, job, copy)
            except DocumentParserError as error:
                self._note_failure(job, copy, error)
            else:
                done = {"state": "stored", "error": None, "next_attempt_at": None, "revision": job.revision}
                self._settle(job, copy.model_copy(update={**done, "attempts": copy.attempts + 1}))

    def _export_missing(self, job: Job) -> bool:
        """Have formats written that are not yet. Return whether there are any. Raises FormatFailed if one cannot be."""
        missing = [name for name in self._formats_of(job) if not self._storage.exists(_result_key(job, name))]
        for name in missing:
            stage = f"export-{name}"
            raw = self._redis.hget(f"job:{job.card.job_id}:stages", stage)
            state = json.loads(raw)["state"] if raw else ""
            if state != "claimed" and not queue.is_stage_queued(self._redis, job.card.job_id, stage):
                queue.enqueue_stage(self._redis, job.card.job_id, stage)
            if state == "lost":
                raise FormatFailed(format=name)
        return bool(missing)

    def _put_files(self, job: Job, copy: ResultCopy) -> None:
        """Put all files of a result. Raises ResultNotStored, BucketRefused, S3NotSetUp, StorageUnavailable."""
        try:
            prefix = parse_s3(copy.uri)
        except ValueError:  # the names of documents inside documents inside … make it too long
            raise ResultNotStored(reason="key_too_long") from None
        check_bucket(prefix, self._settings.results.buckets, "RESULT_S3_BUCKETS")
        with contextlib.closing(s3.make_client(self._settings.store.s3_endpoint_url)) as client:
            for key, name, media_type in self._files_of(job):
                target = S3Path(bucket=prefix.bucket, key=prefix.key + name)
                try:
                    with self._storage.local(key) as path:
                        s3.put_object(client, target, path, media_type)
                except StoredFileMissing:
                    raise ResultNotStored(reason="expired") from None

    def _files_of(self, job: Job) -> list[tuple[str, str, str]]:
        """Return storage key, name below the prefix and media type of each file."""
        found = [
            (_result_key(job, name), f"result.{FORMAT_FILES[name].extension}", FORMAT_FILES[name].media_type)
            for name in self._formats_of(job)
        ]
        figures = storage_keys.figure(job.card.job_id, "")
        if job.card.options.figures == "placeholder":
            found += [(key, f"figures/{key.removeprefix(figures)}", FIGURE_MEDIA_TYPE) for key in self._storage.keys(figures)]
        return found

    def _formats_of(self, job: Job) -> list[OutputFormat]:
        """Return the formats to put. A PDF that could not be written with the result is not tried again."""
        names = dict.fromkeys((*ALWAYS_PUT, job.card.options.output_format))
        return [name for name in names if name != "pdf" or self._storage.exists(_result_key(job, name))]

    def _note_failure(self, job: Job, copy: ResultCopy, error: DocumentParserError) -> None:
        """Record a failed attempt; after the last pause the result is given up."""
        pauses, attempts = self._settings.results.retry_seconds, copy.attempts + 1
        given_up = attempts > len(pauses)
        delay = 0.0 if given_up else pauses[attempts - 1] * random.uniform(1, 1 + JITTER_SHARE)
        changes = {
            "state": "failed" if given_up else "pending",
            "attempts": attempts,
            "error": as_job_error(error),
            "next_attempt_at": None if given_up else clock.now(self._redis) + timedelta(seconds=delay),
        }
        log.warning("result_not_put", code=error.code, reason=str(error.details.get("reason", "")), attempt=attempts)
        self._settle(job, copy.model_copy(update=changes), delay)

    def _settle(self, job: Job, copy: ResultCopy, delay: float = 0.0) -> None:
        """Store the state of the copy, at its end also in ``job.json``."""
        job_id = job.card.job_id
        if not self._due.settle_result(job_id, job.revision, copy, delay):
            return
        record.publish(self._redis, job_id)
        if copy.state == "pending":
            return
        log.info("result_put", outcome=copy.state, attempts=copy.attempts)
        with contextlib.suppress(StorageUnavailable):
            store_state(self._redis, self._storage, job_id)


def _result_key(job: Job, name: OutputFormat) -> str:
    return storage_keys.result(job.card.job_id, FORMAT_FILES[name].extension, job.revision)
