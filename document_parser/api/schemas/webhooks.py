"""Webhooks and their deliveries."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field
from pydantic.json_schema import SkipJsonSchema

from document_parser.api.schemas.base import ListQuery, Strict
from document_parser.models import Delivery, WebhookState


class DeliveriesQuery(ListQuery):
    """The query of the list of webhook deliveries."""

    state: WebhookState | SkipJsonSchema[Literal[""]] = Field(
        default="", description="Only deliveries in this state; failed ones are in the order in which they failed."
    )


class Ping(Strict):
    """The request to send a ping to a webhook receiver."""

    url: str = Field(
        min_length=1,
        description="The receiver's address, under the rules of webhook_url: a private host must be in WEBHOOK_ALLOW_HOSTS.",
        json_schema_extra={"example": "http://127.0.0.1:8000/hooks/documents"},
    )


class Deliveries(BaseModel):
    """One page of the list of deliveries, newest first. ``next_cursor`` requests the next page; null at the end."""

    deliveries: list[Delivery]
    next_cursor: str | None
    pending: int
    """Webhooks that wait for delivery, whatever is listed."""
    failed: int
    """Webhooks that were given up and can be delivered again."""
