"""A client of the HTTP API: typed answers, the server's own errors as exceptions, files streamed from and to the disk."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from os import PathLike
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Literal, Self, TypeVar
from urllib.parse import quote

import httpx
from pydantic import BaseModel, Field, ValidationError

from document_parser.atomic import atomic_write
from document_parser.errors import DocumentParserError, JobNotComplete, ServerUnreachable, UnexpectedAnswer
from document_parser.models import (
    Attempt,
    Document,
    EngineName,
    JobError,
    JobStatus,
    OutputFormat,
    Page,
    PageError,
    PageWarning,
)

LONGEST_WAIT_SECONDS = 30.0
WATCHED_WAIT_SECONDS = 1.0
"""A watched job is asked for this often: the server answers early only at a job's end."""
AT_ONCE_SECONDS = 0.3
FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 8.0
CHUNK_BYTES = 1 << 16
BUSY = (429, 503)
GATEWAY = (502, 504)
"""What a proxy says while the service behind it starts anew."""

NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)

_T = TypeVar("_T")
_Model = TypeVar("_Model", bound=BaseModel)


class ResultWarning(BaseModel):
    page: int
    code: str


class Result(BaseModel):
    """The result of a job; the content stands under its format's name. ``tables`` are of ``{page, caption, csv}``."""

    job_id: str
    filename: str
    format: OutputFormat
    expires_at: datetime | None = None
    complete: bool
    failed_pages: list[int] = Field(default_factory=list)
    warnings: list[ResultWarning] = Field(default_factory=list)
    markdown: str | None = None
    html: str | None = None
    text: str | None = None
    document: Document | None = None
    tables: list[dict[str, Any]] | None = None


class PageEntry(BaseModel):
    """A page as the job's ledger knows it; ``error`` is a code."""

    number: int
    state: Literal["pending", "ready", "reading", "done", "blank", "failed"]
    engine: EngineName | None = None
    warnings: list[str] = Field(default_factory=list)
    error: str | None = None


class PageView(BaseModel):
    """One page of a job and why it reads as it does; ``page`` is None until it has been read."""

    number: int
    state: Literal["pending", "ready", "reading", "done", "blank", "failed"]
    route: str = ""
    attempts: list[Attempt] = Field(default_factory=list)
    warnings: list[PageWarning] = Field(default_factory=list)
    error: PageError | None = None
    page: Page | None = None


class JobList(BaseModel):
    """One page of the jobs, newest first; ``next_cursor`` leads to the next."""

    jobs: list[JobStatus]
    next_cursor: str | None = None


class _Pages(BaseModel):
    pages: list[PageEntry]


class _Accepted(BaseModel):
    job_id: str


class _AskAgain(Exception):
    """The server may answer better after so many seconds; ``error`` is what is raised where nobody waits for that."""

    def __init__(self, error: DocumentParserError, seconds: float = 0.0) -> None:
        super().__init__(error)
        self.error = error
        self.seconds = seconds


