"""Small valid files of every format, changed at random, through the real opener: ``python -m tests.support.fuzz_formats``.

Hypothesis chooses a file and what to change of it. A file may be read or refused; an opener that dies, hangs or sends
nonsense, and an error that is none of ours, are faults. The changed file of each is kept, and the command ends with 1.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import hashlib
import io
import os
import random
import re
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as some
from PIL import Image

from document_parser.errors import DocumentParserError, OpenerCrashed, PageCrashed
from document_parser.ingest.sniff import HEAD_BYTES, sniff
from document_parser.models import PageImageSpec, SourceKind
from document_parser.sources.base import OpenerLimits
from document_parser.sources.source import Openers, Source
from tests.support import documents
from tests.support.beacons import write_all

LIMITS = OpenerLimits(memory_mb=1280, timeout_seconds=20, max_image_megapixels=50, max_image_memory_mb=512, max_unpacked_mb=256)
MAX_PARTS = 3
"""Pages or parts, and files inside, of a changed document that are looked at."""
BATCH_EXAMPLES = 40
SPEC = PageImageSpec(dpi=50)
NUMBERS = (
    b"0",
    b"-1",
    b"1",
    b"255",
    b"65536",
    b"4294967295",
    b"9223372036854775808",
    b"1e309",
    b"NaN",
    b"00000000000000000000",
)
TOKENS = (
    b"\x00", b"\xff" * 4, b"\x80", b"<", b">", b"</", b"&", b"&#0;", b"<!--", b"]]>", b"{", b"}", b"\\", b'"', b"'", b"(", b")",
    b"<<", b">>", b"R", b"obj", b"\n", b"\r", b"\xef\xbb\xbf", b"\xff\xfe", b"=", b"PK\x03\x04", b"%PDF-1.7", b"\xed\xa0\x80",
)  # fmt: skip


@dataclass(frozen=True)
class Change:
    """One change of a file: ``place`` is where in it, from 0 to 1, and ``value`` chooses among what can be done."""

    kind: str
    place: float
    value: int


@dataclass
class Fault:
    """A changed file that was not handled, what came of it, and where it is kept."""

    seed_name: str
    told: str
    path: Path


CHANGES = some.builds(
    Change,
    kind=some.sampled_from(("flip", "number", "token", "remove", "repeat", "cut", "attribute", "zero")),
    place=some.floats(0, 1, exclude_max=True),
    value=some.integers(0, 1 << 16),
)


def seeds(folder: Path) -> dict[str, bytes]:
    """Small valid files by name: one or more of every format that can be made here."""
    folder.mkdir(parents=True, exist_ok=True)
    write_all(folder, "http://127.0.0.1:9", folder / "secret.txt")
    documents.pdf_of_text(folder / "text.pdf", ["Two columns of words. " * 20])
    documents.report_pdf(folder / "report.pdf")
    for name, more in (
        ("a.jpg", {}),
        ("a.gif", {}),
        ("a.bmp", {}),
        ("a.webp", {}),
        ("a.tif", {"compression": "tiff_lzw"}),
        ("a.jp2", {}),
    ):
        Image.effect_noise((64, 48), 60).save(folder / name, **more)
    (folder / "a.mbox").write_bytes(
        b"From a@b Thu Jan  1 00:00:00 2026\nSubject: one\n\ntext\n\nFrom c@d x\nSubject: two\n\ntext\n"
    )
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def changed(data: bytes, changes: list[Change]) -> bytes:
    """A file with these changes. Those of a ZIP archive are made within a member, since its checksum would hide the rest."""
    if data.startswith(b"PK\x03\x04") and changes and changes[0].value % 4:
        return _changed_within(data, changes)
    for change in changes:
        data = _change(data, change)
    return data


def _changed_within(data: bytes, changes: list[Change]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        entries = old.infolist()
        chosen = entries[changes[0].value % len(entries)].filename
        for entry in entries:
            content = old.read(entry)
            if entry.filename == chosen:
                for change in changes:
                    content = _change(content, change)
            new.writestr(entry.filename, content, entry.compress_type)
    return out.getvalue()


def _change(data: bytes, change: Change) -> bytes:
    at, value = int(change.place * len(data)), change.value
    match change.kind:
        case "flip":
            return data[:at] + bytes([(data[at] if at < len(data) else 0) ^ (value % 255 + 1)]) + data[at + 1 :]
        case "number":
            found = re.compile(rb"\d+").search(data, at)
            return data if found is None else data[: found.start()] + NUMBERS[value % len(NUMBERS)] + data[found.end() :]
        case "token":
            return data[:at] + TOKENS[value % len(TOKENS)] + data[at:]
        case "remove":
            return data[:at] + data[at + value % 64 + 1 :]
        case "repeat":
            return data[:at] + data[at : at + value % 200 + 1] * (value % 50 + 2) + data[at:]
        case "attribute":
            found = re.compile(rb'="[^"<>]*"').search(data, at)
            return (
                data
                if found is None
                else data[: found.start()] + b'="' + NUMBERS[value % len(NUMBERS)] + b'"' + data[found.end() :]
            )
        case "zero":
            return data[:at] + bytes(value % 16 + 1) + data[at + value % 16 + 1 :]
    return data[:at]


class Fuzzer:
    """Reads changed files and keeps the faults."""

    def __init__(self, folder: Path, limits: OpenerLimits = LIMITS) -> None:
        self.folder = folder
        self.files = seeds(folder / "seeds")
        self.faults: list[Fault] = []
        self.tried = self.read = 0
        self._openers = Openers.start(limits)

    def run(self, seconds: float, first_seed: int, only: str = "") -> None:
        """Try files for some seconds."""
        deadline, number = time.monotonic() + seconds, first_seed
        while time.monotonic() < deadline:
            self.run_batch(number, BATCH_EXAMPLES, only, lambda: time.monotonic() >= deadline)
            number += 1

    def run_batch(self, number: int, examples: int, only: str = "", is_over: Callable[[], bool] = lambda: False) -> None:
        """Try as many files as Hypothesis makes of one seed."""
        names = [name for name in self.files if only in name]

        @seed(number)
        @settings(
            max_examples=examples,
            deadline=None,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(name=some.sampled_from(names), changes=some.lists(CHANGES, min_size=1, max_size=5))
        def batch(name: str, changes: list[Change]) -> None:
            if not is_over():
                self.check(name, changed(self.files[name], changes))

        batch()

    def check(self, name: str, data: bytes) -> None:
        """Read one file as it is, and keep it if that is a fault."""
        self.tried += 1
        path = self.folder / f"changed{Path(name).suffix}"
        path.write_bytes(data)
        try:
            kind = sniff(data[:HEAD_BYTES], name, len(data)).kind
            asyncio.run(self._read(path, kind))
            self.read += 1
        except (OpenerCrashed, PageCrashed) as error:
            self._keep(name, data, f"{error.code} {error.details.get('reason')}")
        except DocumentParserError:
            return
        except Exception as error:  # noqa: BLE001 - that is what is looked for
            self._keep(name, data, repr(error))

    async def _read(self, path: Path, kind: SourceKind) -> None:
        async with await self._openers.open(path, kind) as source:
            for number in range(1, min(source.page_count, MAX_PARTS) + 1):
                for ask in _questions(source, number):
                    try:
                        await ask()
                    except PageCrashed:
                        raise
                    except DocumentParserError:
                        continue
            for index in range(min(len(await source.members()), MAX_PARTS)):
                with contextlib.suppress(DocumentParserError):
                    _ = [piece async for piece in source.member(index)]

    def _keep(self, name: str, data: bytes, told: str) -> None:
        path = self.folder / "faults" / f"{hashlib.sha256(data).hexdigest()[:12]}-{name}"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(data)
        self.faults.append(Fault(name, told, path))

    def close(self) -> None:
        self._openers.close()


def _questions(source: Source, number: int) -> list[Callable[[], Awaitable[Any]]]:
    of_a_page = (source.facts, source.words, source.rulings, source.damage, source.part)
    return [
        *(partial(ask, number) for ask in of_a_page),
        partial(source.render, number, SPEC),
        partial(source.picture, number, 0, SPEC),
    ]


def sniffer_never_fails(data: bytes, name: str) -> None:
    """Sniffing gives a format or one of our errors."""
    with contextlib.suppress(DocumentParserError):
        sniff(data[:HEAD_BYTES], name, len(data))


_READ_ALL = """
import sys
from pathlib import Path
from document_parser.errors import DocumentParserError
from document_parser.ingest.sniff import HEAD_BYTES, sniff
from document_parser.models import PageImageSpec
from document_parser.sources.base import OpenerLimits
from document_parser.sources.opener import _answer, open_document
from document_parser.sources.protocol import Request
path = Path(sys.argv[1])
data = path.read_bytes()
kind = sniff(data[:HEAD_BYTES], sys.argv[2], len(data)).kind
opened = open_document(Request(op="open", seconds=20, path=str(path), kind=kind), OpenerLimits())
for number in range(1, min(opened.page_count, 3) + 1):
    for op in ("facts", "words", "rules", "damage", "render", "part", "picture"):
        try:
            _answer(opened, Request(op=op, seconds=20, page=number, spec=PageImageSpec(dpi=50)))
        except DocumentParserError:
            pass
