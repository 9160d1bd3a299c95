"""Hand out the document of a job as it was uploaded, to write a PDF of it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

from document_parser.errors import EncryptedDocument, FormatFailed, FormatNeedsPages
from document_parser.jobs.records import passwords
from document_parser.jobs.records.job import Job
from document_parser.models import PagedKind
from document_parser.pipeline.assembly.searchable_pdf import Original
from document_parser.workers.context import Context

PASSWORD_GONE = "The password of a document is kept until its job ends. Send the document again with output_format=pdf."
"""Why there is no PDF of an encrypted document later."""


@contextlib.contextmanager
def original_of(context: Context, job: Job, folder: Path) -> Iterator[Original]:
    """Give a job's document, valid within the context; what it needs of disk is in ``folder``.

    Raises SourceMissing, StorageUnavailable, RedisError; FormatNeedsPages if it has no pages; FormatFailed if the password that
    it needs is no longer kept.
    """
    if job.card.kind not in get_args(PagedKind):
        raise FormatNeedsPages(format="pdf")
    password = passwords.unseal(context.settings, context.redis, job.card.job_id)
    with context.local_source(job.card.job_id) as path:
        try:
            yield Original(context.openers, path, job.card.kind, password, folder)
        except EncryptedDocument:
            raise FormatFailed(PASSWORD_GONE, format="pdf") from None
