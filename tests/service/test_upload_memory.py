"""A large upload passes through a web process: what it takes of memory does not depend on its size."""

from __future__ import annotations

import pytest

from tests.support.service import Service
from tests.support.upload_memory import WAYS, extra_bytes, sparse_pdf

MIB = 1 << 20


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    with Service(tmp_path_factory.mktemp("memory"), preloaded=False, WEB_WORKERS=1, NUM_WORKERS=0) as running:
        yield running


@pytest.mark.parametrize("way", WAYS)
def test_an_upload_of_200_mb_takes_little_memory(service, tmp_path, way):
    small, large = sparse_pdf(tmp_path / "small.pdf", 1000), sparse_pdf(tmp_path / "large.pdf", 200_000_000)
    assert extra_bytes(service, WAYS[way], large, small) < 50 * MIB
