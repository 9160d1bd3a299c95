"""Take readings of a page from the cache: an engine is not asked about a page image that it has read before."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace

from pydantic import TypeAdapter, ValidationError

from document_parser.engines.base import Engine, Watch
from document_parser.engines.wrapped import WrappedEngine
from document_parser.errors import StorageUnavailable
from document_parser.jobs.cache import Cache, reading_key
from document_parser.jobs.records.job import Job
from document_parser.models import EngineName, Page, PageImage, Reading
from document_parser.telemetry import logs

log = logs.get_logger(__name__)

_READING = TypeAdapter(Reading)


@dataclass
class PageReadings:
    """The readings of one page of a job: taken from the cache if they are there, kept once the page was read."""

    cache: Cache
    job: Job
    fresh: dict[str, bytes] = field(default_factory=dict)
    """New readings by key, as the engine returned them: layout and guards change a reading's blocks in place."""
    asked: set[EngineName] = field(default_factory=set)
    """Engines that have read the page."""
    hits: set[EngineName] = field(default_factory=set)
    """Engines whose reading came from the cache."""

    def wrap(self, engine: Engine) -> Engine:
        """Return the engine behind the cache, or the engine itself if the job does not use the cache."""
        return engine if self.job.cache == "off" else CachedEngine(engine, self)

    async def keep(self, page: Page) -> None:
        """Mark the page's attempts that came from the cache, and keep new readings. If the store is full, only they are lost.

        All readings of the page are kept, rejected ones too, so that the same page takes the same route again; but none of a
        page that failed or that a fallback engine read. Raises RedisError.
        """
        for attempt in page.attempts:
            attempt.cached = attempt.outcome == "accepted" and attempt.engine in self.hits - self.asked
        if page.status != "done" or any(warning.code == "engine_fallback" for warning in page.warnings):
            return
        try:
            for key, data in self.fresh.items():
                await asyncio.to_thread(self.cache.put, self.job.card.job_id, key, data)
        except StorageUnavailable:
            log.warning("not_cached", page=page.number)


class CachedEngine(WrappedEngine):
    """An engine that is asked only about page images whose reading is not in the cache."""

    def __init__(self, engine: Engine, readings: PageReadings) -> None:
        super().__init__(engine)
        self.readings = readings

    async def read(self, page: PageImage, *, temperature: float | None = None, watch: Watch | None = None) -> Reading:
        """Return the cached reading of a page image, or let the engine read it.

        Raises EngineError if the engine fails, StorageUnavailable, RedisError.
        """
        readings, name = self.readings, self.engine.name
        key = reading_key(
            readings.cache.settings,
            readings.job.card.owner,
            name,
            page,
            temperature,
            await asyncio.to_thread(self.describe_machine),
        )
        data = await asyncio.to_thread(readings.cache.get, readings.job.card.job_id, key)
        if (known := _parse_reading(data)) is not None:
            readings.hits.add(name)
            return replace(known, prompt_tokens=0, completion_tokens=0)
        readings.asked.add(name)
        reading = await self.engine.read(page, temperature=temperature, watch=watch)
        if reading.finish_reason != "aborted":
            readings.fresh[key] = _READING.dump_json(reading)
        return reading


def _parse_reading(data: bytes | None) -> Reading | None:
    """Return the cached reading; None if there is none, or it is torn."""
    try:
        return _READING.validate_json(data) if data is not None else None
    except ValidationError:
        log.warning("cache_entry_torn")
        return None
