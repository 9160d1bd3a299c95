"""The methods of the client for values: extract, check a schema, and fetch what was extracted."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from datetime import date, datetime
from os import PathLike
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx2
from pydantic import BaseModel, Field

from document_parser.client.models import parse_body
from document_parser.client.transport import Service
from document_parser.host.files import atomic_write
from document_parser.models.extraction import Extraction, ExtractionCheck, ExtractionWarning, OnUngrounded, Scope

SERVER_WAIT_SECONDS = 30.0
"""How long the server waits for an extraction before it answers, in seconds."""


class SchemaProblem(BaseModel):
    """A part of a schema that is not supported."""

    pointer: str
    message: str


class SchemaValidity(BaseModel):
    """Whether a schema is supported."""

    valid: bool
    problems: list[SchemaProblem]


class PrebuiltSchema(BaseModel):
    """A schema that is asked for by its name."""

    name: str
    version: int
    title: str
    json_schema: dict[str, Any]


class FileExtraction(BaseModel):
    """A file of a batch with its values; ``error`` is the code of the error because of which there are none."""

    file: str
    job_id: str | None
    status: str
    error: str | None
    data: Any = None
    evidence: Any = None
    checks: list[ExtractionCheck] = Field(default_factory=list)
    warnings: list[ExtractionWarning] = Field(default_factory=list)
    complete: bool | None = None


class KeptDocument(BaseModel):
    """A document, or a page of one, with the values that are kept of it. ``fields`` is null for a type without values."""

    job_id: str
    extraction_id: str
    part: int
    filename: str
    sha256: str
    type: str
    status: str
    invoice_number: str
    order_number: str
    dated: date | None
    fields: Any
    ungrounded: list[str]
    created_at: datetime


class KeptDocuments(BaseModel):
    """Documents whose values are kept, newest first; ``next_cursor`` goes on with the list."""

    documents: list[KeptDocument]
    next_cursor: str | None


class _Deleted(BaseModel):
    deleted: int


class _Schemas(BaseModel):
    schemas: list[PrebuiltSchema]


class _FileExtractions(BaseModel):
    extractions: list[FileExtraction]


class _Pending(BaseModel):
    status_url: str


class ExtractionMethods:
    """What a client has for values. An order is one of ``schema`` (a name), ``json_schema`` and ``fields`` (names)."""

    _service: Service
    _timeout: float

    def extract(
        self,
        job_id: str,
        *,
        schema: str = "",
        json_schema: dict[str, Any] | None = None,
        fields: Sequence[str] = (),
        scope: Scope = "document",
        on_ungrounded: OnUngrounded = "flag",
        timeout: float | None = None,
    ) -> Extraction:
        """Return the values of a document that was read, once they are there. Nothing is read again.

        Raises TimeoutError after ``timeout`` seconds; the extraction goes on.
        """
        body = _order(schema, json_schema, fields) | {"scope": scope, "on_ungrounded": on_ungrounded}
        path = f"/v1/jobs/{quote(job_id, safe='')}/extract"
        return self._awaited(self._service.ask("POST", path, json=body, timeout=self._patient), timeout)

    def extraction(self, job_id: str, extraction_id: str, *, timeout: float | None = None) -> Extraction:
        """Return the values that were asked for before, as ``extract``. A job's status lists the ids."""
        answer = self._service.ask("GET", _extraction(job_id, extraction_id), timeout=self._patient)
        return self._awaited(answer, timeout)

    @property
    def _patient(self) -> httpx2.Timeout:
        """Return the timeout of a request at which the server waits."""
        return httpx2.Timeout(self._timeout, read=self._timeout + SERVER_WAIT_SECONDS)

    def _awaited(self, answer: bytes, timeout: float | None) -> Extraction:
        """Return an answer; one that is under way is asked for again, at which the server waits."""
        deadline = time.monotonic() + timeout if timeout is not None else float("inf")
        while b'"status_url"' in answer[:4096] and b'"data"' not in answer[:4096]:
            if time.monotonic() >= deadline:
                raise TimeoutError(f"The values are not there after {timeout} seconds. Ask for them again.")
            answer = self._service.ask("GET", parse_body(_Pending, answer).status_url, timeout=self._patient)
        return parse_body(Extraction, answer)

    def download_extraction(self, job_id: str, extraction_id: str, to: str | PathLike[str]) -> None:
        """Write the values that were asked for before to a CSV file, whole or not at all. Raises OSError."""
        with atomic_write(Path(to)) as out:
            self._service.fetch(_extraction(job_id, extraction_id), {"format": "csv"}, out)

    def batch_extractions(
        self, batch_id: str, *, schema: str = "", json_schema: dict[str, Any] | None = None, fields: Sequence[str] = ()
    ) -> list[FileExtraction]:
        """Return the values of all files of a batch that has ended: those asked for with it, or those that are named here."""
        query = order_fields(schema, json_schema, fields)
        return parse_body(
            _FileExtractions, self._service.ask("GET", _batch(batch_id), params=query, timeout=self._patient)
        ).extractions

    def download_extractions(
        self,
        batch_id: str,
        to: str | PathLike[str],
        *,
        schema: str = "",
        json_schema: dict[str, Any] | None = None,
        fields: Sequence[str] = (),
    ) -> None:
        """Write the values of all files of a batch to one CSV file, as ``batch_extractions``. Raises OSError."""
        with atomic_write(Path(to)) as out:
            self._service.fetch(_batch(batch_id), order_fields(schema, json_schema, fields) | {"format": "csv"}, out)

    def documents(
        self,
        /,
        *,
        type: str = "",
        invoice_number: str = "",
        order_number: str = "",
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int = 50,
        cursor: str = "",
        **further: str,
    ) -> KeptDocuments:
        """Return documents by what was extracted from them, also when their jobs have expired.

        ``further`` are other parameters of the route, such as ``sha256``, ``filename`` and ``dated_from``.
        """
        query = {"type": type, "invoice_number": invoice_number, "order_number": order_number, "cursor": cursor, **further}
        query |= {name: moment.isoformat() for name, moment in (("from", since), ("to", until)) if moment is not None}
        given = {name: value for name, value in query.items() if value} | {"limit": str(limit)}
        return parse_body(KeptDocuments, self._service.ask("GET", "/v1/documents", params=given))

    def delete_values(self, job_id: str) -> int:
        """Delete the values that are kept of a document, also when its job has expired. Return how many entries there were."""
        return parse_body(_Deleted, self._service.ask("DELETE", f"/v1/documents/{quote(job_id, safe='')}")).deleted

    def validate_schema(self, json_schema: dict[str, Any]) -> SchemaValidity:
        """Return whether a schema is supported, and what of it is not."""
        body = {"json_schema": json_schema}
        return parse_body(SchemaValidity, self._service.ask("POST", "/v1/extract/validate", json=body))

    def schemas(self) -> list[PrebuiltSchema]:
        """Return the prebuilt schemas, and the operator's own."""
        return parse_body(_Schemas, self._service.ask("GET", "/v1/schemas")).schemas


def _order(schema: str, json_schema: dict[str, Any] | None, fields: Sequence[str]) -> dict[str, Any]:
    return {
        **({"schema": schema} if schema else {}),
        **({"json_schema": json_schema} if json_schema is not None else {}),
        **({"fields": list(fields)} if fields else {}),
    }


def order_fields(schema: str, json_schema: dict[str, Any] | None, fields: Sequence[str]) -> dict[str, str]:
    """Return an order as fields of a form or a query."""
    names = {"schema": "schema", "json_schema": "json_schema", "fields": "extract_fields"}
    order = _order(schema, json_schema, fields)
    return {names[key]: value if isinstance(value, str) else json.dumps(value) for key, value in order.items()}


def _extraction(job_id: str, extraction_id: str) -> str:
    return f"/v1/jobs/{quote(job_id, safe='')}/extractions/{quote(extraction_id, safe='')}"


def _batch(batch_id: str) -> str:
    return f"/v1/batches/{quote(batch_id, safe='')}/extractions"
