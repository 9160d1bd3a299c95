"""The processes of a real service: found by what they do, and killed."""

from __future__ import annotations

import contextlib
import os
import re
import signal
from collections.abc import Collection, Iterable
from pathlib import Path

from tests.support.service import Service, parents_of, processes_of, wait_until


def pool_pids(service: Service) -> list[int]:
    """Pids of pools: the oldest process of that command line, which its children share."""
    workers, parents = service.pids("document_parser.worker"), parents_of(service.data_dir)
    return [pid for pid in workers if pid in parents and parents[pid] not in workers]


def pids_named(service: Service, name: str) -> list[int]:
    """Pids of the service's processes that bear this name, as ``ps -o comm`` shows it."""
    found = []
    for pid in processes_of(service.data_dir):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            if Path(f"/proc/{pid}/comm").read_text().strip() == name:
                found.append(pid)
    return found


def at_work(service: Service) -> dict[int, int]:
    """Work horses, which are children of a pool's workers, and each one's worker."""
    found, parents = pool_pids(service), parents_of(service.data_dir)
    return {pid: worker for pid, worker in parents.items() if parents.get(worker) in found}


def horses(service: Service) -> list[int]:
    """Pids of work horses."""
    return list(at_work(service))


def seen(pid: int, ours: Collection[int]) -> dict[str, object]:
    """What ``/proc`` shows of a process that is no number of one of these processes."""
    process = Path(f"/proc/{pid}")
    told = {name: (process / name).read_bytes().rstrip(b"\0").split(b"\0") for name in ("cmdline", "environ")}
    status = dict(line.split(":\t", 1) for line in (process / "status").read_text().splitlines() if ":\t" in line)
    kept = ("Name", "Umask", "Uid", "Groups", "SigBlk", "SigIgn", "SigCgt", "Threads", "Seccomp", "NoNewPrivs", "CapEff")
    pids = "|".join(map(str, ours)).encode()
    return {
        "command line": [re.sub(rb"(?<!\d)(%b)(?!\d)" % pids, b"PID", part) for part in told["cmdline"]],
        "environment": sorted(told["environ"]),
        "folder": (process / "cwd").readlink(),
        "program": (process / "exe").readlink(),
        "streams": [(process / "fd" / str(number)).readlink() for number in range(3)],
        "leads a group": os.getpgid(pid) == pid,
        "leads a session": os.getsid(pid) == pid,
        "limits": (process / "limits").read_text(),
        **{name: status[name] for name in kept},
    }


def kill(pids: Iterable[int]) -> list[int]:
    """Kill -9. Which of them were killed: one that has just ended by itself is no victim."""
    killed = []
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
            killed.append(pid)
    return killed


def kill_horses(service: Service) -> None:
    """Kill the work horses, and at least one."""
    wait_until(lambda: kill(horses(service)), 30, "a work horse is killed")
