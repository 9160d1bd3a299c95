"""Fetch a document from where a caller says it is: the one download of workers and of the command."""

from __future__ import annotations

import asyncio
import threading

from document_parser.errors import FetchTimeout
from document_parser.ingest import s3
from document_parser.ingest.download_name import download_name
from document_parser.ingest.http_download import HttpDownload, OnProgress, address_check, refusal_of
from document_parser.ingest.origin import Origin, check_bucket, parse_s3
from document_parser.ingest.staged_file import StagedFile
from document_parser.settings import Settings
from document_parser.ssrf import AddressRefused, Resolver, resolve


def check_origin(settings: Settings, origin: Origin, resolver: Resolver = resolve) -> None:
    """Check that the service may fetch from there, without connecting. The fetch itself checks again.

    Raises FetchRefused, FetchNotResolved, BucketRefused, S3NotSetUp; ValueError for an S3 path that cannot be one.
    """
    if origin.is_s3:
        check_bucket(parse_s3(origin.address), settings.fetch.s3_buckets, "FETCH_S3_BUCKETS")
        s3.check_installed()
        return
    try:
        address_check(settings.fetch, resolver).check_url(origin.address)
    except AddressRefused as refused:
        raise refusal_of(refused) from None


async def fetch(settings: Settings, origin: Origin, max_bytes: int, staged: StagedFile, on_progress: OnProgress) -> str:
    """Receive a document into a staged file and return its safe file name.

    ``on_progress`` may be called from another thread. Raises FetchError, FileTooLarge, StorageFull, StorageUnavailable.
    """
    if origin.is_s3:
        return await _fetch_object(settings, origin, max_bytes, staged, on_progress)
    return await HttpDownload(settings.fetch, max_bytes, staged, on_progress).run(origin.address)


async def _fetch_object(settings: Settings, origin: Origin, max_bytes: int, staged: StagedFile, on_progress: OnProgress) -> str:
    """Receive an object in a thread, which ends soon after a cancellation or the deadline."""
    limits, path, stopped = settings.fetch, parse_s3(origin.address), threading.Event()
    check_bucket(path, limits.s3_buckets, "FETCH_S3_BUCKETS")

    def go_on(received: int, size: int | None) -> None:
        if stopped.is_set():
            raise FetchTimeout(seconds=limits.seconds)
        on_progress(received, size)

    def download() -> str:
        client = s3.make_client(
            settings.store.s3_endpoint_url,
            origin.region,
            connect_seconds=limits.connect_seconds,
            read_seconds=limits.stall_seconds,
        )
        return s3.download_object(client, path, max_bytes, staged, go_on)

    running = asyncio.create_task(asyncio.to_thread(download))
    try:
        async with asyncio.timeout(limits.seconds):
            media_type = await asyncio.shield(running)
    except TimeoutError:
        raise FetchTimeout(seconds=limits.seconds) from None
    finally:
        # The staged file is closed next: nothing may write to it any more.
        stopped.set()
        await asyncio.wait([running])
        if not running.cancelled():
            running.exception()
    return download_name(path.key, path.bucket, media_type=media_type)
