"""Serve the audit, for admins."""

from __future__ import annotations

from dataclasses import fields

from flask import Response
from flask_openapi import APIBlueprint, Tag

from document_parser.accounts.records import AuditFilter
from document_parser.api import openapi
from document_parser.api.middleware import responses
from document_parser.api.schemas import AuditEntry, AuditPage, AuditQuery
from document_parser.api.services import get_services
from document_parser.errors import InvalidOption

routes = APIBlueprint(
    "audit", __name__, url_prefix="/v1", abp_tags=[Tag(name="audit", description="For admins: who did what.")]
)
"""The route of the audit."""


@routes.get(
    "/audit",
    summary="Who did what, newest first",
    description="Every read of a result, and everything that makes or changes something, is an entry within seconds. "
    "Entries are never changed.",
    security=openapi.OPERATOR_SECURITY,
    responses=openapi.responses({200: AuditPage}, InvalidOption, *openapi.OPERATOR_ERRORS),
    operation_id="list_audit",
)
def listing(query: AuditQuery) -> Response:
    """Return one page of the audit."""
    asked = {field.name: getattr(query, field.name) or None for field in fields(AuditFilter)}
    found = get_services().accounts.tables.audit.list(AuditFilter(**asked), before=query.cursor, limit=query.limit)
    entries = [AuditEntry.model_validate(row, from_attributes=True) for row in found]
    cursor = entries[-1].id if len(entries) == query.limit else None
    return responses.to_response(AuditPage(entries=entries, next_cursor=cursor))
