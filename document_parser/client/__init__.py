"""A client of the HTTP API: typed answers, the server's own errors as exceptions, files streamed from and to the disk."""

from __future__ import annotations

import shutil
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from os import PathLike
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Literal, Self
from urllib.parse import quote

import httpx

from document_parser.atomic import atomic_write
from document_parser.client.answers import (
    Accepted,
    DeliveryList,
    JobList,
    PageEntry,
    Pages,
    PageView,
    Rereading,
    Result,
    model,
)
from document_parser.client.refusals import IDEMPOTENCY_KEY, error_of
from document_parser.client.service import CHUNK_BYTES, Service
from document_parser.errors import UnexpectedAnswer
from document_parser.models import (
    AccuracyMode,
    Delivery,
    Document,
    EngineName,
    JobStatus,
    LowQuality,
    OutputFormat,
    Pinged,
    Replayed,
    WebhookState,
)

__all__ = ["Client", "JobList", "PageEntry", "PageView", "Result", "error_of"]

LONGEST_WAIT_SECONDS = 30.0
WATCHED_WAIT_SECONDS = 1.0
"""A watched job is asked for this often: the server answers early only at a job's end."""
AT_ONCE_SECONDS = 0.3


class Client:
    """Talks to one service. May be used by many threads; close it, or use it as a context manager.

    A busy server (429, 503) is asked again as long as ``patience`` lasts, and so is one that answered before and now does not.
    A document goes with an Idempotency-Key: however often it has to be sent, there is one job of it. Every method raises the
    server's error as its class in ``document_parser.errors``, ServerUnreachable where no answer comes, and UnexpectedAnswer
    where something else answers.
    """

    def __init__(
        self,
        base_url: str,
        token: str = "",
        timeout: float = 30.0,
        patience: float = 60.0,
        pause: Callable[[float], object] = time.sleep,
    ) -> None:
        """``token`` is the admin token. Without one, the methods that are for the operator send the token of DATA_DIR to a
        service on this machine, if this process may read it. ``timeout`` is the longest silence of the server and ``patience``
        the longest time of asking again, both in seconds; ``pause`` waits so many seconds. Raises ValueError where the address
        is none.
        """
        self._service = Service(base_url, token, timeout, patience, pause)
        self._timeout = timeout
        self._pause = pause

    def submit(
        self,
        document: str | PathLike[str] | BinaryIO,
        *,
        filename: str = "",
        password: str = "",
        idempotency_key: str = "",
        **options: str,
    ) -> str:
        """Send a document, streamed, and give its job's id. A stream is read from its start where it has one.

        The same ``idempotency_key`` gives the same job, also from another process; without one, each call makes one of its own.
        ``options`` are the fields of models.Options, ``output_format`` for example. Raises OSError where it cannot be read.
        """
        with ExitStack() as stack:
            if isinstance(document, (str, PathLike)):
                filename = filename or Path(document).name
                stream: BinaryIO = stack.enter_context(Path(document).open("rb"))
            else:
                stream = document if document.seekable() else stack.enter_context(_spooled(document))
            fields = {name: value for name, value in {**options, "password": password}.items() if value not in (None, "")}
            files = {"file": (filename or "document", stream, "application/octet-stream")}
            key = {IDEMPOTENCY_KEY: idempotency_key or str(uuid.uuid4())}
            return model(Accepted, self._service.ask("POST", "/v1/process/async", data=fields, files=files, headers=key)).job_id

    def status(self, job_id: str, wait: float = 0) -> JobStatus:
        """How a job stands, once it is at rest or after ``wait`` seconds, 60 at most. A busy server may answer earlier."""
        timeout = httpx.Timeout(self._timeout, read=self._timeout + wait)
        return model(JobStatus, self._service.ask("GET", f"{_job(job_id)}/status", params={"wait": wait}, timeout=timeout))

    def wait(
        self, job_id: str, on_progress: Callable[[JobStatus], None] | None = None, timeout: float | None = None
    ) -> JobStatus:
        """The status of a job once it has ended, in whatever state, and none of its pages is being read again. ``on_progress``
        is told how it stands about every second.

        Raises TimeoutError after ``timeout`` seconds; the job goes on.
        """
        deadline = time.monotonic() + timeout if timeout is not None else float("inf")
        longest = WATCHED_WAIT_SECONDS if on_progress else LONGEST_WAIT_SECONDS
        while True:
            asked = time.monotonic()
            status = self.status(job_id, wait=max(0.0, min(longest, deadline - asked)))
            if on_progress is not None:
                on_progress(status)
            if status.at_rest:
                return status
            if time.monotonic() >= deadline:
                raise TimeoutError(f"The job has not ended after {timeout} seconds.")
            if time.monotonic() - asked < AT_ONCE_SECONDS:
                # All threads that may wait do so already: the server answered at once.
                self._pause(WATCHED_WAIT_SECONDS)

    def result(self, job_id: str, format: OutputFormat | None = None) -> Result:
        """The result with its content, whole in memory; ``download`` is for large ones, and for ``zip``.

        The result of ``csv`` is that of ``tables``, the list of all tables with the CSV of each.
        """
        if format == "zip":
            raise ValueError("A zip archive comes as a file: use download().")
        query = {"format": format} if format else {}
        headers = {"Accept": "application/json"}
        return model(Result, self._service.ask("GET", f"{_job(job_id)}/result", params=query, headers=headers))

    def download(
        self,
        job_id: str,
        to: str | PathLike[str] | BinaryIO,
        format: OutputFormat | None = None,
        *,
        table: int | None = None,
        archive: bool = False,
    ) -> str:
        """Write the result to a file, which appears whole or not at all, or to a stream. Return its media type.

        The CSV of a document with one table is ``text/csv``, of several tables ``application/zip``: ``table`` chooses one,
        counted from 1, and ``archive`` asks for the ZIP file however many there are. Raises OSError.
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

    def parse(
        self,
        document: str | PathLike[str] | BinaryIO,
        *,
        filename: str = "",
        password: str = "",
        on_progress: Callable[[JobStatus], None] | None = None,
        **options: str,
    ) -> Document:
        """Submit, wait, and fetch the document. Raises the error of a job that failed."""
        job_id = self.submit(document, filename=filename, password=password, **{"output_format": "json", **options})
        self.wait(job_id, on_progress)
        found = self.result(job_id, "json").document
        if found is None:
            raise UnexpectedAnswer()
        return found

    def pages(self, job_id: str) -> list[PageEntry]:
        """All pages of a job, ascending; none until the document has been opened."""
        return model(Pages, self._service.ask("GET", f"{_job(job_id)}/pages")).pages

    def page(self, job_id: str, number: int) -> PageView:
        """One page, also while the job runs."""
        return model(PageView, self._service.ask("GET", f"{_job(job_id)}/pages/{number}"))

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
        """Have a page of a completed job read again; ``wait`` waits for it, and a higher revision says that it is new.

        What is left out stays as the job was asked for; an encrypted document wants its password again.
        """
        given = {"engine": engine, "accuracy_mode": accuracy_mode, "on_low_quality": on_low_quality, "password": password}
        body = {name: value for name, value in given.items() if value}
        return model(Rereading, self._service.ask("POST", f"{_job(job_id)}/pages/{number}/retry", json=body))

    def deliveries(self, limit: int = 50, cursor: str = "", state: WebhookState | Literal[""] = "") -> DeliveryList:
        """Webhooks and how they are delivered, newest first. Like the methods below it is for the operator."""
        query = {"limit": limit, "cursor": cursor, "state": state}
        return model(DeliveryList, self._service.ask_as_operator("GET", "/v1/webhooks/deliveries", params=query))

    def replay_webhook(self, job_id: str) -> Delivery:
        """Deliver a job's newest webhook again."""
        return model(Delivery, self._service.ask_as_operator("POST", f"{_job(job_id)}/webhook/replay"))

    def replay_failed_webhooks(self) -> Replayed:
        """Deliver again what was given up."""
        return model(Replayed, self._service.ask_as_operator("POST", "/v1/webhooks/deliveries/replay"))

    def ping_webhook(self, url: str) -> Pinged:
        """Post a signed ping to a receiver, and tell what came of it."""
        return model(Pinged, self._service.ask_as_operator("POST", "/v1/webhooks/ping", json={"url": url}))

    def figure(self, job_id: str, name: str) -> bytes:
        """The JPEG of a figure, by the ``picture`` of its block."""
        return self._service.ask("GET", f"{_job(job_id)}/figures/{quote(name, safe='')}")

    def jobs(self, limit: int = 50, cursor: str = "", status: str = "") -> JobList:
        """Jobs, newest first. For the operator."""
        query = {"limit": limit, "cursor": cursor, "status": status}
        return model(JobList, self._service.ask_as_operator("GET", "/v1/jobs", params=query))

    def cancel(self, job_id: str) -> None:
        """End a job; its finished pages are kept."""
        self._service.ask("POST", f"{_job(job_id)}/cancel")

    def delete(self, job_id: str) -> None:
        """Delete a job and all its files. For the operator."""
        self._service.ask_as_operator("DELETE", _job(job_id))

    def close(self) -> None:
        self._service.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


def _job(job_id: str) -> str:
    return f"/v1/jobs/{quote(job_id, safe='')}"


@contextmanager
def _spooled(stream: BinaryIO) -> Iterator[BinaryIO]:
    """A copy of a stream on disk, that can be sent again from its start."""
    with tempfile.TemporaryFile() as copy:
        shutil.copyfileobj(stream, copy, CHUNK_BYTES)
        copy.seek(0)
        yield copy
