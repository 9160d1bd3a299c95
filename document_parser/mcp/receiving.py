"""Have documents read: what ``parse`` and ``status`` do."""

from __future__ import annotations

import base64
import binascii
import io
import json
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path
from typing import BinaryIO

import anyio
import anyio.to_thread
from mcp.types import CallToolResult

from document_parser.client import Client, PageEntry, error_of
from document_parser.errors import DocumentParserError, FileTooLarge, InvalidOption, JobNotComplete
from document_parser.mcp.answers import DocumentAnswer, Heading, NextCall, WarningCount
from document_parser.mcp.document_text import DocumentText, Section
from document_parser.mcp.files import open_allowed
from document_parser.mcp.fit import answer, clip, fill
from document_parser.mcp.library import Library, in_thread
from document_parser.models import JobState, JobStatus, format_utc

MAX_INLINE_MB = 8
"""Largest document that is sent within a call, in MiB."""
POLL_SECONDS = 1.0
"""How often the progress is asked, in seconds. The end of a job is answered at once."""
MAX_HEADING = 200
"""Characters of a heading that are shown."""
MAX_NAMED = 20
"""How many pages or warnings are named."""
_CANCEL_SECONDS = 5.0

Report = Callable[[float, float | None, str], Awaitable[None]]
"""Called with the pages that are read, the pages in all if they are known, and a sentence."""


async def submit(
    client: Client,
    folders: Sequence[Path],
    *,
    path: str | None,
    url: str | None,
    content: str | None,
    filename: str,
    **options: str,
) -> str:
    """Send the one document that is named and return its id. A call that is cancelled ends the job at once.

    Raises InvalidOption, FileNotAllowed, FileUnreadable, FileTooLarge, and the errors of ``Client.submit``.
    """
    given = [name for name, value in (("path", path), ("url", url), ("content", content)) if value]
    if len(given) != 1:
        problem = "give one of path, url and content" if not given else f"give only one of {', '.join(given)}"
        raise InvalidOption.for_fields({"field": "path", "problem": problem})
    with ExitStack() as stack:
        if url:
            send = partial(client.submit_link, url, **options)
        else:
            stream: BinaryIO = _inline(content) if content else stack.enter_context(open_allowed(path or "", folders))
            name = filename or (Path(path).name if path else "")
            send = partial(client.submit, stream, filename=name, **options)
        # Not abandoned when the call is cancelled: the job must be known to be ended.
        job_id = await anyio.to_thread.run_sync(send)
    try:
        await anyio.lowlevel.checkpoint()
    except anyio.get_cancelled_exc_class():
        await cancel(client, job_id)
        raise
    return job_id


def _inline(content: str) -> BinaryIO:
    """Return a document that came within the call. Raises InvalidOption, FileTooLarge."""
    try:
        data = base64.b64decode("".join(content.split()), validate=True)
    except (binascii.Error, ValueError):
        raise InvalidOption.for_fields({"field": "content", "problem": "is not Base64"}) from None
    if len(data) > MAX_INLINE_MB << 20:
        raise FileTooLarge(
            f"A document within a call may have at most {MAX_INLINE_MB} MiB. Give its path or its address instead.",
            limit_mb=MAX_INLINE_MB,
            file_bytes=len(data),
        )
    return io.BytesIO(data)


async def cancel(client: Client, job_id: str) -> None:
    """End a job whose caller does not wait any more. What goes wrong is left to the service."""
    with anyio.move_on_after(_CANCEL_SECONDS, shield=True):
        await in_thread(partial(_cancel_quietly, client, job_id))


def _cancel_quietly(client: Client, job_id: str) -> None:
    with suppress(DocumentParserError):
        client.cancel(job_id)


async def follow(client: Client, job_id: str, seconds: float, report: Report) -> JobStatus:
    """Return the status of a job once it is at rest, or after so many seconds. Raises the error of a job that failed."""
    deadline = anyio.current_time() + seconds
    while True:
        left = max(0.0, deadline - anyio.current_time())
        asked = anyio.current_time()
        status = await in_thread(partial(client.status, job_id, wait=min(POLL_SECONDS, left)))
        progress = status.progress
        await report(progress.current_page, progress.total_pages, _sentence_of(status))
        if status.is_at_rest or anyio.current_time() >= deadline:
            break
        # A server answers at once if all of its threads that may wait are taken.
        await anyio.sleep(max(0.0, min(POLL_SECONDS, left) - (anyio.current_time() - asked)))
    if status.error is not None:
        raise error_of(status.error)
    return status


