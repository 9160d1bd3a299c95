"""Extract from stored pages what an order asks: of the whole document, of each page, or of each row of its tables."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from document_parser.extraction.einvoice import InvoiceData
from document_parser.extraction.engine import extract
from document_parser.extraction.schema import Field, Group, ListOf, compile_schema
from document_parser.extraction.view import PageView, view_page
from document_parser.models import Page
from document_parser.models.extraction import Extraction, ExtractionOrder, ExtractionWarning

ROWS = "rows"
"""The key below which the rows of the scope ``row`` are found; the answer has them without it."""


def extract_pages(pages: Iterable[Page], order: ExtractionOrder, data: InvoiceData | None = None) -> Extraction:
    """Return the answer to an order. ``data`` is the electronic invoice inside the document, if it has one.

    Pages that could not be read are named in the warnings, and the answer is not complete. Raises SchemaProblems.
    """
    root = compile_schema(order.json_schema)
    views: list[PageView] = []
    missing: list[ExtractionWarning] = []
    for page in pages:
        views.append(view_page(page))
        if page.status == "failed":
            message = f"Page {page.number} could not be read, so that nothing was looked for on it."
            missing.append(ExtractionWarning(code="page_failed", message=message, page=page.number))
    answer = extract(root, views, data) if order.scope == "document" else _in_scope(root, views, order)
    return answer.model_copy(update={"warnings": [*answer.warnings, *missing], "complete": not missing})


def _in_scope(root: Group, views: Sequence[PageView], order: ExtractionOrder) -> Extraction:
    """Return the answer for each of the pages that were read, or each row on them."""
    if order.scope == "page":
        return _of_each(root, views)
    rows: Field = ListOf(ROWS, root)
    answer = extract(Group("", {ROWS: rows}), views)
    return answer.model_copy(
        update={
            "data": answer.data[ROWS],
            "evidence": answer.evidence[ROWS],
            "rows_seen": {"": answer.rows_seen[f"/{ROWS}"]},
            "rows_returned": {"": answer.rows_returned[f"/{ROWS}"]},
            "warnings": [one.model_copy(update={"field": ""}) for one in answer.warnings],
        }
    )


def _of_each(root: Group, views: Sequence[PageView]) -> Extraction:
    """Return the answers for each page by itself, in a list; pointers begin with the place in the list."""
    whole = Extraction(data=[], evidence=[])
    for place, view in enumerate(views):
        answer = extract(root, [view])
        whole.data.append(answer.data)
        whole.evidence.append(answer.evidence)
        whole.checks += [one.model_copy(update={"fields": [f"/{place}{each}" for each in one.fields]}) for one in answer.checks]
        whole.rows_seen |= _prefixed(place, answer.rows_seen)
        whole.rows_returned |= _prefixed(place, answer.rows_returned)
        whole.warnings += [
            one.model_copy(update={"field": f"/{place}{one.field}", "page": view.number}) for one in answer.warnings
        ]
    return whole


def _prefixed(place: int, counts: dict[str, Any]) -> dict[str, Any]:
    return {f"/{place}{pointer}": count for pointer, count in counts.items()}
