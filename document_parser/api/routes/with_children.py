"""Return a document and all documents inside it as one text, with a heading for each of them."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import count
from typing import IO, TYPE_CHECKING, BinaryIO, cast

from document_parser.api.routes.stored_results import StoredResult, load_result
from document_parser.errors import InvalidOption, JobExpired, JobNotComplete, JobNotFound
from document_parser.jobs.records import children, record
from document_parser.jobs.records.job import Job
from document_parser.models import Child, OutputFormat
from document_parser.text.documents_inside import APPENDABLE, heading_of, reason_line, with_own_notes

if TYPE_CHECKING:
    from document_parser.api.services import Services

_IN_MEMORY_BYTES = 1 << 20
"""Size in bytes from which a text is collected on disk."""


def check_appendable(name: OutputFormat) -> None:
    """Refuse a format in which texts cannot stand one below the other. Raises InvalidOption."""
    if name not in APPENDABLE:
        raise InvalidOption(
            f"Not understood: children: append needs format={' or '.join(APPENDABLE)}, but the format is {name}."
        )


def load_with_children(services: Services, job: Job, name: OutputFormat) -> StoredResult:
    """Return the result of a document, and below it those of all documents inside it, in their order.

    A document that was not read is there with the reason. ``name`` is one of APPENDABLE. Raises JobNotComplete while a document
    inside is still being read, and as ``load_result``.
    """
    with ExitStack() as undo:
        whole: IO[bytes] = undo.enter_context(tempfile.SpooledTemporaryFile(_IN_MEMORY_BYTES))
        found = load_result(services, job, name)
        _copy(found.stream, whole)
        _append_children(services, job, name, whole, count(1))
        undo.pop_all()  # the response closes it
    whole.seek(0)
    return StoredResult(cast(BinaryIO, whole), found.facts)


def _append_children(services: Services, job: Job, name: OutputFormat, whole: IO[bytes], numbers: Iterator[int]) -> None:
    """Append the documents inside a document, each with those inside it. Raises as ``load_with_children``.

    ``numbers`` are the places of the documents in the text.
    """
    inside = children.load(services.storage, job.card.job_id) if job.children else []
    for child in inside:
        whole.write(heading_of(child.name, job.card.depth, name))
        if child.job_id is None:
            whole.write(_not_read(child, name))
            continue
        try:
            found = record.load(services.redis, child.job_id)
        except (JobNotFound, JobExpired) as error:
            whole.write(reason_line(error.message, name))
            continue
        if not found.state.has_ended:
            raise JobNotComplete("A document inside is still being read. Ask again shortly.", inside=child.name)
        if found.error is not None:
            whole.write(reason_line(found.error.message, name))
            continue
        with load_result(services, found, name).stream as stream:
            whole.writelines(with_own_notes(stream, next(numbers), name))
        _append_children(services, found, name, whole, numbers)


def _copy(stream: BinaryIO, whole: IO[bytes]) -> None:
    with stream:
        shutil.copyfileobj(stream, whole)


def _not_read(child: Child, name: OutputFormat) -> bytes:
    return reason_line(child.error.message if child.error is not None else "", name)
