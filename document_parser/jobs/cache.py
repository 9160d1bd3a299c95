"""What has been read once is not read again: readings by picture, documents by their bytes and options, each owner's own.

A hit is a copy; no job ever needs another's files. What decides how a page reads is part of its key: the pipeline's version,
the engine and its settings. Entries lie below ``cache/{owner}/`` in storage, and in Redis as the sorted set ``cache:expiring``.
Nothing that was opened with a password is kept. Deleting a job deletes what it put into the cache or took out of it.
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

from document_parser import logs
from document_parser.jobs import files, scripts
from document_parser.jobs.connection import Redis, text
from document_parser.jobs.job import Job, JobCard
from document_parser.jobs.ledger import CPU_ENGINES
from document_parser.jobs.record import CACHE_INDEX, forget_cached
from document_parser.models import PIPELINE_VERSION, EngineName, Page, PageImage
from document_parser.settings import Settings
from document_parser.storage import Storage, StoredFileMissing, open_scratch

log = logs.get(__name__)

NOT_OF_READING = {"priority", "cache", "output_format", "page_separator", "headers_footers"}
"""Options that change nothing of how pages are read."""
AT_ONCE = 1000
HEAD = "head.json"


def document_key(settings: Settings, card: JobCard) -> str:
    """Where a document's pages are kept; empty where they are not."""
    if not settings.store.cache_hours or not card.options.cache:
        return ""
    options = card.options.model_dump(mode="json", exclude=NOT_OF_READING)
    return cache_key(card.owner, "documents", [card.sha256, card.kind, options, _engine_settings(settings)])


def reading_key(
    settings: Settings, owner: str, engine: EngineName, picture: PageImage, temperature: float | None, machine: str = ""
) -> str:
    """Where an engine's reading of a picture is kept. ``machine``: what of it decides how the engine reads."""
    what = (
        picture.kind,
        picture.encoding,
        picture.width_pixels,
        picture.height_pixels,
        hashlib.sha256(picture.data).hexdigest(),
    )
    return cache_key(owner, "readings", [engine, machine, _engine_settings(settings, engine), temperature, what])


def cache_key(owner: str, kind: str, facts: list[Any], version: str = PIPELINE_VERSION) -> str:
    """Where something of an owner's is kept: the same facts under another version of the pipeline are another key."""
    digest = hashlib.sha256(json.dumps([version, *facts], sort_keys=True).encode()).hexdigest()
    return f"{files.CACHE}{owner}/{kind}/{digest[:2]}/{digest}"


def _engine_settings(settings: Settings, *names: EngineName) -> dict[str, Any]:
    """What of the settings decides how engines read; where a model server stands does not."""
    models = {"deepseek", "nanonets"}.intersection(names or ("deepseek", "nanonets"))
    found = {name: getattr(settings, name).model_dump(mode="json", exclude={"url"}) for name in models}
    return found | {"engines": settings.engines.model_dump(mode="json", exclude={"vllm_api_key", "inference_mode"})}


class Head(BaseModel):
    """What a document's entry says of it. The entry is a zip of this, the pages, and the pictures of figures."""

    page_count: int
    numbers: list[int]
    engines: set[EngineName]
    machine: str = ""
    """What of the machine decided how its CPU engines read; empty where none did."""


@dataclass(frozen=True)
class CachedDocument:
    """A document that was read before, open."""

    head: Head
    entry: ZipFile

    def pages(self) -> Iterator[Page]:
        """One by one, each saying that it was cached."""
        for number in self.head.numbers:
            page = Page.model_validate_json(self.entry.read(_page(number)))
            for attempt in page.attempts:
                attempt.cached = attempt.outcome == "accepted"
            yield page

    def copy_figures(self, storage: Storage, job_id: str, page: Page) -> None:
        """Give a job the pictures of a page's figures."""
        names = set(self.entry.namelist())
        for block in page.blocks:
            if block.picture is not None and (name := _figure(block.picture)) in names:
                storage.put(files.figure(job_id, block.picture), self.entry.read(name))


