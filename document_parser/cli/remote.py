"""Have documents read by a server, several at a time."""

from __future__ import annotations

import io
import shutil
import tempfile
import threading
from collections import deque
from collections.abc import Callable, Generator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path
from typing import BinaryIO, NamedTuple

from document_parser.cli.batches import Batches
from document_parser.cli.outcome import FATAL_ERRORS, Outcome, Work, outcome_of
from document_parser.cli.outputs import StandardOutput, figures_folder, links_figures
from document_parser.cli.passwords import Passwords
from document_parser.cli.progress import Display
from document_parser.cli.tables import write_tables
from document_parser.client import Client, error_of
from document_parser.errors import DocumentParserError, EncryptedDocument, JobEnded, UnexpectedAnswer, WrongPassword
from document_parser.export import FORMATS
from document_parser.export.figures import Figures
from document_parser.host.files import atomic_write
from document_parser.models import JobState, JobStatus, Options

MAX_STARTED_PER_JOB = 4
"""Documents started beyond those in flight, for each of them.

Results are written in order, and a slow document must not block the others.
"""


FIGURE_NAME_PART = b"-figure-"
"""Part of the name of every figure's image."""

LOCKED = (EncryptedDocument.code, WrongPassword.code)
"""Error codes of a document that needs another password."""

_Opening = Callable[[str, Callable[[str], JobStatus]], JobStatus]
"""Call a function with the password of the document of this name."""


class _Stopped(Exception):
    """The command was interrupted."""


class Stop:
    """A request to all threads to end. They check it while they wait, send, and receive progress."""

    def __init__(self) -> None:
        self._asked = threading.Event()

    def ask(self) -> None:
        """Ask all threads to end."""
        self._asked.set()

    def check(self) -> None:
        """Raise _Stopped if the threads are asked to end."""
        if self._asked.is_set():
            raise _Stopped

    def pause(self, seconds: float) -> None:
        """Wait for ``seconds``. Raises _Stopped."""
        self._asked.wait(seconds)
        self.check()


class _Upload(io.FileIO):
    """A file that is being sent, which can be stopped."""

    def __init__(self, path: Path, stop: Stop) -> None:
        super().__init__(path)
        self._stop = stop

    def read(self, size: int | None = -1, /) -> bytes:
        self._stop.check()
        return super().read(-1 if size is None else size)


class _Read(NamedTuple):
    outcome: Outcome
    content: BinaryIO | None
    """The result if it goes to standard output, else None."""


