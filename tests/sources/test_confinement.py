"""An opener reaches its document and nothing else, whatever the document makes of it; and it says what confines it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import posix
import re
import signal
import socket
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from document_parser.models import Confinement
from document_parser.sources import confinement
from document_parser.sources.base import OpenerLimits
from document_parser.sources.source import Openers, Source
from document_parser.sources.zygote import start_zygote
from tests.support import documents
from tests.support.processes import seen
from tests.support.service import ROOT

SECRET = "hunter2-and-more-of-it"
REFUSED = "refused"

needs_landlock = pytest.mark.skipif(
    not confinement.get_landlock_abi(), reason="the kernel has no Landlock, or it is switched off"
)


@pytest.fixture(scope="module")
def prying(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Openers]:
    """Openers that do what their documents say. The process that starts them has a secret in its environment."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ADMIN_TOKEN", SECRET)
        patch.setenv("REDIS_URL", f"redis://:{SECRET}@127.0.0.1/0")
        zygote = start_zygote(OpenerLimits(timeout_seconds=20), "tests.support.prying_opener")
    with Openers(OpenerLimits(timeout_seconds=20), zygote) as openers:
        yield openers
    zygote.control.close()
    os.waitpid(zygote.pid, 0)
    os.close(zygote.handle)


@pytest.fixture
def document(tmp_path: Path) -> Path:
    """Where the file of the job is; another job's is beside it."""
    for job in ("mine", "other"):
        (tmp_path / "jobs" / job).mkdir(parents=True)
        (tmp_path / "jobs" / job / "source").write_text("Another job's words")
    (tmp_path / "webhook.secret").write_text(SECRET)
    return tmp_path / "jobs" / "mine" / "source"


def outcomes(prying: Openers, document: Path, *attempts: list[str | int]) -> list[str]:
    document.write_text(json.dumps(attempts))

    async def run() -> list[str]:
        async with await prying.open(document, "pdf") as source:
            return [word.text for word in await source.words(1)]

    return asyncio.run(run())


@contextlib.contextmanager
def listeners(folder: Path) -> Iterator[tuple[int, str]]:
    """A port and a socket at which somebody would answer."""
    with socket.create_server(("127.0.0.1", 0)) as tcp, socket.socket(socket.AF_UNIX) as unix:
        path = f"/tmp/docparse-test-{os.getpid()}.sock"
        unix.bind(path)
        unix.listen()
        try:
            yield tcp.getsockname()[1], path
        finally:
            Path(path).unlink()


def test_an_opener_reads_its_own_document(prying: Openers, document: Path):
    (read,) = outcomes(prying, document, ["read", str(document)])
    assert read.startswith('[["read"')


@needs_landlock
def test_an_opener_reads_no_other_file(prying: Openers, document: Path, tmp_path: Path):
    files = [
        tmp_path / "jobs/other/source",
        tmp_path / "webhook.secret",
        Path("/etc/passwd"),
        Path("/proc/self/environ"),
        Path(f"/proc/{os.getpid()}/environ"),
        Path(f"/proc/{os.getpid()}/mem"),
        ROOT / "README.md",
    ]
    folders = [tmp_path, document.parent, Path("/"), Path("/proc"), ROOT]
    attempts = [["read", str(path)] for path in files] + [["list", str(path)] for path in folders]
    found = outcomes(prying, document, *attempts)
    assert dict(zip(map(str, attempts), found, strict=True)) == dict.fromkeys(map(str, attempts), REFUSED)


def test_an_opener_writes_and_removes_nothing(prying: Openers, document: Path, tmp_path: Path):
    other = str(tmp_path / "jobs/other/source")
    found = outcomes(
        prying,
        document,
        ["write", str(tmp_path / "new")],
        ["write again", other],
        ["write again", str(document)],
        ["remove", other],
        ["rename", other],
        ["write", "/dev/shm/new"],
    )
    assert found == [REFUSED] * 6
    assert Path(other).read_text() == "Another job's words"


def test_an_opener_talks_to_nobody(prying: Openers, document: Path, tmp_path: Path):
    with listeners(tmp_path) as (port, path):
        found = outcomes(prying, document, ["connect", port], ["connect to socket", path], ["listen"])
    assert found == [REFUSED] * 3


def test_an_opener_starts_no_program_and_touches_no_other_process(prying: Openers, document: Path):
    others = [["kill", os.getpid()], ["kill", prying.zygote_pid], ["attach", prying.zygote_pid]]
    alone = [["fork"], ["exec"], ["start"], ["mount"], ["new namespace"], ["type into the terminal"]]
    assert outcomes(prying, document, *others, *alone) == [REFUSED] * 9
    assert prying.is_alive()


