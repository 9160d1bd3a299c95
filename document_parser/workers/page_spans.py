"""Record the reading of a page as a span, with what was found of it, but none of its content."""

from __future__ import annotations

from contextlib import AbstractContextManager

from document_parser.models import Page
from document_parser.telemetry import tracing
from document_parser.telemetry.tracing import Span


def trace_page(job_id: str, number: int, parent: str) -> AbstractContextManager[Span]:
    """Record the block as the reading of a page.

    ``parent`` is the job's ``traceparent``, not the span of a stage: that one is lost if its process dies.
    """
    return tracing.stage("read page", job_id, parent, **{"docparse.page.number": number})


def note_page(span: Span, page: Page) -> None:
    """Add to the span of a page how it was read."""
    span.note({"docparse.page.status": page.status, "docparse.page.attempts": len(page.attempts)})
    if page.engine is not None:
        span.note({"docparse.engine": page.engine})
    if page.error is not None:
        span.fail(page.error.code)
