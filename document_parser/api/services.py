"""What a view works with: the settings, Redis, storage and counts of its app."""

from __future__ import annotations

from dataclasses import dataclass

from flask import current_app

from document_parser.api.intake.arrivals import Arrivals, Slots
from document_parser.api.middleware import request_log
from document_parser.jobs.records.ledger import Ledger
from document_parser.jobs.redis.connection import Redis
from document_parser.settings import Settings
from document_parser.storage import Storage


@dataclass(frozen=True)
class Services:
    """What the views work with."""

    settings: Settings
    redis: Redis
    ledger: Ledger
    storage: Storage
    waiting: Slots
    """Requests that wait hold at most half of the threads."""
    arrivals: Arrivals
    """Bodies under way; the slow ones share the threads that may be held for long with the requests that wait."""
    counts: request_log.Counts
    probe_redis: Redis
    """Gives up soon where Redis does not answer: for what is asked all the time and can do without."""


def get_services() -> Services:
    found: Services = current_app.extensions["document_parser"]
    return found