class Client:
    """Talks to one service. May be used by many threads; close it, or use it as a context manager.

    A busy server (429, 503) is asked again as long as ``patience`` lasts, and so is one that answered before and now does not,
    unless a document would be sent twice. Every method raises the
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
        """``token`` is the admin token, ``timeout`` the longest silence of the server and ``patience`` the longest time of
        asking again, both in seconds; ``pause`` waits so many seconds. Raises ValueError where the address is none.
        """
        self._http = httpx.Client(
            base_url=_address(base_url),
            headers={"Authorization": f"Bearer {token}"} if token else {},
            timeout=timeout,
        )
        self._timeout = timeout
        self._patience = patience
        self._pause = pause
        self._met = False

    def submit(
        self, document: str | PathLike[str] | BinaryIO, *, filename: str = "", password: str = "", **options: str
    ) -> str:
        """Send a document, streamed, and give its job's id. A stream is read from its start where it has one.

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
            return _model(_Accepted, self._ask("POST", "/v1/process/async", data=fields, files=files)).job_id

    def status(self, job_id: str, wait: float = 0) -> JobStatus:
        """How a job stands, once it has ended or after ``wait`` seconds, 60 at most. A busy server may answer earlier."""
        timeout = httpx.Timeout(self._timeout, read=self._timeout + wait)
        return _model(JobStatus, self._ask("GET", f"{_job(job_id)}/status", params={"wait": wait}, timeout=timeout))

    def wait(
        self, job_id: str, on_progress: Callable[[JobStatus], None] | None = None, timeout: float | None = None
    ) -> JobStatus:
        """The status of a job once it has ended, in whatever state. ``on_progress`` is told how it stands about every second.

        Raises TimeoutError after ``timeout`` seconds; the job goes on.
        """
        deadline = time.monotonic() + timeout if timeout is not None else float("inf")
        longest = WATCHED_WAIT_SECONDS if on_progress else LONGEST_WAIT_SECONDS
        while True:
            asked = time.monotonic()
            status = self.status(job_id, wait=max(0.0, min(longest, deadline - asked)))
            if on_progress is not None:
                on_progress(status)
            if status.status.ended:
                return status
            if time.monotonic() >= deadline:
                raise TimeoutError(f"The job has not ended after {timeout} seconds.")
            if time.monotonic() - asked < AT_ONCE_SECONDS:
                # All threads that may wait do so already: the server answered at once.
                self._pause(WATCHED_WAIT_SECONDS)

    def result(self, job_id: str, format: OutputFormat | None = None) -> Result:
        """The result with its content, whole in memory; ``download`` is for large ones, and for ``zip``."""
        if format == "zip":
            raise ValueError("A zip archive comes as a file: use download().")
        query = {"format": format} if format else {}
        headers = {"Accept": "application/json"}
        return _model(Result, self._ask("GET", f"{_job(job_id)}/result", params=query, headers=headers))

    def download(self, job_id: str, to: str | PathLike[str] | BinaryIO, format: OutputFormat | None = None) -> None:
        """Write the result to a file, which appears whole or not at all, or to a stream. Raises OSError."""
        query = {"format": format} if format else {}
        if isinstance(to, (str, PathLike)):
            with atomic_write(Path(to)) as out:
                self._fetch(f"{_job(job_id)}/download", query, out)
        else:
            with tempfile.TemporaryFile() as whole:
                self._fetch(f"{_job(job_id)}/download", query, whole)
                whole.seek(0)
                shutil.copyfileobj(whole, to, CHUNK_BYTES)

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
        return _model(_Pages, self._ask("GET", f"{_job(job_id)}/pages")).pages

    def page(self, job_id: str, number: int) -> PageView:
        """One page, also while the job runs."""
        return _model(PageView, self._ask("GET", f"{_job(job_id)}/pages/{number}"))

    def figure(self, job_id: str, name: str) -> bytes:
        """The JPEG of a figure, by the ``picture`` of its block."""
        return self._ask("GET", f"{_job(job_id)}/figures/{quote(name, safe='')}")

    def jobs(self, limit: int = 50, cursor: str = "", status: str = "") -> JobList:
        """Jobs, newest first."""
        query = {"limit": limit, "cursor": cursor, "status": status}
        return _model(JobList, self._ask("GET", "/v1/jobs", params=query))

    def cancel(self, job_id: str) -> None:
        """End a job; its finished pages are kept."""
        self._ask("POST", f"{_job(job_id)}/cancel")

    def delete(self, job_id: str) -> None:
        """Delete a job and all its files."""
        self._ask("DELETE", _job(job_id))

    def close(self) -> None:
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def _ask(self, method: str, path: str, **request: Any) -> bytes:
        """The body of a good answer."""
        return self._patiently(lambda: self._once(method, path, httpx.Response.read, **request))

    def _fetch(self, path: str, query: dict[str, Any], out: BinaryIO) -> None:
        """Write the body of a good answer, from the start at each try."""

        def write(answer: httpx.Response) -> None:
            out.seek(0)
            out.truncate()
            for chunk in answer.iter_bytes(CHUNK_BYTES):
                out.write(chunk)

        self._patiently(lambda: self._once("GET", path, write, params=query))

    def _patiently(self, attempt: Callable[[], _T]) -> _T:
        until, pause = time.monotonic() + self._patience, FIRST_PAUSE_SECONDS
        while True:
            try:
                return attempt()
            except _AskAgain as again:
                seconds = max(pause, again.seconds)
                if time.monotonic() + seconds > until:
                    raise again.error from again.__cause__
            self._pause(seconds)
            pause = min(pause * 2, LONGEST_PAUSE_SECONDS)

    def _once(self, method: str, path: str, take: Callable[[httpx.Response], _T], **request: Any) -> _T:
        """What ``take`` makes of a good answer. Raises _AskAgain where it is harmless to ask again."""
        try:
            with self._http.stream(method, path, **request) as answer:
                self._met = True
                if answer.is_success:
                    return take(answer)
                answer.read()
        except httpx.RequestError as error:
            unreachable = ServerUnreachable(reason=type(error).__name__)
            if self._met and (method == "GET" or isinstance(error, NOT_SENT)):
                raise _AskAgain(unreachable) from error
            raise unreachable from error
        raise _refusal(answer)


