"""The second reader of tables in ``maximum``: pdfplumber's tables of a digital page beside those of its reading."""

from __future__ import annotations

import time
from collections.abc import Sequence

from document_parser.errors import PageInDoubt, PageUnreadable
from document_parser.models import FoundTable, Page, PageWarning, ReaderName
from document_parser.pipeline.checks.table_agreement import TableAgreement, compare_tables
from document_parser.pipeline.reading.page_context import PageContext
from document_parser.pipeline.reading.page_result import fail_page
from document_parser.pipeline.reading.routing import text_layer_problem

TABLE_READER: ReaderName = "pdfplumber"


async def check_tables(context: PageContext, page: Page) -> Page:
    """Compare the tables of a page with pdfplumber's; return it with the warning ``low_agreement`` if they really differ.

    Only in ``maximum``, for pages whose text layer is sound. What pdfplumber cannot read, or not in time, stays unchecked. The
    page's attempts name both readers. No other engine is asked, because the words of a text layer are better than any engine's,
    whichever reader is right about a table; ``on_low_quality=fail`` fails the page. Raises PageUnreadable.
    """
    if context.options.accuracy_mode != "maximum" or page.status != "done" or text_layer_problem(context.facts):
        return page
    started = time.monotonic()
    tables = [block for block in page.blocks if block.table]
    try:
        # Where the tables are on the page as its file shows it, which the engine may have turned.
        found = await context.source.tables(page.number, [block.box.turn(-page.rotation) for block in tables if block.box])
    except PageUnreadable as error:
        context.record_attempt(TABLE_READER, "error", f"a second reading of tables: {error.message}", started)
        return page
    words = [word.text for word in await context.source.words(page.number)]
    agreement = compare_tables([block.table for block in tables if block.table], found, words)
    reason = _describe(page.engine or "no engine", len(tables), found, agreement)
    context.record_attempt(TABLE_READER, "accepted", reason, started)
    if agreement.differing:
        page.warnings.append(PageWarning(code="low_agreement", message=_describe_difference(agreement)))
        if context.options.on_low_quality == "fail":
            return fail_page(page, PageInDoubt())
    return page


def _describe(name: str, ours: int, found: Sequence[FoundTable], agreement: TableAgreement) -> str:
    """Return what the why-trail says of both readers, without any of the page's contents."""
    lines = sum(table.strategy == "lines" for table in found)
    reason = f"a second reading of tables: {name} has {ours}, pdfplumber {lines} by lines and {len(found) - lines} by alignment"
    if not agreement.compared:
        return f"{reason}; none can be compared"
    return f"{reason}; {agreement.compared} compared, {_count_cells(agreement.differing)}"


def _count_cells(count: int) -> str:
    if not count:
        return "no cell differs"
    return "1 cell differs" if count == 1 else f"{count} cells differ"


def _describe_difference(agreement: TableAgreement) -> str:
    """Return the sentence for the reader of the page."""
    reasons = []
    if agreement.moved:
        reasons.append(f"{agreement.moved} with words that pdfplumber has in another row or column")
    if agreement.missing:
        reasons.append(f"{agreement.missing} in rows or columns that only pdfplumber has")
    cells = _count_cells(agreement.differing)
    return f"Two readings of the page's tables differ: {cells} ({', '.join(reasons)}). Check these tables."
