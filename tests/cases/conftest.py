"""One set of engines reads all cases: a document of the folder ``files``, or one that a test draws."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.case_reading import CaseReader


@pytest.fixture(scope="session")
def read() -> Iterator[CaseReader]:
    """Reads a document by its text layer, or by the CPU engine where it has none."""
    with CaseReader() as reader:
        yield reader
