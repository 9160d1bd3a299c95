"""Call the HTTP API from Python: typed results, the server's errors as exceptions, files streamed from and to the disk.

What a program needs to call the service belongs here.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from os import PathLike
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Literal, Self
from urllib.parse import quote

import httpx2
from tenacity import RetryCallState, RetryError, Retrying, retry_if_result, stop_after_delay, stop_never

from document_parser.client.administration import AdministrationMethods
from document_parser.client.errors import IDEMPOTENCY_KEY, error_of
from document_parser.client.events import Event, follow
from document_parser.client.extraction import ExtractionMethods, FileExtraction, PrebuiltSchema, SchemaValidity, order_fields
from document_parser.client.models import (
    Accepted,
    BatchAccepted,
    Children,
    ChunkList,
    Citation,
    DeliveryList,
    JobList,
    PageEntry,
    Pages,
    PageView,
    Rereading,
    Result,
    UploadState,
    parse_body,
)
from document_parser.client.resumable import send_in_pieces
from document_parser.client.transport import CHUNK_BYTES, Service
from document_parser.errors import JobEnded, UnexpectedAnswer
from document_parser.host.files import atomic_write
from document_parser.models import (
    AccuracyMode,
    BatchStatus,
    Child,
    ChunkStrategy,
    Classification,
    Delivery,
    Document,
    EngineName,
    JobState,
    JobStatus,
    LowQuality,
    OutputFormat,
    Pinged,
    Replayed,
    WebhookState,
)
from document_parser.models.extraction import Extraction

__all__ = [
    "ChunkList",
    "Citation",
    "Client",
    "Event",
    "FileExtraction",
    "JobList",
    "PageEntry",
    "PageView",
    "PrebuiltSchema",
    "Result",
    "SchemaValidity",
    "error_of",
]

MAX_WAIT_SECONDS = 30.0
"""Longest wait of one status request, in seconds."""
PROGRESS_WAIT_SECONDS = 1.0
"""Interval of status requests with progress, in seconds. The server answers earlier only at a job's end."""
IMMEDIATE_SECONDS = 0.3
"""A response faster than this, in seconds, means that the server did not wait."""

TUS = {"Tus-Resumable": "1.0.0"}
"""Headers of requests about uploads."""
RESUMABLE_BYTES = 16 << 20
"""Documents larger than this are sent in pieces."""


