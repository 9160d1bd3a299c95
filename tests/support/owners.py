"""Callers of a service that needs keys."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import httpx2

from document_parser.accounts.database import Database
from document_parser.accounts.keys import Keys
from document_parser.accounts.records import NewKey
from document_parser.settings import AccountSettings, Settings, StoreSettings
from tests.support.service import TLS


def make_key(
    data_dir: Path, owner: str, scopes: Sequence[str] = ("process", "read", "extract"), database_url: str = "", **facts: object
) -> NewKey:
    """A key of a service with this DATA_DIR, as ``docparse keys create`` makes it."""
    accounts = AccountSettings(database_url=database_url)
    database = Database(Settings(store=StoreSettings(data_dir=data_dir), accounts=accounts))
    try:
        made = {"name": owner, "owner": owner, "tier": "key", "scopes": scopes, "now": datetime.now(UTC), **facts}
        return Keys(database).create(**made)
    finally:
        database.close()


def client_of(port: int, key: str) -> httpx2.Client:
    """A program that sends a key with every request."""
    return httpx2.Client(base_url=f"http://127.0.0.1:{port}", timeout=60, headers={"X-API-Key": key}, verify=TLS)
