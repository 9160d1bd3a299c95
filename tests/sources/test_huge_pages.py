"""The zygote holds its memory in huge pages once it has forked for some documents."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from document_parser.host import huge_pages
from document_parser.host.huge_pages import HUGE_PAGE_BYTES
from document_parser.sources import opener
from document_parser.sources.base import OpenerLimits
from document_parser.sources.source import Openers
from tests.support.documents import pdf_of_text
from tests.support.service import wait_until

ALWAYS = Path("/sys/kernel/mm/transparent_hugepage/enabled")
LIMITS = OpenerLimits(memory_mb=512, timeout_seconds=30, max_image_megapixels=50)


def huge_bytes_of(pid):
    """The memory of a process that lies in huge pages."""
    rolled = (Path("/proc") / str(pid) / "smaps_rollup").read_text()
    return next(int(line.split()[1]) << 10 for line in rolled.splitlines() if line.startswith("AnonHugePages:"))


def zygotes():
    """The zygotes that this process has started."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            told = (folder / "status").read_text()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if "docparse-zygote" in told.splitlines()[0] and f"PPid:\t{os.getpid()}\n" in told:
            found.append(int(folder.name))
    return found


@pytest.fixture
def memory():
    """Memory of this process that can lie in huge pages; skips where the kernel has none."""
    held = bytearray(8 * HUGE_PAGE_BYTES)
    held[:] = b"x" * len(held)
    if not huge_pages.collapse():
        pytest.skip("this kernel puts no memory into huge pages at once (Linux 6.1)")
    return held


def test_memory_is_put_into_huge_pages_and_says_what_it_said(memory):
    assert huge_pages.collapse() >= 7 * HUGE_PAGE_BYTES
    assert memory.count(b"x") == len(memory)


def test_a_zygote_does_it_after_some_documents(memory, tmp_path):
    if "[always]" in ALWAYS.read_text():
        pytest.skip("this machine puts all memory into huge pages by itself")
    path = pdf_of_text(tmp_path / "a.pdf", ["One page."])
    before = set(zygotes())

    async def read(openers, times):
        for _ in range(times):
            async with await openers.open(path, "pdf"):
                pass

    with Openers.start(LIMITS) as openers:
        wait_until(lambda: set(zygotes()) - before, 20, "the zygote has started")
        [pid] = set(zygotes()) - before
        asyncio.run(read(openers, 2))
        assert huge_bytes_of(pid) < HUGE_PAGE_BYTES
        asyncio.run(read(openers, opener._FORKS_BEFORE_HUGE_PAGES))
        assert huge_bytes_of(pid) >= 2 * HUGE_PAGE_BYTES
