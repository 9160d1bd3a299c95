"""Cache what was read: readings by page image, documents by their bytes and options, for each owner separately.

A hit is copied; no job ever needs another's files. The key of an entry includes all that decides how a page is read: the
pipeline's version, the engine and its settings. Entries are below ``cache/{owner}/`` in storage and in the sorted set
``cache:expiring`` in Redis. Documents that were opened with a password are not kept. Deleting a job deletes what it put into
the cache or took from it.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any, BinaryIO
from zipfile import BadZipFile, ZipFile

from pydantic import BaseModel, ValidationError

from document_parser.jobs.records import storage_keys
from document_parser.jobs.records.job import Job, JobCard
from document_parser.jobs.records.record import CACHE_INDEX, forget_cached
from document_parser.jobs.redis import scripts
from document_parser.jobs.redis.connection import Redis, text
from document_parser.models import CPU_ENGINES, PIPELINE_VERSION, VLM_ENGINES, EngineName, Page, PageImage
from document_parser.settings import Settings
from document_parser.storage import Storage, StoredFileMissing, open_scratch
from document_parser.telemetry import logs

log = logs.get_logger(__name__)

OPTIONS_BESIDE_READING = {
    "priority",
    "cache",
    "output_format",
    "page_separator",
    "headers_footers",
    "layers",
    "csv_safe",
    "chunk_strategy",
    "chunk_max_tokens",
    "chunk_overlap",
    "retention_hours",
    "classify",
    "labels",
}
"""Options that do not change how pages are read."""
ENTRIES_PER_STEP = 1000
"""Entries handled in one step when they expire or their index is rebuilt."""
HEAD_FILE = "head.json"
"""The member of a document's entry that describes it."""


def document_key(settings: Settings, card: JobCard) -> str:
    """Return the cache key of a document's pages; empty if they are not kept."""
    if not settings.store.cache_hours or not card.options.cache:
        return ""
    options = card.options.model_dump(mode="json", exclude=OPTIONS_BESIDE_READING)
    return cache_key(card.owner, "documents", [card.sha256, card.kind, options, _engine_settings(settings)])


def reading_key(
    settings: Settings, owner: str, engine: EngineName, picture: PageImage, temperature: float | None, machine: str = ""
) -> str:
    """Return the cache key of an engine's reading of a page image.

    ``machine`` names what of this machine decides how the engine reads.
    """
    what = (
        picture.kind,
        picture.encoding,
        picture.width_pixels,
        picture.height_pixels,
        hashlib.sha256(picture.data).hexdigest(),
    )
    return cache_key(owner, "readings", [engine, machine, _engine_settings(settings, engine), temperature, what])


def cache_key(owner: str, kind: str, facts: list[Any], version: str = PIPELINE_VERSION) -> str:
    """Return the cache key for an owner and facts. Another version of the pipeline gives another key."""
    digest = hashlib.sha256(json.dumps([version, *facts], sort_keys=True).encode()).hexdigest()
    return f"{storage_keys.cache_of(owner)}{kind}/{digest[:2]}/{digest}"


def _engine_settings(settings: Settings, *names: EngineName) -> dict[str, Any]:
    """Return the settings that decide how engines read. The address of a model server is not one of them."""
    models = set(settings.reading_models).intersection(names or VLM_ENGINES)
    beside = {"url", "api_key", "region_requests"}
    found = {name: settings.model_server(name).model_dump(mode="json", exclude=beside) for name in models}
    return found | {"engines": settings.engines.model_dump(mode="json", exclude={"vllm_api_key", "inference_mode"})}


class Head(BaseModel):
    """The description of a cached document. Its entry is a zip file of this, the pages, and the images of figures."""

    page_count: int
    numbers: list[int]
    engines: set[EngineName]
    machine: str = ""
    """What of the machine decided how CPU engines read; empty if none read a page."""


@dataclass(frozen=True)
class CachedDocument:
    """The open entry of a document that was read before."""

    head: Head
    entry: ZipFile

    def pages(self) -> Iterator[Page]:
        """Yield the pages in order. Their accepted attempts are marked as cached."""
        for number in self.head.numbers:
            page = Page.model_validate_json(self.entry.read(_page(number)))
            for attempt in page.attempts:
                attempt.cached = attempt.outcome == "accepted"
            yield page

    def copy_figures(self, storage: Storage, job_id: str, page: Page) -> None:
        """Copy the images of a page's figures into a job. Raises StorageUnavailable."""
        names = set(self.entry.namelist())
        for block in page.blocks:
            if block.picture is not None and (name := _figure(block.picture)) in names:
                storage.put(storage_keys.figure(job_id, block.picture), self.entry.read(name))


