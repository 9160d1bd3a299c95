"""Poison: a page that kills real readers, a document that kills real openers. They fail and say why; nothing else does."""

from __future__ import annotations

import contextlib
import os
import signal
from contextvars import ContextVar
from pathlib import Path

import pytest

from tests.support import documents
from tests.support.processes import at_work
from tests.support.service import SOON, Service, asking, parents_of, processes_of
from tests.support.vllm_batching import UNHURRIED
from tests.support.vllm_server import ModelServer, served_from_thread

POISON, STAMPS, OTHERS = 905, range(900, 912), range(930, 936)
DEATHS = 4
"""Two readers die of many pages in flight; then the page is read alone, and kills twice."""

peer: ContextVar[int] = ContextVar("peer")


class KillingServer(ModelServer):
    """Kills whoever asks it for the poisonous page, by -9, each time; notes which pages were stored by then."""

    def __post_init__(self):
        super().__post_init__()
        self.killed = []
        self.kept = []
        self.data_dir = Path()

    def stored(self):
        """(job, number) of each page in storage."""
        return {(path.parts[-3], int(path.stem)) for path in self.data_dir.glob("jobs/*/pages/*.json")}

    async def _chat(self, request):
        peer.set(request.transport.get_extra_info("peername")[1])
        return await super()._chat(request)

    def step(self, stamp, picture):
        if stamp == POISON:
            self.kept.append((len(self.log), self.stored()))
            self.killed.append(owner_of_port(peer.get()))
            os.kill(self.killed[-1], signal.SIGKILL)
        return super().step(stamp, picture)


def owner_of_port(port: int) -> int:
    """The process that holds the local end of a connection from this port."""
    lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    inodes = {f"socket:[{fields[9]}]" for fields in lines if int(fields[1].rpartition(":")[2], 16) == port}
    for link in Path("/proc").glob("[0-9]*/fd/*"):
        with contextlib.suppress(OSError):
            if str(link.readlink()) in inodes:
                return int(link.parts[2])
    raise ProcessLookupError(port)


@pytest.fixture(scope="module")
def server():
    with served_from_thread(KillingServer(speed=UNHURRIED, tokens=60)) as server:
        yield server


@pytest.fixture(scope="module")
def service(tmp_path_factory, server):
    with Service(
        tmp_path_factory.mktemp("poison"),
        PAGE_CONCURRENCY=4,
        **asking(server.url),
        **SOON,
        OPENER_MEMORY_MB=128,
        MAX_IMAGE_MEGAPIXELS=10_000,
        MAX_IMAGE_MEMORY_MB=10_000,
    ) as service:
        server.data_dir = service.data_dir
        yield service


def test_a_page_that_kills_its_readers_fails_with_its_reason_and_everything_beside_it_is_read(service, server, tmp_path):
    poisoned = service.submit(documents.stamped_pdf(tmp_path / "poisoned.pdf", STAMPS), output_format="json")
    innocent = service.submit(documents.stamped_pdf(tmp_path / "innocent.pdf", OTHERS), output_format="json")
    assert service.ended(innocent)["complete"] is True
    status = service.ended(poisoned)
    assert (status["status"], status["complete"], status["progress"]["failed_pages"]) == ("completed", False, 1)
    pages = service.result(poisoned, format="json")["document"]["pages"]
    failed = [(page["number"], page["error"]["code"]) for page in pages if page["status"] == "failed"]
    assert failed == [(1 + STAMPS.index(POISON), "WORKER_CRASHED")]
    for page, stamp in zip(pages, STAMPS, strict=True):
        if stamp != POISON:
            assert f"stamp-{stamp} " in " ".join(block["text"] for block in page["blocks"]) + " "
    assert len(server.killed) == len(set(server.killed)) == DEATHS
    assert not set(server.killed) & processes_of(service.data_dir).keys(), "they really died"
    assert {entry.stamp for entry in server.log if entry.state == "finished"} == {*STAMPS, *OTHERS} - {POISON}
    assert server.kept[-1][1], "pages were stored before the last death"
    first = {poisoned: STAMPS[0], innocent: OTHERS[0]}
    for asked_before, kept in server.kept:
        asked_again = {entry.stamp for entry in server.log[asked_before:]}
        assert not asked_again & {first[job_id] + number - 1 for job_id, number in kept}, "no stored page is read twice"


def test_a_document_that_kills_its_opener_twice_fails_and_nothing_else_is_harmed(service, paper, tmp_path):
    bomb = documents.png_bomb(tmp_path / "bomb.png", 40_000)
    reading, parents = at_work(service), parents_of(service.data_dir)
    before = {pid for pid, its in parents.items() if not {pid, its} & {*reading}}
    job_id = service.submit(bomb)
    beside = service.submit(paper)
    status = service.ended(job_id)
    assert (status["status"], status["error"]["code"], status["error"]["status"]) == ("failed", "DOCUMENT_CRASHES_PARSER", 422)
    assert service.ended(beside)["complete"] is True
    told = [line for line in service.log.splitlines() if '"opened_again"' in line and job_id in line]
    assert len(told) == 1, "it was opened twice, and no third time"
    assert "died" in told[0]
    living = processes_of(service.data_dir).keys()
    assert before <= living, "only openers died"