def _sentence_of(status: JobStatus) -> str:
    progress = status.progress
    if status.status.has_ended:
        return "The document was read."
    if progress.total_pages:
        return f"{progress.current_page} of {progress.total_pages} pages are read."
    return "The document is received." if status.source is None else "The document is fetched."


async def describe(library: Library, client: Client, status: JobStatus, headings_from: int = 0) -> CallToolResult:
    """Return what ``parse`` and ``status`` answer. The text of a long document may come a while after its end."""
    text, pages = None, []
    if status.status is JobState.COMPLETED:
        with suppress(JobNotComplete):
            _, text = await library.text(client, status.job_id)
        pages = await in_thread(partial(client.pages, status.job_id))
    return _answer_of(status, text, pages, headings_from)


def _answer_of(status: JobStatus, text: DocumentText | None, pages: Sequence[PageEntry], headings_from: int) -> CallToolResult:
    sections = text.sections if text is not None else []
    failed = [page.number for page in pages if page.state == "failed"]
    base = DocumentAnswer(
        document=status.job_id,
        filename=clip(status.filename, MAX_HEADING),
        status=status.status.value,
        complete=status.complete,
        pages=status.progress.total_pages,
        pages_read=status.progress.current_page,
        eta_seconds=status.progress.eta_seconds,
        characters=text.length if text is not None else None,
        failed_pages=failed[:MAX_NAMED],
        warnings=_count_warnings(pages),
        headings_in_all=len(sections),
        expires_at=format_utc(status.expires_at) if status.expires_at else None,
    )

    def build(kept: list[Heading], following: Heading | None) -> CallToolResult:
        found = base.model_copy(update={"headings": kept, "next": _next_calls(base, headings_from + len(kept), following)})
        return answer(found, _text_of(found, headings_from))

    return fill((heading_of(section) for section in sections[headings_from:]), build)


def heading_of(section: Section) -> Heading:
    """Return a section's heading as answers show it."""
    return Heading(text=clip(section.text, MAX_HEADING), level=section.level, page=section.page, start=section.range.start)


def _next_calls(found: DocumentAnswer, shown: int, following: Heading | None) -> list[NextCall]:
    """Return what may be asked after an answer that showed the first ``shown`` headings."""
    if found.characters is None:
        why = "waits for the text" if found.status == "completed" else "waits for the reading"
        waiting = found.status not in ("failed", "cancelled")
        return [NextCall(tool="status", arguments={"document": found.document}, why=why)] if waiting else []
    calls = [NextCall(tool="read", arguments={"document": found.document, "page": 1}, why="reads the first page")]
    if following is not None:
        more = {"document": found.document, "headings_from": shown}
        calls.append(NextCall(tool="status", arguments=dict(more), why="goes on with the headings"))
    return calls


def _count_warnings(pages: Sequence[PageEntry]) -> list[WarningCount]:
    """Return each warning with its pages, the most frequent first."""
    by_code: defaultdict[str, list[int]] = defaultdict(list)
    for page in pages:
        for code in page.warnings:
            by_code[code].append(page.number)
    ordered = sorted(by_code.items(), key=lambda item: -len(item[1]))[:MAX_NAMED]
    return [WarningCount(code=code, pages=len(numbers), first_pages=numbers[:5]) for code, numbers in ordered]


def _text_of(found: DocumentAnswer, headings_from: int) -> str:
    of_all = f" of {found.pages}" if found.pages is not None else ""
    lines = [f"{found.filename}: {found.status}, {found.pages_read}{of_all} pages read. Document id: {found.document}"]
    if found.eta_seconds is not None and found.status != "completed":
        lines.append(f"About {found.eta_seconds} seconds are left. Call status with this id; it waits.")
    if found.failed_pages:
        lines.append(f"Pages that could not be read: {', '.join(map(str, found.failed_pages))}")
    for one in found.warnings:
        lines.append(f"Warning {one.code} on {one.pages} pages, first on {', '.join(map(str, one.first_pages))}")
    if found.headings:
        lines.append(f"Headings {headings_from + 1} to {headings_from + len(found.headings)} of {found.headings_in_all}:")
        lines += [f"{'  ' * (one.level - 1)}- {one.text} (page {one.page}, start {one.start})" for one in found.headings]
    return "\n".join([*lines, *next_lines(found.next)])


def next_lines(calls: Sequence[NextCall]) -> list[str]:
    """Return a line of text for each call that may follow."""
    return [f"Next: {call.tool} {json.dumps(call.arguments, ensure_ascii=False)}: {call.why}" for call in calls]
