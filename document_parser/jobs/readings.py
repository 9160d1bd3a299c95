"""Readings of one page by way of the cache: an engine is not asked about a picture that it has read before."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from pydantic import TypeAdapter, ValidationError

from document_parser import logs
from document_parser.engines.base import Engine, Watch
from document_parser.errors import StorageUnavailable
from document_parser.jobs.cache import Cache, reading_key
from document_parser.jobs.job import Job
from document_parser.models import Block, EngineName, Page, PageImage, PageKind, PictureSpec, Reading

log = logs.get(__name__)

_READING = TypeAdapter(Reading)


@dataclass
class PageReadings:
    """The readings of one page of a job: taken from the cache where they are there, kept once the page was read."""

    cache: Cache
    job: Job
    fresh: dict[str, bytes] = field(default_factory=dict)
    """By key. As they came: layout and guards change a reading's blocks in place."""
    asked: set[EngineName] = field(default_factory=set)
    hits: set[EngineName] = field(default_factory=set)

    def around(self, engine: Engine) -> Engine:
        """The engine, asked by way of the cache."""
        return engine if self.job.cache == "off" else CachedEngine(engine, self)

    async def keep(self, page: Page) -> None:
        """Say of the page what came from the cache, and keep what did not. A full store costs the copy, not the page.

        Every reading on the way is kept, a rejected one too, so that the same page goes the same way; but none of a page
        that failed, or that another engine had to read.
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


class CachedEngine(Engine):
    """An engine that is not asked about a picture whose reading is there."""

    def __init__(self, engine: Engine, readings: PageReadings) -> None:
        self.name = engine.name  # type: ignore[misc]
        self.picture = engine.picture
        self.engine = engine
        self.readings = readings

    async def read(self, page: PageImage, *, temperature: float | None = None, watch: Watch | None = None) -> Reading:
        of, name = self.readings, self.engine.name
        key = reading_key(of.cache.settings, of.job.card.owner, name, page, temperature, await asyncio.to_thread(self.machine))
        data = await asyncio.to_thread(of.cache.get, of.job.card.job_id, key)
        if (known := _reading(data)) is not None:
            of.hits.add(name)
            return known
        of.asked.add(name)
        reading = await self.engine.read(page, temperature=temperature, watch=watch)
        if reading.finish_reason != "aborted":
            of.fresh[key] = _READING.dump_json(reading)
        return reading

    def machine(self) -> str:
        return self.engine.machine()

    def picture_for(self, kind: PageKind) -> PictureSpec:
        return self.engine.picture_for(kind)

    def parse(self, text: str) -> list[Block]:
        return self.engine.parse(text)

    async def available(self) -> bool:
        return await self.engine.available()

    async def aclose(self) -> None:
        await self.engine.aclose()


def _reading(data: bytes | None) -> Reading | None:
    """The reading that was kept; None where nothing was, or what was is torn."""
    try:
        return _READING.validate_json(data) if data is not None else None
    except ValidationError:
        log.warning("cache_entry_torn")
        return None
