"""Take the documents inside a document out of it, for reading them in this process."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path
from typing import NamedTuple

from document_parser.errors import MEMBER_ERRORS, DocumentParserError, TooLargeUnpacked
from document_parser.ingest.invoices import INVOICE_HEAD_BYTES, invoice_specification
from document_parser.ingest.sniff import name_within, safe_filename, sniff
from document_parser.ingest.staged_file import StagedFile
from document_parser.models import Child, Member, PageError
from document_parser.sources.source import Source


class Unpacked(NamedTuple):
    """A document inside another one, and its file; None if it is not read, and the child has the error."""

    child: Child
    path: Path | None


async def unpack(source: Source, filename: str, folder: Path, max_unpacked_mb: int) -> list[Unpacked]:
    """Write the documents inside an open document of this name into a folder and return them in order.

    Names of members are never used as paths: each file lies in a folder named by its number. Raises OSError if the disk is
    full, and the errors of ``Source.members``.
    """
    found: list[Unpacked] = []
    left = max_unpacked_mb << 20
    for index, member in enumerate(await named_members(source, filename)):
        try:
            path = await _write(source, index, member, folder / str(index), left, max_unpacked_mb)
            left -= path.stat().st_size
        except MEMBER_ERRORS as error:
            found.append(Unpacked(_refused(member, error), None))
        else:
            found.append(Unpacked(Child(name=member.name, part=member.part, invoice=_invoice_of(path)), path))
    return found


def _invoice_of(path: Path) -> str | None:
    with path.open("rb") as file:
        return invoice_specification(file.read(INVOICE_HEAD_BYTES))


async def named_members(source: Source, filename: str) -> list[Member]:
    """Return the files inside an open document of this name; that of a packed file is named after it."""
    return [
        member if member.name else member.model_copy(update={"name": name_within(filename)})
        for member in await source.members()
    ]


def list_members(members: list[Member]) -> list[Child]:
    """Return members that are not taken out."""
    return [Child(name=member.name, part=member.part) for member in members]


def _refused(member: Member, error: DocumentParserError) -> Child:
    """Return a member that is not read."""
    return Child(name=member.name, part=member.part, error=PageError(code=error.code, message=error.message))


async def _write(source: Source, index: int, member: Member, folder: Path, most: int, limit_mb: int) -> Path:
    """Write a member under its own file name into a folder. Raises the errors in MEMBER_ERRORS, and OSError."""
    name = safe_filename(member.name)
    with contextlib.closing(StagedFile(folder)) as staged:
        async for piece in source.member(index):
            if staged.size + len(piece) > most:
                raise TooLargeUnpacked.for_size((limit_mb << 20) - most + staged.size + len(piece), limit_mb)
            await asyncio.to_thread(staged.write, piece)
        sniff(staged.head, name, staged.size)
        return staged.path.rename(folder / name)
