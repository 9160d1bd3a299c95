"""Give the commands about keys, usage and the database what they share."""

from __future__ import annotations

import argparse
import contextlib
import logging
import os
import sys
import uuid
from collections.abc import Callable
from datetime import UTC, datetime

import structlog

from document_parser.accounts.audit import Audit
from document_parser.accounts.database import Database
from document_parser.accounts.records import NewEntry
from document_parser.errors import DocumentParserError
from document_parser.jobs.records import key_changes
from document_parser.jobs.records.job import PUBLIC
from document_parser.jobs.redis.connection import RedisError, connect
from document_parser.settings import Settings
from document_parser.settings.startup import PRIVATE_UMASK, settings_or_exit

NO_ANSWER = 4
"""Exit status if the database cannot be used."""
REFUSED = 1
"""Exit status if the command cannot do what it was asked."""


def run_with_database(command: str, work: Callable[[Settings, Database], int | None]) -> int:
    """Run a command on the database of the settings. Return its exit status; errors are printed."""
    settings = settings_or_exit()
    os.umask(PRIVATE_UMASK)
    # What a command prints may be read by a program.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    database = Database(settings)
    try:
        return work(settings, database) or 0
    except DocumentParserError as error:
        print(f"docparse {command}: {error.message}", file=sys.stderr)
        return NO_ANSWER if error.status == 503 else REFUSED
    finally:
        database.close()


def announce_change(settings: Settings) -> None:
    """Let the processes of the service forget what they know of keys; a sentence says so if they cannot be reached."""
    redis = connect(settings, answer_seconds=2.0, retries=0)
    try:
        key_changes.announce(redis)
    except RedisError:
        print("The service does not answer. If it runs elsewhere, the change takes effect within a minute.", file=sys.stderr)
    finally:
        redis.close()


def note(database: Database, action: str, key_id: str) -> None:
    """Write an entry of the audit for what was done at the command line."""
    entry = NewEntry(
        entry=str(uuid.uuid4()),
        at=datetime.now(UTC),
        owner=PUBLIC,
        actor="operator",
        action=action,
        subject=key_id,
        address="command line",
        status=200,
    )
    Audit(database).append([entry])


def moment(given: str) -> datetime:
    """Return a moment that was given as a date or a time of ISO 8601; without a zone it is in UTC. Raises ArgumentTypeError."""
    with contextlib.suppress(ValueError):
        found = datetime.fromisoformat(given)
        return found if found.tzinfo else found.replace(tzinfo=UTC)
    raise argparse.ArgumentTypeError(f"{given!r} is not a date like 2027-01-31 or a time like 2027-01-31T12:00")
