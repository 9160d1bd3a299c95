"""What the processes of a service use: processor time and memory, read from /proc."""

from __future__ import annotations

import os
import threading
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

from tests.support.service import Service, processes_of

TICKS = os.sysconf("SC_CLK_TCK")
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
OPENER = "docparse-opener"
LOOK_SECONDS = 0.025


@dataclass(frozen=True, slots=True)
class Member:
    """A process. ``own`` and ``waited`` are seconds of processor time: its own, and of the children it has waited for."""

    pid: int
    parent: int
    name: str
    own: float
    waited: float


def member(pid: int) -> Member | None:
    """The process as it stands, None where it is gone."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    head, _, tail = text.rpartition(")")
    fields = tail.split()
    user, system, waited_user, waited_system = (int(field) for field in fields[11:15])
    parent, name = int(fields[1]), head.partition("(")[2]
    return Member(pid, parent, name, (user + system) / TICKS, (waited_user + waited_system) / TICKS)


class Tree:
    """The processes of one service, those born since the last look included."""

    def __init__(self, service: Service) -> None:
        self.members = {pid: found for pid in processes_of(service.data_dir) if (found := member(pid))}
        self._strangers: set[int] = set()

    def look(self) -> list[Member]:
        """Look again. Those that have ended since the last look, as they were then."""
        living = {int(name) for name in os.listdir("/proc") if name.isdigit()}  # noqa: PTH208 - forty times a second
        ended = [self.members.pop(pid) for pid in list(self.members) if pid not in living]
        for pid in list(self.members):
            self._see(pid)
        self._strangers &= living
        self._adopt(sorted(living - self._strangers - self.members.keys()))
        return ended

    def _see(self, pid: int) -> None:
        found = member(pid)
        if found is not None:
            self.members[pid] = found

    def _adopt(self, unknown: list[int]) -> None:
        for pid in unknown:
            found = member(pid)
            if found is not None and found.parent in self.members:
                self.members[pid] = found
            else:
                self._strangers.add(pid)


class Sampler:
    """Calls ``sample`` every few moments from a thread, between entering and leaving it."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def sample(self) -> None:
        raise NotImplementedError

    def _run(self) -> None:
        while not self._ended.wait(self.seconds):
            self.sample()

    def __enter__(self) -> Self:
        self.sample()
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._ended.set()
        self._thread.join()
        self.sample()


class ProcessorTime(Sampler):
    """Processor seconds of a service, those of processes that came and went included.

    A process that has ended is in the count of the parent that waited for it. Nobody waits for an opener, so its last count
    is kept here; one that lived for less than a look or two counts too little.
    """

    def __init__(self, service: Service) -> None:
        super().__init__(LOOK_SECONDS)
        self._tree = Tree(service)
        self._lost = 0.0
        self._first: float | None = None

    def sample(self) -> None:
        self._lost += sum(ended.own for ended in self._tree.look() if ended.name == OPENER)
        if self._first is None:
            self._first = self._total()

    def _total(self) -> float:
        return self._lost + sum(found.own + found.waited for found in self._tree.members.values())

    @property
    def seconds_used(self) -> float:
        """Since it was entered."""
        return self._total() - (self._first or 0.0)


def family_seconds(root: int) -> float:
    """Of a process and its descendants, those they have waited for included."""
    everybody = {int(name): found for name in os.listdir("/proc") if name.isdigit() and (found := member(int(name)))}  # noqa: PTH208
    family, added = {root}, {root}
    while added:
        added = {pid for pid, found in everybody.items() if found.parent in family} - family
        family |= added
    return sum(everybody[pid].own + everybody[pid].waited for pid in family if pid in everybody)


def processor_seconds(pid: int) -> float:
    """Of one process and the children it has waited for."""
    found = member(pid)
    return found.own + found.waited if found else 0.0


Measure = Literal["rss", "threads", "handles"]


@dataclass(frozen=True, slots=True)
class MemorySample:
    """What one process held at a moment: bytes, threads, open files and sockets. ``page`` is how far the work was."""

    page: int
    kind: str
    rss: int
    threads: int
    handles: int


class Memory(Sampler):
    """What every process of a service holds, with the page that the work had reached."""

    def __init__(self, service: Service, seconds: float = 0.25) -> None:
        super().__init__(seconds)
        self._service = service
        self.samples: list[MemorySample] = []
        self.page = 0
        self._tree = Tree(service)

    def sample(self) -> None:
        self._tree.look()
        for found in list(self._tree.members.values()):
            rss = resident(found.pid)
            if rss:
                held = (rss, entries(found.pid, "task"), entries(found.pid, "fd"))
                self.samples.append(MemorySample(self.page, self._kind(found), *held))

    def living(self) -> Counter[str]:
        """How many processes there are of each kind now."""
        now = Memory(self._service)
        return Counter(now._kind(found) for found in now._tree.members.values())

    def _kind(self, found: Member) -> str:
        if found.name.startswith("docparse-"):
            return found.name.removeprefix("docparse-")
        if "valkey" in found.name:
            return "Valkey"
        pools = sum("document_parser.worker" in command(pid) for pid in self._line(found))
        if pools:
            return ("pool", "worker", "task")[min(pools, 3) - 1]
        return "supervisor" if "document_parser.supervisor.supervisor" in command(found.pid) else "web"

    def _line(self, found: Member) -> list[int]:
        """The process and its forebears."""
        line = [found.pid]
        while (above := self._tree.members.get(line[-1])) is not None and above.parent in self._tree.members:
            line.append(above.parent)
        return line

    def peaks(self, first: int = 0, last: int = 1 << 30, of: Measure = "rss") -> dict[str, int]:
        """The most that a process of each kind held between two pages of the work."""
        peaks: dict[str, int] = {}
        for sample in self.samples:
            if first <= sample.page <= last:
                peaks[sample.kind] = max(peaks.get(sample.kind, 0), getattr(sample, of))
        return peaks


def resident(pid: int) -> int:
    """Resident bytes, 0 where the process is gone."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE_BYTES
    except (FileNotFoundError, ProcessLookupError):
        return 0


def entries(pid: int, folder: str) -> int:
    """How many entries a folder of /proc has for the process (``task``, ``fd``); 0 where it is gone."""
    try:
        return len(os.listdir(f"/proc/{pid}/{folder}"))  # noqa: PTH208 - every process, several times a second
    except (FileNotFoundError, ProcessLookupError):
        return 0


def command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return ""
