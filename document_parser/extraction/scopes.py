"""Extract from stored pages what an order asks: of the whole document, of each page, or of each row of its tables."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Protocol

from document_parser.extraction.einvoice import InvoiceData
from document_parser.extraction.engine import Adviser, extract
from document_parser.extraction.schema import Group, ListOf, compile_schema
from document_parser.extraction.view import PageView, view_page
from document_parser.models import Page
from document_parser.models.extraction import Extraction, ExtractionOrder, ExtractionWarning

ROWS = "rows"
"""The key below which the rows of the scope ``row`` are found; the answer has them without it."""


class PageAdviser(Adviser, Protocol):
    """An adviser who goes through all pages first."""

    def prepare(self, root: Group, views: Sequence[PageView]) -> None:
        """Go through the pages that will be asked about."""


def extract_pages(
    pages: Iterable[Page], order: ExtractionOrder, data: InvoiceData | None = None, adviser: PageAdviser | None = None
) -> Extraction:
    """Return the answer to an order. ``data`` is the electronic invoice inside the document, if it has one.

    ``adviser`` is a model that is heard too, None if there is none.
    Pages that could not be read are named in the warnings, and the answer is not complete. Raises SchemaProblems.
    """
    root = compile_schema(order.json_schema, of_row=order.scope == "row")
    views: list[PageView] = []
    missing: list[ExtractionWarning] = []
    for page in pages:
        views.append(view_page(page))
        if page.status == "failed":
            message = f"Page {page.number} could not be read, so that nothing was looked for on it."
            missing.append(ExtractionWarning(code="page_failed", message=message, page=page.number))
    asked: Group = Group("", {ROWS: ListOf(ROWS, root)}) if order.scope == "row" else root
    if adviser is not None:
        adviser.prepare(asked, views)
    if order.scope == "page":
        answer = _of_each(root, views, adviser, order)
    else:
        answer = extract(asked, views, data if order.scope == "document" else None, adviser, order.on_ungrounded)
        answer = _of_rows(answer) if order.scope == "row" else answer
    complete = answer.complete and not missing
    return answer.model_copy(update={"warnings": [*answer.warnings, *missing], "complete": complete})


def _of_rows(answer: Extraction) -> Extraction:
    """Return the answer of the scope ``row``: the rows themselves; pointers begin with the place in the list."""
    prefix = f"/{ROWS}"
    return answer.model_copy(
        update={
            "data": answer.data[ROWS],
            "evidence": answer.evidence[ROWS],
            "checks": [
                one.model_copy(update={"fields": [each.removeprefix(prefix) for each in one.fields]}) for one in answer.checks
            ],
            "rows_seen": {"": answer.rows_seen[prefix]},
            "rows_returned": {"": answer.rows_returned[prefix]},
            "warnings": [one.model_copy(update={"field": one.field.removeprefix(prefix)}) for one in answer.warnings],
        }
    )


def _of_each(root: Group, views: Sequence[PageView], adviser: PageAdviser | None, order: ExtractionOrder) -> Extraction:
    """Return the answers for each page by itself, in a list; pointers begin with the place in the list."""
    whole, complete = Extraction(data=[], evidence=[]), True
    for place, view in enumerate(views):
        answer = extract(root, [view], None, adviser, order.on_ungrounded)
        complete = complete and answer.complete
        whole.data.append(answer.data)
        whole.evidence.append(answer.evidence)
        whole.checks += [one.model_copy(update={"fields": [f"/{place}{each}" for each in one.fields]}) for one in answer.checks]
        whole.rows_seen |= _prefixed(place, answer.rows_seen)
        whole.rows_returned |= _prefixed(place, answer.rows_returned)
        whole.warnings += [
            one.model_copy(update={"field": f"/{place}{one.field}" if one.field else "", "page": view.number})
            for one in answer.warnings
        ]
    return whole.model_copy(update={"complete": complete})


def _prefixed(place: int, counts: dict[str, Any]) -> dict[str, Any]:
    return {f"/{place}{pointer}": count for pointer, count in counts.items()}
