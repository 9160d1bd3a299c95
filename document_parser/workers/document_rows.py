"""Make the rows of the documents table of the answers to extractions and classifications."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from functools import partial
from typing import Any

from document_parser.accounts.documents import compared_number
from document_parser.accounts.models import DocumentRow
from document_parser.extraction.conventions import Conventions
from document_parser.extraction.labels import concept_of
from document_parser.extraction.schema import Field, Group, ListOf, compile_schema, step_to
from document_parser.extraction.values import find_dates
from document_parser.jobs.records.job import Job
from document_parser.models import DocumentSegment
from document_parser.models.classification import ASKED
from document_parser.models.extraction import ExtractionOrder

MAX_FIELDS_BYTES = 262_144
"""Values of a document that are kept, at most, in bytes of JSON; larger ones are left out whole."""


def extracted_rows(
    job: Job, order: ExtractionOrder, answer: Mapping[str, Any], extraction_id: str, segments: Sequence[DocumentSegment]
) -> list[DocumentRow]:
    """Return a row for the document, or with the scope ``page`` one for each page that has a value.

    ``answer`` is the answer to the order, as JSON; ``segments`` are the documents of the file, if it was classified.
    """
    root, data, evidence = compile_schema(order.json_schema), answer["data"], answer["evidence"]
    make = partial(_extracted, job, order, root, extraction_id, segments)
    if order.scope != "page":
        return [make(0, data, evidence)]
    pages = enumerate(zip(data, evidence, strict=True), start=1)
    return [make(number, one, of_one) for number, (one, of_one) in pages if _has_value(one)]


def classified_rows(job: Job, segments: Sequence[DocumentSegment]) -> list[DocumentRow]:
    """Return a row for each document of a file that was classified, under its first page."""
    return [_row(job, ASKED, segment.pages[0], segment.type or "") for segment in segments]


def _row(job: Job, source_id: str, part: int, kind: str, **found: Any) -> DocumentRow:
    card = job.card
    return DocumentRow(
        job_id=card.job_id,
        source_id=source_id,
        part=part,
        owner=card.owner,
        sha256=card.sha256,
        filename=card.filename,
        media_type=card.media_type,
        type=kind,
        status="complete" if job.complete else "partial",
        created_at=card.created_at,
        **{"fields": None, "ungrounded": [], "invoice_number": "", "order_number": ""} | found,
    )


def _extracted(
    job: Job,
    order: ExtractionOrder,
    root: Group,
    extraction_id: str,
    segments: Sequence[DocumentSegment],
    part: int,
    data: Any,
    evidence: Any,
) -> DocumentRow:
    named = _named(root, data) if isinstance(data, dict) else {}
    return _row(
        job,
        extraction_id,
        part,
        _type_of(segments, part) or order.name,
        invoice_number=compared_number(named.get("invoice_number", "")),
        order_number=compared_number(named.get("order_number", "")),
        dated=_date_of(named.get("issue_date", "")),
        fields=data if len(json.dumps(data)) <= MAX_FIELDS_BYTES else None,
        ungrounded=[pointer for pointer, one in _leaves(evidence, "") if one["state"] == "found" and one["match"] == "none"],
    )


def _type_of(segments: Sequence[DocumentSegment], part: int) -> str:
    """Return what type of document a part is: the whole file, if it holds only one, or a page; empty if that is not known."""
    if part:
        return next((segment.type or "" for segment in segments if part in segment.pages), "")
    return segments[0].type or "" if len(segments) == 1 else ""


def _named(field: Field, data: Any) -> dict[str, str]:
    """Return the first value for each thing that documents commonly name, outside lists."""
    found: dict[str, str] = {}
    if isinstance(field, Group):
        for key, inner in field.fields.items():
            found = _named(inner, data[key]) | found
    elif not isinstance(field, ListOf) and data is not None and (concept := concept_of(field)) is not None:
        found[concept.name] = str(data)
    return found


def _date_of(text: str) -> date | None:
    """Return the date that a value is, which a field of text has as the document writes it; None if it could be several."""
    values = find_dates(text, Conventions())
    return date.fromisoformat(values[0].value) if len(values) == 1 and not values[0].ambiguous else None


def _leaves(evidence: Any, pointer: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the evidence of each value with its JSON pointer. What is a list of texts or numbers has evidence in a list."""
    if isinstance(evidence, list):
        for place, inner in enumerate(evidence):
            yield from _leaves(inner, step_to(pointer, place))
    elif isinstance(evidence.get("state"), str):
        yield pointer, evidence
    else:
        for key, inner in evidence.items():
            yield from _leaves(inner, step_to(pointer, key))


def _has_value(data: Any) -> bool:
    if isinstance(data, dict):
        return any(map(_has_value, data.values()))
    return bool(data) if isinstance(data, list) else data is not None
