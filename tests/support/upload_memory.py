"""The memory that a web process takes for a large upload, by each of the ways in."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

from document_parser.storage import SYNC_BYTES
from tests.support.service import Service

TUS = ("-H", "Tus-Resumable: 1.0.0")
PIECE = (*TUS, "-H", "Content-Type: application/offset+octet-stream")
Way = Callable[[Service, Path], None]


def sparse_pdf(path: Path, size: int) -> Path:
    """A file that passes for a PDF and takes no room on the disk."""
    path.write_bytes(b"%PDF-1.7\n")
    os.truncate(path, size)
    return path


def _curl(*arguments: str) -> str:
    return subprocess.run(["curl", "-sS", "--fail-with-body", *arguments], check=True, capture_output=True, text=True).stdout


def send_form(service: Service, path: Path) -> None:
    """As a multipart form."""
    answer = _curl("-F", f"file=@{path}", f"http://127.0.0.1:{service.port}/v1/process/async")
    assert '"job_id"' in answer, answer


def send_by_tus(service: Service, path: Path) -> None:
    """By tus, the first piece of 8 MiB and the rest in one, and made a job of."""
    base, size = f"http://127.0.0.1:{service.port}", path.stat().st_size
    location = service.client.post("/v1/uploads", headers={"Tus-Resumable": "1.0.0", "Upload-Length": str(size)}).headers[
        "Location"
    ]
    first = min(size, SYNC_BYTES)
    with path.open("rb") as stream:
        headers = {"Tus-Resumable": "1.0.0", "Upload-Offset": "0", "Content-Type": "application/offset+octet-stream"}
        assert service.client.patch(location, content=stream.read(first), headers=headers).status_code == 204
    if size > first:
        with subprocess.Popen(["tail", "-c", f"+{first + 1}", str(path)], stdout=subprocess.PIPE) as rest:
            subprocess.run(
                [
                    "curl",
                    "-sS",
                    "--fail-with-body",
                    "-X",
                    "PATCH",
                    "-T",
                    "-",
                    *PIECE,
                    "-H",
                    f"Upload-Offset: {first}",
                    f"{base}{location}",
                ],
                stdin=rest.stdout,
                check=True,
            )
    upload_id = location.rpartition("/")[2]
    answer = service.client.post("/v1/process/async", json={"upload_id": upload_id, "filename": path.name}, timeout=300)
    assert answer.status_code == 202, answer.text


WAYS: dict[str, Way] = {"multipart": send_form, "tus": send_by_tus}
"""The ways in by their names."""


def extra_bytes(service: Service, way: Way, path: Path, small: Path) -> int:
    """How far the memory of the one web process peaks above its idle while a file is sent. A small one is sent first."""
    (pid,) = [pid for pid in service.pids("document_parser.api") if pid != service.pid] or [service.pid]
    way(service, small)
    idle = _memory(pid, "VmRSS")
    Path(f"/proc/{pid}/clear_refs").write_text("5")  # the peak is counted anew
    before = _written(pid)
    way(service, path)
    assert _written(pid) - before >= path.stat().st_size, "this is the process that received the file"
    return _memory(pid, "VmHWM") - idle


def _memory(pid: int, name: str) -> int:
    found = re.search(rf"^{name}:\s+(\d+) kB$", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    assert found
    return int(found[1]) << 10


def _written(pid: int) -> int:
    found = re.search(r"^wchar: (\d+)$", Path(f"/proc/{pid}/io").read_text(), re.MULTILINE)
    assert found
    return int(found[1])
