"""The service that other systems' clients are pointed at. ``make test-clients`` installs them; else their tests are skipped."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pytest

from tests.support.documents import endless_page_pdf, report_pdf
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
