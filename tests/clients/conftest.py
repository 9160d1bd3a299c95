"""The services that the clients of other systems are pointed at, which need keys."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

import httpx2
import pytest

from tests.support.client_packages import client_package
from tests.support.documents import endless_page_pdf, pdf_of_text, report_pdf
from tests.support.owners import make_key
from tests.support.service import Service

TIERS = """
[key]

[slow]
requests_per_minute = 1
"""


class Served(NamedTuple):
    """A running service, its address, and a key of a tier with and without limits."""

    service: Service
    url: str
    key: str
    slow_key: str


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Served:
    """A service with all facades, for callers with keys; what takes a page more than two seconds to open fails."""
    folder = tmp_path_factory.mktemp("clients")
    tiers = folder / "tiers.toml"
    tiers.write_text(TIERS)
    settings = {"AUTH_MODE": "required", "FACADES": "all", "TIERS_FILE": tiers, "OPENER_TIMEOUT_SECONDS": 2, "WEB_WORKERS": 1}
    with Service(folder, NUM_WORKERS=2, **settings) as service:
        keys = [make_key(service.data_dir, owner, tier=tier).secret for owner, tier in (("alice", "key"), ("bob", "slow"))]
        yield Served(service, f"http://127.0.0.1:{service.port}", *keys)


@pytest.fixture(scope="session")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A digital PDF of two pages with a heading and a table."""
    return report_pdf(tmp_path_factory.mktemp("documents") / "report.pdf")


@pytest.fixture(scope="session")
def half_readable(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A PDF whose second page takes for ever."""
    return endless_page_pdf(tmp_path_factory.mktemp("documents") / "endless.pdf")


@pytest.fixture(scope="session")
def facades(tmp_path_factory):
    settings = {"AUTH_MODE": "required", "FACADES": "all", "FETCH_ALLOW_HOSTS": '["127.0.0.1"]'}
    with Service(tmp_path_factory.mktemp("facades"), NUM_WORKERS=2, WEB_WORKERS=1, **settings) as running:
        yield running


@pytest.fixture(scope="session")
def address(facades):
    return f"http://127.0.0.1:{facades.port}"


@pytest.fixture(scope="session")
def key(facades):
    return make_key(facades.data_dir, "alice").secret


@pytest.fixture(scope="session")
def five_pages(tmp_path_factory):
    """A PDF of five pages, each with a sentence that has its number."""
    path = tmp_path_factory.mktemp("documents") / "five.pdf"
    return pdf_of_text(path, [f"This is the sentence of page {number}, and of no other one." for number in range(1, 6)])


@pytest.fixture(scope="session")
def lost_page(five_pages):
    """The same with the contents of page 2 lost."""
    raw = five_pages.read_bytes()
    second = list(re.finditer(rb"/Contents (\d+) 0 R", raw))[1]
    path = five_pages.with_name("lost.pdf")
    path.write_bytes(raw[: second.start(1)] + b"9" * len(second[1]) + raw[second.end(1) :])
    return path


@pytest.fixture(scope="session")
def full_address(tmp_path_factory, five_pages):
    """The address of a service whose queue is full, and stays so: it answers 503 with Retry-After."""
    settings = {"FACADES": "all", "QUEUE_MAX_JOBS": 1, "WEB_WORKERS": 1, "NUM_WORKERS": 0}
    with Service(tmp_path_factory.mktemp("full"), **settings) as service:
        service.submit(five_pages)
        yield f"http://127.0.0.1:{service.port}"


@pytest.fixture
def ignored(monkeypatch):
    """The options that answers to clients on httpx or httpx2 named as ignored, each once."""
    found: dict[str, None] = {}
    for client in (client_package("httpx").Client, httpx2.Client):
        send = client.send

        def watched(self, request, send=send, **options):
            response = send(self, request, **options)
            found.update(dict.fromkeys(filter(None, response.headers.get("X-Ignored-Options", "").split(", "))))
            return response

        monkeypatch.setattr(client, "send", watched)
    return found
