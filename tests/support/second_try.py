"""The option of the second try of tests that failed, see the Makefile."""

from __future__ import annotations

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--at-most", type=int, metavar="N", help="Refuse to run more than N tests: so many failed by no chance.")


def pytest_collection_finish(session: pytest.Session) -> None:
    most = session.config.getoption("--at-most")
    if most is not None and len(session.items) > most:
        raise pytest.UsageError(f"{len(session.items)} tests failed; only up to {most} are tried a second time.")
