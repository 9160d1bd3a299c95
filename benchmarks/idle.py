"""What the service takes while it has nothing to do: the disk of its packages, and the memory of all its processes."""

from __future__ import annotations

import re
import tempfile
import time
from collections import Counter
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from benchmarks.report import Report, is_trial, progress
from benchmarks.usage import member
from tests.support.service import API, Service, processes_of

SETTLING_SECONDS = 20.0
MOST_MB, MOST_PSS_MIB = 450, 250
OPENVINO_UNUSED = re.compile(r"openvino/libs/(libopenvino_intel_[gn]pu_plugin|cache\.json)")


def main() -> None:
    trial = is_trial(__doc__)
    report = Report("idle")
    sizes = installed_bytes("document-parser")
    report.below("installed packages, MB", sum(sizes.values()) / 1e6, MOST_MB, "{:.0f}")
    largest = sizes.most_common(6)
    report.tell("… the largest, MB", ", ".join(f"{name} {size / 1e6:.0f}" for name, size in largest))
    report.tell("… OpenVINO's GPU and NPU plugins among them, MB", f"{unused_bytes() / 1e6:.0f}")
    shares = idle_pss()
    report.below("memory of the whole service, idle (PSS), MiB", sum(shares.values()) / 1024, MOST_PSS_MIB, "{:.0f}")
    report.tell("… by process, MiB", ", ".join(f"{name} {kib / 1024:.0f}" for name, kib in shares.most_common()))
    report.notes.append(
        "Files of the distributions that the service needs, bytecode included; two web workers and two workers."
    )
    report.publish(trial=trial)


def installed_bytes(root: str) -> Counter[str]:
    """Return the bytes of a distribution and of all that it requires, by name; extras are left out."""
    found: Counter[str] = Counter()
    waiting = [root]
    while waiting:
        name = canonicalize_name(waiting.pop())
        if name in found:
            continue
        try:
            installed = distribution(name)
        except PackageNotFoundError:
            continue
        files = [Path(str(entry.locate())) for entry in installed.files or ()]
        found[name] = sum(path.stat().st_size for path in files if path.is_file())
        needed = map(Requirement, installed.requires or ())
        waiting += [one.name for one in needed if one.marker is None or one.marker.evaluate({"extra": ""})]
    return found


def unused_bytes() -> int:
    files = distribution("openvino").files or ()
    return sum(entry.size or 0 for entry in files if OPENVINO_UNUSED.match(str(entry)))


def idle_pss() -> Counter[str]:
    """Return each process' proportional share of memory in KiB, by its name, once the service has been idle for a while."""
    with tempfile.TemporaryDirectory(prefix="idle-") as name, Service(Path(name), API) as service:
        progress(f"an idle service, {SETTLING_SECONDS:g} seconds")
        time.sleep(SETTLING_SECONDS)
        found: Counter[str] = Counter()
        for pid, line in processes_of(service.data_dir).items():
            process = member(pid)
            rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
            kib = int(re.search(r"^Pss:\s+(\d+)", rollup, re.MULTILINE)[1])  # type: ignore[index]
            found[kind_of(process.name if process else "", line)] += kib
    return found


def kind_of(name: str, line: str) -> str:
    """``web``, ``pool`` (with its workers and what is beside them), ``zygote``, ``supervisor`` or ``valkey``."""
    kinds = {"docparse-zygote": "zygote", "valkey-server": "valkey"}
    words = {
        "document_parser.api": "web",
        "document_parser.worker": "pool",
        "document_parser.supervisor.supervisor": "supervisor",
        "valkey": "valkey",
    }
    return kinds.get(name) or next((kind for word, kind in words.items() if word in line), name)


if __name__ == "__main__":
    main()