class Client(ExtractionMethods, AdministrationMethods):
    """Call one service. Use it from any number of threads; close it, or use it as a context manager.

    A busy server (429, 503), and one that answered before and now does not, is asked again for up to ``patience`` seconds. A
    document is sent with an Idempotency-Key, so repeated attempts create one job. Every method raises the server's error as
    its class in ``document_parser.errors``, ServerUnreachable if no response comes, and UnexpectedAnswer if something other
    than this service responds.
    """

    def __init__(
        self,
        base_url: str,
        token: str = "",
        timeout: float = 30.0,
        patience: float = 60.0,
        pause: Callable[[float], object] = time.sleep,
    ) -> None:
        """Create a client of the service at ``base_url``.

        ``token`` is an API key or the admin token. Without one, the methods for the operator send the token of DATA_DIR to a
        service on this machine, if this process may read it. ``timeout`` is the longest silence of the server and
        ``patience`` the longest time of retrying, both in seconds. ``pause`` waits for a number of seconds. Raises
        ValueError if the address is invalid.
        """

        def sleep(seconds: float) -> None:
            if seconds > 0:
                pause(seconds)

        self._service = Service(base_url, token, timeout, patience, sleep)
        self._timeout = timeout
        self._patience = patience
        self._sleep = sleep

    def submit(
        self,
        /,
        document: str | PathLike[str] | BinaryIO,
        *,
        filename: str = "",
        password: str = "",
        idempotency_key: str = "",
        **options: str,
    ) -> str:
        """Send a document as a stream and return its job's id. A seekable stream is read from its start.

        One larger than RESUMABLE_BYTES is sent by ``upload``, in pieces. The same ``idempotency_key`` returns the same job,
        also from another process; without one, each call creates its own key. ``options`` are the fields of models.Options,
        for example ``output_format``, and what to extract: ``schema``, ``extract_fields`` or ``json_schema`` as JSON text.
        Raises OSError if the document cannot be read.
        """
        with ExitStack() as stack:
            if isinstance(document, (str, PathLike)):
                filename = filename or Path(document).name
                stream: BinaryIO = stack.enter_context(Path(document).open("rb"))
            else:
                stream = document if document.seekable() else stack.enter_context(_copy_to_disk(document))
            fields = {name: value for name, value in {**options, "password": password}.items() if value not in (None, "")}
            if stream.seek(0, os.SEEK_END) > RESUMABLE_BYTES:
                upload_id = self.upload(stream, filename=filename)
                return self.submit_upload(upload_id, idempotency_key=idempotency_key, **fields)
            stream.seek(0)
            files = {"file": (filename or "document", stream, "application/octet-stream")}
            key = {IDEMPOTENCY_KEY: idempotency_key or str(uuid.uuid4())}
            return parse_body(
                Accepted, self._service.ask("POST", "/v1/process/async", data=fields, files=files, headers=key)
            ).job_id

    def submit_link(
        self, /, address: str, *, region: str = "", password: str = "", idempotency_key: str = "", **options: str
    ) -> str:
        """Have the server fetch a document and return its job's id.

        ``address`` is an http or https address, or ``s3://bucket/key`` in a bucket that the server allows, whose region is
        ``region``. The other arguments are those of ``submit``. What cannot be fetched fails the job.
        """
        is_s3 = address.startswith("s3://")
        fields = {"s3_uri" if is_s3 else "url": address, "region": region, "password": password, **options}
        body = {name: value for name, value in fields.items() if value not in (None, "")}
        key = {IDEMPOTENCY_KEY: idempotency_key or str(uuid.uuid4())}
        path = "/v1/process/s3" if is_s3 else "/v1/process/url"
        return parse_body(Accepted, self._service.ask("POST", path, json=body, headers=key)).job_id

    def submit_batch(
        self,
        /,
        documents: Sequence[str | PathLike[str] | BinaryIO],
        *,
        password: str = "",
        idempotency_key: str = "",
        **options: str,
    ) -> BatchAccepted:
        """Send several documents as one batch, or one archive, and return its id with the job of each document.

        The options apply to all. A document that is refused has an error instead of a job. Streams
        are those of files, of which they have the name. Raises OSError if a document cannot
        be read, and as ``submit``.
        """
        with ExitStack() as stack:
            opened = [
                stack.enter_context(Path(document).open("rb")) if isinstance(document, (str, PathLike)) else document
                for document in documents
            ]
            files = [("files", (Path(stream.name).name, stream, "application/octet-stream")) for stream in opened]
            fields = {name: value for name, value in {**options, "password": password}.items() if value not in (None, "")}
            key = {IDEMPOTENCY_KEY: idempotency_key or str(uuid.uuid4())}
            return parse_body(
                BatchAccepted, self._service.ask("POST", "/v1/process/batch", data=fields, files=files, headers=key)
            )

    def batch(self, batch_id: str, wait: float = 0, *, limit: int = 100, cursor: str = "") -> BatchStatus:
        """Return the status of a batch once it has ended or after ``wait`` seconds, at most 60, with a page of its files."""
        timeout = httpx2.Timeout(self._timeout, read=self._timeout + wait)
        query = {"wait": wait, "limit": limit, "cursor": cursor}
        return parse_body(BatchStatus, self._service.ask("GET", _batch(batch_id), params=query, timeout=timeout))

    def download_batch(self, batch_id: str, to: str | PathLike[str], format: OutputFormat | None = None) -> None:
        """Write the archive with all results of a batch that has ended to a file, whole or not at all. Raises OSError."""
        with atomic_write(Path(to)) as out:
            self._service.fetch(f"{_batch(batch_id)}/download", {"format": format} if format else {}, out)

    def cancel_batch(self, batch_id: str) -> None:
        """End the jobs of a batch. What is finished is kept."""
        self._service.ask("POST", f"{_batch(batch_id)}/cancel")

    def delete_batch(self, batch_id: str) -> None:
        """Delete a batch with its jobs and all their files. For the operator."""
        self._service.ask_as_operator("DELETE", _batch(batch_id))

    def upload(
        self,
        document: str | PathLike[str] | BinaryIO,
        *,
        filename: str = "",
        on_progress: Callable[[int, int], object] | None = None,
    ) -> str:
        """Send a document in pieces and return the id of the upload, for ``submit_upload``.

        After a lost connection or a restart of the server it goes on where the server is, for up to ``patience`` seconds
        without progress. ``on_progress`` is called with the bytes sent so far and the bytes in all. Raises OSError if the
        document cannot be read.
        """
        with ExitStack() as stack:
            if isinstance(document, (str, PathLike)):
                filename = filename or Path(document).name
                document = stack.enter_context(Path(document).open("rb"))
            stream = document if document.seekable() else stack.enter_context(_copy_to_disk(document))
            return send_in_pieces(self._service, stream, filename or "document", self._patience, self._sleep, on_progress)

    def upload_offset(self, upload_id: str) -> int:
        """Return how many bytes of an upload have come."""
        return parse_body(UploadState, self._service.ask("GET", _upload(upload_id), headers=TUS)).offset

    def delete_upload(self, upload_id: str) -> None:
        """Delete an upload that is not needed any more. Jobs that were made of it keep their document."""
        self._service.ask("DELETE", _upload(upload_id), headers=TUS)

    def submit_upload(self, /, upload_id: str, *, idempotency_key: str = "", **options: str) -> str:
        """Make a job of an upload and return its id. ``options`` and ``idempotency_key`` are those of ``submit``."""
        key = {IDEMPOTENCY_KEY: idempotency_key or str(uuid.uuid4())}
        body = {"upload_id": upload_id, **{name: value for name, value in options.items() if value not in (None, "")}}
        return parse_body(Accepted, self._service.ask("POST", "/v1/process/async", json=body, headers=key)).job_id

    def status(self, job_id: str, wait: float = 0) -> JobStatus:
        """Return a job's status once it is at rest or after ``wait`` seconds, at most 60. A busy server may answer earlier."""
        timeout = httpx2.Timeout(self._timeout, read=self._timeout + wait)
        return parse_body(JobStatus, self._service.ask("GET", f"{_job(job_id)}/status", params={"wait": wait}, timeout=timeout))

    def wait(
        self, job_id: str, on_progress: Callable[[JobStatus], None] | None = None, timeout: float | None = None
    ) -> JobStatus:
        """Wait until a job has ended in any state and no retry or extraction is pending, and return its status.

        ``on_progress`` is called with the status about every second. Raises TimeoutError after ``timeout`` seconds; the job
        goes on.
        """
        deadline = time.monotonic() + timeout if timeout is not None else float("inf")
        longest, asked = PROGRESS_WAIT_SECONDS if on_progress else MAX_WAIT_SECONDS, 0.0

        def ask() -> JobStatus:
            nonlocal asked
            asked = time.monotonic()
            status = self.status(job_id, wait=max(0.0, min(longest, deadline - asked)))
            if on_progress is not None:
                on_progress(status)
            return status

        def pause_seconds(_state: RetryCallState) -> float:
            # A server answers at once if all of its threads that may wait are taken.
            return PROGRESS_WAIT_SECONDS if time.monotonic() - asked < IMMEDIATE_SECONDS else 0.0

        until_at_rest = Retrying(
            retry=retry_if_result(lambda status: not status.is_at_rest),
            wait=pause_seconds,
            stop=stop_never if timeout is None else stop_after_delay(timeout),
            sleep=self._sleep,
        )
        try:
            return until_at_rest(ask)
        except RetryError:
            raise TimeoutError(f"The job has not ended after {timeout} seconds. Wait again, or ask for its status.") from None

    def events(self, job_id: str) -> Iterator[Event]:
        """Yield what happens to a job, from its beginning until it is at rest. A lost connection is made again.

        Several clients may follow a job. Where the server's threads are taken, events come every two seconds.
        """
        return follow(self._service, f"{_job(job_id)}/events", _is_at_rest, self._sleep)

    def batch_events(self, batch_id: str) -> Iterator[Event]:
        """Yield what happens to a batch, from its beginning until it has ended, as ``events``."""
        return follow(self._service, f"{_batch(batch_id)}/events", _batch_has_ended, self._sleep)

    def result(self, job_id: str, format: OutputFormat | None = None) -> Result:
        """Return the result with its content, whole in memory. Use ``download`` for large results, ``zip`` and ``pdf``.

        For ``csv`` the result is that of ``tables``: the list of all tables with the CSV of each. Raises ValueError for
        ``zip`` and ``pdf``.
        """
        if format in ("zip", "pdf"):
            raise ValueError(f"The format {format} is available as a file only. Use download().")
        query = {"format": format} if format else {}
        headers = {"Accept": "application/json"}
        return parse_body(Result, self._service.ask("GET", f"{_job(job_id)}/result", params=query, headers=headers))

    def download(
        self,
        job_id: str,
        to: str | PathLike[str] | BinaryIO,
        format: OutputFormat | None = None,
        *,
        table: int | None = None,
        archive: bool = False,
    ) -> str:
        """Write the result to a file or a stream and return its media type.

        A file appears whole or not at all. The CSV of a document with one table is ``text/csv``, of several tables
        ``application/zip``. ``table`` chooses one table, counted from 1; ``archive`` asks for the ZIP file regardless of the
        number of tables. Raises OSError.
        """
        path = f"{_job(job_id)}/download"
        query = {name: value for name, value in {"format": format, "table": table}.items() if value is not None}
        accept = "application/zip" if archive else "*/*"
        if isinstance(to, (str, PathLike)):
            with atomic_write(Path(to)) as out:
                return self._service.fetch(path, query, out, accept)
        with tempfile.TemporaryFile() as whole:
            media_type = self._service.fetch(path, query, whole, accept)
            whole.seek(0)
            shutil.copyfileobj(whole, to, CHUNK_BYTES)
            return media_type

    def source(self, job_id: str, to: str | PathLike[str]) -> None:
        """Write the document as it was received to a file, whole or not at all. Raises OSError."""
        with atomic_write(Path(to)) as out:
            self._service.fetch(f"{_job(job_id)}/source", {}, out)

    def children(self, job_id: str) -> list[Child]:
        """Return the documents inside a document, each with its job: attachments, files of an archive."""
        return parse_body(Children, self._service.ask("GET", f"{_job(job_id)}/children")).children

    def chunks(
        self,
        job_id: str,
        *,
        max_tokens: int | None = None,
        overlap: int | None = None,
        strategy: ChunkStrategy | None = None,
    ) -> ChunkList:
        """Return the document in chunks, whole in memory. What is not given is as the job was submitted with."""
        given = {"max_tokens": max_tokens, "overlap": overlap, "strategy": strategy}
        query = {name: value for name, value in given.items() if value is not None}
        headers = {"Accept": "application/json"}
        return parse_body(ChunkList, self._service.ask("GET", f"{_job(job_id)}/chunks", params=query, headers=headers))

    def classify(self, job_id: str, labels: Sequence[str] = ()) -> Classification:
        """Return the documents that the file of a completed job holds: their types, pages and reasons.

        ``labels`` are the types that they may be; empty for all. Raises UnexpectedAnswer if the server needs more than half a
        minute for it; ask again then.
        """
        body = {"labels": list(labels)} if labels else {}
        timeout = httpx2.Timeout(self._timeout, read=self._timeout + MAX_WAIT_SECONDS)
        return parse_body(Classification, self._service.ask("POST", f"{_job(job_id)}/classify", json=body, timeout=timeout))

    def classification(self, job_id: str, classification_id: str) -> Classification:
        """Return what ``classify`` was asked before. Raises UnexpectedAnswer while it is not there."""
        path = f"{_job(job_id)}/classifications/{quote(classification_id, safe='')}"
        timeout = httpx2.Timeout(self._timeout, read=self._timeout + MAX_WAIT_SECONDS)
        return parse_body(Classification, self._service.ask("GET", path, timeout=timeout))

    def cite(self, job_id: str, start: int, end: int) -> Citation:
        """Return the pages and boxes of a range of the Markdown, such as the ``span`` of a chunk."""
        query = {"start": start, "end": end, "format": "json"}
        return parse_body(Citation, self._service.ask("GET", f"{_job(job_id)}/cite", params=query))

    def cited_page(self, job_id: str, start: int, end: int, page: int | None = None) -> bytes:
        """Return a page of a range of the Markdown as a PNG with the place marked; by default its first page."""
        query: dict[str, Any] = {"start": start, "end": end, "format": "png"}
        query |= {"page": page} if page is not None else {}
        return self._service.ask("GET", f"{_job(job_id)}/cite", params=query)

    def parse(
        self,
        /,
        document: str | PathLike[str] | BinaryIO,
        *,
        filename: str = "",
        password: str = "",
        on_progress: Callable[[JobStatus], None] | None = None,
        **options: str,
    ) -> Document:
        """Submit a document, wait for its job, and return the document.

        Raises the error of a job that failed.
        """
        job_id = self.submit(document, filename=filename, password=password, **{"output_format": "json", **options})
        self.wait(job_id, on_progress)
        found = self.result(job_id, "json").document
        if found is None:
            raise UnexpectedAnswer()
        return found

    def extract_file(
        self,
        /,
        document: str | PathLike[str] | BinaryIO,
        *,
        schema: str = "",
        json_schema: dict[str, Any] | None = None,
        fields: Sequence[str] = (),
        filename: str = "",
        password: str = "",
        on_progress: Callable[[JobStatus], None] | None = None,
        **options: str,
    ) -> Extraction:
        """Submit a document with an order, wait for its job, and return the values.

        Raises the error of a job that failed, and JobEnded for one that was cancelled meanwhile.
        """
        order = {name: value for name, value in order_fields(schema, json_schema, fields).items() if value}
        job_id = self.submit(document, filename=filename, password=password, **order, **options)
        status = self.wait(job_id, on_progress)
        if status.error is not None:
            raise error_of(status.error)
        if not status.extractions or status.status is not JobState.COMPLETED:
            raise JobEnded("The job was cancelled before its values were extracted.")
        return self.extraction(job_id, status.extractions[0].id)

    def pages(self, job_id: str) -> list[PageEntry]:
        """Return all pages of a job in ascending order; empty until the document has been opened."""
        return parse_body(Pages, self._service.ask("GET", f"{_job(job_id)}/pages")).pages

    def page(self, job_id: str, number: int) -> PageView:
        """Return one page, also while the job runs."""
        return parse_body(PageView, self._service.ask("GET", f"{_job(job_id)}/pages/{number}"))

    def page_image(self, job_id: str, number: int) -> bytes:
        """Return the image of a page, upright, as a JPEG. Raises PageImagePending while it is being drawn."""
        return self._service.ask("GET", f"{_job(job_id)}/pages/{number}/image")

    def retry_scan(self, job_id: str) -> None:
        """Scan a document for viruses again, and read it, after the scanner was away for too long."""
        self._service.ask("POST", f"{_job(job_id)}/retry")

    def retry_page(
        self,
        job_id: str,
        number: int,
        *,
        engine: EngineName | Literal[""] = "",
        accuracy_mode: AccuracyMode | Literal[""] = "",
        on_low_quality: LowQuality | Literal[""] = "",
        password: str = "",
    ) -> Rereading:
        """Have a page of a completed job read again. ``wait`` waits for it; a higher revision means that it is new.

        Options that are left out stay as they were at submission. An encrypted document needs its password again.
        """
        given = {"engine": engine, "accuracy_mode": accuracy_mode, "on_low_quality": on_low_quality, "password": password}
        body = {name: value for name, value in given.items() if value}
        return parse_body(Rereading, self._service.ask("POST", f"{_job(job_id)}/pages/{number}/retry", json=body))

    def deliveries(self, limit: int = 50, cursor: str = "", state: WebhookState | Literal[""] = "") -> DeliveryList:
        """Return webhooks and the state of their delivery, newest first. For the operator, as are the methods below."""
        query = {"limit": limit, "cursor": cursor, "state": state}
        return parse_body(DeliveryList, self._service.ask_as_operator("GET", "/v1/webhooks/deliveries", params=query))

    def replay_webhook(self, job_id: str) -> Delivery:
        """Deliver a job's newest webhook again. For the operator."""
        return parse_body(Delivery, self._service.ask_as_operator("POST", f"{_job(job_id)}/webhook/replay"))

    def replay_failed_webhooks(self) -> Replayed:
        """Deliver again all webhooks whose delivery was given up. For the operator."""
        return parse_body(Replayed, self._service.ask_as_operator("POST", "/v1/webhooks/deliveries/replay"))

    def ping_webhook(self, url: str) -> Pinged:
        """Post a signed ping to a receiver and return the outcome. For the operator."""
        return parse_body(Pinged, self._service.ask_as_operator("POST", "/v1/webhooks/ping", json={"url": url}))

    def figure(self, job_id: str, name: str) -> bytes:
        """Return the JPEG of a figure. ``name`` is the ``picture`` of its block."""
        return self._service.ask("GET", f"{_job(job_id)}/figures/{quote(name, safe='')}")

    def jobs(self, limit: int = 50, cursor: str = "", status: str = "") -> JobList:
        """Return jobs, newest first. For the operator."""
        query = {"limit": limit, "cursor": cursor, "status": status}
        return parse_body(JobList, self._service.ask_as_operator("GET", "/v1/jobs", params=query))

    def cancel(self, job_id: str) -> None:
        """End a job. Its finished pages are kept."""
        self._service.ask("POST", f"{_job(job_id)}/cancel")

    def delete(self, job_id: str) -> None:
        """Delete a job and all its files. For the operator."""
        self._service.ask_as_operator("DELETE", _job(job_id))

    def close(self) -> None:
        """Close the connections."""
        self._service.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


def _batch(batch_id: str) -> str:
    return f"/v1/batches/{quote(batch_id, safe='')}"


def _upload(upload_id: str) -> str:
    return f"/v1/uploads/{quote(upload_id, safe='')}"


def _job(job_id: str) -> str:
    return f"/v1/jobs/{quote(job_id, safe='')}"


def _is_at_rest(status: dict[str, Any]) -> bool:
    return JobStatus.model_validate(status).is_at_rest


def _batch_has_ended(status: dict[str, Any]) -> bool:
    return status.get("completed_at") is not None


@contextmanager
def _copy_to_disk(stream: BinaryIO) -> Iterator[BinaryIO]:
    """Copy a stream to the disk, so that it can be sent again from its start."""
    with tempfile.TemporaryFile() as copy:
        shutil.copyfileobj(stream, copy, CHUNK_BYTES)
        copy.seek(0)
        yield copy
