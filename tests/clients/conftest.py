"""One service for the clients of other systems, which needs keys."""

from __future__ import annotations

import re

import pytest

from tests.support.documents import pdf_of_text
from tests.support.owners import make_key
from tests.support.service import Service


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