@dataclass(frozen=True)
class Cache:
    """The entries of all owners."""

    settings: Settings
    redis: Redis
    storage: Storage

    def get(self, job_id: str, key: str) -> bytes | None:
        """A copy of what is kept; the job that has it is remembered. One look where there is nothing."""
        if not self._there(job_id, key):
            return None
        try:
            return self.storage.get(key)
        except StoredFileMissing:
            return None

    def put(self, job_id: str, key: str, data: bytes) -> None:
        """Keep it for CACHE_HOURS, unless the job has been deleted meanwhile."""
        # Whoever takes it looks whether it is whole: a page is worth waiting for the disk, a copy of it is not.
        self.storage.put(key, data, durable=False)
        self._remember(job_id, key)

    @contextlib.contextmanager
    def document(self, job: Job) -> Iterator[CachedDocument | None]:
        """What is kept of a document that was read before; None where nothing is."""
        key = document_key(self.settings, job.card)
        with contextlib.ExitStack() as stack:
            try:
                there = key and self._there(job.card.job_id, key)
                stream = self.storage.open(key) if there else None
            except StoredFileMissing:
                stream = None
            yield _open_entry(stack.enter_context(stream)) if stream is not None else None

    def keep_document(self, job: Job, entries: Mapping[int, Mapping[str, Any]], machine: Callable[[], str]) -> None:
        """Keep a document, unless a page of it might be read better another time. ``entries`` are those of its ledger, and
        ``machine`` says what of it decides how CPU engines read.

        Raises StorageUnavailable, StoredFileMissing, EngineError.
        """
        key = document_key(self.settings, job.card)
        if not key or job.cache != "miss" or not entries or any(map(_poor, entries.values())):
            return
        engines = {entry["engine"] for entry in entries.values() if entry.get("engine")}
        read_on = machine() if CPU_ENGINES & engines else ""
        head = Head(page_count=job.page_count or 0, numbers=sorted(entries), engines=engines, machine=read_on)
        with self.storage.scratch() as path:
            with open_scratch(path) as out, ZipFile(out, "w") as entry:
                entry.writestr(HEAD, head.model_dump_json())
                for number in head.numbers:
                    entry.writestr(_page(number), self.storage.get(files.page(job.card.job_id, number)))
                for figure in self.storage.keys(files.figure(job.card.job_id, "")):
                    entry.writestr(_figure(figure.rpartition("/")[2]), self.storage.get(figure))
            self.storage.put_file(key, path)
        self._remember(job.card.job_id, key)

    def expire(self, now: int) -> None:
        """Delete what is older than it may be; ``now`` in milliseconds on Redis' clock."""
        expired = list(map(text, self.redis.zrangebyscore(CACHE_INDEX, "-inf", now, start=0, num=AT_ONCE)))
        forget_cached(self.redis, self.storage, expired)

    def rebuild(self, now: int) -> None:
        """Find the entries again after Redis has lost them: each gets a full time to live."""
        if self.redis.exists(CACHE_INDEX):
            return
        expiry, keys = now + self._milliseconds, self.storage.keys(files.CACHE)
        while found := list(islice(keys, AT_ONCE)):
            self.redis.zadd(CACHE_INDEX, dict.fromkeys(found, expiry), nx=True)

    @property
    def _milliseconds(self) -> int:
        return int(self.settings.store.cache_hours * 3_600_000)

    def _there(self, job_id: str, key: str) -> bool:
        known = self.redis.zscore(CACHE_INDEX, key) is not None
        return known and bool(scripts.run(self.redis, "remember", job_id, key, ""))

    def _remember(self, job_id: str, key: str) -> None:
        if not scripts.run(self.redis, "remember", job_id, key, self._milliseconds):
            self.storage.delete(key)


def _open_entry(stream: BinaryIO) -> CachedDocument | None:
    """The document of an entry; None where the entry is empty or damaged, as after a power cut."""
    try:
        entry = ZipFile(stream)
        return CachedDocument(Head.model_validate_json(entry.read(HEAD)), entry) if entry.testzip() is None else None
    except (BadZipFile, EOFError, KeyError, zlib.error, ValidationError):
        log.warning("cache_entry_torn")
        return None


def _poor(entry: Mapping[str, Any]) -> bool:
    """A page that failed, or was read by another engine than was wanted."""
    return entry["state"] not in ("done", "blank") or "engine_fallback" in entry.get("warnings", ())


def _page(number: int) -> str:
    return f"pages/{number}.json"


def _figure(name: str) -> str:
    return f"figures/{name}"