class RemoteReader:
    """Send documents to a server and write their results.

    ``given`` are the fields of the options as the server accepts them.
    """

    def __init__(
        self,
        client: Client,
        stop: Stop,
        given: dict[str, str],
        passwords: Passwords,
        display: Display,
        stdout: StandardOutput,
    ) -> None:
        self.client = client
        self.stop = stop
        self.given = given
        self.passwords = passwords
        self.display = display
        self.stdout = stdout
        self.given_up: DocumentParserError | None = None
        self.batches: Batches

    def read(self, works: list[Work], jobs: int) -> Generator[Outcome, None, None]:
        """Yield the outcomes in the order of ``works``, with up to ``jobs`` documents in flight."""
        pending: deque[tuple[Work, Future[_Read]]] = deque()
        size = jobs * MAX_STARTED_PER_JOB
        open_upload = partial(_Upload, stop=self.stop)
        self.batches = Batches(self.client, self.given, self.passwords.given, works, size, open_upload)
        with ThreadPoolExecutor(jobs, thread_name_prefix="docparse") as threads:
            try:
                for work in works:
                    pending.append((work, threads.submit(self._read_one, work, self._open_with_given)))
                    if len(pending) >= size:
                        yield self._write_outcome(*pending.popleft())
                while pending:
                    yield self._write_outcome(*pending.popleft())
            finally:
                for _, future in pending:
                    future.cancel()
                self.stop.ask()
                if pending:
                    self.batches.cancel()

    def _open_with_given(self, name: str, read: Callable[[str], JobStatus]) -> JobStatus:
        return read(self.passwords.given)

    def _write_outcome(self, work: Work, future: Future[_Read]) -> Outcome:
        """Return the outcome after writing its content.

        This runs in the main thread, so that a person can be asked for the password.
        """
        read = future.result()
        locked = read.outcome.error is not None and read.outcome.error["code"] in LOCKED
        if locked and self.passwords.asks:
            read = self._read_one(work, self.passwords.open_with)
        if read.content is not None:
            try:
                with read.content as content, self.stdout.next() as out:
                    content.seek(0)
                    shutil.copyfileobj(content, out)
            except BrokenPipeError:
                raise
            except OSError as error:
                read.outcome.record_failure(error)
        return read.outcome

    def _read_one(self, work: Work, opening: _Opening) -> _Read:
        """Have one document read. Keep its content open if it goes to standard output."""
        with ExitStack() as stack:
            content = stack.enter_context(tempfile.TemporaryFile())
            with outcome_of(work) as outcome:
                try:
                    self._process(work, outcome, work.target or content, opening)
                except FATAL_ERRORS as error:
                    self.given_up = error
                    raise
            if outcome.error is not None or work.target is not None:
                return _Read(outcome, None)
            stack.pop_all()
            return _Read(outcome, content)

    def _process(self, work: Work, outcome: Outcome, to: Path | BinaryIO, opening: _Opening) -> None:
        """Submit one document, wait for its job and download the result.

        If an earlier document met one of FATAL_ERRORS, that error is raised at once.
        """
        if self.given_up is not None:
            raise self.given_up
        self.stop.check()
        name = work.input.shown
        self.display.show_start(name)
        with ExitStack() as stack:
            path = None if work.input.is_link else stack.enter_context(work.input.as_file())
            status = opening(name, lambda password: self._job(work, path, outcome, password))
        pages = self.client.pages(status.job_id)
        if self.given["output_format"] == "csv":
            with tempfile.TemporaryFile() as archive:
                if self.client.download(status.job_id, archive, "csv", archive=True) != "application/zip":
                    raise UnexpectedAnswer("The server cannot send an archive of tables. Update it, or use --format tables.")
                write_tables(archive, to, work, outcome)
        else:
            if isinstance(to, Path):
                to.parent.mkdir(parents=True, exist_ok=True)
            self.client.download(status.job_id, to)
        if isinstance(to, Path) and links_figures(self.given):
            self._save_figures(status.job_id, to)
        outcome.record_reading(
            sum(page.state in ("done", "blank", "failed") for page in pages),
            [page.number for page in pages if page.state == "failed"],
            [{"page": page.number, "code": code} for page in pages for code in page.warnings],
        )

    def _save_figures(self, job_id: str, target: Path) -> None:
        """Fetch the figures that a result links, and write it again with links to them. Raises OSError."""
        if FIGURE_NAME_PART not in target.read_bytes():
            return
        document = self.client.result(job_id, "json").document
        names = [block.picture for page in document.pages for block in page.blocks if block.picture] if document else []
        folder = figures_folder(target)
        for name in names:
            self.stop.check()
            folder.mkdir(exist_ok=True)
            (folder / name).write_bytes(self.client.figure(job_id, name))
        options = Options.model_validate(self.given)
        if document is not None and options.output_format != "json":
            head = document.model_copy(update={"pages": []})
            with atomic_write(target) as out:
                FORMATS[options.output_format].write(head, document.pages, options, out, Figures(folder=folder.name))

    def _submit(self, work: Work, path: Path | None, password: str) -> str:
        """Send the document at a path, or have the server fetch it if there is none. Return its job's id."""
        if path is None:
            return self.client.submit_link(work.input.name, password=password, **self.given)
        with _Upload(path, self.stop) as upload:
            return self.client.submit(upload, filename=work.input.filename, password=password, **self.given)

    def _job(self, work: Work, path: Path | None, outcome: Outcome, password: str) -> JobStatus:
        """Return the status of the document's job once it has completed.

        Raises the job's error. If the command is interrupted, the job is cancelled.
        """
        job_id = self.batches.take(work) or self._submit(work, path, password)
        outcome.job_id = job_id
        try:
            status = self.client.wait(job_id, lambda status: self._report_progress(work, status))
        except (_Stopped, KeyboardInterrupt):
            with suppress(DocumentParserError, _Stopped):
                self.client.cancel(job_id)
            raise
        if status.error is not None:
            raise error_of(status.error)
        if status.status is JobState.CANCELLED:
            raise JobEnded("The job was cancelled on the server. Send the document again.")
        return status

    def _report_progress(self, work: Work, status: JobStatus) -> None:
        self.stop.check()
        self.display.show_progress(work.input.shown, status.progress)
