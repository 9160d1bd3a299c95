"""Serve what was used."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from flask import Response
from flask_openapi import APIBlueprint, Tag

from document_parser.accounts.records import GROUPINGS, Grouping, UsageSum
from document_parser.api import openapi
from document_parser.api.middleware import responses, tier_limits
from document_parser.api.middleware.identity import asked_owner, identity
from document_parser.api.schemas import QuotaState, UsageLine, UsageQuery, UsageReport
from document_parser.api.services import get_services
from document_parser.errors import InvalidOption

ALL_OWNERS = "*"
"""Asks for the usage of all owners."""

routes = APIBlueprint("usage", __name__, url_prefix="/v1", abp_tags=[Tag(name="usage", description="What was used.")])
"""The route of usage."""


@routes.get(
    "/usage",
    summary="What was used",
    description="Documents, pages, bytes, seconds of engines, tokens of models and extractions, added up by day, key and "
    "engine. A page counts once, when the ledger counts it; pages that failed do not.",
    security=openapi.OPERATOR_SECURITY,
    responses=openapi.responses({200: UsageReport}, InvalidOption, *openapi.OPERATOR_ERRORS),
    operation_id="get_usage",
)
def show(query: UsageQuery) -> Response:
    """Return the usage of the caller's owner, or for admins that of any owner."""
    by, usage = _groupings(query.by), get_services().accounts.tables.usage
    owner = None if query.owner == ALL_OWNERS and identity().is_admin else asked_owner(query.owner)
    found = usage.sums(by=by, owner=owner, since=query.since, until=query.until)
    (total,) = usage.sums(by=(), owner=owner, since=query.since, until=query.until)
    report = UsageReport(
        by=list(by), usage=[_line(one) for one in found], total=_line(total), tier=tier_limits.tier_name(), quotas=_quotas()
    )
    return responses.to_response(report)


def _quotas() -> list[QuotaState]:
    standing = tier_limits.standing_of_caller()
    if standing is None:
        return []
    return [
        QuotaState(
            quota=quota,
            limit=limit,
            used=standing.used[quota],
            left=max(0, limit - standing.used[quota]),
            resets_at=standing.periods.end_of(quota),
        )
        for quota, limit in tier_limits.tier_of_caller().quotas.items()
        if quota in standing.used
    ]


def _groupings(given: str) -> Sequence[Grouping]:
    """Return what usage is added up by. Raises InvalidOption."""
    named = [word.strip() for word in given.split(",") if word.strip()]
    if set(named).difference(GROUPINGS):
        raise InvalidOption.for_fields({"field": "by", "problem": f"is not some of {', '.join(GROUPINGS)}"})
    return tuple(name for name in GROUPINGS if name in named)


def _line(one: UsageSum) -> UsageLine:
    facts = asdict(one)
    del facts["milliseconds"]
    return UsageLine(**facts, seconds=one.seconds)