if hasattr(opened, "members"):
    [opened.open_member(at).read() for at in range(min(3, len(opened.members())))]
"""


def place_of(path: Path) -> str:
    """Where the reader fails on a file: its last lines, from a process without the opener around it."""
    code = _READ_ALL
    name = path.name.partition("-")[2]
    try:
        ran = subprocess.run(
            [sys.executable, "-c", code, str(path), name], capture_output=True, text=True, timeout=60, check=False
        )
    except subprocess.TimeoutExpired:
        return "it hangs"
    return f"exit {ran.returncode}\n{ran.stderr[-1500:]}"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.support.fuzz_formats", description=(__doc__ or "").partition(":")[0])
    parser.add_argument("--seconds", type=float, default=120, help="how long to try (120)")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 30), help="default: another each time")
    parser.add_argument("--only", default="", help="seeds whose name has this in it")
    parser.add_argument(
        "--keep", type=Path, default=Path(tempfile.gettempdir()) / f"fuzz-{os.getpid()}", help="folder of the faults"
    )
    given_options = parser.parse_args()
    given_options.keep.mkdir(parents=True, exist_ok=True)
    fuzzer = Fuzzer(given_options.keep)
    try:
        fuzzer.run(given_options.seconds, given_options.seed, given_options.only)
    finally:
        fuzzer.close()
    for fault in fuzzer.faults:
        sys.stdout.write(f"\n{fault.seed_name}: {fault.told}, kept as {fault.path}\n{place_of(fault.path)}\n")
    told = f"{len(fuzzer.faults)} faults" if fuzzer.faults else "nothing found"
    sys.stdout.write(f"{fuzzer.tried} files, {fuzzer.read} read, the others refused; seed {given_options.seed}: {told}\n")
    return 1 if fuzzer.faults else 0


if __name__ == "__main__":
    sys.exit(main())
