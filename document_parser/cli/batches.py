"""Send the documents of a command line to a server in batches: one request for several files."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import BinaryIO

from document_parser.cli.outcome import FATAL_ERRORS, Work
from document_parser.client import Client, error_of
from document_parser.client.models import BatchJob
from document_parser.errors import DocumentParserError
from document_parser.models import JobError


class Batches:
    """Documents that go to a server together, ``size`` at a time. A batch is sent when its first document is asked for.

    ``open_upload`` opens a file to send. Used from several threads.
    """

    def __init__(
        self,
        client: Client,
        given: dict[str, str],
        password: str,
        works: Sequence[Work],
        size: int,
        open_upload: Callable[[Path], BinaryIO],
    ) -> None:
        self._client = client
        self._given = given
        self._password = password
        self._open_upload = open_upload
        self._lock = threading.Lock()
        self._groups = [works[start : start + size] for start in range(0, len(works), size)] if len(works) > 1 else []
        self._sent: dict[int, BatchJob] = {}
        self._batch_ids: list[str] = []

    def take(self, work: Work) -> str | None:
        """Return the job of a document, once; None if it must be sent by itself.

        Raises the error that refuses it, and those in FATAL_ERRORS.
        """
        with self._lock:
            group = next((one for one in self._groups if any(work is other for other in one)), None)
            if group is not None:
                self._groups.remove(group)
                self._send(group)
            job = self._sent.pop(id(work), None)
        if job is not None and job.error is not None:
            raise error_of(JobError(code=job.error.code, message=job.error.message, status=422))
        return job.job_id if job is not None else None

    def _send(self, group: Sequence[Work]) -> None:
        """Send files as one batch. If the server does not take it, each of them is sent by itself, which tells why.

        Raises the errors in FATAL_ERRORS.
        """
        with ExitStack() as stack:
            opened: list[tuple[Work, BinaryIO]] = []
            for work in group:
                with suppress(OSError):
                    if Path(work.input.name).is_file():
                        opened.append((work, stack.enter_context(self._open_upload(Path(work.input.name)))))
            if len(opened) < 2:
                return
            try:
                sent = self._client.submit_batch([file for _, file in opened], password=self._password, **self._given)
            except FATAL_ERRORS:
                raise
            except DocumentParserError:
                return
            self._batch_ids.append(sent.batch_id)
            self._sent |= {id(work): job for (work, _), job in zip(opened, sent.jobs, strict=True)}

    def cancel(self) -> None:
        """Cancel what has not ended of all batches that were sent."""
        for batch_id in self._batch_ids:
            with suppress(DocumentParserError):
                self._client.cancel_batch(batch_id)
