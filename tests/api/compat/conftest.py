"""One service for the tests of all facades, which needs keys: what a client sends as one is checked too."""

from __future__ import annotations

import httpx2
import pytest

from tests.support.owners import client_of, make_key
from tests.support.service import TLS, Service


@pytest.fixture(scope="session")
def facades(tmp_path_factory):
    """A service with all facades, for callers with keys."""
    settings = {"AUTH_MODE": "required", "FACADES": "all", "RATE_LIMIT_READS": "none", "RATE_LIMIT_UPLOADS": "none"}
    settings |= {"FETCH_ALLOW_HOSTS": '["127.0.0.1"]'}
    with Service(tmp_path_factory.mktemp("facades"), NUM_WORKERS=2, WEB_WORKERS=1, **settings) as running:
        yield running


@pytest.fixture(scope="session")
def alice_key(facades):
    return make_key(facades.data_dir, "alice", ("process", "read", "extract")).secret


@pytest.fixture(scope="session")
def bob_key(facades):
    return make_key(facades.data_dir, "bob", ("process", "read", "extract")).secret


@pytest.fixture(scope="session")
def alice(facades, alice_key):
    """A client that sends its key as a bearer token."""
    with client_of(facades.port, alice_key) as client:
        yield client


@pytest.fixture(scope="session")
def bob(facades, bob_key):
    with client_of(facades.port, bob_key) as client:
        yield client


@pytest.fixture(scope="session")
def anyone(facades):
    """A client that sends nothing of its own accord."""
    with httpx2.Client(base_url=f"http://127.0.0.1:{facades.port}", timeout=60, verify=TLS) as client:
        yield client
