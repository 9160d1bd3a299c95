"""Hold what the views work with: the settings, Redis, storage and counts of their app."""

from __future__ import annotations

from dataclasses import dataclass

from flask import current_app

from document_parser.api.accounts import Accounts
from document_parser.api.intake.arrivals import Slots
from document_parser.api.middleware import request_log
from document_parser.jobs.records.ledger import Ledger
from document_parser.jobs.redis.connection import Redis
from document_parser.settings import Settings
from document_parser.storage import Storage


@dataclass(frozen=True)
class Services:
    """Settings, connections and counters that the views of one app share."""

    settings: Settings
    redis: Redis
    ledger: Ledger
    storage: Storage
    waiting: Slots
    """Slots for requests that wait. They hold at most half of the threads."""
    counts: request_log.Counts
    accounts: Accounts
    probe_redis: Redis
    """Connection that gives up soon if Redis does not answer, for frequent requests that can do without it."""


def get_services() -> Services:
    """Return the services of the current Flask app."""
    found: Services = current_app.extensions["document_parser"]
    return found