def test_an_opener_has_no_secret_in_its_environment_or_its_memory(prying: Openers, document: Path):
    (environment,) = outcomes(prying, document, ["environment"])
    assert SECRET not in environment
    assert not {name for name in json.loads(environment) if re.search(r"TOKEN|SECRET|KEY|URL|PASSWORD", name)}
    assert not memory_has(prying.zygote_pid, SECRET.encode()), "a child's memory is a copy of the zygote's"


def memory_has(pid: int, text: bytes) -> bool:
    """Whether a process has these bytes in memory that it may write to."""
    maps = Path(f"/proc/{pid}/maps").read_text().splitlines()
    spans = [line.split()[0].split("-") for line in maps if " rw" in line]
    with Path(f"/proc/{pid}/mem").open("rb", buffering=0) as memory:
        for start, end in ((int(start, 16), int(end, 16)) for start, end in spans):
            memory.seek(start)
            with contextlib.suppress(OSError):
                if text in memory.read(end - start):
                    return True
    return False


def test_what_confines_an_opener_is_what_it_says(tmp_path: Path):
    async def look(source: Source) -> tuple[Confinement, str, list[str]]:
        process = Path(f"/proc/{source.pid}")
        threads = [(task / "status").read_text() for task in (process / "task").iterdir()]
        return source.confinement, str((process / "ns/net").readlink()), threads

    path = documents.pdf_of_text(tmp_path / "a.pdf", ["Lease"])

    async def run() -> tuple[Confinement, str, list[str]]:
        with Openers.start(OpenerLimits()) as openers:
            async with await openers.open(path, "pdf") as source:
                return await look(source)

    said, network, threads = asyncio.run(run())
    assert said.no_new_privileges
    assert said.not_dumpable
    assert said.landlock_abi == confinement.get_landlock_abi()
    assert len(threads) == 2, "the one that reads, and the one that watches"
    for status in threads:
        assert re.search(r"^NoNewPrivs:\s+1$", status, re.MULTILINE)
        assert said.seccomp == bool(re.search(r"^Seccomp:\s+2$", status, re.MULTILINE))
        assert re.search(r"^CapEff:\s+000000000000000[04]$", status, re.MULTILINE), "at most the right to read"
    assert said.network_namespace == (network != str(Path("/proc/self/ns/net").readlink()))


def test_an_opener_ignores_the_signals_that_are_meant_for_its_parent(tmp_path: Path):
    path = documents.pdf_of_text(tmp_path / "a.pdf", ["Lease"])

    async def run() -> str:
        with Openers.start(OpenerLimits()) as openers:
            async with await openers.open(path, "pdf") as source:
                return Path(f"/proc/{source.pid}/status").read_text()

    ignored = re.search(r"^SigIgn:\s+(\w+)$", asyncio.run(run()), re.MULTILINE)
    assert ignored
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2, signal.SIGQUIT):
        assert int(ignored[1], 16) >> (number - 1) & 1, number


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_the_filter_is_a_program_whose_every_way_ends(machine: str):
    code = confinement.SystemCallFilter(machine).code_for(4711)
    instructions = list(struct.iter_unpack("HBBI", code))
    ends = {0x06}
    for place, (operation, if_true, if_false, _) in enumerate(instructions):
        if operation in (0x15, 0x35, 0x45):
            assert place + 1 + max(if_true, if_false) < len(instructions)
    assert instructions[-1][0] in ends
    assert len(instructions) < 4096, "the kernel takes no longer one"


def test_where_the_numbers_of_the_system_calls_are_not_known_there_is_no_filter():
    assert not confinement.SystemCallFilter("riscv64").enforce()


def test_what_is_missing_is_said_in_words():
    assert Confinement().missing == ["no new privileges", "not dumpable", "Landlock", "seccomp", "a network namespace"]
    whole = Confinement(no_new_privileges=True, not_dumpable=True, landlock_abi=4, seccomp=True)
    assert (whole.missing, whole.is_sound) == (["a network namespace"], True)


def test_the_zygotes_of_most_tests_which_are_forked_are_to_the_system_as_those_that_are_started(
    monkeypatch: pytest.MonkeyPatch,
):
    def facts() -> dict[str, object]:
        with Openers.start(OpenerLimits()) as openers:
            confined = asyncio.run(openers.confinement())
            return {**seen(openers.zygote_pid, {os.getpid()}), "confinement": confined}

    forked = facts()
    monkeypatch.setattr(os, "posix_spawn", posix.posix_spawn)
    assert forked == facts()
