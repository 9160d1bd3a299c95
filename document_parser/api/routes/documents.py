"""Serve the documents whose values are kept in the database, and delete them."""

from __future__ import annotations

from flask import Response
from flask_openapi import APIBlueprint, Tag

from document_parser.accounts.records import DocumentFilter, DocumentPlace
from document_parser.api import openapi
from document_parser.api.auth import check_origin
from document_parser.api.middleware import responses
from document_parser.api.middleware.identity import asked_owner, identity
from document_parser.api.routes.jobs import check_job_id
from document_parser.api.routes.usage import ALL_OWNERS
from document_parser.api.schemas import DocumentsDeleted, DocumentsQuery, JobPath, KnownDocument, KnownDocuments
from document_parser.api.services import get_services
from document_parser.errors import InvalidOption, JobNotFound

routes = APIBlueprint(
    "documents", __name__, url_prefix="/v1", abp_tags=[Tag(name="documents", description="Values that were found, kept.")]
)
"""The routes of documents."""


@routes.get(
    "/documents",
    summary="Find documents by what was extracted from them",
    description="Documents of the caller's owner whose values an extraction has found, newest first, also when their jobs "
    "have expired. They are kept for DOCUMENTS_DAYS, and until their job is deleted. A new one is there within seconds.",
    security=openapi.OPERATOR_SECURITY,
    responses=openapi.responses({200: KnownDocuments}, InvalidOption, *openapi.OPERATOR_ERRORS),
    operation_id="list_documents",
)
def documents(query: DocumentsQuery) -> Response:
    """Return one page of the documents of the caller's owner, or for admins of any owner."""
    owner = None if query.owner == ALL_OWNERS and identity().is_admin else asked_owner(query.owner)
    asked = query.model_dump(exclude={"limit", "cursor", "owner"})
    wanted = DocumentFilter(owner, **{name: value or None for name, value in asked.items()})
    after = DocumentPlace.parse(query.cursor) if query.cursor else None
    found = get_services().accounts.tables.documents.search(wanted, after=after, limit=query.limit)
    listed = [KnownDocument.model_validate(row, from_attributes=True) for row in found.documents]
    return responses.to_response(
        KnownDocuments(documents=listed, next_cursor=str(found.next_place) if found.next_place else None)
    )


@routes.delete(
    "/documents/<job_id>",
    summary="Delete the values that are kept of a document",
    description="What extractions have found in the document of this job is removed from the database, also when the job has "
    "expired. The job itself, if there still is one, stays; deleting it removes its values too.",
    security=openapi.OPERATOR_SECURITY,
    responses=openapi.responses({200: DocumentsDeleted}, JobNotFound, *openapi.OPERATOR_ERRORS),
    operation_id="delete_document",
)
def delete(path: JobPath) -> Response:
    """Delete the values that are kept of the document of a job."""
    check_origin()
    owner = None if identity().is_admin else identity().owner
    deleted = get_services().accounts.tables.documents.delete(check_job_id(path.job_id), owner)
    if not deleted:
        raise JobNotFound("No values are kept of a document of this job.")
    return responses.to_response(DocumentsDeleted(deleted=deleted))
