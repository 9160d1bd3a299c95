"""Serve the history of jobs, for admins: a search in it, and why jobs failed."""

from __future__ import annotations

from dataclasses import asdict

from flask import Response
from flask_openapi import APIBlueprint, Tag

from document_parser.accounts.records import MAX_COUNTED_FAILURES, FailureReason, JobFilter, Place
from document_parser.api import openapi
from document_parser.api.middleware import responses
from document_parser.api.schemas import Failure, Failures, FailuresQuery, HistoryJob, HistoryPage, HistoryQuery
from document_parser.api.services import get_services
from document_parser.errors import InvalidOption, error_class

routes = APIBlueprint(
    "history", __name__, url_prefix="/v1", abp_tags=[Tag(name="history", description="For admins: jobs of all owners.")]
)
"""The routes of the history."""


@routes.get(
    "/history",
    summary="Search the jobs of all owners, newest first",
    description="Jobs as they were when they last changed, also those that have expired or were deleted. It is seconds old.",
    security=openapi.OPERATOR_SECURITY,
    responses=openapi.responses({200: HistoryPage}, InvalidOption, *openapi.OPERATOR_ERRORS),
    operation_id="search_history",
)
def search(query: HistoryQuery) -> Response:
    """Return one page of the history."""
    asked = query.model_dump(exclude={"limit", "cursor"})
    wanted = JobFilter(**{name: value or None for name, value in asked.items()})
    after = Place.parse(query.cursor) if query.cursor else None
    found = get_services().accounts.tables.history.search(wanted, after=after, limit=query.limit)
    jobs = [HistoryJob.model_validate(row, from_attributes=True) for row in found.jobs]
    return responses.to_response(HistoryPage(jobs=jobs, next_cursor=str(found.next_place) if found.next_place else None))


@routes.get(
    "/history/failures",
    summary="Why jobs failed, the most frequent reason first",
    description="Counts failed jobs by their error. Failed pages of completed jobs do not count.",
    security=openapi.OPERATOR_SECURITY,
    responses=openapi.responses({200: Failures}, InvalidOption, *openapi.OPERATOR_ERRORS),
    operation_id="count_failures",
)
def failures(query: FailuresQuery) -> Response:
    """Return how many jobs failed with each error."""
    found = get_services().accounts.tables.history.failures(owner=query.owner or None, since=query.since, until=query.until)
    jobs = sum(one.jobs for one in found)
    report = Failures(failures=[_failure(one) for one in found], jobs=jobs, is_whole=jobs < MAX_COUNTED_FAILURES)
    return responses.to_response(report)


def _failure(one: FailureReason) -> Failure:
    kind = error_class(one.error_code)
    return Failure(meaning=kind.message if kind else "", **asdict(one))