def error_of(problem: JobError) -> DocumentParserError:
    """The error of a failed job, as its own class."""
    return _made(problem.code, problem.message, problem.details)


def _tree(kind: type[DocumentParserError]) -> Iterator[type[DocumentParserError]]:
    yield kind
    for child in kind.__subclasses__():
        yield from _tree(child)


_BY_CODE = {kind.code: kind for kind in _tree(DocumentParserError)}


def _made(code: str, message: str, details: dict[str, Any]) -> DocumentParserError:
    kind = _BY_CODE.get(code)
    error = kind(message) if kind else UnexpectedAnswer(f"{code}: {message}")
    error.details = details
    return error


class _Problem(BaseModel):
    """The body of an error."""

    class Error(BaseModel):
        code: str
        message: str
        details: dict[str, Any] = Field(default_factory=dict)

    error: Error
    request_id: str = ""


def _refusal(answer: httpx.Response) -> Exception:
    """The server's error; _AskAgain around it where it passes by itself."""
    try:
        problem = _Problem.model_validate_json(answer.content)
    except ValidationError:
        error: DocumentParserError = UnexpectedAnswer(status=answer.status_code)
    else:
        details = {**problem.error.details, "request_id": problem.request_id}
        error = _made(problem.error.code, problem.error.message, details)
    # A format that is being written is there soon; a job that is being read is for wait().
    being_written = isinstance(error, JobNotComplete) and "format" in error.details
    gateway = isinstance(error, UnexpectedAnswer) and answer.status_code in GATEWAY and answer.request.method == "GET"
    if answer.status_code in BUSY or being_written or gateway:
        return _AskAgain(error, _retry_after(answer))
    return error


def _retry_after(answer: httpx.Response) -> float:
    """Seconds, from a number or a date; 0 where the server does not say."""
    asked = answer.headers.get("Retry-After", "")
    try:
        return float(asked) if asked[:1].isdigit() else (parsedate_to_datetime(asked) - datetime.now(UTC)).total_seconds()
    except (ValueError, TypeError):
        return 0.0


def _model(kind: type[_Model], body: bytes) -> _Model:
    """Raises UnexpectedAnswer where the body is of another shape."""
    try:
        return kind.model_validate_json(body)
    except ValidationError as error:
        raise UnexpectedAnswer(expected=kind.__name__) from error


def _job(job_id: str) -> str:
    return f"/v1/jobs/{quote(job_id, safe='')}"


def _address(base_url: str) -> httpx.URL:
    """The service's address, over http where it does not say. Raises ValueError where it is none."""
    try:
        url = httpx.URL(base_url if "://" in base_url else f"http://{base_url}")
    except httpx.InvalidURL:
        raise ValueError("The server's address has the form http://host:port.") from None
    if url.scheme not in ("http", "https") or not url.host:
        raise ValueError("The server's address has the form http://host:port.")
    return url


@contextmanager
def _spooled(stream: BinaryIO) -> Iterator[BinaryIO]:
    """A copy of a stream on disk, that can be sent again from its start."""
    with tempfile.TemporaryFile() as copy:
        shutil.copyfileobj(stream, copy, CHUNK_BYTES)
        copy.seek(0)
        yield copy