@dataclass(frozen=True)
class Cache:
    """The cached readings and documents of all owners."""

    settings: Settings
    redis: Redis
    storage: Storage

    def get(self, job_id: str, key: str) -> bytes | None:
        """Return the cached bytes of a key, None if there are none, and note that the job has used them.

        A miss costs one call to Redis. Raises RedisError, StorageUnavailable.
        """
        if not self._is_cached(job_id, key):
            return None
        try:
            return self.storage.get(key)
        except StoredFileMissing:
            return None

    def put(self, job_id: str, key: str, data: bytes) -> None:
        """Keep bytes under a key for CACHE_HOURS, unless the job has been deleted meanwhile.

        Raises RedisError, StorageUnavailable.
        """
        # Readers check that an entry is whole: waiting for the disk is worth it for a page, not for a copy of it.
        self.storage.put(key, data, durable=False)
        self._remember(job_id, key)

    @contextlib.contextmanager
    def document(self, job: Job) -> Iterator[CachedDocument | None]:
        """Open the cached entry of a job's document; None if there is none, or it is damaged.

        Raises RedisError, StorageUnavailable.
        """
        key = document_key(self.settings, job.card)
        with contextlib.ExitStack() as stack:
            try:
                there = key and self._is_cached(job.card.job_id, key)
                stream = self.storage.open(key) if there else None
            except StoredFileMissing:
                stream = None
            yield _open_entry(stack.enter_context(stream)) if stream is not None else None

    def keep_document(self, job: Job, entries: Mapping[int, Mapping[str, Any]], machine: Callable[[], str]) -> None:
        """Keep a document, unless one of its pages failed or was read by a fallback engine and may be read better later.

        ``entries`` are those of its ledger; ``machine`` returns what of this machine decides how CPU engines read. Raises
        StorageUnavailable, StoredFileMissing, EngineError, RedisError.
        """
        key = document_key(self.settings, job.card)
        if not key or job.cache != "miss" or not entries or any(map(_is_poor, entries.values())):
            return
        engines = {entry["engine"] for entry in entries.values() if entry.get("engine")}
        machine_name = machine() if engines.intersection(CPU_ENGINES) else ""
        head = Head(page_count=job.page_count or 0, numbers=sorted(entries), engines=engines, machine=machine_name)
        with self.storage.scratch() as path:
            with open_scratch(path) as out, ZipFile(out, "w") as entry:
                entry.writestr(HEAD_FILE, head.model_dump_json())
                for number in head.numbers:
                    entry.writestr(_page(number), self.storage.get(storage_keys.page(job.card.job_id, number)))
                for figure in self.storage.keys(storage_keys.figure(job.card.job_id, "")):
                    entry.writestr(_figure(figure.rpartition("/")[2]), self.storage.get(figure))
            self.storage.put_file(key, path)
        self._remember(job.card.job_id, key)

    def expire(self, now: int) -> None:
        """Delete expired entries; ``now`` is in milliseconds on Redis' clock. Raises StorageUnavailable, RedisError."""
        expired = list(map(text, self.redis.zrangebyscore(CACHE_INDEX, "-inf", now, start=0, num=ENTRIES_PER_STEP)))
        forget_cached(self.redis, self.storage, expired)

    def rebuild(self, now: int) -> None:
        """Rebuild the index of entries from storage if Redis has lost it; each entry gets a full time to live.

        ``now`` is in milliseconds on Redis' clock. Raises StorageUnavailable, RedisError.
        """
        if self.redis.exists(CACHE_INDEX):
            return
        expiry, keys = now + self._milliseconds, self.storage.keys(storage_keys.CACHE)
        while found := list(islice(keys, ENTRIES_PER_STEP)):
            self.redis.zadd(CACHE_INDEX, dict.fromkeys(found, expiry), nx=True)

    @property
    def _milliseconds(self) -> int:
        return int(self.settings.store.cache_hours * 3_600_000)

    def _is_cached(self, job_id: str, key: str) -> bool:
        """Return whether the index has an unexpired entry, and note that the job uses it."""
        known = self.redis.zscore(CACHE_INDEX, key) is not None
        return known and bool(scripts.run_script(self.redis, "remember", job_id, key, ""))

    def _remember(self, job_id: str, key: str) -> None:
        """Add an entry to the index, or delete it again if the job is gone."""
        if not scripts.run_script(self.redis, "remember", job_id, key, self._milliseconds):
            self.storage.delete(key)


def _open_entry(stream: BinaryIO) -> CachedDocument | None:
    """Open a document's entry; None if it is empty or damaged, as after a power cut."""
    try:
        entry = ZipFile(stream)
        return CachedDocument(Head.model_validate_json(entry.read(HEAD_FILE)), entry) if entry.testzip() is None else None
    except (BadZipFile, EOFError, KeyError, zlib.error, ValidationError):
        log.warning("cache_entry_torn")
        return None


def _is_poor(entry: Mapping[str, Any]) -> bool:
    """Return whether a page failed, or was read by a fallback engine."""
    return entry["state"] not in ("done", "blank") or "engine_fallback" in entry.get("warnings", ())


def _page(number: int) -> str:
    return f"pages/{number}.json"


def _figure(name: str) -> str:
    return f"figures/{name}"
